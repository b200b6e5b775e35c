"""What becomes of a guest or an account whose e-mail or phone somebody else has: corrected, deleted, in a race."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

import django_hellotext as hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.api.backends import PreparedRequest, RawResponse
from django_hellotext.delivery import Report
from django_hellotext.delivery.explain import explain
from django_hellotext.emulator import Emulator, MemoryBackend
from django_hellotext.emulator.inspection import state
from django_hellotext.models import Account, Event, RemoteObject, Session, SkipReason, State
from tests.factories import make_cart, make_cart_line, make_customer, placed_order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
BEA, MALLORY = "bea@example.com", "mallory@example.net"
PHONE, OTHER_PHONE = "+4917099999999", "+4917011111111"
BROWSER = "session-of-a-guest"


class NoListing(MemoryBackend):
    """A Hellotext whose token may not list profiles, so that each look-up finds no profile, as in a race."""

    def send(self, request: PreparedRequest) -> RawResponse:
        if request.method == "GET" and request.path == "/v1/profiles":
            return RawResponse(403, {}, b'{"errors": [{"type": "not_allowed", "message": "No."}]}', 0.0)
        return super().send(request)


@pytest.fixture
def no_listing(hellotext_app: Emulator, settings: Any) -> None:
    backend = f"{NoListing.__module__}.{NoListing.__qualname__}"
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND": backend}


@pytest.fixture
def phones(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The phones of accounts, by their e-mail."""
    known: dict[str, str] = {}
    adapter = type(registry.for_model(User))
    monkeypatch.setattr(adapter, "get_phone", lambda self, user: known.get(user.email), raising=False)
    return known


def row_of(obj: Any) -> RemoteObject:
    found: RemoteObject = RemoteObject.objects.get(
        kind="profile", host_label=obj._meta.label_lower, host_pk=str(obj.pk)
    )
    return found


def held(profiles: Profiles) -> list[tuple[str | None, list[str], list[str]]]:
    """Name, e-mails and phones of each profile, by name."""
    found = [(profile["first_name"], profile["emails"], profile["phones"]) for profile in profiles()]
    return sorted(found, key=lambda one: one[0] or "")


def again(deliver: Deliver) -> None:
    """Deliver what waits for a later attempt, too."""
    for _ in range(12):
        RemoteObject.objects.update(next_attempt_at=None)
        Event.objects.update(next_attempt_at=None)
        Account.objects.update(paused_until=None, paused_reason="")
        deliver()


# A guest


def test_a_chain_of_guests_does_not_reach_an_account(deliver: Deliver, profiles: Profiles) -> None:
    """One guest has her e-mail and a phone of their own, the next has that phone and an e-mail of their own."""
    make_customer(email=BEA, first_name="Bea")
    deliver()
    placed_order(email=BEA, phone=OTHER_PHONE, first_name="Mallory")
    deliver()
    placed_order(email=MALLORY, phone=OTHER_PHONE, first_name="Mallory")
    deliver()
    assert held(profiles) == [("Bea", [BEA], []), ("Mallory", [MALLORY], [OTHER_PHONE])]
    assert {event.state for event in Event.objects.all()} == {State.DELIVERED}


