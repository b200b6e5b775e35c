"""Definitions as code: made where they are missing, named where they clash, and never deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Model

import django_hellotext
from django_hellotext.adapters import ActionAdapter, Adapter, ListAdapter, OnChange, PropertyAdapter, Value, registry
from django_hellotext.api import HellotextClient
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.definitions import bring_into_being, clashes, missing
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Account, RemoteObject, State
from tests.factories import make_customer, make_order
from tests.testshop.models import Brand, Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def client(hellotext: Emulator, settings: Any) -> Iterator[HellotextClient]:
    settings.HELLOTEXT = {
        **settings.HELLOTEXT,
        "ACTIONS": {"quiz.taken": {"title": "Quiz taken", "goal": True}, "gift.given": "Gift given", "poll.left": None},
        "PROPERTIES": {"Shoe size": "number", "Customer no": {"kind": "text", "unique": True}},
        "LISTS": ["Regulars"],
    }
    client = client_from_settings()
    yield client
    client.close()


def stored(emulator: Emulator, kind: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in emulator.world.store[kind].rows.values()}


def test_what_is_missing_is_named_and_then_made(hellotext: Emulator, client: HellotextClient) -> None:
    expected = ["property 'Shoe size'", "property 'Customer no'", "list 'Regulars'"]
    expected += ["action 'quiz.taken'", "action 'gift.given'", "action 'poll.left'"]
    assert [str(one) for one in missing(client)] == expected
    done = bring_into_being(client)
    assert [str(one) for one in done.created] == expected
    assert not done.clashes
    assert missing(client) == []
    assert stored(hellotext, "property")["Shoe size"]["kind"] == "number"
    assert stored(hellotext, "property")["Customer no"]["unique"] is True
    quiz = stored(hellotext, "action")["quiz.taken"]
    assert (quiz["title"], quiz["goal"]) == ("Quiz taken", True)
    assert stored(hellotext, "action")["gift.given"]["title"] == "Gift given"
    assert "Regulars" in stored(hellotext, "list")


def test_a_second_run_creates_nothing(hellotext: Emulator, client: HellotextClient) -> None:
    bring_into_being(client)
    before = len(hellotext.log)
    assert bring_into_being(client).created == []
    assert {entry.method for entry in hellotext.log[before:]} == {"GET"}


def test_what_exists_otherwise_is_left_as_it_is_and_named(hellotext: Emulator, client: HellotextClient) -> None:
    client.properties.create(name="Shoe size", kind="text")
    client.actions.create(name="quiz.taken", title="Another title", goal=False)
    done = bring_into_being(client)
    assert [str(one) for one in done.clashes] == [
        "property 'Shoe size': kind is 'text' there and 'number' in the settings",
        "action 'quiz.taken': goal is False there and True in the settings",
    ]
    assert [str(one) for one in clashes(client)] == [str(one) for one in done.clashes]
    assert len(done.created) == 4
    assert stored(hellotext, "property")["Shoe size"]["kind"] == "text"


def test_a_definition_that_is_refused_stops_no_other(hellotext: Emulator, client: HellotextClient) -> None:
    client.properties.create(name="SHOE SIZE", kind="number")
    done = bring_into_being(client)
    [clash] = done.clashes
    assert (clash.definition.kind, clash.definition.name) == ("property", "Shoe size")
    assert "differs in case" in str(clash)
    assert len(done.created) == 5


def test_nothing_is_asked_where_nothing_is_declared(hellotext: Emulator) -> None:
    client = client_from_settings()
    assert bring_into_being(client).created == []
    client.close()
    assert not hellotext.log


def test_a_status_may_send_an_action_of_the_shops_own(
    hellotext: Emulator, client: HellotextClient, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = registry.for_model(Order)
    monkeypatch.setattr(type(adapter), "events", OnChange("status", {"paid": "quiz.taken"}))
    assert not [one for one in adapter.check() if not one.is_silenced()]
    bring_into_being(client)
    order = make_order(customer=make_customer())
    order.status = "paid"
    order.save()
    deliver()
    [event] = [entry.body_json for entry in hellotext.log if entry.path.endswith("/events")]
    assert (event["action"], event["object_type"]) == ("quiz.taken", "order")
    assert event["object"] == RemoteObject.objects.get(kind="order").remote_id


def mirrored(adapter_class: type[Adapter], **attributes: Any) -> type[Adapter]:
    return type("Shops", (adapter_class,), attributes)


@pytest.fixture
def brands() -> Iterator[Callable[..., Model]]:
    """A brand of the shop under another adapter each time."""

    def make(adapter_class: type[Adapter], **attributes: Any) -> Brand:
        registry.registry.add(mirrored(adapter_class, **attributes), Brand)
        brand = Brand.objects.create(name="Acme")
        django_hellotext.sync(brand)
        return brand

    yield make
    registry.registry.unregister(Brand)


@pytest.mark.parametrize(
    ("adapter_class", "attributes", "held"),
    [
        (ListAdapter, {}, {}),
        (PropertyAdapter, {"value_kind": Value("text"), "unique": Value(True)}, {"kind": "text", "unique": True}),
        (ActionAdapter, {"title": Value("Bought Acme"), "goal": Value(True)}, {"title": "Bought Acme", "goal": True}),
    ],
)
def test_the_shops_own_table_may_hold_definitions(
    hellotext: Emulator,
    deliver: Deliver,
    brands: Callable[..., Any],
    adapter_class: type[Adapter],
    attributes: dict[str, Any],
    held: dict[str, Any],
    settings: Any,
) -> None:
    """Created, renamed, found after an answer was lost, and kept when the shop deletes its own."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}
    hellotext.add_fault(Fault(kind="garbage", method="POST", times=1))
    brand = brands(adapter_class, **attributes)
    deliver()
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=None, paused_reason="")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.reference) == (State.SYNCED, "Acme")
    kind = adapter_class.kind
    there = stored(hellotext, kind)["Acme"]
    assert {name: there[name] for name in held} == held
    brand.name = "Acme & Sons"
    brand.save()
    django_hellotext.sync(brand)
    deliver()
    assert stored(hellotext, kind)["Acme & Sons"]["id"] == row.remote_id
    assert "Acme" not in stored(hellotext, kind)
