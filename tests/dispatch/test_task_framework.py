"""Hints by Django's own tasks (Django 6 and later)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.db import transaction

if django.VERSION < (6, 0):
    pytest.skip("django.tasks came with Django 6.0", allow_module_level=True)

import django_hellotext as hellotext
from django_hellotext import dispatch
from django_hellotext.dispatch import courier as courier_room
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event
from tests.factories import make_customer

from .patience import wait_for
from .shelf import Shelf

SHELF = "tests.dispatch.shelf.Shelf"


@pytest.fixture
def shelf(settings: Any, hellotext: Emulator) -> Iterator[type[Shelf]]:
    """A back end with workers, whose queue can be looked at."""
    settings.TASKS = {"default": {"BACKEND": SHELF, "QUEUES": ["default", "marketing"]}}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "tasks"}
    Shelf.tasks.clear()
    yield Shelf
    Shelf.tasks.clear()


@pytest.mark.django_db(transaction=True)
def test_a_commit_enqueues_one_task_and_its_run_delivers_the_rows(shelf: type[Shelf], hellotext: Emulator) -> None:
    customer = make_customer()
    wait_for(lambda: bool(shelf.tasks))  # the hint that the customer's own commit has given
    shelf.tasks.clear()
    courier_room._couriers.clear()
    with transaction.atomic():
        for number in range(3):
            track(customer, number)
        assert not shelf.tasks
    wait_for(lambda: bool(shelf.tasks))
    assert len(shelf.tasks) == 1
    shelf.run_all()
    assert [event.state for event in Event.objects.all()] == ["delivered"] * 3


def track(customer: Any, number: int) -> None:
    hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")


@pytest.mark.django_db(transaction=True)
def test_a_task_that_runs_twice_sends_nothing_twice(shelf: type[Shelf], hellotext: Emulator) -> None:
    track(make_customer(), 1)
    wait_for(lambda: bool(shelf.tasks))
    shelf.tasks *= 2
    shelf.run_all()
    (counts,) = hellotext.counts_by_uuid().values()
    assert counts == {"accepted": 1, "refused": 0}


def test_the_task_holds_nothing(shelf: type[Shelf]) -> None:
    dispatch.ask("default")
    wait_for(lambda: bool(shelf.tasks))  # a busy machine may take longer than the caller waits
    ((task, arguments, named),) = shelf.tasks
    assert task.module_path == "django_hellotext.tasks.background.drain"
    assert json.dumps([arguments, named]) == "[[], {}]"


def test_the_task_goes_to_the_queue_of_the_settings(shelf: type[Shelf], settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "QUEUE": "marketing"}
    dispatch.ask("default")
    wait_for(lambda: bool(shelf.tasks))
    assert shelf.tasks[0][0].queue_name == "marketing"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_a_back_end_without_workers_is_not_used(name: str, settings: Any, hellotext: Emulator) -> None:
    settings.TASKS = {"default": {"BACKEND": f"django.tasks.backends.{name}"}}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "tasks"}
    requests = len(hellotext.log)
    track(make_customer(), 1)
    assert len(hellotext.log) == requests
    assert [event.state for event in Event.objects.all()] == ["pending"]


def test_a_back_end_that_raises_is_our_trouble(
    shelf: type[Shelf], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "QUEUE": "nobody"}
    dispatch.ask("default")
    wait_for(lambda: bool(caplog.records))
    assert [record.message for record in caplog.records] == ["dispatch.unreachable"]
