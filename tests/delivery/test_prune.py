"""Retention: what was delivered long ago goes, what is needed stays, and the cost stays small (demand C11)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.delivery.prune import Pruned, prune
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, Lane, RemoteObject, SyncRun
from django_hellotext.models.events import PAYLOAD_VERSION
from tests.factories import make_customer, make_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def record(hellotext: Emulator) -> Callable[..., None]:
    """Record events of one customer: ``record(3)``, ``record(key="k")``."""
    customer = make_customer(email="canary@shop.example")

    def run(count: int = 1, **options: Any) -> None:
        for number in range(count):
            django_hellotext.track(
                "page.viewed",
                profile=customer,
                url=f"https://shop.example/canary/{number}",
                metadata={"note": "canary"},
                **options,
            )

    return run


def age(days: float, **only: Any) -> None:
    """Make events older."""
    past = clock.now() - timedelta(days=days)
    Event.objects.filter(**only).update(created_at=past)
    Event.objects.filter(finished_at__isnull=False, **only).update(finished_at=past)


def test_what_was_delivered_long_ago_goes(record: Callable[..., None], deliver: Deliver) -> None:
    record(3)
    deliver()
    age(31)
    record(2)
    deliver()
    assert prune(days=30) == Pruned(deleted=3)
    assert Event.objects.count() == 2
    assert prune(days=30) == Pruned()


@pytest.mark.parametrize("state", ["pending", "sending", "uncertain", "failed", "skipped"])
def test_nothing_undelivered_goes_however_old(record: Callable[..., None], deliver: Deliver, state: str) -> None:
    record(2)
    deliver()
    age(4000)
    Event.objects.update(state=state)
    assert prune(days=30) == Pruned()
    assert Event.objects.filter(state=state, metadata__note="canary").count() == 2


def test_a_row_of_old_that_was_delivered_lately_stays(record: Callable[..., None], deliver: Deliver) -> None:
    record(2)
    deliver()
    age(400)
    late = Event.objects.order_by("pk")[0]
    Event.objects.filter(pk=late.pk).update(finished_at=clock.now())
    assert prune(days=30) == Pruned(deleted=1)
    assert Event.objects.get() == late


def test_an_event_with_a_key_stays_empty_and_cannot_be_recorded_again(
    hellotext: Emulator, record: Callable[..., None], deliver: Deliver
) -> None:
    """Promise 2: pruning keeps the key of keyed events."""
    record(key="canary-key")
    deliver()
    before = Event.objects.get()
    age(31)
    assert prune(days=30) == Pruned(emptied=1)
    after = Event.objects.get()
    assert (after.pk, after.uuid, after.dedupe, after.state) == (before.pk, before.uuid, before.dedupe, "delivered")
    requests = len(hellotext.log)
    record(key="canary-key")
    deliver()
    assert Event.objects.get() == before
    assert len(hellotext.log) == requests


def test_an_emptied_event_holds_nothing_personal(record: Callable[..., None], deliver: Deliver) -> None:
    record(key="canary-key", amount="89.90", currency="EUR", object_type="canary")
    deliver()
    age(31)
    filled = dict.fromkeys(("error_message", "session", "object_pk", "object_label", "object_kind"), "canary")
    Event.objects.update(object_parameters={"items": ["canary"]}, **filled)
    prune(days=30)
    row = Event.objects.values().get()
    assert "canary" not in str(row)
    kept = {name for name, value in row.items() if value not in (None, "", {}, 0, [])}
    assert kept == {
        *("id", "uuid", "dedupe", "state", "action", "destination", "source", "payload_version"),
        *("tracked_at", "created_at", "updated_at", "attempted_at", "finished_at"),
    }
    assert row["payload_version"] == PAYLOAD_VERSION


def test_an_emptied_event_is_not_looked_at_again(record: Callable[..., None], deliver: Deliver) -> None:
    for number in range(20):
        record(key=str(number))
    deliver()
    age(31)
    assert prune(days=30, batch=5) == Pruned(emptied=20)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert prune(days=30, batch=5) == Pruned()
    assert len(queries) == 1 + len(Lane) + 1 + 1 + 1


def test_the_cost_does_not_grow_with_what_stays(record: Callable[..., None], deliver: Deliver) -> None:
    record(2)
    deliver()
    age(31)
    old = list(Event.objects.values_list("pk", flat=True))
    record(100)
    deliver()
    with CaptureQueriesContext(connection) as queries:
        assert prune(days=30, batch=5) == Pruned(deleted=len(old))
    assert len(queries) <= 2 + len(Lane) + 1 + 3 + (1 + len(Lane)) + 1


def test_rows_go_in_small_batches(record: Callable[..., None], deliver: Deliver) -> None:
    record(12)
    deliver()
    age(31)
    with CaptureQueriesContext(connection) as queries:
        assert prune(days=30, batch=5) == Pruned(deleted=12)
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len([sql for sql in deletes if "django_hellotext_event" in sql]) == 3


def test_it_stops_when_its_time_is_up_and_goes_on_next_time(record: Callable[..., None], deliver: Deliver) -> None:
    record(12)
    deliver()
    age(31)
    assert prune(days=30, seconds=0) == Pruned(complete=False)
    assert Event.objects.count() == 12
    assert prune(days=30, seconds=60) == Pruned(deleted=12)


def test_both_lanes_and_all_accounts_are_pruned(record: Callable[..., None], deliver: Deliver) -> None:
    record(3)
    deliver()
    age(31)
    first, second, _ = Event.objects.order_by("pk")
    Event.objects.filter(pk=first.pk).update(lane=Lane.BACKFILL)
    Account.objects.create(key="test-business/staging", business_id="test-business", environment="staging")
    Event.objects.filter(pk=second.pk).update(account="test-business/staging")
    assert prune(days=30) == Pruned(deleted=3)


def test_mirrors_and_runs_stay(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("order.placed", make_order(), profile=make_customer())
    deliver()
    SyncRun.objects.create(account="test-business/test")
    past = clock.now() - timedelta(days=4000)
    age(4000)
    RemoteObject.objects.update(created_at=past, finished_at=past)
    before = RemoteObject.objects.count()
    assert before
    assert prune(days=30) == Pruned(emptied=1)
    assert RemoteObject.objects.count() == before
    assert SyncRun.objects.count() == 1


def test_the_command_says_what_it_did(record: Callable[..., None], deliver: Deliver, settings: Any) -> None:
    record(2)
    record(key="k")
    deliver()
    age(8)
    assert run() == "0 events deleted, 0 emptied.\n"
    assert run("--days", "7") == "2 events deleted, 1 emptied.\n"
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RETENTION": 7}
    record(1)
    deliver()
    age(8, account="test-business/test")
    assert run() == "1 events deleted, 0 emptied.\n"


def test_the_command_says_when_there_is_more(record: Callable[..., None], deliver: Deliver) -> None:
    record(2)
    deliver()
    age(31)
    assert run("--seconds", "0.0000001") == "0 events deleted, 0 emptied. The time is up, there is more.\n"


@pytest.mark.parametrize("arguments", [("--days", "-1"), ("--seconds", "0")])
def test_the_command_refuses_nonsense(hellotext: Emulator, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=arguments[0]):
        run(*arguments)


def test_the_task_prunes_after_the_retention_of_the_settings(
    record: Callable[..., None], deliver: Deliver, settings: Any
) -> None:
    from django_hellotext.tasks.work import prune_all

    settings.HELLOTEXT = {**settings.HELLOTEXT, "RETENTION": 7}
    record(2)
    deliver()
    age(8)
    assert prune_all() == Pruned(deleted=2)


def test_a_batch_is_two_statements_in_a_large_table(record: Callable[..., None], deliver: Deliver) -> None:
    record(1)
    deliver()
    age(31)
    columns: dict[str, Any] = {**Event.objects.values().get()}
    del columns["id"]
    Event.objects.bulk_create([Event(**columns) for _ in range(500)], batch_size=200)
    with CaptureQueriesContext(connection) as queries:
        assert prune(days=30, batch=50) == Pruned(deleted=501)
    about_events = [query["sql"] for query in queries if Event._meta.db_table in query["sql"]]
    # Eleven batches of 50; then a look at each of the two lanes that finds nothing more, and one at what waits.
    assert len(about_events) == 2 * 11 + 2 + 1


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("hellotext_prune", *arguments, stdout=out)
    return out.getvalue()
