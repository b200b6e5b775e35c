"""What would be sent of an event now, which an operator reads, is what is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.preview import preview_event
from django_hellotext.emulator import Emulator
from django_hellotext.models import PAYLOAD_VERSION, Event, SkipReason, State
from tests.factories import make_cart, make_cart_line, make_customer, make_product, make_staff, placed_order
from tests.testshop.models import Cart

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def emulator() -> Emulator:
    """A Hellotext that has seen a visitor."""
    return Emulator(token="test-token", business_id="test-business", known_sessions=("of-a-visitor",))


def shown(event: Event) -> dict[str, Any]:
    """What is shown of the event, with numbers and times as Hellotext gets them."""
    found = preview_event(event, using="default")
    assert found is not None
    if "amount" in found:
        found["amount"] = float(found["amount"])
    for item in found.get("object_parameters", {}).get("items", []):
        item["price"]["amount"] = float(item["price"]["amount"])
    return {**found, "tracked_at": int(datetime.fromisoformat(found["tracked_at"]).timestamp())}


def sent(emulator: Emulator) -> list[dict[str, Any]]:
    """The events that arrived."""
    return [entry.body_json for entry in emulator.log if entry.path == "/v1/attribution/events" and entry.accepted]


def test_what_is_shown_of_an_event_is_what_is_sent(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track(
        "product.viewed",
        make_product(),
        profile=make_customer(),
        session="of-a-visitor",
        amount=Decimal("12.50"),
        currency="EUR",
        url="https://shop.example/tea/",
        metadata={"shelf": 3},
    )
    deliver()
    [body] = sent(hellotext)
    assert shown(Event.objects.get()) == body
    assert {"profile", "session", "object", "amount", "currency", "url", "metadata"} < body.keys()


def test_a_session_of_another_customer_is_shown_no_more_than_it_is_sent(hellotext: Emulator, deliver: Deliver) -> None:
    """G6"""
    for customer in (make_customer(), make_customer()):
        django_hellotext.track("product.viewed", make_product(), profile=customer, session="of-a-visitor")
        deliver()
    bodies = sent(hellotext)
    assert [shown(event) for event in Event.objects.order_by("pk")] == bodies
    assert ["session" in body for body in bodies] == [True, False]


def test_of_staff_the_session_alone_is_shown(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("product.viewed", make_product(), profile=make_staff(), session="of-a-visitor")
    deliver()
    [body] = sent(hellotext)
    assert shown(Event.objects.get()) == body
    assert "profile" not in body


def test_the_items_of_a_cart_are_shown(hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.for_model(Cart), "tracks_items", True, raising=False)
    make_cart_line(cart=make_cart(owner=make_customer()))
    deliver()
    [body] = sent(hellotext)
    assert shown(Event.objects.get()) == body
    assert body["object_parameters"]["items"]


def test_what_is_not_there_yet_is_named_as_it_is_in_the_shop(hellotext: Emulator) -> None:
    customer, order = make_customer(), placed_order()
    django_hellotext.track("order.confirmed", order, profile=customer)
    found = shown(Event.objects.get(action="order.confirmed"))
    assert found["object"] == f"order testshop.order {order.pk}"
    assert found["profile"] == f"profile auth.user {customer.pk}"


@pytest.mark.parametrize(
    "values",
    [
        {"destination": "subscription", "action": "subscribe"},
        {"state": State.SKIPPED, "skip_reason": SkipReason.ERASED},
        {"payload_version": PAYLOAD_VERSION + 1},
    ],
)
def test_of_what_is_no_event_to_send_nothing_is_shown(hellotext: Emulator, values: dict[str, Any]) -> None:
    event = Event(account="test-business/test", tracked_at=clock.now(), **{"action": "page.viewed", **values})
    assert preview_event(event, using="default") is None
