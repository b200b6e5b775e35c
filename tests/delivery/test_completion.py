"""What an adapter could not read when an event was recorded is read when the event is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event
from tests.factories import make_cart, make_customer, make_order, make_product, make_voucher
from tests.testshop.models import Cart, CartLine, Order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]

Deliver = Callable[..., Report]
SESSION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def quiet(hellotext: Emulator, settings: Any) -> None:
    """As in production: a fault of data does not raise."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    hellotext.know_session(SESSION)


@contextmanager
def broken(model: Any, name: str) -> Iterator[None]:
    """Within the block the method ``name`` of the adapter of ``model`` raises."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(registry.for_model(model)), name, lambda self, obj: 1 / 0, raising=False)
        yield


def browser(user: User | None = None) -> Any:
    request: Any = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    request.user = user
    return request


def sent(hellotext: Emulator) -> list[dict[str, Any]]:
    return [
        entry.body_json
        for entry in hellotext.log
        if entry.path == "/v1/attribution/events" and entry.method == "POST" and entry.accepted
    ]


def test_a_tracked_event_is_completed_when_it_is_sent_again(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    with broken(Order, "get_profile"):
        django_hellotext.track("order.confirmed", order)
    deliver()
    assert Event.objects.get().error_type == "adapter_failed"
    Event.objects.requeue()
    deliver()
    event = Event.objects.get()
    assert (event.state, event.profile_pk) == ("delivered", str(order.customer_id))
    assert event.ordering_key == f"auth.user:{order.customer_id}"
    [body] = sent(hellotext)
    assert (Decimal(str(body["amount"])), body["currency"]) == (Decimal("31.40"), "EUR")
    assert body["profile"]


@pytest.mark.parametrize("method", ["get_profile", "should_sync", "get_total"])
def test_a_status_event_is_completed_when_it_is_sent_again(hellotext: Emulator, deliver: Deliver, method: str) -> None:
    with broken(Order, method):
        order = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("31.40"))
        deliver()
    assert Event.objects.get().error_type == "adapter_failed"
    order.save()
    Event.objects.requeue()
    deliver()
    assert (Event.objects.get().state, Event.objects.get().profile_pk) == ("delivered", str(order.customer_id))
    [body] = sent(hellotext)
    assert (body["action"], Decimal(str(body["amount"]))) == ("order.placed", Decimal("31.40"))


def test_the_session_that_the_order_remembers_comes_back(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(email="guest@example.com")
    django_hellotext.remember_session(order, browser())
    deliver()
    with broken(Order, "get_profile"):
        django_hellotext.track("order.confirmed", order)
    Event.objects.filter(state="failed").update(session="", ordering_key="x")
    Event.objects.requeue()
    deliver()
    event = Event.objects.get()
    assert (event.session, event.ordering_key, event.profile_label) == (SESSION, SESSION, "testshop.order")
    assert event.state == "delivered"


def test_what_is_recorded_once_more_is_no_second_event(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    with broken(Order, "get_profile"):
        django_hellotext.track("order.confirmed", order)
    django_hellotext.track("order.confirmed", order)
    assert Event.objects.count() == 1
    Event.objects.requeue()
    deliver()
    django_hellotext.track("order.confirmed", order)
    deliver()
    assert [body["action"] for body in sent(hellotext)] == ["order.confirmed"]


def test_a_fault_of_the_arguments_leaves_the_key_free(hellotext: Emulator, deliver: Deliver) -> None:
    order, coupon = make_order(customer=make_customer()), make_voucher()
    for amount in ("a lot", "31.40"):
        with broken(Order, "get_profile") if amount == "a lot" else pytest.MonkeyPatch.context():
            django_hellotext.track("coupon.redeemed", coupon, profile=order, amount=amount, key="once")
    deliver()
    assert sorted(Event.objects.values_list("state", flat=True)) == ["delivered", "failed"]


def test_an_adapter_that_still_fails_says_so_again(deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    with broken(Order, "get_profile"):
        django_hellotext.track("order.confirmed", order)
        Event.objects.requeue()
        deliver()
        event = Event.objects.get()
        assert (event.state, event.error_type) == ("failed", "adapter_failed")
    Event.objects.requeue()
    deliver()
    assert Event.objects.get().state == "delivered"


def test_a_completed_event_goes_before_later_ones_of_its_customer(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    with broken(Order, "get_profile"):
        django_hellotext.track("order.confirmed", order)
    django_hellotext.track("order.shipped", order)
    Event.objects.requeue()
    deliver()
    assert [body["action"] for body in sent(hellotext)] == ["order.confirmed", "order.shipped"]


@pytest.mark.parametrize("action", ["page.viewed", "order.confirmed"])
def test_a_customer_whose_own_adapter_fails_is_not_forgotten(
    hellotext: Emulator, deliver: Deliver, action: str
) -> None:
    customer = make_customer()
    order = make_order(customer=customer) if action == "order.confirmed" else None
    with broken(User, "should_sync"):
        django_hellotext.track(action, order, profile=customer, request=browser(customer), url="https://shop.example/")
    assert Event.objects.get().error_type == "adapter_failed"
    Event.objects.requeue()
    deliver()
    assert Event.objects.get().state == "delivered"
    assert sent(hellotext)[0]["profile"]


def test_a_cart_event_keeps_its_items(hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.for_model(Cart), "tracks_items", True, raising=False)
    cart, tea = make_cart(owner=make_customer()), make_product()
    CartLine.objects.create(cart=cart, product=tea, quantity=2)
    with broken(Cart, "should_sync"):
        deliver()
    assert Event.objects.get().error_type == "adapter_failed"
    cart.save()
    Event.objects.requeue()
    deliver()
    assert Event.objects.get().state == "delivered"
    [body] = sent(hellotext)
    assert (body["action"], [item["quantity"] for item in body["object_parameters"]["items"]]) == ("cart.added", [2])
    assert body["profile"]
