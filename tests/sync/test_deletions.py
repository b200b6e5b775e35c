"""Runs, checks and repairs follow what was decided when an object was deleted."""

from __future__ import annotations

import pytest

from django_hellotext.adapters import registry
from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator
from django_hellotext.models import RemoteObject, State
from tests.factories import make_product
from tests.testshop.models import Product

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]


def keep_products(monkeypatch: pytest.MonkeyPatch, how: str = "keep") -> None:
    monkeypatch.setattr(type(registry.for_model(Product)), "on_delete", how)


@pytest.mark.parametrize("mode", ["", "--full", "--repair", "--check", "--pull", "--limit=5"])
def test_no_run_removes_what_was_kept(
    mode: str, hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_products(monkeypatch)
    product = make_product()
    drain()
    product.delete()
    drain()
    keep_products(monkeypatch, "delete")
    assert sync(*([mode] if mode else [])).code == 0
    assert RemoteObject.objects.get().state == State.DELETED
    assert len(hellotext.world.store["product"].rows) == 1


def test_a_kept_object_that_came_back_without_a_signal_is_updated(
    hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_products(monkeypatch)
    product = make_product()
    drain()
    before = RemoteObject.objects.get().remote_id
    pk = product.pk
    product.delete()
    drain()
    Product.objects.bulk_create([Product(pk=pk, name="Back", sku=product.sku, price=1)])
    keep_products(monkeypatch, "delete")
    assert sync().code == 0
    row = RemoteObject.objects.get()
    assert (row.state, row.remote_id, row.tombstone_at, row.removal) == (State.SYNCED, before, None, "")


def test_a_deletion_without_an_adapter_is_made_up_for_when_it_is_registered_again(
    hellotext: Emulator, sync: Run
) -> None:
    product, adapter = make_product(), registry.for_model(Product)
    drain()
    product.delete()
    registry.unregister(Product)
    drain()
    assert len(hellotext.world.store["product"].rows) == 1
    registry.register(Product)(type(adapter))
    assert sync().code == 0
    assert not hellotext.world.store["product"].rows
