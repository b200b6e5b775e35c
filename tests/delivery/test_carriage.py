"""Threads are given rows ahead of time, and begin none once something is wrong (promise 6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Account, Event, State
from tests.factories import make_customer

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
THREADS = 4


def record_for_known_customers(count: int, deliver: Deliver) -> None:
    customers = [make_customer() for _ in range(count)]
    deliver()
    for customer in customers:
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")


def posted(emulator: Emulator) -> int:
    return sum(entry.path == "/v1/attribution/events" and entry.method == "POST" for entry in emulator.log)


@pytest.mark.parametrize("status", [500, 503])
def test_rows_handed_out_ahead_are_not_sent_once_one_thread_met_an_outage(
    hellotext: Emulator, deliver: Deliver, status: int
) -> None:
    record_for_known_customers(2 * THREADS, deliver)
    hellotext.add_fault(Fault(kind="error", status=status))
    deliver(concurrency=THREADS)
    assert posted(hellotext) <= THREADS
    assert set(Event.objects.values_list("state", "attempts")) == {(State.PENDING, 0)}
    account = Account.objects.get()
    assert account.paused_reason


@pytest.mark.usefixtures("long_waits")
def test_rows_handed_out_ahead_are_sent_after_all_when_only_one_was_poison(
    hellotext: Emulator, deliver: Deliver
) -> None:
    record_for_known_customers(5 * THREADS, deliver)
    hellotext.add_fault(Fault(kind="error", status=500, times=1, path="/v1/attribution/events"))
    deliver(concurrency=THREADS)
    assert Event.objects.filter(state=State.DELIVERED).count() == 5 * THREADS - 1
    assert Event.objects.get(state=State.PENDING).attempts == 1
