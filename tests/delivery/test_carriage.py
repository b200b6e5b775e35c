"""Threads are given rows ahead of time, and begin none once something is wrong (promise 6)."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import pytest

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.delivery.carriage import Carriage
from django_hellotext.delivery.engine import Drain
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.models import Account, Event, State
from tests.factories import make_customer

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
EVENTS = "/v1/attribution/events"
THREADS = 4


def record_for_known_customers(count: int, deliver: Deliver) -> None:
    customers = [make_customer() for _ in range(count)]
    deliver()
    for customer in customers:
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")


def posted(emulator: Emulator) -> int:
    return sum(entry.path == EVENTS and entry.method == "POST" for entry in emulator.log)


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


def test_while_this_thread_is_with_the_database_the_others_stop_at_the_first_trouble(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are left with the threads meanwhile, and nobody looks at what comes back."""
    record_for_known_customers(5 * THREADS, deliver)
    gate, flights, numbers = threading.Event(), list[Future[Any]](), itertools.count()
    at_gate = threading.Semaphore(0)
    answer, submit = hellotext.handle, Carriage.submit

    def handle(method: str, path: str, **rest: Any) -> EmulatorResponse:
        # Then each of the threads has one row in hand, and as many wait behind those.
        if path == EVENTS and next(numbers) >= 3 * THREADS:
            at_gate.release()
            assert gate.wait(30)
        return answer(method, path, **rest)

    def noted(carriage: Carriage, call: Any, **rest: Any) -> Future[Any]:
        flights.append(submit(carriage, call, **rest))
        return flights[-1]

    def feed() -> bool:
        """The engine asks for more work, once nothing is due: in this thread, with the rest of the rows handed out."""
        if not gate.is_set():
            assert all(at_gate.acquire(timeout=30) for _ in range(THREADS))
            hellotext.add_fault(Fault(kind="error", status=503))
            gate.set()
            wait(flights, timeout=30)
        return False

    monkeypatch.setattr(hellotext, "handle", handle)
    monkeypatch.setattr(Carriage, "submit", noted)
    Drain("default", concurrency=THREADS, feed=feed).run()
    assert Event.objects.filter(state=State.DELIVERED).count() == 3 * THREADS
    assert sum(entry.path == EVENTS and entry.status == 503 for entry in hellotext.log) == THREADS
