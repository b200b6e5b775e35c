"""What a task does: drain in turn, leave the project's workers to the project, say when there is more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import django_hellotext as hellotext
from django_hellotext import clock
from django_hellotext.delivery.crowd import drains_at_work
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject
from django_hellotext.models.deliverable import new_token
from django_hellotext.tasks.work import drain_in_turn
from tests.factories import make_customer
from tests.needs import needed_module

needed_module("celery")

from .brokers import Broker

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(hellotext: Emulator) -> Callable[[int], None]:
    customer = make_customer()

    def run(count: int) -> None:
        for number in range(count):
            track(customer, number)

    return run


def track(customer: Any, number: int) -> None:
    hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")


def hold(event: Event, *, lease: float = 60.0) -> None:
    """Be another drain that has ``event`` in hand."""
    Event.objects.filter(pk=event.pk).update(
        state="sending", token=new_token(), lease_until=clock.now() + timedelta(seconds=lease)
    )


def test_it_sends_what_is_due(record: Callable[[int], None]) -> None:
    record(3)
    drain_in_turn()
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}


def test_drains_at_work_are_counted_by_their_tokens(record: Callable[[int], None]) -> None:
    record(4)
    assert drains_at_work("default") == 0
    first, second, third, _ = Event.objects.order_by("pk")
    hold(first)
    hold(second)
    hold(third, lease=-1.0)  # its worker is gone
    token = Event.objects.get(pk=first.pk).token
    RemoteObject.objects.create(
        account=first.account, kind="product", state="sending", token=token, lease_until=clock.now() + timedelta(60)
    )
    assert drains_at_work("default") == 2


def test_a_task_leaves_when_enough_others_are_at_work(record: Callable[[int], None], settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DRAINS": 2}
    record(3)
    first, second, third = Event.objects.order_by("pk")
    other = make_customer()
    Event.objects.filter(pk=third.pk).update(ordering_key="free", profile_pk=str(other.pk))
    hold(first)
    hold(second)
    drain_in_turn()
    assert Event.objects.get(pk=third.pk).state == "pending"
    Event.objects.filter(pk=first.pk).update(state="delivered", token="", lease_until=None)
    drain_in_turn()
    assert Event.objects.get(pk=third.pk).state == "delivered"


def test_a_task_that_runs_out_of_time_asks_for_the_next(
    record: Callable[[int], None], memory: Broker, publish: Callable[..., None]
) -> None:
    record(3)
    publish(memory.app(), DRAIN_SECONDS=0.000001)
    drain_in_turn()
    assert memory.next_message().headers["task"] == "django_hellotext.drain"


def test_a_task_that_has_nothing_left_to_do_asks_for_nothing(
    record: Callable[[int], None], memory: Broker, publish: Callable[..., None]
) -> None:
    record(3)
    publish(memory.app())
    drain_in_turn()
    assert not memory.messages()
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}


def test_while_the_app_is_not_configured_a_task_does_nothing(settings: Any, django_assert_num_queries: Any) -> None:
    settings.HELLOTEXT = None
    with django_assert_num_queries(0):
        drain_in_turn()
