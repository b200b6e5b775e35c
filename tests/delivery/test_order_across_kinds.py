"""The events of one customer arrive in the order in which they happened, however each of them was recorded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.db import transaction
from django.test import RequestFactory

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report, engine
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill, changes
from django_hellotext.models import CHANGES, Change, Event, State
from tests.factories import make_customer, make_order, make_product
from tests.testshop.models import Cart, CartLine, Order, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

Deliver = Callable[..., Report]
ACCOUNT = "test-business/test"


@pytest.fixture
def customer() -> User:
    return make_customer()


@pytest.fixture
def tea() -> Product:
    return make_product(name="Tea")


@pytest.fixture
def tracked() -> Iterator[None]:
    """The shop lets the server send its cart events."""
    adapter: Any = registry.for_model(Cart)
    adapter.tracks_items = True
    yield
    del adapter.tracks_items


@pytest.fixture(params=[500, 1], ids=["folded at once", "folded one by one"])
def by_chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many changes are folded before the next rows are claimed."""
    monkeypatch.setattr(engine, "fold", partial(fold, limit=request.param))


def arrived(hellotext: Emulator) -> list[str]:
    """The actions in the order in which Hellotext accepted them."""
    return [
        entry.body_json["action"]
        for entry in hellotext.log
        if entry.path == "/v1/attribution/events" and entry.method == "POST" and entry.accepted
    ]


def move(order: Order, status: str) -> None:
    order.status = status
    order.save()


def look(customer: User, product: Product) -> None:
    django_hellotext.track("product.viewed", product, profile=customer)


@pytest.mark.usefixtures("by_chunks")
def test_a_status_and_a_tracked_event_of_one_transaction(customer: User, hellotext: Emulator, deliver: Deliver) -> None:
    with transaction.atomic():
        order = make_order(customer=customer, status="placed")
        django_hellotext.track("order.confirmed", order)
    deliver()
    assert arrived(hellotext) == ["order.placed", "order.confirmed"]


@pytest.mark.usefixtures("by_chunks")
def test_statuses_and_views_in_turn(customer: User, tea: Product, hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=customer, status="placed")
    look(customer, tea)
    move(order, "paid")
    django_hellotext.track("order.shipped", order)
    look(customer, tea)
    deliver()
    assert arrived(hellotext) == [
        "order.placed",
        "product.viewed",
        "order.confirmed",
        "order.shipped",
        "product.viewed",
    ]


@pytest.mark.usefixtures("by_chunks", "tracked")
def test_what_a_customer_does_with_a_cart_and_views_in_turn(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver
) -> None:
    cart = Cart.objects.create(owner=customer)
    look(customer, tea)
    line = CartLine.objects.create(cart=cart, product=tea, quantity=2)
    look(customer, tea)
    line.quantity = 1
    line.save()
    make_order(customer=customer, status="placed")
    deliver()
    assert arrived(hellotext) == ["product.viewed", "cart.added", "product.viewed", "cart.removed", "order.placed"]


@pytest.mark.usefixtures("by_chunks")
def test_two_events_of_one_change_stay_together(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver
) -> None:
    request: Any = RequestFactory().post("/basket/")
    request.COOKIES["hello_session"] = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    request.session, request.user = SessionStore(), AnonymousUser()
    cup = make_product(name="Cup")
    django_hellotext.cart_changed(request, [(tea, 1, Decimal("4.90"))], created=True)
    django_hellotext.track("page.viewed", request=request)
    django_hellotext.cart_changed(request, [(cup, 1, Decimal("4.90"))])
    django_hellotext.track("product.viewed", tea, request=request)
    deliver()
    assert arrived(hellotext) == ["cart.added", "page.viewed", "cart.added", "cart.removed", "product.viewed"]


def test_an_event_waits_until_what_happened_before_it_is_folded(
    customer: User, tea: Product, monkeypatch: pytest.MonkeyPatch, hellotext: Emulator, deliver: Deliver
) -> None:
    """A change that is committed after the fold, and before the claim, is not overtaken either."""
    late: list[Order] = []

    def fold_and_record(account: str, **options: Any) -> int:
        folded = fold(account, **options)
        if not late:
            late.append(make_order(customer=customer, status="placed"))
            look(customer, tea)
        return folded

    deliver()
    make_product(name="Cup")  # a change to fold
    monkeypatch.setattr(engine, "fold", fold_and_record)
    deliver()
    assert arrived(hellotext) == ["order.placed", "product.viewed"]


def test_an_event_has_the_id_and_the_time_of_its_change(customer: User, deliver: Deliver) -> None:
    make_order(customer=customer, status="placed")
    [change] = Change.objects.filter(object_label="testshop.order")
    deliver()
    event = Event.objects.get()
    assert (event.pk, event.created_at, event.action) == (change.pk, change.happened_at, "order.placed")


@pytest.mark.usefixtures("by_chunks")
def test_what_the_shop_tracks_itself_is_recorded_once(customer: User, hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=customer, status="placed")
    django_hellotext.track("order.placed", order)
    move(order, "paid")
    deliver()
    assert arrived(hellotext) == ["order.placed", "order.confirmed"]
    assert not Change.objects.exists()


