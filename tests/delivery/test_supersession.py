"""An order placed, or a cart emptied, cancels that cart's unsent events (promise 5, demand A2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.api import HellotextClient
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report, drain
from django_hellotext.delivery.batch import Batch
from django_hellotext.delivery.engine import Drain
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator
from django_hellotext.models import Change, Event, State
from django_hellotext.signals import delivered
from tests.factories import make_cart_line, make_customer, make_order, make_order_line
from tests.testshop.models import Cart, Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def filled_cart() -> tuple[Cart, Product]:
    line = make_cart_line(cart__owner=make_customer())
    django_hellotext.track("cart.added", line.cart, items=[(line.product, 1)])
    return line.cart, line.product


def actions(emulator: Emulator) -> list[str]:
    return [
        entry.body_json["action"]
        for entry in emulator.log
        if entry.path == "/v1/attribution/events" and entry.method == "POST" and entry.accepted
    ]


def order_of(cart: Cart) -> Order:
    order = make_order(cart=cart, customer=cart.owner, status=Order.Status.PLACED)
    make_order_line(order=order)
    return order


def test_an_order_cancels_the_unsent_events_of_its_cart(hellotext: Emulator, deliver: Deliver) -> None:
    cart, _ = filled_cart()
    order_of(cart)
    deliver()
    assert actions(hellotext) == ["order.placed"]
    assert Event.objects.get(action="cart.added").skip_reason == "superseded"


@pytest.mark.parametrize("action", ["order.placed", "order.confirmed", "order.shipped", "order.delivered"])
def test_an_order_tracked_by_hand_cancels_them_as_well(hellotext: Emulator, deliver: Deliver, action: str) -> None:
    cart, _ = filled_cart()
    order = make_order(cart=cart, customer=cart.owner)
    make_order_line(order=order)
    django_hellotext.track(action, order)
    deliver()
    assert actions(hellotext) == [action]


def test_a_draft_order_cancels_nothing(hellotext: Emulator, deliver: Deliver) -> None:
    cart, _ = filled_cart()
    make_order_line(order=make_order(cart=cart, customer=cart.owner))
    deliver()
    assert actions(hellotext) == ["cart.added"]


def test_events_of_the_next_purchase_with_the_same_cart_are_sent(hellotext: Emulator, deliver: Deliver) -> None:
    cart, product = filled_cart()
    order_of(cart)
    django_hellotext.track("cart.added", cart, items=[(product, 2)])
    deliver()
    assert sorted(actions(hellotext)) == ["cart.added", "order.placed"]


def test_an_emptied_cart_is_not_filled_again_by_a_late_event(hellotext: Emulator, deliver: Deliver) -> None:
    cart, product = filled_cart()
    cart.lines.all().delete()
    django_hellotext.track("cart.removed", cart, items=[(product, 0)])
    deliver()
    assert actions(hellotext) == ["cart.removed"]


@pytest.mark.parametrize("folded", [True, False])
def test_the_order_is_seen_by_a_worker_that_holds_the_cart_event_already(
    hellotext: Emulator, deliver: Deliver, folded: bool
) -> None:
    """The order commits between the claim and the request; another worker may have folded it by then."""
    cart, _ = filled_cart()

    def place(instance: Any, **kwargs: Any) -> None:
        if getattr(instance, "kind", "") == "cart":
            assert Event.objects.get(action="cart.added").state == State.SENDING
            order_of(cart)
            if folded:
                fold(hellotext_settings.account, using="default")

    delivered.connect(place)
    try:
        deliver()
    finally:
        delivered.disconnect(place)
    assert actions(hellotext) == ["order.placed"]


@pytest.mark.parametrize("same", ["label", "key"])
def test_the_order_of_another_object_cancels_nothing_of_a_cart_in_hand(
    hellotext: Emulator, deliver: Deliver, same: str
) -> None:
    cart, _ = filled_cart()
    label, key = ("testshop.cart", "0") if same == "label" else ("testshop.voucher", str(cart.pk))

    def place(instance: Any, **kwargs: Any) -> None:
        if getattr(instance, "kind", "") == "cart":
            now = clock.now()
            account = hellotext_settings.account
            Change.about(label, key, account=account, happened_at=now, overtaken_at=now).save()

    delivered.connect(place)
    try:
        deliver()
    finally:
        delivered.disconnect(place)
    assert actions(hellotext) == ["cart.added"]


def test_the_order_is_seen_while_the_cart_event_waits_for_a_thread(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other rows are left with the threads while the worker asks the database for more; this one is not."""
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    cart, _ = filled_cart()
    deliver_objects()
    ask = Drain._next_batch
    rounds: list[int] = []

    def place_meanwhile(self: Drain, client: HellotextClient, **options: bool) -> Batch | None:
        rounds.append(1)
        if len(rounds) == 2:
            assert Event.objects.get(action="cart.added").state == State.SENDING
            order_of(cart)
        return ask(self, client, **options)

    monkeypatch.setattr(Drain, "_next_batch", place_meanwhile)
    deliver(concurrency=1)
    assert actions(hellotext) == ["page.viewed"]
    assert Event.objects.get(action="cart.added").skip_reason == "superseded"


def deliver_objects() -> None:
    """Have everything there that the events need, so that they alone are on their way."""
    Event.objects.update(next_attempt_at=clock.now() + timedelta(hours=1))
    drain()
    Event.objects.all().send_now()
