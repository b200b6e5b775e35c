"""The database's clock was an hour ahead for a while: what it wrote then delays nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.delivery.crowd import drains_at_work
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, Lane, RemoteObject, Session, State
from django_hellotext.models.fields import UtcNow
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
HOUR = timedelta(hours=1)
DELAYS = [timedelta(seconds=2), HOUR]


def record(count: int = 1) -> None:
    customer = make_customer()
    for number in range(count):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")


def delivered() -> list[str]:
    return list(Event.objects.filter(state=State.DELIVERED).order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize("delay", DELAYS)
def test_a_row_that_waits_for_its_next_attempt_is_due(hellotext: Emulator, deliver: Deliver, delay: timedelta) -> None:
    record(2)
    first = Event.objects.order_by("pk")[0]
    Event.objects.filter(pk=first.pk).update(updated_at=UtcNow() + HOUR, next_attempt_at=UtcNow() + HOUR + delay)
    deliver()
    assert len(delivered()) == 2
    urls = [entry.body_json["url"] for entry in hellotext.log if entry.method == "POST" and "events" in entry.path]
    assert urls == ["https://shop.example/0", "https://shop.example/1"]


def test_a_delay_that_was_written_by_the_right_clock_is_kept(hellotext: Emulator, deliver: Deliver) -> None:
    record(2)
    Event.objects.filter(pk=Event.objects.order_by("pk")[0].pk).update(
        updated_at=UtcNow(), next_attempt_at=UtcNow() + HOUR
    )
    deliver()
    assert delivered() == []


def test_an_object_that_changes_meanwhile_is_due(hellotext: Emulator, deliver: Deliver) -> None:
    make_product()
    deliver()
    rows = RemoteObject.objects.filter(kind="product")
    rows.update(state=State.PENDING, updated_at=UtcNow() + HOUR, next_attempt_at=UtcNow() + 2 * HOUR)
    rows.touch(rows.values_list("pk", flat=True), lane=Lane.LIVE)
    deliver()
    assert rows.get().state == State.SYNCED


def test_the_lease_of_a_killed_worker_is_over(hellotext: Emulator, deliver: Deliver) -> None:
    record()
    ids = list(Event.objects.values_list("pk", flat=True))
    Event.objects.claim(ids, token="killed", lease=120)
    Event.objects.update(attempted_at=UtcNow() + HOUR, lease_until=UtcNow() + HOUR + timedelta(minutes=2))
    assert drains_at_work("default") == 0
    deliver()
    assert Event.objects.get().state != State.SENDING


def test_a_lease_that_was_written_by_the_right_clock_is_kept(hellotext: Emulator, deliver: Deliver) -> None:
    record()
    Event.objects.claim(list(Event.objects.values_list("pk", flat=True)), token="at-work", lease=7200)
    assert drains_at_work("default") == 1
    deliver()
    assert Event.objects.get().state == State.SENDING


def test_an_uncertain_row_is_looked_for(hellotext: Emulator, deliver: Deliver) -> None:
    """Its settle time begins again with the first look, not with the time that the wrong clock wrote."""
    record()
    ahead = UtcNow() + HOUR
    Event.objects.update(
        state=State.UNCERTAIN, updated_at=ahead, attempted_at=ahead, finished_at=ahead, next_attempt_at=ahead, token=""
    )
    deliver()
    row = Event.objects.get()
    assert row.finished_at is None or row.finished_at <= clock.now() + timedelta(minutes=1)
    assert row.next_attempt_at is None or row.next_attempt_at < clock.now() + timedelta(minutes=5)


@pytest.mark.parametrize("delay", DELAYS)
def test_a_pause_is_over(hellotext: Emulator, deliver: Deliver, delay: timedelta) -> None:
    record()
    deliver()
    record()
    Account.objects.pause("test-business/test", seconds=60, reason="ServerError 503")
    Account.objects.update(held_at=UtcNow() + HOUR, paused_until=UtcNow() + HOUR + delay)
    deliver()
    assert len(delivered()) == 2


def test_a_session_that_was_noted_ahead_is_not_waited_for(hellotext: Emulator, deliver: Deliver) -> None:
    """Hellotext has not seen the session yet; the event goes with its customer alone."""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, session="unknown", url="https://shop.example/")
    deliver()
    assert delivered() == []
    Session.objects.update(created_at=clock.now() + HOUR)
    Event.objects.update(next_attempt_at=None)
    deliver()
    assert len(delivered()) == 1
