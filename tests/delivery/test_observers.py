"""Signals tell what became of a row; whoever listens cannot hurt the delivery (demand J6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.dispatch import Signal

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Account, Event, RemoteObject, State
from django_hellotext.signals import delivered, failed, paused, resumed
from tests.factories import make_customer, make_product
from tests.refusals import Refusals

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str, str]]]:
    told: list[tuple[str, str, str]] = []

    def on_delivered(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
        told.append(("delivered", sender.__name__, str(instance)))

    def on_failed(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
        told.append(("failed", instance.error_type, str(instance)))

    delivered.connect(on_delivered)
    failed.connect(on_failed)
    yield told
    delivered.disconnect(on_delivered)
    failed.disconnect(on_failed)


def test_what_arrived_and_what_was_refused_is_told(
    deliver: Deliver, refusals: Refusals, heard: list[tuple[str, str, str]]
) -> None:
    refusals.refuse("/v1/attribution/events", when=lambda body: body["action"] == "product.viewed")
    django_hellotext.track("product.viewed", make_product(), profile=make_customer())
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    kinds = [(what, which) for what, which, _ in heard]
    assert kinds.count(("delivered", "Event")) == 1
    assert ("delivered", "RemoteObject") in kinds
    assert ("failed", "invalid") in kinds


def test_the_signal_carries_the_final_state_of_its_row(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    states: list[tuple[str, str]] = []

    def on_delivered(sender: Any, instance: Any, **kwargs: Any) -> None:
        states.append((sender.__name__, instance.state))

    delivered.connect(on_delivered)
    try:
        django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
        deliver()
        product.delete()
        deliver()
    finally:
        delivered.disconnect(on_delivered)
    assert states == [("RemoteObject", State.SYNCED), ("Event", State.DELIVERED), ("RemoteObject", State.DELETED)]


def test_the_log_of_a_failed_row_names_the_row_and_its_error(
    deliver: Deliver, refusals: Refusals, caplog: pytest.LogCaptureFixture
) -> None:
    refusals.refuse("/v1/attribution/events")
    django_hellotext.track("product.viewed", make_product(), profile=make_customer())
    deliver()
    event = Event.objects.get()
    [logged] = [entry for entry in caplog.records if entry.message == "row.failed" and vars(entry)["model"] == "Event"]
    said = {name: vars(logged)[name] for name in ("row", "status", "type")}
    assert said == {"row": event.pk, "status": event.error_status, "type": "invalid"}


@pytest.mark.parametrize(
    "signal", [delivered, failed, paused, resumed], ids=["delivered", "failed", "paused", "resumed"]
)
def test_a_receiver_that_raises_stops_nothing(hellotext: Emulator, deliver: Deliver, signal: Signal) -> None:
    calls = []

    def raising(**kwargs: Any) -> None:
        calls.append(kwargs)
        raise RuntimeError("a receiver of the shop's own")

    signal.connect(raising)
    try:
        product = make_product(name="")
        for _ in range(5):
            django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
        hellotext.add_fault(Fault(kind="error", status=503))
        deliver()
        hellotext.clear_faults()
        Account.objects.update(paused_until=clock.now() - timedelta(hours=1))
        deliver()
    finally:
        signal.disconnect(raising)
    assert calls
    assert Event.objects.filter(state=State.DELIVERED).count() == 5
    assert RemoteObject.objects.get(host_pk=str(product.pk), kind="product").state == State.FAILED
