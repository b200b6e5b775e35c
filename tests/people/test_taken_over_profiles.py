"""What a guest does while, or after, an account gets their profile: in one batch, in two workers, after an outage."""

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
from django_hellotext.delivery import Report, drain
from django_hellotext.delivery.results import Results
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.inspection import state
from django_hellotext.models import Account, Event, RemoteObject, State
from tests.factories import make_customer, placed_order

from .test_shared_contacts import BEA, BROWSER, MALLORY, PHONE, TOKEN, again, held, no_listing, phones, row_of

__all__ = ["no_listing", "phones"]  # fixtures

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]


def at_creation(kind: str, status: int = 503) -> Fault:
    """A fault of the next request that creates a profile."""
    return Fault(kind, times=1, status=status, method="POST", path="/v1/profiles")


def between(monkeypatch: pytest.MonkeyPatch, kind: str, label: str, act: Callable[[], object]) -> list[str]:
    """Let something happen once, after a request for the row and before its outcome is written."""
    write = Results.synced
    done: list[str] = []

    def synced(self: Results, work: Any, sent: Any) -> None:
        if (work.row.kind, work.row.host_label) == (kind, label) and not done:
            done.append(label)
            act()
        write(self, work, sent)

    monkeypatch.setattr(Results, "synced", synced)
    return done


def browsers(emulator: Emulator, profiles: Profiles) -> list[str | None]:
    """Whom each session is joined to."""
    names = {profile["id"]: profile["first_name"] for profile in profiles()}
    return [names.get(session["profile"]) for session in state(emulator)["sessions"]]


# In one batch with the account


@pytest.mark.parametrize("phone", ["", PHONE])
def test_a_guest_who_changes_meanwhile(deliver: Deliver, profiles: Profiles, phone: str) -> None:
    order = placed_order(email=BEA, phone=phone, first_name="Mallory")
    deliver()
    make_customer(email=BEA, first_name="Bea")
    for name in ("Evil", "Worse"):
        order.first_name = name
        order.save()
        again(deliver)
        assert held(profiles) == [("Bea", [BEA], [])]
        assert row_of(order).attributed


def test_a_guest_whose_email_is_corrected_meanwhile(deliver: Deliver, profiles: Profiles) -> None:
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    make_customer(email=BEA, first_name="Bea")
    order.email = MALLORY
    order.save()
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], []), ("Mallory", [MALLORY], [PHONE])]


def test_a_guests_session_and_consent_wait_for_the_account(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    order = placed_order(email=BEA, first_name="Mallory")
    deliver()
    hellotext_app.know_session(BROWSER)
    make_customer(email=BEA, first_name="Bea")
    hellotext.track("order.confirmed", order, session=BROWSER)
    hellotext.subscribe(order, evidence=hellotext.Evidence(source="checkout", text="News", at=clock.now()))
    deliver()
    assert browsers(hellotext_app, profiles) == [None]
    assert profiles()[0]["state"] == "unconfirmed"


@pytest.mark.parametrize("fault", [at_creation("error"), at_creation("garbage")])
def test_a_guest_does_not_pass_an_account_that_has_to_wait(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, fault: Fault
) -> None:
    """Their rows are in one batch, and the account's request fails."""
    make_customer(email=BEA, first_name="Bea")
    placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    hellotext_app.add_fault(fault)
    deliver()
    assert "Mallory" not in str(profiles())
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], [])]
    assert Event.objects.get().state == State.DELIVERED


# In another worker


def test_an_account_takes_over_while_the_guest_is_sent(
    deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    order.first_name = "Evil"
    order.save()

    def meanwhile() -> None:
        make_customer(email=BEA, first_name="Bea")
        drain()

    done = between(monkeypatch, "profile", "testshop.order", meanwhile)
    again(deliver)
    assert done
    assert held(profiles) == [("Bea", [BEA], [])]
    assert row_of(order).attributed


def test_an_account_is_sent_once_more_although_it_is_in_hand(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest was joined with its profile, by a worker that could not know it."""
    account = make_customer(email=BEA, first_name="Bea")
    deliver()

    def meanwhile() -> None:
        body = f'{{"email": "{BEA}", "first_name": "Mallory"}}'.encode()
        hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=body)
        RemoteObject.objects.repeat([row_of(account).pk])

    account.last_name = "Baker"
    account.save()
    done = between(monkeypatch, "profile", "auth.user", meanwhile)
    again(deliver)
    assert done
    assert held(profiles) == [("Bea", [BEA], [])]


@pytest.mark.usefixtures("no_listing")
def test_two_accounts_in_two_workers(deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both were sent before either was written: the older row keeps the profile."""
    first = make_customer(email=BEA, first_name="Bea")
    made = []

    def meanwhile() -> None:
        made.append(make_customer(email=BEA, first_name="Second"))
        drain()

    between(monkeypatch, "profile", "auth.user", meanwhile)
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], [])]
    assert [row_of(one).attributed for one in (first, *made)] == [False, True]


# After the account


@pytest.mark.parametrize("how", ["clear", "keep"])
def test_an_account_that_comes_back(
    deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(type(registry.for_model(User)), "on_delete", how)
    account = make_customer(email=BEA, first_name="Bea")
    deliver()
    pk = account.pk
    account.delete()
    deliver()
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    make_customer(pk=pk, email=BEA, first_name="Bea")
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], [])]
    assert row_of(order).attributed


