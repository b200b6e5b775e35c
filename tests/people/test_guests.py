"""Guests are customers, and become an account only when it is certain that they are the same person (demand A10)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

import django_hellotext as hellotext
from django_hellotext.adapters import UserProfileAdapter
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_customer, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
EMAIL = "gil@example.com"


@pytest.fixture
def verified(hellotext_app: Emulator, settings: Any) -> set[str]:
    """What the shop has verified; empty at first."""
    known: set[str] = set()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": lambda customer, kind, value: value in known}
    return known


def remote_id(obj: Any) -> str:
    found: str = RemoteObject.objects.get(kind="profile", host_label=obj._meta.label_lower, host_pk=obj.pk).remote_id
    return found


def test_a_guest_has_a_profile_and_the_orders_events(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """A10: the order's own e-mail is enough."""
    order = placed_order(email=EMAIL, first_name="Gil")
    deliver()
    assert [(profile["emails"], profile["first_name"]) for profile in profiles()] == [([EMAIL], "Gil")]
    assert (Event.objects.get().state, remote_id(order)) == (State.DELIVERED, profiles()[0]["id"])


def test_two_orders_of_one_guest_are_one_profile(deliver: Deliver, profiles: Profiles) -> None:
    """A10: no duplicates."""
    orders = [placed_order(email=EMAIL), placed_order(email=EMAIL)]
    deliver()
    assert len(profiles()) == 1
    assert len({remote_id(order) for order in orders}) == 1
    assert {row.state for row in Event.objects.all()} == {State.DELIVERED}


def test_a_verified_sign_up_becomes_the_guests_profile(
    verified: set[str], deliver: Deliver, profiles: Profiles
) -> None:
    """A10: guest order, later a verified account: the same remote ID."""
    order = placed_order(email=EMAIL)
    deliver()
    verified.add(EMAIL)
    customer = make_customer(email=EMAIL)
    deliver()
    assert remote_id(customer) == remote_id(order)
    assert len(profiles()) == 1


def test_an_unverified_sign_up_is_not_linked(verified: set[str], deliver: Deliver, profiles: Profiles) -> None:
    """A10: who only claims the guest's e-mail is somebody else, and the guest's profile keeps its name."""
    order = placed_order(email=EMAIL, first_name="Gil")
    deliver()
    customer = make_customer(email=EMAIL, first_name="Mallory")
    deliver()
    assert remote_id(customer) != remote_id(order)
    assert [(profile["emails"], profile["first_name"]) for profile in profiles()] == [([EMAIL], "Gil"), ([], "Mallory")]


def test_who_verifies_later_moves_over_to_the_guests_profile(
    verified: set[str], deliver: Deliver, profiles: Profiles, caplog: pytest.LogCaptureFixture
) -> None:
    """A10: and the values of the account follow."""
    order = placed_order(email=EMAIL, first_name="Gil")
    customer = make_customer(email=EMAIL, first_name="Gilbert")
    deliver()
    before = remote_id(customer)
    verified.add(EMAIL)
    customer.save()
    with caplog.at_level(logging.INFO, logger="django_hellotext.delivery"):
        deliver()
    assert remote_id(customer) == remote_id(order) != before
    held = {profile["id"]: profile for profile in profiles()}
    assert held[remote_id(customer)]["first_name"] == "Gilbert"
    assert "profile.moved" in [record.getMessage() for record in caplog.records]
    assert EMAIL not in caplog.text


def test_an_account_of_which_nothing_may_be_sent_waits(
    verified: set[str], deliver: Deliver, profiles: Profiles
) -> None:
    customer = make_customer(email=EMAIL, first_name="", last_name="")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.skip_reason, profiles()) == (State.SKIPPED, "anonymous", [])
    verified.add(EMAIL)
    customer.save()
    deliver()
    assert profiles()[0]["emails"] == [EMAIL]


@pytest.mark.usefixtures("hellotext_app")
def test_without_a_hook_the_account_is_the_shops_word(deliver: Deliver) -> None:
    """A10: documented; a shop that does not confirm e-mails names a hook."""
    order = placed_order(email=EMAIL)
    customer = make_customer(email=EMAIL)
    deliver()
    assert remote_id(customer) == remote_id(order)


@pytest.mark.parametrize("answer", [False, None, 1, "yes"])
def test_only_true_is_verified(settings: Any, answer: Any) -> None:
    settings.HELLOTEXT = {"VERIFIED": lambda customer, kind, value: answer}
    assert "email" not in UserProfileAdapter(User).payload(User(username="u", email=EMAIL))


def test_a_hook_that_raises_verifies_nothing_and_is_logged_once(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(customer: Any, kind: str, value: str) -> bool:
        raise RuntimeError("broken")

    settings.HELLOTEXT = {"VERIFIED": broken}
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert "email" not in UserProfileAdapter(User).payload(User(username="u", email=EMAIL))
    assert [record.getMessage() for record in caplog.records] == ["verified.hook_failed"]


def test_nothing_is_asked_on_the_request_path(hellotext_app: Emulator, settings: Any) -> None:
    """A10: no look-up while a visitor waits."""

    def asked(customer: Any, kind: str, value: str) -> bool:
        raise AssertionError("asked in a request")

    settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": asked}
    customer = make_customer(email=EMAIL)
    hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    placed_order(email=EMAIL)
    placed_order(customer=customer)
    assert len(hellotext_app.log) == 0


def test_a_guest_and_an_account_may_share_a_profile(deliver: Deliver) -> None:
    placed_order(email=EMAIL)
    make_customer(email=EMAIL)
    placed_order(email=EMAIL)
    deliver()
    assert {row.state for row in RemoteObject.objects.filter(kind="profile")} == {State.SYNCED}


def test_a_new_email_leaves_the_same_profile(deliver: Deliver, profiles: Profiles) -> None:
    """I7: an e-mail is an attribute, never the identity."""
    customer = make_customer(email=EMAIL)
    deliver()
    before = remote_id(customer)
    customer.email = "gilbert@example.com"
    customer.save()
    deliver()
    assert remote_id(customer) == before
    assert "gilbert@example.com" in profiles()[0]["emails"]
    assert len(profiles()) == 1
