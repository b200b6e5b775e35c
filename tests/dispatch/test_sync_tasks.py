"""``--async``: the project's own workers take a run page by page (demands D1, D6, D7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_hellotext import clock, tasks
from django_hellotext.delivery import drain, runs
from django_hellotext.delivery.syncing import Choice
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, RemoteObject, State, SyncRun
from django_hellotext.tasks import work
from tests.factories import make_customer, make_product, placed_order
from tests.needs import needed_module
from tests.testshop.models import Order

needed_module("celery")

from .brokers import Broker

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Ten products, of which nobody was told, in pages of three."""
    monkeypatch.setattr(backfill, "SIZE", 3)
    for _ in range(10):
        make_product()
    Change.objects.all().delete()
    return hellotext


def begin(*arguments: str) -> int:
    """Leave a run to the workers; answers its number."""
    out = StringIO()
    call_command("hellotext_sync", "--async", "--json", *arguments, stdout=out)
    return int(json.loads(out.getvalue())["run"])


def synced() -> int:
    count: int = RemoteObject.objects.filter(kind="product", state=State.SYNCED).count()
    return count


def test_a_message_carries_the_number_of_the_run_and_nothing_else(
    shop: Emulator, memory: Broker, publish: Callable[..., None]
) -> None:
    publish(memory.app())
    run = begin("product")
    message = memory.next_message()
    assert message.headers["task"] == "django_hellotext.sync"
    assert message.payload[0] == [run]
    assert message.payload[1] == {}
    assert not shop.log


def test_page_after_page_is_asked_for_until_the_run_is_at_its_end(
    shop: Emulator, memory: Broker, publish: Callable[..., None]
) -> None:
    publish(memory.app())
    run = begin("product")
    seen = []
    for _ in range(20):
        messages = memory.messages()
        if not messages:
            break
        for message in messages:
            # Each message comes twice (demand D1).
            work.sync_next(message.payload[0][0])
            work.sync_next(message.payload[0][0])
        seen.append(synced())
    assert synced() == 10
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert SyncRun.objects.get(pk=run).finished_at is not None
    created = [entry for entry in shop.log if entry.method == "POST"]
    assert len(created) == 10


def test_whoever_sends_the_last_rows_ends_the_run(shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker with the last page finds another one sending, leaves, and nobody takes up the run again."""
    run, _ = runs.begin(Choice(labels=("testshop.product",)), in_tasks=True)
    drain_in_turn = work.drain_in_turn

    def other_workers_look_at_the_rest() -> None:
        monkeypatch.setattr(work, "drain_in_turn", lambda: None)
        for _ in range(5):
            work.sync_next(run.pk)
        assert runs.running(run.pk) is not None
        drain_in_turn()

    monkeypatch.setattr(work, "drain_in_turn", other_workers_look_at_the_rest)
    work.sync_next(run.pk)
    assert synced() == 10
    assert runs.running(run.pk) is None


@pytest.mark.parametrize("events", [False, True])
def test_a_run_in_the_workers_sends_events_only_if_they_are_wanted(hellotext: Emulator, events: bool) -> None:
    order = placed_order(customer=make_customer())
    drain()
    Event.objects.all().delete()
    Order.objects.filter(pk=order.pk).update(status="shipped")
    run, _ = runs.begin(Choice(labels=("testshop.order",), events=events), in_tasks=True)
    while runs.running(run.pk):
        work.sync_next(run.pk)
    assert [event.action for event in Event.objects.all()] == ["order.shipped"] * events


def all_pages_noted(monkeypatch: pytest.MonkeyPatch) -> SyncRun:
    """A run whose pages were looked at while others were sending: its rows wait."""
    run, _ = runs.begin(Choice(labels=("testshop.product",)), in_tasks=True)
    with monkeypatch.context() as patched:
        patched.setattr(work, "drain_in_turn", lambda: None)
        for _ in range(6):
            work.sync_next(run.pk)
    assert runs.running(run.pk) is not None
    return run


def test_a_plain_drain_that_sends_the_last_rows_ends_the_run(shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait until it counts as stalled."""
    run = all_pages_noted(monkeypatch)
    tasks.drain()
    assert synced() == 10
    assert runs.running(run.pk) is None


def test_a_worker_that_sends_the_last_rows_ends_the_run(shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    run = all_pages_noted(monkeypatch)
    call_command("hellotext_worker", "--once", stdout=StringIO())
    assert synced() == 10
    assert runs.running(run.pk) is None


def test_a_drain_does_not_end_a_run_with_pages_left(shop: Emulator) -> None:
    run, _ = runs.begin(Choice(labels=("testshop.product",)), in_tasks=True)
    tasks.drain()
    assert runs.running(run.pk) is not None


def test_a_run_is_not_ended_while_pages_are_left(shop: Emulator) -> None:
    run, _ = runs.begin(Choice(labels=("testshop.product",)), in_tasks=True)
    work.sync_next(run.pk)
    assert 0 < synced() < 10
    assert runs.running(run.pk) is not None


@pytest.mark.parametrize("quiet", [timedelta(minutes=5), timedelta(hours=-1)], ids=["quiet", "clock_set_back"])
def test_a_run_whose_message_was_lost_is_taken_up_again(
    shop: Emulator, memory: Broker, publish: Callable[..., None], quiet: timedelta
) -> None:
    publish(memory.app())
    begin("product")
    memory.messages()
    assert runs.stalled() == []
    SyncRun.objects.update(updated_at=clock.now() - quiet)
    work.look_after_runs()
    assert memory.next_message().headers["task"] == "django_hellotext.sync"


def test_without_workers_it_is_refused(shop: Emulator) -> None:
    with pytest.raises(CommandError, match=r"set HELLOTEXT\['DISPATCH'\]") as refused:
        begin()
    assert refused.value.returncode == 4
    assert not SyncRun.objects.exists()


def test_a_task_of_another_environment_or_an_ended_run_does_nothing(shop: Emulator, settings: Any) -> None:
    run, _ = runs.begin(Choice(), in_tasks=True)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ENVIRONMENT": "elsewhere"}
    work.sync_next(run.pk)
    work.sync_next(10**9)
    assert not shop.log


def test_celery_that_runs_eagerly_has_no_workers(shop: Emulator, memory: Broker, publish: Callable[..., None]) -> None:
    app = memory.app()
    app.conf.task_always_eager = True
    publish(app)
    with pytest.raises(CommandError, match="--async needs workers") as refused:
        begin()
    assert refused.value.returncode == 4
    assert SyncRun.objects.get().finished_at is not None


def test_a_broker_that_cannot_be_reached_leaves_a_run_to_resume(
    shop: Emulator, publish: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    publish(Broker("amqp://shop:secret-word@127.0.0.1:9//").app())
    with pytest.raises(CommandError, match="The broker could not be reached") as refused:
        begin()
    assert refused.value.returncode == 1
    assert "secret-word" not in str(refused.value)
    assert "--resume" in str(refused.value)
    SyncRun.objects.update(updated_at=clock.now() - timedelta(minutes=5))
    work.look_after_runs()
    assert "sync.not_asked" in caplog.messages


def test_an_inert_app_looks_after_no_run(settings: Any, django_assert_num_queries: Any) -> None:
    settings.HELLOTEXT = {}
    with django_assert_num_queries(0):
        work.look_after_runs()


def test_every_task_may_be_called(shop: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": 3600, "RETENTION": 1}
    tasks.prune()
    tasks.abandoned()
    run, _ = runs.begin(Choice(labels=("testshop.product",)), in_tasks=True)
    for _ in range(10):
        tasks.sync(run.pk)
    assert synced() == 10
