"""A cart or order remembers its buyer, and every later event carries them (demands A5, G4, G5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.adapters import OnChange, registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.emulator import Emulator
from django_hellotext.intake import ledger
from django_hellotext.intake.current import handled
from django_hellotext.models import Change, Event, RemoteObject, Session
from tests.factories import (
    make_cart,
    make_cart_line,
    make_customer,
    make_order,
    make_return,
    make_staff,
    placed_order,
)
from tests.testshop.models import Order, Return

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
UTM = {"source": "hellotext", "medium": "sms", "campaign": "autumn"}
LINK = "utm_source=hellotext&utm_medium=sms&utm_campaign=autumn"


@contextmanager
def request_of(*, session: str = "", user: Any = None, query: str = "", **stored: Any) -> Iterator[Any]:
    """Within the block, a visitor's request is being answered."""
    request: Any = RequestFactory().post("/checkout/" + (f"?{query}" if query else ""))
    request.session = SessionStore()
    request.session.update(stored)
    request.user = user or AnonymousUser()
    request.COOKIES["sessionid"] = "x"
    if session:
        request.COOKIES["hello_session"] = session
    token = handled.set(request)
    try:
        yield request
    finally:
        handled.reset(token)


def test_a_database_without_a_statement_of_its_own_finds_the_session_too(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_WRITERS", {})
    lines = [make_cart_line(cart__owner=make_customer()) for _ in range(2)]
    with request_of(session="visitor-1") as request:
        django_hellotext.remember_session(lines[0].cart, request)
    lines[0].cart.save()  # a later change without a session
    for line in lines:
        django_hellotext.track("cart.added", line.cart, items=[(line.product, 1)])
    # Neither event has a key, so neither is the other's repetition.
    assert list(Event.objects.order_by("pk").values_list("session", flat=True)) == ["visitor-1", ""]


def events_at(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry.body_json for entry in emulator.log if entry.path == "/v1/attribution/events" and entry.accepted]


def test_an_order_made_in_a_request_remembers_its_buyer(hellotext: Emulator, deliver: Deliver) -> None:
    """Demands A5, G4: paid by a webhook, without a cookie; nobody called ``remember_session``."""
    hellotext.know_session("buyer")
    buyer = make_customer()
    with request_of(session="buyer", user=buyer, query=LINK):
        order = placed_order(customer=buyer)
    order.status = "paid"
    order.save()
    deliver()
    assert [body["action"] for body in events_at(hellotext)] == ["order.placed", "order.confirmed"]
    assert {body["session"] for body in events_at(hellotext)} == {"buyer"}
    assert [body["metadata"]["utm"] for body in events_at(hellotext)] == [UTM, UTM]


def test_making_an_order_in_a_request_is_one_insert(hellotext: Emulator, django_assert_num_queries: Any) -> None:
    buyer = make_customer()
    with request_of(session="buyer", user=buyer, query=LINK), django_assert_num_queries(2):
        order = make_order(customer=buyer, number="X")
    change = Change.objects.get(object_label="testshop.order")
    assert (change.session, change.data["utm"]) == ("buyer", UTM)
    assert change.object_pk == str(order.pk)


def test_an_order_tracked_in_the_request_that_made_it_is_not_looked_up(
    hellotext: Emulator, django_assert_num_queries: Any
) -> None:
    """The usual checkout: the session is known, so the INSERT holds no look-up, which would cost half of it again."""
    buyer = make_customer()
    with request_of(session="buyer", user=buyer) as request:
        order = make_order(customer=buyer)
        request.COOKIES["hello_session"] = "changed-meanwhile"
        with django_assert_num_queries(1) as queries:
            django_hellotext.track("order.placed", order, request=request)
    assert "SELECT" not in queries.captured_queries[0]["sql"]
    event = Event.objects.get()
    assert (event.session, event.ordering_key) == ("buyer", "buyer")


def test_what_is_remembered_later_in_the_request_wins(hellotext: Emulator) -> None:
    with request_of(session="visitor") as request:
        order = make_order(email="guest@example.com")
        request.COOKIES["hello_session"] = "another"
        django_hellotext.remember_session(order, request)
        django_hellotext.track("order.placed", order)
        django_hellotext.track("order.confirmed", order, session="given")
    assert dict(Event.objects.values_list("action", "session")) == {
        "order.placed": "another",
        "order.confirmed": "given",
    }


def test_an_order_made_without_a_session_finds_that_of_its_cart(hellotext: Emulator) -> None:
    """Only the order itself need not be looked at: it was made in this request."""
    with request_of(session="buyer"):
        cart = make_cart(email="guest@example.com")
    with request_of():
        order = make_order(email="guest@example.com", cart=cart)
        with CaptureQueriesContext(connection) as queries:
            django_hellotext.track("order.placed", order)
    assert Event.objects.get().session == "buyer"
    assert queries.captured_queries[0]["sql"].count("identity = ") == (2 if connection.vendor == "mysql" else 1)


def test_an_order_of_an_earlier_request_is_looked_up(hellotext: Emulator) -> None:
    """What a request has made is known to nobody but that request."""
    with request_of(session="buyer"):
        order = make_order(email="guest@example.com")
    with request_of(session="another-browser") as request:
        django_hellotext.track("order.placed", order, request=request)
    assert Event.objects.get().session == "buyer"


def test_a_later_save_in_another_visitors_request_changes_nothing(hellotext: Emulator, deliver: Deliver) -> None:
    """Demand G5: only who makes the object is remembered."""
    with request_of(session="buyer"):
        order = placed_order(email="guest@example.com")
    with request_of(session="somebody-elses"):
        order.status = "paid"
        order.save()
    deliver()
    assert set(Event.objects.values_list("session", flat=True)) == {"buyer"}


@pytest.mark.parametrize(
    "visitor",
    [
        {"user": "staff"},
        {"user": "another"},
        {"user": "buyer", "hijack_history": ["7"]},
        {"user": "buyer", "loginas_from_user": "7:signed"},
    ],
    ids=["staff", "another customer", "django-hijack", "django-loginas"],
)
def test_nobody_elses_browser_is_remembered(hellotext: Emulator, visitor: dict[str, Any]) -> None:
    """Demand G5: an order that staff take by phone, or that they place while they act as the customer."""
    people: dict[str, User] = {"staff": make_staff(), "another": make_customer(), "buyer": make_customer()}
    named = people[visitor.pop("user")]
    with request_of(session="the-wrong-one", user=named, query=LINK, **visitor) as request:
        order = placed_order(customer=people["buyer"])
        django_hellotext.remember_session(order, request)
        django_hellotext.track("order.placed", order, request=request)
    assert not Change.objects.exclude(session="").exists()
    assert not any("utm" in change.data or "buyer" in change.data for change in Change.objects.all())
    assert set(Event.objects.values_list("profile_pk", "session")) == {(str(people["buyer"].pk), "")}


@pytest.mark.parametrize("who", ["staff", "another customer"])
def test_consent_is_the_buyers_whoever_touches_the_order(
    hellotext: Emulator, deliver: Deliver, settings: Any, who: str
) -> None:
    """Demands G5, I2: the hook is asked about whom the event is about, and their browser is not this one."""
    buyer, other = make_customer(), make_staff() if who == "staff" else make_customer()
    asked: list[tuple[bool, Any]] = []

    def hook(request: Any, purpose: str, subject: Any) -> bool | None:
        asked.append((request is not None, subject))
        return False if subject == other else None

    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": hook, "ACTIONS": ["order.packed"]}
    client_from_settings().actions.create(name="order.packed")
    order = make_order(customer=buyer)
    asked.clear()
    with request_of(user=other) as request:
        request.META["HTTP_SEC_GPC"] = "1"
        django_hellotext.track("order.confirmed", order, request=request)
        django_hellotext.track("order.packed", order, request=request)
        django_hellotext.track("page.viewed", profile=buyer, request=request, url="https://shop.example/")
    assert asked == [(False, order), (False, order), (False, buyer)]
    deliver()
    assert set(Event.objects.values_list("profile_pk", "session", "state")) == {(str(buyer.pk), "", "delivered")}
    assert Event.objects.count() == 3


@pytest.mark.parametrize("acting", [{}, {"hijack_history": ["7"]}], ids=["staff", "django-hijack"])
def test_nobody_else_looks_with_a_customers_eyes(hellotext: Emulator, acting: dict[str, Any]) -> None:
    """Demand G5: staff at a customer's cart see it, and the customer does not; what they put into it is there."""
    buyer = make_customer()
    line = make_cart_line(cart__owner=buyer)
    with request_of(user=buyer if acting else make_staff(), **acting) as request:
        for action in ("cart.viewed", "checkout.started"):
            django_hellotext.track(action, line.cart, request=request)
        assert not Event.objects.exists()
        django_hellotext.track("cart.added", line.cart, request=request, items=[(line.product, 1)])
    assert Event.objects.get().profile_pk == str(buyer.pk)
    with request_of(user=buyer) as request:
        django_hellotext.track("cart.viewed", line.cart, request=request)
    assert Event.objects.count() == 2


def test_a_customer_sees_a_cart_that_is_nobodys_yet(hellotext: Emulator) -> None:
    with request_of(session="visitor"):
        cart = make_cart()
    with request_of(session="visitor", user=make_customer()) as request:
        django_hellotext.track("cart.viewed", cart, request=request)
    assert Event.objects.get().session == "visitor"


def test_a_visitor_who_refuses_to_be_seen_leaves_an_order_without_a_session(hellotext: Emulator, settings: Any) -> None:
    """Demand I2: the order is a fact, the browser is not to be joined to it."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: purpose != "browse"}
    buyer = make_customer()
    with request_of(session="buyer", user=buyer, query=LINK) as request:
        order = placed_order(customer=buyer)
        django_hellotext.track("order.placed", order, request=request)
    assert not Change.objects.exclude(session="").exists()
    assert Event.objects.get().session == ""


def test_an_order_that_a_webhook_makes_takes_over_what_its_cart_remembers(
    hellotext: Emulator, deliver: Deliver
) -> None:
    """Demands A5, G4: the buyer never came back from the payment page."""
    hellotext.know_session("buyer")
    buyer = make_customer()
    with request_of(session="buyer", user=buyer, query=LINK):
        cart = make_cart(owner=buyer)
        make_cart_line(cart=cart)
    with request_of():
        order = placed_order(customer=buyer, cart=cart)
    deliver()
    mirror = RemoteObject.objects.get(host_label="testshop.order")
    assert (mirror.session, mirror.seen["utm"]) == ("buyer", UTM)
    [body] = events_at(hellotext)
    assert (body["action"], body["session"], body["metadata"]["utm"]) == ("order.placed", "buyer", UTM)
    assert order.number


@pytest.mark.parametrize("folded", [True, False])
def test_an_event_tracked_by_a_webhook_finds_the_session_on_the_cart(
    hellotext: Emulator, deliver: Deliver, folded: bool
) -> None:
    """The look-up is part of the INSERT: of what is folded, and of what is not yet."""
    with request_of(session="buyer"):
        cart = make_cart(email="guest@example.com")
        make_cart_line(cart=cart)
    if folded:
        deliver()
    order = make_order(email="guest@example.com", cart=cart)
    django_hellotext.track("order.confirmed", order)
    event = Event.objects.get(action="order.confirmed")
    assert (event.session, event.ordering_key) == ("buyer", "buyer")


@pytest.mark.parametrize("folded", [True, False])
def test_the_refunds_of_an_order_carry_the_buyers_session(hellotext: Emulator, deliver: Deliver, folded: bool) -> None:
    """Promise 3: made by staff, in two parts, and paid out by a job; one ordering key for the buyer."""
    hellotext.know_session("buyer")
    buyer = make_customer()
    with request_of(session="buyer", user=buyer, query=LINK):
        order = placed_order(customer=buyer)
    if folded:
        deliver()
    with request_of(session="staff-browser", user=make_staff()):
        returns = [make_return(order=order) for _ in range(2)]
    deliver()
    for one in returns:
        one.state = "paid"
        one.save()
    deliver()
    bodies = [body for body in events_at(hellotext) if body["action"].startswith("refund.")]
    assert [body["action"] for body in bodies] == ["refund.requested"] * 2 + ["refund.received"] * 2
    assert {(body["session"], body["metadata"]["utm"]["campaign"]) for body in bodies} == {("buyer", "autumn")}
    assert set(Event.objects.values_list("ordering_key", flat=True)) == {"buyer"}


def test_a_refund_asked_for_in_another_browser_belongs_to_the_visit_of_its_order(
    hellotext: Emulator, deliver: Deliver
) -> None:
    hellotext.know_session("at-home")
    buyer = make_customer()
    with request_of(session="at-home", user=buyer):
        order = placed_order(customer=buyer)
    with request_of(session="at-work", user=buyer) as request:
        asked = make_return(order=order)
        django_hellotext.track("refund.received", asked, request=request)
    tracked = Event.objects.get(action="refund.received")
    assert (tracked.session, tracked.ordering_key) == ("at-home", "at-home")
    deliver()
    assert {body["session"] for body in events_at(hellotext)} == {"at-home"}


def test_a_refund_inherits_through_an_order_that_has_to_ask_its_cart(hellotext: Emulator, deliver: Deliver) -> None:
    """A webhook made the order and gave the money back at once; all is folded together."""
    hellotext.know_session("buyer")
    buyer = make_customer()
    with request_of(session="buyer", user=buyer):
        cart = make_cart(owner=buyer)
        make_cart_line(cart=cart)
    make_return(order=placed_order(customer=buyer, cart=cart))
    deliver()
    assert {body["session"] for body in events_at(hellotext)} == {"buyer"}
    assert {body["action"] for body in events_at(hellotext)} == {"order.placed", "refund.requested"}


def test_a_refund_that_no_signal_told_of_carries_the_session_once_its_status_changes(
    hellotext: Emulator, deliver: Deliver
) -> None:
    """Demand E1: made by ``bulk_create``; its first sight is only a baseline."""
    hellotext.know_session("buyer")
    buyer = make_customer()
    with request_of(session="buyer", user=buyer):
        order = placed_order(customer=buyer)
    [made] = Return.objects.bulk_create([Return(order=order, amount="5.00")])
    django_hellotext.sync(made)
    deliver()
    made.state = "paid"
    made.save()
    deliver()
    assert [(body["action"], body["session"]) for body in events_at(hellotext)] == [
        ("order.placed", "buyer"),
        ("refund.received", "buyer"),
    ]


def test_a_shops_own_action_about_an_order_carries_the_buyers_session(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    """``order.refunded`` is no action of Hellotext's: declared, and mapped to a status of the order itself."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": {"order.refunded": {}}}
    hellotext.know_session("buyer")
    client_from_settings().actions.create(name="order.refunded")
    buyer = make_customer()
    adapter: Any = registry.for_model(Order)
    events = OnChange("status", {"placed": "order.placed", "refunded": "order.refunded"})
    with request_of(session="buyer", user=buyer), patch.object(adapter, "events", events):
        order = placed_order(customer=buyer)
        handled.set(None)
        order.status = "refunded"
        order.save()
        deliver()
    assert [(body["action"], body["session"]) for body in events_at(hellotext)] == [
        ("order.placed", "buyer"),
        ("order.refunded", "buyer"),
    ]


def test_an_order_made_by_a_job_alone_goes_with_its_customer(hellotext: Emulator, deliver: Deliver) -> None:
    """Demand G4: no session is no session, never an empty one."""
    placed_order(customer=make_customer())
    deliver()
    [body] = events_at(hellotext)
    assert "session" not in body
    assert "utm" not in body["metadata"]
    assert body["profile"]


def test_a_customer_who_orders_hands_the_session_over_once(hellotext: Emulator, deliver: Deliver) -> None:
    """Demand G6: at the checkout, also where no event tells of the order."""
    hellotext.know_session("new-browser")
    buyer = make_customer()
    for _ in range(2):
        with request_of(session="new-browser", user=buyer):
            make_order(customer=buyer)
    deliver()
    assert Session.objects.get().is_attached
    assert sum(entry.path == "/v1/sessions/new-browser" for entry in hellotext.log) == 1
    assert not Event.objects.exists()


def test_the_shops_own_metadata_wins(hellotext: Emulator, deliver: Deliver) -> None:
    hellotext.know_session("buyer")
    with request_of(session="buyer", query=LINK):
        order = placed_order(email="guest@example.com")
    django_hellotext.track("order.shipped", order, metadata={"utm": "ours"})
    deliver()
    found = {body["action"]: body["metadata"]["utm"] for body in events_at(hellotext)}
    assert found == {"order.placed": UTM, "order.shipped": "ours"}


def test_a_broken_host_costs_the_order_nothing(hellotext: Emulator, settings: Any) -> None:
    """Demand B4: a session store that is away."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    with request_of(user=make_customer()) as request:
        request.session = Broken()
        order = placed_order(email="guest@example.com")
    change = Change.objects.filter(object_label="testshop.order").first()
    assert change is not None
    assert (change.object_pk, change.session, change.status) == (str(order.pk), "", "placed")


class Broken(dict[str, Any]):
    accessed = True

    def get(self, key: str, default: Any = None) -> Any:
        raise ConnectionError("the session store is away")
