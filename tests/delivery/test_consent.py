"""Consent is asked when a fact is recorded, again when it is sent, and by the tag (demands I2, H4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, Session, State
from django_hellotext.snippet import snippet
from tests.factories import make_customer, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


class Banner:
    """A shop's cookie banner: who has refused what, by the customer's name."""

    def __init__(self) -> None:
        self.refused: set[tuple[str, str]] = set()
        self.asked: list[tuple[bool, str, Any]] = []

    def __call__(self, request: Any, purpose: str, subject: Any) -> bool | None:
        self.asked.append((request is not None, purpose, subject))
        name = subject.username if isinstance(subject, User) else ""
        return False if (name, purpose) in self.refused else None


@pytest.fixture
def banner(hellotext: Emulator, settings: Any) -> Banner:
    banner = Banner()
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": banner}
    return banner


def view_page(customer: User) -> None:
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")


def test_a_refusal_when_it_is_recorded_leaves_no_row(banner: Banner) -> None:
    customer = make_customer()
    banner.refused.add((customer.username, "browse"))
    view_page(customer)
    assert not Event.objects.exists()


def test_a_consent_withdrawn_before_sending_is_heard(banner: Banner, deliver: Deliver) -> None:
    customer, other = make_customer(), make_customer()
    view_page(customer)
    view_page(other)
    banner.refused.add((customer.username, "browse"))
    deliver()
    assert dict(Event.objects.values_list("profile_pk", "state")) == {
        str(customer.pk): State.SKIPPED,
        str(other.pk): State.DELIVERED,
    }
    assert Event.objects.get(state=State.SKIPPED).skip_reason == "consent"


def test_who_refuses_to_be_seen_browsing_still_buys(banner: Banner, deliver: Deliver) -> None:
    customer = make_customer()
    banner.refused.add((customer.username, "browse"))
    placed_order(customer=customer)
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def test_a_session_is_not_joined_to_who_has_withdrawn_and_is_when_they_think_better_of_it(
    banner: Banner, deliver: Deliver, hellotext: Emulator
) -> None:
    """Demand I2: an attachment asks like an event does."""
    hellotext.know_session("from-the-link")
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, session="from-the-link", url="https://shop.example/")
    placed_order(customer=customer)
    banner.refused.add((customer.username, "browse"))
    deliver()
    row = Session.objects.get()
    assert (row.state, row.attempts) == (State.PENDING, 0)
    assert not [entry for entry in hellotext.log if "/sessions/" in entry.path]
    banner.refused.clear()
    Session.objects.update(next_attempt_at=None)
    deliver()
    assert Session.objects.get().state == State.SYNCED


@pytest.mark.parametrize(
    ("hours", "expected"), [(23.9, (State.PENDING, "", True)), (24.1, (State.SKIPPED, "consent", False))]
)
def test_a_session_of_who_withdrew_is_given_up_after_a_day(
    banner: Banner, deliver: Deliver, hellotext: Emulator, hours: float, expected: tuple[str, str, bool]
) -> None:
    """Demand I2."""
    hellotext.know_session("from-the-link")
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, session="from-the-link", url="https://shop.example/")
    banner.refused.add((customer.username, "browse"))
    deliver()
    Session.objects.update(next_attempt_at=None, created_at=clock.now() - timedelta(hours=hours))
    deliver()
    row = Session.objects.get()
    assert (row.state, row.skip_reason, row.next_attempt_at is not None) == expected


def test_when_it_is_sent_it_is_asked_without_a_request_and_about_the_customer(banner: Banner, deliver: Deliver) -> None:
    customer = make_customer()
    view_page(customer)
    banner.asked.clear()
    deliver()
    assert banner.asked == [(False, "browse", customer)]


def test_the_tag_renders_nothing_for_who_refuses(banner: Banner, rf: RequestFactory) -> None:
    request = rf.get("/")
    assert "<script" in snippet(request=request)
    banner.refused.add(("", "browse"))
    assert snippet(request=rf.get("/")) == ""


@pytest.mark.usefixtures("hellotext")
def test_global_privacy_control_refuses_browsing_and_the_tag(rf: RequestFactory) -> None:
    request = rf.get("/", headers={"Sec-GPC": "1"})
    assert snippet(request=request) == ""
    django_hellotext.track("page.viewed", profile=make_customer(), request=request)
    assert not Event.objects.exists()
