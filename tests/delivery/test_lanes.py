"""What the back-fill has noted of an object is folded after what customers did with it since, and says less."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models.signals import post_save
from django.utils import timezone

import django_hellotext
from django_hellotext import sync
from django_hellotext.adapters import OnChange, registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.delivery.fold import LIMIT, fold
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, Lane, RemoteObject, State
from django_hellotext.querysets import HellotextQuerySet
from tests.factories import make_cart_line, make_customer, make_order, make_product
from tests.testshop.models import Cart, Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
ACCOUNT = "test-business/test"


def note(obj: models.Model, *, events: bool = False) -> None:
    """Do what a page of the sync does with ``obj``, as it was when the page was read."""
    adapter = registry.for_model(type(obj))
    assert adapter is not None
    backfill.write(backfill.changes_of(adapter, [obj], events=events), using="default")


def actions() -> list[str]:
    return [event.action for event in Event.objects.order_by("pk")]


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
@pytest.mark.parametrize("events", [False, True])
def test_a_status_that_only_the_sync_has_seen_becomes_an_event_if_events_are_wanted(
    old_order: Order, fold_all: Callable[[], None], deliver: Deliver, events: bool
) -> None:
    note(old_order)
    deliver()
    Order.objects.filter(pk=old_order.pk).update(status="paid")
    note(Order.objects.get(pk=old_order.pk), events=events)
    fold_all()
    assert actions() == ["order.confirmed"] * events
    assert RemoteObject.objects.get(kind="order").baseline == "paid"
    old_order.refresh_from_db()
    old_order.save()
    fold_all()
    assert actions() == ["order.confirmed"] * events


def test_what_the_code_of_the_shop_says_becomes_an_event(old_order: Order, deliver: Deliver) -> None:
    """``update()`` sends no signal; ``sync()`` says that the status has changed now."""
    note(old_order)
    deliver()
    Order.objects.filter(pk=old_order.pk).update(status="paid")
    django_hellotext.sync(Order.objects.all())
    deliver()
    assert actions() == ["order.confirmed"]
    Order.objects.filter(pk=old_order.pk).update(status="shipped")
    django_hellotext.sync(Order.objects.all(), events=False)
    deliver()
    assert actions() == ["order.confirmed"]
    assert RemoteObject.objects.get(kind="order").baseline == "shipped"


@pytest.fixture
def placed(old_order: Order, deliver: Deliver) -> Order:
    """An order that Hellotext knows as placed."""
    note(old_order)
    deliver()
    return old_order


@pytest.fixture
def repeating(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Statuses whose events may be recorded more than once, so that no dedupe key hides a second one."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": ["order.packed", "order.parked"]}
    declared = OnChange("status", {"placed": "order.parked", "shipped": "order.packed"})
    monkeypatch.setattr(type(registry.for_model(Order)), "events", declared)


def ship(order: Order) -> None:
    shipped = Order.objects.get(pk=order.pk)
    shipped.status = "shipped"
    shipped.save()


def read(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


@folded
@pytest.mark.usefixtures("repeating")
@pytest.mark.parametrize("events", [False, True])
def test_a_save_that_the_sync_could_not_see_yet_is_one_event(
    placed: Order, fold_all: Callable[[], None], events: bool
) -> None:
    """The save commits after the page was read; whichever of the two rows was inserted first."""
    for note_first in (False, True):
        Event.objects.all().delete()
        Order.objects.filter(pk=placed.pk).update(status="placed")
        RemoteObject.objects.filter(kind="order").update(baseline="placed")
        before = read(placed)
        if note_first:
            note(before, events=events)
            ship(placed)
        else:
            ship(placed)
            note(before, events=events)
        fold_all()
        assert (actions(), RemoteObject.objects.get(kind="order").baseline) == (["order.packed"], "shipped")
        read(placed).save()
        fold_all()
        assert actions() == ["order.packed"]


@pytest.mark.usefixtures("repeating")
@pytest.mark.parametrize("events", [False, True])
def test_a_sync_that_is_folded_before_or_after_the_save_takes_and_adds_nothing(placed: Order, events: bool) -> None:
    before = read(placed)
    note(before, events=events)
    fold_at_once()
    ship(placed)
    fold_at_once()
    note(read(placed), events=events)
    fold_at_once()
    # Read before the save, noted after it was folded.
    note(before, events=events)
    fold_at_once()
    read(placed).save()
    fold_at_once()
    assert actions() == ["order.packed"]


@folded
@pytest.mark.usefixtures("repeating")
def test_what_the_shop_reports_counts_although_a_sync_has_read_it_first(
    placed: Order, fold_all: Callable[[], None]
) -> None:
    """Between ``update()`` and ``sync()`` of the shop's code a page was read."""
    Order.objects.filter(pk=placed.pk).update(status="shipped")
    note(read(placed))
    django_hellotext.sync(read(placed))
    fold_all()
    assert actions() == ["order.packed"]


