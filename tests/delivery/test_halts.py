"""An account whose credentials are rejected is halted, and a probe lifts the halt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.models import Account, Event, State
from django_hellotext.models.fields import UtcNow
from django_hellotext.signals import resumed
from tests.factories import make_customer

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROBE = ("GET", "/v1/profiles")


def record(count: int = 3) -> None:
    for number in range(count):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")


def probe_is_due() -> None:
    Account.objects.update(halted_until=LONG_AGO)


def wait() -> float:
    """Return the seconds from now to the next probe."""
    account = Account.objects.get()
    assert account.halted_until is not None
    return (account.halted_until - clock.now()).total_seconds()


@pytest.fixture
def halted(hellotext: Emulator, deliver: Deliver) -> Emulator:
    """An account that one 401 has halted; the token is accepted again."""
    record()
    hellotext.revoke_token()
    deliver(concurrency=1)
    assert "401" in Account.objects.get().halted_reason
    hellotext.clear_faults()
    return hellotext


@pytest.fixture
def resumptions() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(sender: object, *, account: str, **kwargs: Any) -> None:
        heard.append(account)

    resumed.connect(hear)
    yield heard
    resumed.disconnect(hear)


def test_one_passing_401_halts_the_account_until_the_next_probe(
    halted: Emulator, deliver: Deliver, resumptions: list[str]
) -> None:
    assert 50 < wait() <= 60
    before = len(halted.log)
    deliver()
    assert len(halted.log) == before
    probe_is_due()
    deliver()
    assert (halted.log[before].method, halted.log[before].path) == PROBE
    assert Event.objects.filter(state=State.DELIVERED).count() == 3
    account = Account.objects.get()
    assert (account.halted_reason, account.halted_at, account.halted_until, account.halts) == ("", None, None, 0)
    assert resumptions == ["test-business/test"]


def test_the_probe_goes_out_although_nothing_waits(halted: Emulator, deliver: Deliver) -> None:
    Event.objects.all().delete()
    probe_is_due()
    deliver()
    assert Account.objects.get().halted_reason == ""


@pytest.mark.parametrize("status", [401, 403])
def test_rejected_probes_double_the_wait_up_to_an_hour(
    halted: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    since, asked = Account.objects.get().halted_at, list[tuple[str, str]]()

    def reject(method: str, path: str, **rest: Any) -> EmulatorResponse:
        asked.append((method, path.partition("?")[0]))
        return EmulatorResponse(status, {}, b"{}")

    monkeypatch.setattr(halted, "handle", reject)
    caplog.clear()
    waits = []
    for _ in range(8):
        probe_is_due()
        deliver()
        waits.append(wait())
    assert asked == [PROBE] * 8
    assert waits == pytest.approx([120, 240, 480, 960, 1920, 3600, 3600, 3600], abs=10)
    account = Account.objects.get()
    assert account.halted_at == since
    assert str(status) in account.halted_reason
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []
    assert not Event.objects.exclude(state=State.PENDING, attempts=0).exists()


@pytest.mark.parametrize(
    "fault", [Fault(kind="error", status=503), Fault(kind="no_answer", seconds=30), Fault(kind="reset")]
)
def test_an_outage_does_not_lift_a_halt(halted: Emulator, deliver: Deliver, fault: Fault) -> None:
    halted.add_fault(fault)
    for _ in range(2):
        probe_is_due()
        deliver()
    account = Account.objects.get()
    assert "401" in account.halted_reason
    assert account.paused_reason == ""
    assert 50 < wait() <= 60
    assert not Event.objects.exclude(state=State.PENDING).exists()


def test_a_probe_waits_for_as_long_as_hellotext_asks(halted: Emulator, deliver: Deliver) -> None:
    halted.add_fault(Fault(kind="rate_limit", retry_after=600))
    probe_is_due()
    deliver()
    assert 590 < wait() <= 600


def test_while_one_worker_probes_the_others_wait(halted: Emulator, deliver: Deliver) -> None:
    probe_is_due()
    assert Account.objects.take_probe("test-business/test", seconds=60, halted=True)
    before = len(halted.log)
    deliver()
    assert len(halted.log) == before


def test_a_person_resumes_at_once(halted: Emulator, deliver: Deliver) -> None:
    assert Account.objects.resume("test-business/test") == 1
    deliver()
    assert Event.objects.filter(state=State.DELIVERED).count() == 3


@pytest.mark.parametrize("wait_before", [timedelta(minutes=1), HOUR])
def test_a_probe_is_due_when_the_clock_was_an_hour_ahead(
    halted: Emulator, deliver: Deliver, wait_before: timedelta
) -> None:
    Account.objects.update(held_at=UtcNow() + HOUR, halted_until=UtcNow() + HOUR + wait_before)
    deliver()
    assert Event.objects.filter(state=State.DELIVERED).count() == 3
