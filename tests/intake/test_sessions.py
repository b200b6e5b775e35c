"""The visitor's session: read, kept, handed over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import RequestFactory

import django_hellotext
from django_hellotext import clock
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator
from django_hellotext.intake.sessions import session_in_query, session_of, valid_session
from django_hellotext.models import Event, RemoteObject, Session, State
from tests.factories import make_customer, make_order, make_staff, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.mark.parametrize("value", ["short-link-77", "2KAGgAgm", "6fcd315c-b06e-4dd9-99b1-fcc22925b239", "a" * 64])
def test_a_session_is_a_uuid_or_a_short_opaque_string(value: str) -> None:
    assert valid_session(value) == value


@pytest.mark.parametrize("value", ["", "a" * 65, "a b", "a\x00", "ü", "a:b", "a/b", "<script>", None, 7, b"abc", "a\n"])
def test_anything_else_is_none(value: object) -> None:
    assert valid_session(value) == ""


@pytest.mark.parametrize(
    "query",
    ["hello_session=", "hello_session=a&hello_session=b", "hello_session=" + "a" * 10_000, "hello_session=%00",
     "hello_session=%ff%fe", "xhello_session=abc", "hello_session[]=abc", "hello_session"],
)  # fmt: skip
def test_a_query_that_does_not_name_one_valid_session_names_none(query: str, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.META["QUERY_STRING"] = query
    assert session_in_query(request) == ""


def request_of(rf: RequestFactory, *, query: str = "", cookie: str = "", stored: str = "") -> Any:
    request = rf.get("/" + (f"?hello_session={query}" if query else ""))
    request.session = SessionStore()
    if stored:
        request.session["hellotext_session"] = stored
        request.session.save()
        request.session = SessionStore(request.session.session_key)
        request.COOKIES["sessionid"] = str(request.session.session_key)
    if cookie:
        request.COOKIES["hello_session"] = cookie
    return request


def test_the_query_wins_over_the_cookie_and_the_cookie_over_the_stored_one(rf: RequestFactory) -> None:
    assert session_of(request_of(rf, query="query", cookie="cookie", stored="stored")) == "query"
    assert session_of(request_of(rf, cookie="cookie", stored="stored")) == "cookie"
    assert session_of(request_of(rf, stored="stored")) == "stored"


def test_the_django_session_stays_closed_without_its_cookie(rf: RequestFactory) -> None:
    request = request_of(rf)
    assert session_of(request) == ""
    assert not request.session.accessed


def log_in(rf: RequestFactory, user: User, session: str) -> None:
    user.set_password("secret")
    user.save()
    request = request_of(rf, cookie=session)
    known = authenticate(request, username=user.username, password="secret")
    assert known is not None
    login(request, known)


@pytest.mark.parametrize("known_as", ["_cached_user", "_acached_user"])
def test_a_login_over_another_account_hands_no_session_over(
    hellotext: Emulator, rf: RequestFactory, known_as: str
) -> None:
    """Demand G5: so does impersonation begin; Django caches the user of an asynchronous view under another name."""
    request = request_of(rf, cookie="visitor-1")
    setattr(request, known_as, make_customer())
    user_logged_in.send(User, request=request, user=make_customer())
    assert not Session.objects.exists()


def acknowledged(emulator: Emulator, *sessions: str) -> None:
    for session in sessions:
        emulator.know_session(session)


def test_login_attaches_the_session_to_the_profile(hellotext: Emulator, deliver: Deliver, rf: RequestFactory) -> None:
    acknowledged(hellotext, "visitor-1")
    log_in(rf, make_customer(), "visitor-1")
    deliver()
    assert Session.objects.get().is_attached


def test_a_second_login_asks_for_nothing_more(hellotext: Emulator, deliver: Deliver, rf: RequestFactory) -> None:
    acknowledged(hellotext, "visitor-1")
    customer = make_customer()
    for _ in range(3):
        log_in(rf, customer, "visitor-1")
        deliver()
    assert sum(entry.path == "/v1/sessions/visitor-1" for entry in hellotext.log) == 1


def test_a_staff_members_login_attaches_nothing(hellotext: Emulator, rf: RequestFactory) -> None:
    log_in(rf, make_staff(), "visitor-1")
    assert not Session.objects.exists()


def test_a_second_customer_on_the_same_browser_never_gets_the_session(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    """Demand G6: recorded, never asked for, and the events go with the customer alone."""
    acknowledged(hellotext, "shared")
    first, second = make_customer(), make_customer()
    log_in(rf, first, "shared")
    log_in(rf, second, "shared")
    django_hellotext.track("page.viewed", profile=second, session="shared", url="https://shop.example/")
    deliver()
    conflict = Session.objects.get(profile_pk=str(second.pk))
    assert conflict.is_conflict
    assert sum(entry.path == "/v1/sessions/shared" for entry in hellotext.log) == 1
    [body] = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events"]
    assert "session" not in body
    assert body["profile"]


def test_a_session_conflict_says_who_keeps_the_session(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    acknowledged(hellotext, "shared")
    for customer in (make_customer(), make_customer()):
        log_in(rf, customer, "shared")
    deliver()
    conflict = Session.objects.latest("pk")
    assert (conflict.state, conflict.error_type, conflict.error_parameter) == (
        State.FAILED,
        Session.CONFLICT,
        "session",
    )
    assert conflict.error_message == "This session already belongs to another customer; it is left with them."


def test_a_session_waits_while_the_customer_who_had_it_first_is_not_at_hellotext_yet(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    acknowledged(hellotext, "shared")
    first, second = make_customer(), make_customer()
    log_in(rf, first, "shared")
    log_in(rf, second, "shared")
    with transaction.atomic():
        fold(hellotext_settings.account, using="default")
    RemoteObject.objects.filter(host_pk=str(first.pk)).update(next_attempt_at=clock.now() + timedelta(hours=1))
    deliver()
    row = Session.objects.get(profile_pk=str(second.pk))
    assert (row.state, row.attempts) == (State.PENDING, 0)
    RemoteObject.objects.update(next_attempt_at=None)
    Session.objects.update(next_attempt_at=None)
    deliver()
    assert Session.objects.get(profile_pk=str(second.pk)).is_conflict


def test_a_guest_who_buys_twice_is_no_second_customer(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    """Demands A10, G6: two orders name the same person, whom Hellotext knows by the e-mail."""
    acknowledged(hellotext, "guests")
    for _ in range(2):
        order = placed_order(email="guest@example.com")
        django_hellotext.track("order.placed", order, session="guests")
        deliver()
    assert [row.is_attached for row in Session.objects.all()] == [True, True]
    bodies = [e.body_json for e in hellotext.log if e.path == "/v1/attribution/events" and e.accepted]
    assert [body["session"] for body in bodies] == ["guests", "guests"]
    assert len({body["profile"] for body in bodies}) == 1


@pytest.mark.parametrize("answer", ["null", "owner"])
def test_a_session_that_somebody_else_has_is_recorded_and_left_to_them(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory, settings: Any, answer: Any
) -> None:
    """Whether Hellotext answers with null, or only refuses the event afterwards."""
    hellotext = Emulator(token="test-token", business_id="test-business", conflict_answer=answer)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND_OPTIONS": {"emulator": hellotext}}
    acknowledged(hellotext, "taken")
    headers = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}
    made = hellotext.handle("POST", "/v1/profiles", headers=headers, body=b'{"email": "other@example.com"}')
    other = made.body.decode().split('"id":')[1].split('"')[1]
    hellotext.handle("PATCH", "/v1/sessions/taken", headers=headers, body=f'{{"profile": "{other}"}}'.encode())
    customer = make_customer()
    log_in(rf, customer, "taken")
    django_hellotext.track("page.viewed", profile=customer, session="taken", url="https://shop.example/")
    deliver()
    assert Session.objects.get().is_conflict
    assert Event.objects.get().state == State.DELIVERED
    accepted = [e.body_json for e in hellotext.log if e.path == "/v1/attribution/events" and e.accepted]
    assert len(accepted) == 1
    assert "session" not in accepted[0]


def test_a_session_not_seen_yet_is_waited_for_up_to_a_bound(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory, settings: Any
) -> None:
    customer = make_customer()
    log_in(rf, customer, "unseen")
    django_hellotext.track("page.viewed", profile=customer, session="unseen", url="https://shop.example/")
    deliver()
    assert Event.objects.get().state == State.PENDING
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SESSION_WAIT": 0.001}
    Event.objects.update(next_attempt_at=None)
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    [body] = [e.body_json for e in hellotext.log if e.path == "/v1/attribution/events"]
    assert "session" not in body
    assert Session.objects.get().state == State.PENDING


def test_the_buyers_session_goes_with_later_events_of_the_order(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    """Demand G4: a webhook without cookies, and staff with a session of their own."""
    acknowledged(hellotext, "buyer")
    buyer = make_customer()
    order = make_order(customer=buyer, status="placed")
    django_hellotext.remember_session(order, request_of(rf, cookie="buyer"))
    order.status = "paid"
    order.save()
    deliver()
    bodies = [e.body_json for e in hellotext.log if e.path == "/v1/attribution/events"]
    assert {body["session"] for body in bodies} == {"buyer"}
    assert len({body["profile"] for body in bodies}) == 1


def test_an_event_of_another_customer_leaves_the_visitors_session_alone(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    """Demand G6: a gift, a referral; the giver's browser must not become the receiver's for good."""
    acknowledged(hellotext, "givers")
    giver, receiver = make_customer(), make_customer()
    request = request_of(rf, cookie="givers", stored="givers")
    request.user = giver
    for customer in (receiver, giver):
        django_hellotext.track("page.viewed", profile=customer, request=request, url="https://shop.example/")
    deliver()
    assert list(Event.objects.order_by("id").values_list("profile_pk", "session")) == [
        (str(receiver.pk), ""),
        (str(giver.pk), "givers"),
    ]
    assert [(row.profile_pk, row.is_attached) for row in Session.objects.all()] == [(str(giver.pk), True)]


def test_a_stranger_at_an_accounts_order_is_not_taken_for_its_customer(
    hellotext: Emulator, deliver: Deliver, rf: RequestFactory
) -> None:
    """Demand G6: a forwarded order page; only a login shows that a visitor is the account's customer."""
    acknowledged(hellotext, "strangers")
    customer = make_customer()
    with django_hellotext.paused():
        order = make_order(customer=customer)
    django_hellotext.track("order.confirmed", order, request=request_of(rf, cookie="strangers"))
    deliver()
    event = Event.objects.get()
    assert (event.profile_pk, event.session, event.state) == (str(customer.pk), "", State.DELIVERED)
    assert not Session.objects.exists()