def test_what_a_guest_said_leaves_the_profile_with_the_guest(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """The phone was sent before her account was; the next order in that browser says nothing of it either."""
    hellotext_app.know_session(BROWSER)
    hellotext.track("order.placed", placed_order(email=BEA, phone=PHONE, first_name="Mallory"), session=BROWSER)
    deliver()
    make_customer(email=BEA, first_name="Bea")
    deliver()
    hellotext.track("order.placed", placed_order(email=BEA, phone=PHONE, first_name="Mallory"), session=BROWSER)
    deliver()
    assert held(profiles) == [("Bea", [BEA], [])]
    assert [event["session"] for event in state(hellotext_app)["events"]] == [BROWSER, None]


def test_a_guest_and_an_account_in_one_batch(deliver: Deliver, profiles: Profiles) -> None:
    """The account goes first, in whichever order they were recorded."""
    placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    make_customer(email=BEA, first_name="Bea")
    placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    assert held(profiles) == [("Bea", [BEA], [])]


def test_guests_with_one_phone_and_no_email_are_one_customer(deliver: Deliver, profiles: Profiles) -> None:
    placed_order(phone=PHONE, first_name="Gil")
    deliver()
    placed_order(phone=PHONE, first_name="Gilbert")
    deliver()
    assert held(profiles) == [("Gilbert", [], [PHONE])]


@pytest.mark.parametrize("name", ["Mallory", ""])
def test_a_guest_who_has_nothing_but_the_phone_of_somebody_else(
    deliver: Deliver, profiles: Profiles, name: str
) -> None:
    """The order arrives. With a name it has a profile without contacts, without one it has none."""
    placed_order(email=BEA, phone=PHONE, first_name="Bea")
    deliver()
    placed_order(phone=PHONE, first_name=name)
    deliver()
    assert held(profiles) == [("Bea", [BEA], [PHONE]), *([(name, [], [])] if name else [])]
    assert {row.state for row in RemoteObject.objects.filter(kind="order")} == {State.SYNCED}


def test_the_cart_of_a_guest_goes_to_the_account_without_the_session(hellotext_app: Emulator, deliver: Deliver) -> None:
    account = make_customer(email=BEA)
    hellotext_app.know_session(BROWSER)
    cart = make_cart(email=BEA)
    make_cart_line(cart=cart)
    deliver()
    hellotext.track("cart.added", cart, session=BROWSER)
    deliver()
    [there] = state(hellotext_app)["carts"]
    assert there["profile"] == row_of(account).remote_id
    assert [session["profile"] for session in state(hellotext_app)["sessions"]] == [None]
    assert Session.objects.get().skip_reason == SkipReason.ATTRIBUTED


def test_a_guest_does_not_subscribe_an_account_and_may_unsubscribe_it(deliver: Deliver, profiles: Profiles) -> None:
    make_customer(email=BEA)
    order = placed_order(email=BEA)
    evidence = hellotext.Evidence(source="checkout", text="News", at=clock.now())
    hellotext.subscribe(order, evidence=evidence)
    deliver()
    assert profiles()[0]["state"] == "unconfirmed"
    assert Event.objects.get(action="subscribe").skip_reason == SkipReason.ATTRIBUTED
    hellotext.unsubscribe(order, evidence=evidence)
    deliver()
    assert profiles()[0]["state"] == "unsubscribed"


# A corrected e-mail


def test_a_guests_corrected_email_is_sent(deliver: Deliver, profiles: Profiles) -> None:
    order = placed_order(email="gil@example.con", first_name="Gil")
    deliver()
    before = row_of(order).remote_id
    order.email = "gil@example.com"
    order.save()
    deliver()
    assert (held(profiles), row_of(order).remote_id) == ([("Gil", ["gil@example.com"], [])], before)
    assert "unchanged" in explain(order).codes


def test_a_sync_sends_a_guests_email_that_was_written_past_the_signals(deliver: Deliver, profiles: Profiles) -> None:
    order = placed_order(email="gil@example.con", first_name="Gil")
    deliver()
    Order.objects.filter(pk=order.pk).update(email="gil@example.com")
    assert "drifted" in explain(order).codes
    call_command("hellotext_sync", "testshop.Order", stdout=StringIO())
    assert held(profiles) == [("Gil", ["gil@example.com"], [])]


def test_a_corrected_email_leaves_the_profile_to_others_who_have_the_former(
    deliver: Deliver, profiles: Profiles
) -> None:
    placed_order(email="gil@example.com", first_name="Gil")
    order = placed_order(email="gil@example.com", first_name="Gil")
    deliver()
    order.email, order.first_name = MALLORY, "Mallory"
    order.save()
    deliver()
    assert held(profiles) == [("Gil", ["gil@example.com"], []), ("Mallory", [MALLORY], [])]


def test_an_email_corrected_to_that_of_an_account(deliver: Deliver, profiles: Profiles) -> None:
    account = make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=MALLORY, first_name="Mallory")
    deliver()
    order.email = BEA
    order.save()
    deliver()
    assert held(profiles) == [("Bea", [BEA], []), ("Mallory", [MALLORY], [])]
    assert (row_of(order).remote_id, row_of(order).attributed) == (row_of(account).remote_id, True)
    assert "attributed" in explain(order).codes


@pytest.mark.parametrize("email", [MALLORY, ""])
def test_an_email_corrected_from_that_of_an_account(deliver: Deliver, profiles: Profiles, email: str) -> None:
    """The order leaves the account's profile alone, also if the guest has no e-mail any more."""
    account = make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    order.email = email
    order.save()
    deliver()
    assert held(profiles) == [("Bea", [BEA], []), ("Mallory", [email] if email else [], [PHONE])]
    assert (row_of(order).remote_id == row_of(account).remote_id, row_of(order).attributed) == (False, False)


# Two accounts


def test_two_accounts_with_one_phone_are_two_customers(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str]
) -> None:
    """And a check of both sides finds nothing to repair."""
    phones.update({BEA: PHONE, MALLORY: PHONE})
    make_customer(email=BEA, first_name="Bea")
    deliver()
    second = make_customer(email=MALLORY, first_name="Mallory")
    hellotext.track("page.viewed", profile=second, url="https://shop.example/")
    deliver()
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Mallory", [MALLORY], [])]
    assert Event.objects.get().state == State.DELIVERED
    out = StringIO()
    call_command("hellotext_sync", "--check", "auth.User", stdout=out)
    assert "changed" not in out.getvalue()
    assert "Left out, because another profile at Hellotext has it: phone." in str(explain(second))


