"""What the back-fill has noted of an object is folded after what customers did with it since, and says less."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import Account, Change, Event, RemoteObject, State
from tests.factories import make_customer, make_order, make_product
from tests.testshop.models import Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
ACCOUNT = "test-business/test"


def note(obj: Order | Product) -> None:
    """Do what a page of the sync does with ``obj``."""
    adapter = registry.for_model(type(obj))
    assert adapter is not None
    backfill.write(backfill.changes_of(adapter, [obj]), using="default")


def fold_one_by_one() -> None:
    """Fold as a drain does that finds more than it takes at a time."""
    while Change.objects.exists():
        with transaction.atomic():
            fold(ACCOUNT, using="default", limit=1)


def fold_at_once() -> None:
    with transaction.atomic():
        fold(ACCOUNT, using="default")


folded = pytest.mark.parametrize("fold_all", [fold_one_by_one, fold_at_once])


@pytest.fixture
def old_order(hellotext: Emulator) -> Order:
    """An order from before the installation, which nobody has looked at yet."""
    with django_hellotext.paused():
        return make_order(customer=make_customer(), status="placed")


@folded
def test_an_order_that_moves_on_while_it_is_synced_sends_nothing_of_its_past(
    old_order: Order, fold_all: Callable[[], None]
) -> None:
    """Demands A7, D3."""
    note(old_order)
    old_order.status = "paid"
    old_order.save()
    fold_all()
    assert not Event.objects.filter(action="order.placed").exists()
    assert RemoteObject.objects.get(kind="order").baseline == "paid"
    old_order.status = "shipped"
    old_order.save()
    fold_all()
    assert Event.objects.filter(action="order.shipped").count() == 1
    assert Event.objects.exclude(action__in=["order.confirmed", "order.shipped"]).count() == 0


@folded
def test_what_is_deleted_while_it_is_synced_is_deleted_at_hellotext(
    hellotext: Emulator, deliver: Deliver, fold_all: Callable[[], None]
) -> None:
    """Demand E5."""
    product = make_product()
    deliver()
    note(product)
    product.delete()
    fold_all()
    deliver()
    mirror = RemoteObject.objects.get(kind="product")
    assert mirror.state == State.DELETED
    assert hellotext.world.store["product"].rows == {}


@folded
def test_what_the_sync_alone_has_seen_counts(old_order: Order, fold_all: Callable[[], None], deliver: Deliver) -> None:
    """A status that was written past every signal is found by the next sync."""
    note(old_order)
    deliver()
    Order.objects.filter(pk=old_order.pk).update(status="paid")
    note(Order.objects.get(pk=old_order.pk))
    fold_all()
    assert [event.action for event in Event.objects.all()] == ["order.confirmed"]
    assert Account.objects.get().key == ACCOUNT
