"""Adjustments are written with the outcome of a row, announced once, and gone with the row's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

import django_hellotext
from django_hellotext import clock
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.delivery.prune import prune
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, RemoteObject, State
from django_hellotext.signals import adjusted
from tests.factories import make_customer, make_order, make_product
from tests.refusals import Refusals
from tests.testshop.hellotext import ProductAdapter

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
PRODUCTS = "/v1/attribution/products"
LEFT_OUT = [("image_url", "left_out")]


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product whose slug is "bad" has an image that is no URL."""

    def read(self: ProductAdapter, obj: Any) -> str:
        return "no url" if obj.slug == "bad" else "https://cdn.example/a.png"

    monkeypatch.setattr(ProductAdapter, "get_image_url", read, raising=False)


@pytest.fixture
def told() -> Iterator[list[tuple[str, list[tuple[str, str]]]]]:
    """What the signal said."""
    said: list[tuple[str, list[tuple[str, str]]]] = []

    def take(sender: type, adjustments: Adjustments, **kwargs: Any) -> None:
        said.append((sender.__name__, [(one.field, one.kind) for one in adjustments]))

    adjusted.connect(take)
    yield said
    adjusted.disconnect(take)


def made(row: RemoteObject | Event) -> list[tuple[str, str]]:
    return [(one.field, one.kind) for one in Adjustments.from_json(row.adjustments)]


def record(*, key: str | None = None) -> User:
    """Record an event of a customer whose URL is too long, and return the customer."""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, key=key, url="https://a.example/?q=" + "x" * 9_000)
    return customer


@pytest.mark.usefixtures("image")
def test_a_synced_object_has_them_and_the_signal_speaks_only_of_new_ones(
    hellotext: Emulator, deliver: Deliver, told: list[Any]
) -> None:
    product = make_product(slug="bad")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, made(row)) == (State.SYNCED, LEFT_OUT)
    assert told == [("RemoteObject", LEFT_OUT)]
    product.name = "Another"
    product.save()
    deliver()
    assert made(RemoteObject.objects.get()) == LEFT_OUT
    assert len(told) == 1


@pytest.mark.usefixtures("image")
def test_an_unchanged_object_has_those_of_its_newest_rendering(
    hellotext: Emulator, deliver: Deliver, told: list[Any]
) -> None:
    product = make_product(slug="bad")
    deliver()
    RemoteObject.objects.update(adjustments={"made": [{"field": "name", "kind": "repaired", "reason": "Old."}]})
    product.save()
    assert deliver().unchanged == 1
    assert made(RemoteObject.objects.get()) == LEFT_OUT
    assert told[1:] == [("RemoteObject", LEFT_OUT)]


@pytest.mark.usefixtures("image")
def test_a_failed_object_has_them(hellotext: Emulator, deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(PRODUCTS, parameter="reference", when=lambda body: True)
    make_product(slug="bad")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, made(row)) == (State.FAILED, LEFT_OUT)


def test_a_delivered_event_keeps_the_recorded_ones_and_is_announced_once(
    hellotext: Emulator, deliver: Deliver, told: list[Any]
) -> None:
    record()
    recorded = made(Event.objects.get())
    assert recorded
    deliver()
    deliver()
    event = Event.objects.get()
    assert (event.state, made(event)) == (State.DELIVERED, recorded)
    assert told == [("Event", recorded)]


def test_recorded_ones_survive_a_retry(hellotext: Emulator, deliver: Deliver) -> None:
    record()
    recorded = made(Event.objects.get())
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver()
    assert made(Event.objects.get()) == recorded


def test_erasure_empties_them(hellotext: Emulator, deliver: Deliver) -> None:
    customer = record(key="kept")
    make_product()
    make_order(customer=customer)
    deliver()
    stored = {"made": [{"field": "email", "kind": "left_out", "reason": "No."}]}
    RemoteObject.objects.update(adjustments=stored)
    django_hellotext.forget_customer(customer)
    assert not Event.objects.filter(adjustments__isnull=False).exists()
    assert RemoteObject.objects.get(kind="profile", host_pk=str(customer.pk)).adjustments is None
    assert RemoteObject.objects.get(kind="order").adjustments is None
    assert RemoteObject.objects.filter(kind="product").first().adjustments == stored


def test_pruning_empties_them(hellotext: Emulator, deliver: Deliver) -> None:
    record(key="kept")
    deliver()
    past = clock.now() - timedelta(days=31)
    Event.objects.update(created_at=past, finished_at=past)
    assert prune(days=30).emptied == 1
    assert Event.objects.get().adjustments is None