def test_changes_of_objects_that_send_no_events_hold_nothing_up(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(customer, tea)
    deliver()
    make_product(name="Cup")
    look(customer, tea)
    monkeypatch.setattr(engine, "fold", lambda *arguments, **options: 0)
    deliver()
    assert arrived(hellotext) == ["product.viewed", "product.viewed"]
    assert {change.state for change in Change.objects.all()} == {State.TOUCH}


def test_the_back_fill_holds_nothing_up(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(customer=customer, status="placed")
    deliver()
    adapter = registry.for_model(Order)
    assert adapter is not None
    backfill.write(backfill.changes_of(adapter, [order], events=False), using="default")
    look(customer, tea)
    monkeypatch.setattr(engine, "fold", lambda *arguments, **options: 0)
    deliver()
    assert arrived(hellotext) == ["order.placed", "product.viewed"]


def test_the_changes_of_another_account_hold_nothing_up(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver
) -> None:
    make_order(customer=customer, status="placed")
    Change.objects.update(account="other/test")
    look(customer, tea)
    deliver()
    assert arrived(hellotext) == ["product.viewed"]


def test_a_change_is_no_event(customer: User) -> None:
    make_order(customer=customer, status="placed")
    assert Change.objects.exists()
    assert not Event.objects.exists()
    assert not Event.objects.filter(state__in=CHANGES).exists()


def test_every_column_that_a_change_leaves_out_has_a_default_in_the_database() -> None:
    left_out = [field for field in Event._meta.concrete_fields if field.name not in Change.INSERTED]
    assert {field.name for field in left_out if not field.null and not field.has_db_default()} == {"id"}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("tracked")
def test_any_sequence_of_doings_arrives_in_order(
    seed: int, customer: User, tea: Product, hellotext: Emulator, deliver: Deliver
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    cart = Cart.objects.create(owner=customer)
    line = CartLine.objects.create(cart=cart, product=tea, quantity=50)
    deliver()
    wanted: list[str] = arrived(hellotext)
    orders: list[Order] = []
    steps = {"placed": ("paid", "order.confirmed"), "paid": ("shipped", "order.shipped")}

    def view() -> None:
        look(customer, tea)
        wanted.append("product.viewed")

    def put() -> None:
        line.quantity += 1
        line.save()
        wanted.append("cart.added")

    def take() -> None:
        line.quantity -= 1
        line.save()
        wanted.append("cart.removed")

    def buy() -> None:
        orders.append(make_order(customer=customer, status="placed"))
        wanted.append("order.placed")

    def advance() -> None:
        order = chance.choice(orders) if orders else None
        if order is not None and order.status in steps:
            status, action = steps[order.status]
            if chance.random() < 0.5:
                move(order, status)
            else:
                django_hellotext.track(action, order)
                Order.objects.filter(pk=order.pk).update(status=status)
                order.status = status
            wanted.append(action)

    for _ in range(30):
        with transaction.atomic():
            for _ in range(chance.randint(1, 3)):
                chance.choice([view, put, take, buy, advance])()
        if chance.random() < 0.2:
            deliver(seconds=chance.choice([0.0, 5.0]))
    deliver()
    assert arrived(hellotext) == wanted


@pytest.mark.usefixtures("tracked")
def test_a_worker_that_looks_while_carts_are_merged_sees_one_merge(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver
) -> None:
    visitors, own = Cart.objects.create(email="will@acme.example"), Cart.objects.create(owner=customer)
    deliver()
    CartLine.objects.create(cart=visitors, product=tea, quantity=1)
    with django_hellotext.merging():
        CartLine.objects.create(cart=own, product=tea, quantity=1)
        with transaction.atomic():
            fold(ACCOUNT, using="default")
        visitors.delete()
    deliver()
    assert arrived(hellotext) == ["cart.added"]


def test_a_bulk_change_that_sends_no_event_holds_nothing_up(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(customer=customer, status="placed")
    look(customer, tea)
    deliver()
    changes.record_changes([changes.change_named("testshop.order", order.pk)], using="default")
    look(customer, tea)
    monkeypatch.setattr(engine, "fold", lambda *arguments, **options: 0)
    deliver()
    assert arrived(hellotext) == ["order.placed", "product.viewed", "product.viewed"]


def test_many_changes_are_folded_before_anything_is_claimed(
    customer: User, tea: Product, hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "FOLD_SECONDS", 60.0)  # a busy machine takes longer than usual
    Order.objects.bulk_create([Order(number=f"B-{number}", status="placed") for number in range(1_200)])
    look(customer, tea)
    deliver()
    before = len(hellotext.log)
    django_hellotext.sync(Order.objects.all())
    look(customer, tea)
    deliver()
    places = [number for number, entry in enumerate(hellotext.log[before:]) if "events" in entry.path]
    assert places[0] < 200


def test_a_creation_that_is_recorded_late_keeps_both_events_in_their_place(
    customer: User, hellotext: Emulator, deliver: Deliver
) -> None:
    with django_hellotext.paused():
        order = make_order(customer=customer, status="paid")
    changes.record_changes(
        [
            changes.change_named("testshop.order", order.pk, status="paid"),
            changes.change_named("testshop.order", order.pk, status="placed", created=True),
        ],
        using="default",
    )
    django_hellotext.track("order.shipped", order)
    deliver()
    assert arrived(hellotext) == ["order.placed", "order.confirmed", "order.shipped"]