@pytest.mark.parametrize("how", ["deleted in the shop", "lost at Hellotext"])
def test_the_next_event_of_a_guest_whose_account_is_gone_arrives(
    hellotext_app: Emulator, deliver: Deliver, how: str
) -> None:
    account = make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=BEA, first_name="Gil")
    deliver()
    if how == "deleted in the shop":
        account.delete()
    else:
        hellotext_app.handle("DELETE", f"/v1/profiles/{row_of(account).remote_id}", headers=TOKEN, body=b"")
        account.last_name = "Baker"
        account.save()
    again(deliver)
    order.status = "paid"
    order.save()
    again(deliver)
    assert {event.state for event in Event.objects.all()} == {State.DELIVERED}


# After an outage


def lost_answer(emulator: Emulator, settings: Any) -> None:
    """The next profile ends in 502 and never arrives; that is looked for at once."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}
    emulator.add_fault(at_creation("error", 502))


def test_an_account_without_an_answer_is_not_taken_for_a_stranger_with_its_phone(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, phones: dict[str, str], settings: Any
) -> None:
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=f'{{"phone": "{PHONE}"}}'.encode())
    phones[BEA] = PHONE
    lost_answer(hellotext_app, settings)
    make_customer(email=BEA, first_name="Bea")
    again(deliver)
    assert held(profiles) == [(None, [], [PHONE]), ("Bea", [BEA], [])]


def test_a_guest_without_an_answer_is_not_taken_for_a_stranger_with_the_phone(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, settings: Any
) -> None:
    body = f'{{"phone": "{PHONE}", "email": "x@example.com", "first_name": "Other"}}'.encode()
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=body)
    lost_answer(hellotext_app, settings)
    placed_order(email=MALLORY, phone=PHONE, first_name="Mallory")
    again(deliver)
    assert held(profiles) == [("Mallory", [MALLORY], []), ("Other", ["x@example.com"], [PHONE])]


def test_a_guest_who_was_lost_and_has_no_answer_is_looked_up(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, phones: dict[str, str], settings: Any
) -> None:
    """Their profile is gone, its successor ends in 502, and meanwhile an account has the phone."""
    order = placed_order(phone=PHONE, first_name="Mallory")
    deliver()
    hellotext_app.handle("DELETE", f"/v1/profiles/{row_of(order).remote_id}", headers=TOKEN, body=b"")
    hellotext_app.add_fault(at_creation("error", 502))
    order.first_name = "Mal"
    order.save()
    for _ in range(3):
        RemoteObject.objects.filter(state=State.PENDING).update(next_attempt_at=None)
        Account.objects.update(paused_until=None, paused_reason="")
        deliver()
    assert row_of(order).state == State.UNCERTAIN
    phones[BEA] = PHONE
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}
    body = f'{{"email": "{BEA}", "phone": "{PHONE}", "first_name": "Bea"}}'.encode()
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=body)
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Mal", [], [])]


@pytest.mark.usefixtures("no_listing")
def test_a_contact_that_hellotext_refuses_is_left_out(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str]
) -> None:
    phones[BEA] = PHONE
    make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=MALLORY, first_name="Mallory")
    deliver()
    order.phone = PHONE
    order.save()
    placed_order(email=MALLORY, phone=PHONE, first_name="Mallory")
    again(deliver)
    assert held(profiles) == [("Bea", [BEA], [PHONE]), ("Mallory", [MALLORY], [])]
    assert {event.state for event in Event.objects.all()} == {State.DELIVERED}


# Others


def test_a_guest_with_a_phone_alone_is_not_a_stranger_who_has_it(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """Someone wrote to the shop with that phone; no guest of the shop has it."""
    body = f'{{"phone": "{PHONE}", "first_name": "Stranger"}}'.encode()
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=body)
    placed_order(phone=PHONE, first_name="Gil")
    deliver()
    assert held(profiles) == [("Gil", [], []), ("Stranger", [], [PHONE])]


def test_a_guest_who_is_left_with_nothing_leaves_the_account(deliver: Deliver, profiles: Profiles) -> None:
    account = make_customer(email=BEA, first_name="Bea")
    placed_order(email=MALLORY, phone=PHONE, first_name="Other")
    order = placed_order(email=BEA)
    deliver()
    order.email, order.phone = "", PHONE
    order.save()
    deliver()
    assert (row_of(order).state, row_of(order).remote_id) == (State.SKIPPED, "")
    assert row_of(account).state == State.SYNCED


def test_an_emptied_email_leaves_the_profile_to_others_who_have_it(deliver: Deliver, profiles: Profiles) -> None:
    placed_order(email="gil@example.com", first_name="Gil")
    order = placed_order(email="gil@example.com", first_name="Gil", phone=PHONE)
    deliver()
    order.email = ""
    order.save()
    deliver()
    assert ["gil@example.com"] in [profile["emails"] for profile in profiles()]


def test_nothing_is_sent_for_profiles_that_have_not_changed(hellotext_app: Emulator, deliver: Deliver) -> None:
    make_customer(email=BEA, first_name="Bea")
    order = placed_order(email=BEA, phone=PHONE, first_name="Mallory")
    deliver()
    before = len(hellotext_app.log)
    order.status = "paid"
    order.save()
    RemoteObject.objects.filter(kind="profile").renew()
    deliver()
    call_command("hellotext_sync", "--repair", stdout=StringIO())
    assert [entry.path for entry in hellotext_app.log[before:] if entry.method != "GET"] == ["/v1/attribution/events"]
