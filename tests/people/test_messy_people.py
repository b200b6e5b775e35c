"""Customers as shops have them: each is one customer at Hellotext, and what they buy arrives."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

import django_hellotext as hellotext
from django_hellotext.adapters import registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.emulator.inspection import state
from django_hellotext.models import Event, MissingObject, RemoteObject, State
from tests.factories import make_customer, placed_order

from .test_shared_contacts import BROWSER, PHONE, TOKEN, again, held, no_listing, phones, row_of

__all__ = ["no_listing", "phones"]

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
ANA, A_FORM, U_FORM = "ana@example.com", "ana@xn--mller-kva.de", "ana@müller.de"


def adjusted(row: RemoteObject) -> list[tuple[str, str]]:
    """Field and kind of each adjustment of ``row``."""
    row.refresh_from_db()
    return [(one.field, one.kind) for one in Adjustments.from_json(row.adjustments)]


def events(emulator: Emulator) -> list[dict[str, Any]]:
    """The events at Hellotext, in the order in which they arrived."""
    return list(state(emulator)["events"])


def states(kind: str = "order") -> set[str]:
    return {row.state for row in RemoteObject.objects.filter(kind=kind)}


# E-mails


def test_two_accounts_whose_email_differs_by_case(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """The first keeps the fields; the orders and events of both arrive, without the second browser's session."""
    hellotext_app.know_session(BROWSER)
    first = make_customer(email="Ana@Example.com", first_name="Ana")
    second = make_customer(email="ana@example.COM", first_name="Anna")
    orders = [placed_order(customer=first), placed_order(customer=second)]
    hellotext.track("order.confirmed", orders[1], profile=second, session=BROWSER)
    deliver()
    assert held(profiles) == [("Ana", ["Ana@Example.com"], [])]
    assert (row_of(first).attributed, row_of(second).attributed) == (False, True)
    assert states() == {State.SYNCED}
    [profile] = profiles()
    there = events(hellotext_app)
    assert len(there) == 3
    assert {(event["profile"], event["session"]) for event in there} == {(profile["id"], None)}
    second.first_name = "Annabel"
    second.save()
    deliver()
    assert held(profiles) == [("Ana", ["Ana@Example.com"], [])]


@pytest.mark.parametrize(("one", "other"), [(A_FORM, U_FORM), (U_FORM, A_FORM), (U_FORM, "ANA@MÜLLER.DE")])
def test_an_international_domain_in_two_spellings_is_one_profile(
    deliver: Deliver, profiles: Profiles, one: str, other: str
) -> None:
    make_customer(email=one, first_name="Ana")
    deliver()
    placed_order(email=other, first_name="Anna")
    deliver()
    [(name, emails, _)] = held(profiles)
    assert (name, [email.lower() for email in emails]) == ("Ana", [A_FORM])
    assert {event.state for event in Event.objects.all()} == {State.DELIVERED}


