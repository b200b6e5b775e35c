"""The same shop against a second Hellotext, or against one that has lost everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_hellotext.adapters import Value, registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, RemoteObject, State
from tests.factories import make_customer, make_product, placed_order

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]

DEFINED = {
    "PROPERTIES": {"Shoe size": "number"},
    "LISTS": ["Regulars"],
    "ACTIONS": {"tea.brewed": {"title": "Tea brewed", "goal": True}},
}
EVERY_DEFINITION = ["property 'Shoe size'", "list 'Regulars'", "action 'tea.brewed'"]

Connect = Callable[[Emulator], None]


@pytest.fixture
def connect(settings: Any, hellotext: Emulator) -> Connect:
    """Point the settings, which define something of each kind, at an emulator."""

    def use(emulator: Emulator) -> None:
        settings.HELLOTEXT = {**settings.HELLOTEXT, **DEFINED, "BACKEND_OPTIONS": {"emulator": emulator}}

    use(hellotext)
    return use


@pytest.fixture
def another() -> Emulator:
    """A second Hellotext that has nothing and gives other IDs."""
    return Emulator(token="test-token", business_id="test-business", seed=7)


def names(emulator: Emulator, kind: str) -> set[str]:
    return {row["name"] for row in emulator.world.store[kind].rows.values()}


def test_each_hellotext_gets_the_definitions(
    hellotext: Emulator, another: Emulator, connect: Connect, sync: Run
) -> None:
    for emulator in (hellotext, another):
        connect(emulator)
        assert sync().document["definitions"]["created"] == EVERY_DEFINITION
        assert "Shoe size" in names(emulator, "property")
        assert "Regulars" in names(emulator, "list")
        assert "tea.brewed" in names(emulator, "action")


def test_definitions_that_were_deleted_come_back(hellotext: Emulator, connect: Connect, sync: Run) -> None:
    sync()
    hellotext.reset()
    assert sync().document["definitions"]["created"] == EVERY_DEFINITION


def test_a_second_run_only_reads_the_three_lists(hellotext: Emulator, connect: Connect, sync: Run) -> None:
    sync()
    before = len(hellotext.log)
    assert sync().document["definitions"]["created"] == []
    asked = [(entry.method, entry.path) for entry in hellotext.log[before:]]
    assert asked == [("GET", "/v1/properties"), ("GET", "/v1/lists"), ("GET", "/v1/attribution/actions")]


def test_a_kind_that_the_settings_do_not_name_is_not_read(
    hellotext: Emulator, connect: Connect, sync: Run, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PROPERTIES": {}, "ACTIONS": {}}
    assert sync().code == 0
    assert {entry.path for entry in hellotext.log} == {"/v1/lists"}


def test_a_run_for_chosen_models_defines_nothing(hellotext: Emulator, connect: Connect, sync: Run) -> None:
    assert sync("product").document["definitions"]["created"] == []
    assert not hellotext.log


def test_a_paused_account_defines_nothing(hellotext: Emulator, connect: Connect, sync: Run) -> None:
    sync()
    hellotext.reset()
    Account.objects.pause("test-business/test", seconds=3600, reason="ServerError 503")
    before = len(hellotext.log)
    assert sync("--wait", "0").document["definitions"]["created"] == []
    assert len(hellotext.log) == before


def test_repair_brings_everything_to_another_hellotext(
    hellotext: Emulator, another: Emulator, connect: Connect, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(registry.for_model(User)), "lists", Value(["Regulars"]), raising=False)
    placed_order(customer=make_customer())
    assert sync().code == 0
    connect(another)
    assert sync("--repair").code == 0
    assert sync("--check").code == 0
    for kind in ("profile", "product", "order"):
        held = set(another.world.store[kind].rows)
        mirrored = set(RemoteObject.objects.filter(kind=kind).values_list("remote_id", flat=True))
        assert mirrored
        assert mirrored <= held


def test_an_object_is_created_again_at_every_hellotext_that_has_lost_it(
    hellotext: Emulator, deliver: Callable[..., Report]
) -> None:
    product = make_product()
    deliver()
    for price in (3, 4, 5):
        hellotext.reset()
        product.price = price
        product.save()
        deliver()
        [row] = RemoteObject.objects.filter(kind="product")
        assert row.state == State.SYNCED
        assert row.remote_id in hellotext.world.store["product"].rows
