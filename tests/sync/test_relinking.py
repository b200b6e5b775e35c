"""``--repair`` gives events that were sent without their customer to the customer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.prune import prune
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, MissingObject, RemoteObject, State
from tests.factories import make_customer
from tests.refusals import Refusals

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]

Deliver = Callable[..., Report]


@pytest.fixture
def lonely(deliver: Deliver, refusals: Refusals) -> Event:
    """An event whose customer was refused when it was sent."""
    refusals.refuse("/v1/profiles", when=lambda body: "email" in body)
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    for _ in range(3):
        deliver()
        Event.objects.all().send_now()
    refusals.stop()
    event = Event.objects.get()
    assert event.state == State.DELIVERED
    return event


def test_a_repair_gives_the_event_to_its_customer_once_they_are_there(
    hellotext: Emulator, lonely: Event, sync: Run
) -> None:
    said = sync("--repair", text=True)
    assert (said.code, "Events given to their customers: 1; not found any more: 0." in said.out) == (0, True)
    [there] = hellotext.world.store["event"].rows.values()
    mirror = RemoteObject.objects.get(host_pk=lonely.profile_pk, host_label=lonely.profile_label)
    assert there["profile"] == mirror.remote_id
    assert not MissingObject.objects.exists()
    assert "Events given" not in sync("--repair", text=True).out


def test_an_event_that_is_not_listed_any_more_is_told(hellotext: Emulator, lonely: Event, sync: Run) -> None:
    [event_id] = hellotext.world.store["event"].rows
    client_from_settings().events.delete(event_id)
    assert sync("--repair").document["events"] == {"linked": 0, "not_found": 1}
    assert not MissingObject.objects.exists()


def test_an_event_whose_customer_is_still_refused_waits(lonely: Event, refusals: Refusals, sync: Run) -> None:
    refusals.refuse("/v1/profiles", when=lambda body: "email" in body)
    sync("--repair")
    assert MissingObject.objects.get().row == lonely.pk


def test_what_was_pruned_is_not_looked_for(lonely: Event) -> None:
    MissingObject.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    prune(days=30)
    assert not MissingObject.objects.exists()