def test_two_accounts_with_one_email_need_no_repair(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    make_customer(email=BEA, first_name="Bea")
    deliver()
    make_customer(email=BEA, first_name="Mallory")
    deliver()
    out = StringIO()
    call_command("hellotext_sync", "--check", "auth.User", stdout=out)
    assert "changed" not in out.getvalue()
    before = len(hellotext_app.log)
    call_command("hellotext_sync", "--repair", "auth.User", stdout=StringIO())
    assert not [entry for entry in hellotext_app.log[before:] if entry.method != "GET"]
    assert held(profiles) == [("Bea", [BEA], [])]


def test_a_new_phone_that_somebody_else_has(deliver: Deliver, profiles: Profiles, phones: dict[str, str]) -> None:
    """Her former phone goes: it is hers no more. The other profile keeps its own."""
    phones.update({BEA: PHONE, MALLORY: OTHER_PHONE})
    make_customer(email=BEA, first_name="Bea")
    second = make_customer(email=MALLORY, first_name="Mallory")
    deliver()
    phones[MALLORY] = PHONE
    second.first_name = "Mal"
    second.save()
    deliver()
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Mal", [MALLORY], [])]


def test_a_new_email_that_another_account_has(deliver: Deliver, profiles: Profiles) -> None:
    """It keeps its profile, without an e-mail."""
    make_customer(email=BEA, first_name="Bea")
    second = make_customer(email=MALLORY, first_name="Mallory")
    deliver()
    second.email = BEA.title()
    second.save()
    deliver()
    assert held(profiles) == [("Bea", [BEA], []), ("Mallory", [], [])]
    assert row_of(second).state == State.SYNCED


def test_who_wrote_to_the_shop_before_is_joined_by_a_phone_that_it_has_verified(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, phones: dict[str, str], settings: Any
) -> None:
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=b'{"phone": "+4917099999999"}')
    phones.update({BEA: PHONE, MALLORY: PHONE})
    make_customer(email=MALLORY, first_name="Mallory")
    deliver()
    assert held(profiles) == [(None, [], [PHONE]), ("Mallory", [MALLORY], [])]
    settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": lambda customer, kind, value: True}
    make_customer(email=BEA, first_name="Bea")
    deliver()
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Mallory", [MALLORY], [])]


TOKEN = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}


# What is deleted


@pytest.mark.parametrize("how", ["deleted", "inactive"])
def test_what_is_attributed_does_not_take_the_profile_along(
    deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(type(registry.for_model(User)), "on_unsyncable", "clear")
    make_customer(email=BEA, first_name="Bea")
    deliver()
    second = make_customer(email=BEA, first_name="Mallory")
    deliver()
    if how == "deleted":
        second.delete()
    else:
        second.is_active = False
        second.save()
    deliver()
    assert held(profiles) == [("Bea", [BEA], [])]


def test_a_guest_who_is_forgotten_does_not_take_the_account_along(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    account = make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=BEA, first_name="Mallory")
    deliver()
    hellotext.forget_customer(order)
    deliver()
    account.first_name = "Beatrice"
    account.save()
    deliver()
    assert held(profiles) == [("Beatrice", [BEA], [])]
    assert row_of(account).state == State.SYNCED


# Races: nothing was found, and Hellotext joins all the same.


@pytest.mark.usefixtures("no_listing")
def test_a_guest_who_is_joined_with_an_account(deliver: Deliver, profiles: Profiles) -> None:
    make_customer(email=BEA, first_name="Bea")
    deliver()
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    assert held(profiles) == [("Bea", [BEA], [])]
    assert (row_of(order).attributed, Event.objects.get().state) == (True, State.DELIVERED)


@pytest.mark.usefixtures("no_listing")
def test_an_account_that_is_joined_with_a_guest(deliver: Deliver, profiles: Profiles) -> None:
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    make_customer(email=BEA, first_name="Bea")
    deliver()
    assert held(profiles) == [("Bea", [BEA], [])]
    assert row_of(order).attributed


@pytest.mark.usefixtures("no_listing")
def test_two_accounts_that_are_always_joined_are_reported(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str]
) -> None:
    """Neither gets the other's activity, and the first keeps its values; what the second does is nobody's."""
    phones.update({BEA: PHONE, MALLORY: PHONE})
    first = make_customer(email=BEA, first_name="Bea")
    deliver()
    second = make_customer(email=MALLORY, first_name="Mallory")
    hellotext.track("page.viewed", profile=second, url="https://shop.example/")
    again(deliver)
    row = row_of(second)
    assert (row.state, row.error_type, row.remote_id) == (State.FAILED, "profile_shared", "")
    assert f"auth.user {first.pk}" in row.error_message
    assert Event.objects.get().state == State.DELIVERED
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Guest", [], [])]