@pytest.mark.usefixtures("repeating")
def test_a_save_behind_many_others_is_folded_before_the_sync_that_has_read_it(placed: Order) -> None:
    Change.objects.bulk_create(
        Change.about("testshop.voucher", str(number), account=ACCOUNT, happened_at=timezone.now())
        for number in range(LIMIT + 1)
    )
    ship(placed)
    note(read(placed))
    while Change.objects.exists():
        fold_at_once()
    assert actions() == ["order.packed"]


@folded
@pytest.mark.parametrize("events", [False, True])
def test_an_order_that_is_made_during_a_sync_is_one_event(
    hellotext: Emulator, fold_all: Callable[[], None], events: bool
) -> None:
    order = make_order(customer=make_customer(), status="placed")
    note(order, events=events)
    fold_all()
    assert actions() == ["order.placed"]


def look_live(order: Order) -> None:
    """Report the order as another process does that saves it."""
    django_hellotext.sync(order)


@pytest.mark.parametrize(
    "before", [[], [fold_at_once], [fold_at_once, fold_at_once]], ids=["together", "apart", "later"]
)
@pytest.mark.parametrize("look", [note, partial(note, events=True), look_live, partial(sync, events=False)])
def test_an_order_that_is_read_before_its_creation_is_recorded_is_one_event(
    old_order: Order, look: Callable[[Order], None], before: list[Callable[[], None]]
) -> None:
    """In autocommit a sync may read it between its commit and our receiver."""
    look(old_order)
    for fold_first in before:
        fold_first()
        note(old_order)
    assert actions() == []
    post_save.send(sender=Order, instance=old_order, created=True)
    fold_at_once()
    assert actions() == ["order.placed"]
    note(old_order)
    fold_at_once()
    old_order.status = "paid"
    old_order.save()
    fold_at_once()
    assert actions() == ["order.placed", "order.confirmed"]


@pytest.mark.parametrize("fold_first", [lambda: None, fold_at_once], ids=["together", "apart"])
def test_an_order_that_is_paid_before_its_creation_is_recorded_sends_both_events(
    old_order: Order, fold_first: Callable[[], None]
) -> None:
    placed = read(old_order)
    old_order.status = "paid"
    old_order.save()
    fold_first()
    post_save.send(sender=Order, instance=placed, created=True)
    fold_at_once()
    old_order.save()
    fold_at_once()
    assert actions() == ["order.placed", "order.confirmed"]


@pytest.mark.skipif(
    not connection.features.supports_update_conflicts_with_target,
    reason="the database is not told which fields are unique",
)
@pytest.mark.parametrize("fold_first", [lambda: None, fold_at_once], ids=["together", "apart"])
def test_an_old_order_that_a_bulk_call_meets_sends_no_event(old_order: Order, fold_first: Callable[[], None]) -> None:
    note(old_order)
    fold_first()
    again = Order(number=old_order.number, customer=old_order.customer, status="placed", total=old_order.total)
    rows: Any = HellotextQuerySet(Order, using="default")
    rows.bulk_create([again], update_conflicts=True, update_fields=["total"], unique_fields=["number"])
    assert Change.objects.exists()
    fold_at_once()
    assert actions() == []


@folded
@pytest.mark.usefixtures("hellotext")
def test_a_change_of_a_related_object_sends_no_event(placed: Order, fold_all: Callable[[], None]) -> None:
    """It waits in the same lane as a sync's."""
    Order.objects.filter(pk=placed.pk).update(status="shipped")
    Change.about(
        "testshop.category",
        "1",
        account=ACCOUNT,
        lane=Lane.BACKFILL,
        data={"dependent": "testshop.order", "keys": [str(placed.pk)]},
        happened_at=timezone.now(),
    ).save()
    fold_all()
    assert not Event.objects.exists()


@folded
@pytest.mark.parametrize("events", [False, True])
def test_a_cart_that_a_sync_has_read_was_not_used(
    hellotext: Emulator,
    fold_all: Callable[[], None],
    events: bool,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    """Neither are its lines added, nor is it abandoned some time after the sync."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": 0.001}
    for tracks in (False, True):
        monkeypatch.setattr(type(registry.for_model(Cart)), "tracks_items", tracks)
        with django_hellotext.paused():
            cart = make_cart_line(cart__owner=make_customer()).cart
        for quantity in (2, 3):
            cart.lines.update(quantity=quantity)
            note(cart, events=events)
            fold_all()
        assert RemoteObject.objects.get(kind="cart", host_pk=str(cart.pk)).changed_at is None
        assert record_abandoned("default") == 0
        assert not Event.objects.exists()


def test_a_status_that_cannot_be_read_any_more_changes_nothing(
    placed: Order, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Order.objects.filter(pk=placed.pk).update(status="paid")
    note(read(placed))
    broken = OnChange(lambda order: 1 / 0, {"paid": "order.confirmed"})
    monkeypatch.setattr(type(registry.for_model(Order)), "events", broken)
    fold_at_once()
    assert RemoteObject.objects.get(kind="order").baseline == "placed"
    assert "adapter.failed" in caplog.text