def test_a_profile_that_has_the_other_spelling_is_found(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """It was typed there by a person."""
    body = '{"email": "ana@müller.de"}'.encode()
    hellotext_app.handle("POST", "/v1/profiles", headers=TOKEN, body=body)
    make_customer(email=A_FORM, first_name="Ana")
    deliver()
    [profile] = profiles()
    assert profile["first_name"] == "Ana"


def test_an_address_beyond_ascii_goes(deliver: Deliver, profiles: Profiles) -> None:
    customer = make_customer(email="josé@ejemplo.com", first_name="José")
    deliver()
    assert held(profiles) == [("José", ["josé@ejemplo.com"], [])]
    assert adjusted(row_of(customer)) == []


def test_a_check_of_both_sides_takes_spellings_for_equal(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    make_customer(email="Ana@MÜLLER.de", first_name="Ana")
    deliver()
    [profile] = profiles()
    path = f"/v1/profiles/{profile['id']}"
    hellotext_app.handle("PATCH", path, headers=TOKEN, body='{"email": "ana@müller.de"}'.encode())
    out = StringIO()
    call_command("hellotext_sync", "--check", "auth.User", stdout=out)
    assert "changed" not in out.getvalue()


@pytest.mark.parametrize("email", ["none", "ana@", "ana@exa mple.com", "\x01"])
def test_an_order_without_a_usable_contact_arrives(hellotext_app: Emulator, deliver: Deliver, email: str) -> None:
    """Its event goes with the session."""
    hellotext_app.know_session(BROWSER)
    order = placed_order(email=email, phone="call me")
    hellotext.track("order.confirmed", order, session=BROWSER)
    deliver()
    assert states() == {State.SYNCED}
    there = [(one["action"]["name"], one["session"]) for one in events(hellotext_app)]
    assert sorted(there) == [("order.confirmed", BROWSER), ("order.placed", None)]


def test_an_order_whose_first_email_was_none_is_delivered(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    order = placed_order(email="none", first_name="Ana")
    deliver()
    order.email, order.status = ANA, "paid"
    order.save()
    again(deliver)
    [profile] = [one for one in profiles() if one["emails"]]
    assert (profile["first_name"], profile["emails"]) == ("Ana", [ANA])
    assert ("order.confirmed", profile["id"]) in [
        (one["action"]["name"], one["profile"]) for one in events(hellotext_app)
    ]


def test_a_bad_email_of_a_customer_is_left_out_and_listed(deliver: Deliver, profiles: Profiles) -> None:
    customer = make_customer(email="n/a", first_name="Ana")
    order = placed_order(customer=customer)
    deliver()
    assert held(profiles) == [("Ana", [], [])]
    assert adjusted(row_of(customer)) == [("email", "left_out")]
    assert Event.objects.get(object_pk=str(order.pk)).state == State.DELIVERED


@pytest.mark.parametrize("name", [A_FORM, U_FORM, "ANA@MÜLLER.de"])
def test_erasure_finds_and_remembers_every_spelling(deliver: Deliver, profiles: Profiles, name: str) -> None:
    make_customer(email=U_FORM)
    placed_order(email=A_FORM)
    deliver()
    hellotext.forget_customer(name)
    deliver()
    assert profiles() == []
    placed_order(email=U_FORM.upper().replace("Ü", "ü"))
    deliver()
    assert profiles() == []


# Phones


def test_a_phone_of_another_profile_is_left_out_and_listed(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str]
) -> None:
    """And stays listed, however often the customer is looked at."""
    phones.update({ANA: PHONE, "bea@example.com": PHONE})
    make_customer(email=ANA, first_name="Ana")
    deliver()
    second = make_customer(email="bea@example.com", first_name="Bea")
    deliver()
    assert held(profiles) == [("Ana", [ANA], [PHONE]), ("Bea", ["bea@example.com"], [])]
    assert adjusted(row_of(second)) == [("phone", "duplicate_value")]
    hellotext.sync(second)
    deliver()
    assert adjusted(row_of(second)) == [("phone", "duplicate_value")]
    assert PHONE not in str(row_of(second).adjustments)
    phones["bea@example.com"] = "+4917011111111"
    hellotext.sync(second)
    deliver()
    assert adjusted(row_of(second)) == []


@pytest.mark.usefixtures("no_listing")
def test_a_phone_that_hellotext_rejects_as_anothers_is_listed(deliver: Deliver, phones: dict[str, str]) -> None:
    phones[ANA] = PHONE
    make_customer(email=ANA)
    second = make_customer(email="bea@example.com", first_name="Bea")
    deliver()
    phones["bea@example.com"] = PHONE
    second.save()
    again(deliver)
    assert adjusted(row_of(second)) == [("phone", "duplicate_value")]


def test_a_number_of_a_former_plan_is_repaired_and_listed(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str]
) -> None:
    phones[ANA] = "+52 1 55 1234 5678"
    customer = make_customer(email=ANA, first_name="Ana")
    deliver()
    assert held(profiles) == [("Ana", [ANA], ["+525512345678"])]
    assert adjusted(row_of(customer)) == [("phone", "repaired")]


# Values that cannot be read


def test_what_cannot_be_read_stays_at_hellotext(
    deliver: Deliver, profiles: Profiles, phones: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the shop's code is no reason to take the phone away."""
    phones[ANA] = PHONE
    customer = make_customer(email=ANA, first_name="Ana")
    deliver()
    phones.clear()
    adapter = type(registry.for_model(User))
    with monkeypatch.context() as patched:
        patched.setattr(adapter, "get_phone", lambda self, user: 1 / 0)
        customer.first_name = "Anna"
        customer.save()
        deliver()
    assert held(profiles) == [("Anna", [ANA], [PHONE])]
    assert adjusted(row_of(customer)) == [("phone", "attribute_failed")]


# Accounts that come and go


def test_an_email_changed_to_that_of_a_guest(hellotext_app: Emulator, deliver: Deliver, profiles: Profiles) -> None:
    """One profile has both histories, after a repair. The one that the account leaves behind is noted."""
    guest = placed_order(email="ana.new@example.com", first_name="Ana")
    account = make_customer(email=ANA, first_name="Ana")
    own = placed_order(customer=account)
    deliver()
    left = row_of(account).remote_id
    account.email = "Ana.New@example.com"
    account.save()
    deliver()
    placed_order(customer=account)
    deliver()
    row = row_of(account)
    assert row.remote_id == row_of(guest).remote_id != left
    assert row.data["_former"] == [left]
    of = {one["trackable"]["id"]: one["profile"] for one in events(hellotext_app)}
    orders = RemoteObject.objects.filter(kind="order").order_by("host_pk")
    assert [of[order.remote_id] for order in orders] == [row.remote_id, left, row.remote_id]
    [noted] = MissingObject.objects.all()
    assert (noted.identity, Event.objects.get(pk=noted.row).object_pk) == (row.identity, str(own.pk))
    call_command("hellotext_sync", "--repair", "auth.User", stdout=StringIO())
    assert {one["profile"] for one in events(hellotext_app)} == {row.remote_id}
    assert len(events(hellotext_app)) == 3


def test_an_order_that_is_paid_after_its_customer_was_deleted(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """It goes to a guest with the order's e-mail."""
    account = make_customer(email=ANA, first_name="Ana")
    order = placed_order(customer=account, email=ANA)
    deliver()
    account.delete()
    deliver()
    order.refresh_from_db()
    order.status = "paid"
    order.save()
    again(deliver)
    [profile] = profiles()
    assert profile["emails"] == [ANA]
    last = events(hellotext_app)[-1]
    assert (last["action"]["name"], last["profile"]) == ("order.confirmed", profile["id"])
    assert states() == {State.SYNCED}


def test_an_order_without_contacts_that_is_paid_after_its_customer_was_deleted(
    hellotext_app: Emulator, deliver: Deliver
) -> None:
    """The deleted customer is not made again; the event arrives all the same."""
    account = make_customer(email=ANA, first_name="Ana")
    order = placed_order(customer=account, email="")
    deliver()
    account.delete()
    deliver()
    order.refresh_from_db()
    order.status = "paid"
    order.save()
    again(deliver)
    assert [one["action"]["name"] for one in events(hellotext_app)] == ["order.placed", "order.confirmed"]
    assert [profile["emails"] for profile in state(hellotext_app)["profiles"]] == [[], []]
    assert states() == {State.SYNCED}


@pytest.mark.parametrize("email", ["none", ""])
def test_the_event_of_an_order_without_contact_or_session_arrives(
    hellotext_app: Emulator, deliver: Deliver, email: str
) -> None:
    placed_order(email=email, phone="call me")
    again(deliver)
    assert [one["action"]["name"] for one in events(hellotext_app)] == ["order.placed"]
    assert states() == {State.SYNCED}
