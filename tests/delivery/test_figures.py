"""What a drain writes is counted, exactly and by the hour, and the counting disturbs nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report, drain, figures
from django_hellotext.delivery.figures import Figures, bucket_of, hour_of
from django_hellotext.delivery.prune import Pruned, prune
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Ending, Event, Figure, Lane, RemoteObject, State, Subject
from django_hellotext.models.figures import BOUNDS, UNMEASURED, FigureQuerySet
from tests.factories import make_customer, make_product, placed_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_clock")]

Deliver = Callable[..., Report]
EVENTS = "/v1/attribution/events"
KEY = "test-business/test"


def record(count: int = 1, action: str = "page.viewed", **options: Any) -> None:
    customer = make_customer()
    for number in range(count):
        django_hellotext.track(action, profile=customer, url=f"https://shop.example/{number}", **options)


def counted(**only: Any) -> int:
    return Figure.objects.filter(**only).aggregate(sum=Sum("count"))["sum"] or 0


@pytest.fixture
def forgetful() -> None:
    """No warning has been said in this process."""
    figures._warn.cache_clear()


def test_what_a_drain_delivers_is_counted_by_action_and_kind(deliver: Deliver) -> None:
    record(3)
    placed_order(customer=make_customer())
    report = deliver()
    assert counted(subject=Subject.EVENT, what="page.viewed") == 3
    assert counted(subject=Subject.EVENT, what="order.placed") == 1
    assert counted(subject=Subject.OBJECT, what="profile") == 2
    assert counted(subject=Subject.EVENT, ending=Ending.DELIVERED) == report.delivered
    assert counted(subject=Subject.OBJECT, ending=Ending.DELIVERED) == report.synced
    assert set(Figure.objects.values_list("account", "hour")) == {(KEY, hour_of(clock.now()))}


def test_what_was_refused_or_not_sent_is_counted_as_such(deliver: Deliver, hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": "tests.delivery.test_figures.consent_of"}
    record(2)
    Event.objects.filter(pk=Event.objects.latest("pk").pk).update(action="nobody.knows")
    deliver()
    assert counted(subject=Subject.EVENT, ending=Ending.FAILED) == Event.objects.filter(state=State.FAILED).count() == 1
    record(1)
    refusing.append(True)
    try:
        deliver()
    finally:
        refusing.clear()
    assert counted(subject=Subject.EVENT, ending=Ending.SKIPPED) == 1
    assert set(Figure.objects.exclude(ending=Ending.DELIVERED).values_list("bucket", flat=True)) == {UNMEASURED}


refusing: list[bool] = []


def consent_of(request: Any, purpose: str, subject: Any) -> bool:
    """Yes, until it is withdrawn."""
    return not refusing


def test_drains_one_after_another_add_to_the_same_rows(deliver: Deliver) -> None:
    for _ in range(3):
        record(2)
        Event.objects.update(created_at=clock.now() - timedelta(hours=4))
        deliver()
    assert counted(subject=Subject.EVENT) == 6
    assert Figure.objects.filter(subject=Subject.EVENT).count() == 1


def test_an_event_that_was_sent_without_an_answer_is_counted_once_it_is_found(
    deliver: Deliver, hellotext: Emulator, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.0}
    record(2)
    deliver()
    hellotext.add_fault(Fault("no_answer", path=EVENTS, method="POST", times=1))
    record(1)
    deliver()
    deliver()
    assert counted(subject=Subject.EVENT, ending=Ending.DELIVERED) == Event.objects.filter(state="delivered").count()


def test_an_unchanged_object_is_counted_as_nothing(deliver: Deliver) -> None:
    product = make_product()
    deliver()
    before = counted(subject=Subject.OBJECT)
    product.save()
    assert deliver().unchanged == 1
    assert counted(subject=Subject.OBJECT) == before


# Latency


def test_the_latency_of_an_event_runs_from_its_recording(deliver: Deliver) -> None:
    record(3)
    Event.objects.update(created_at=clock.now() - timedelta(hours=4))
    deliver()
    of_events = Figure.objects.filter(subject=Subject.EVENT)
    assert set(of_events.values_list("bucket", "count")) == {(BOUNDS.index(21_600), 3)}


def test_the_latency_of_an_object_runs_from_its_change_in_the_shop(deliver: Deliver) -> None:
    make_product()
    deliver()
    assert counted(subject=Subject.OBJECT, what="product", bucket__lte=BOUNDS.index(120), bucket__gte=0) == 1


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(-5, 0), (0, 0), (1, 0), (1.5, 1), (60, BOUNDS.index(60)), (86_400, len(BOUNDS) - 1), (86_401, len(BOUNDS))],
)
def test_a_latency_falls_into_the_first_bucket_whose_bound_it_keeps(seconds: float, bucket: int) -> None:
    now = clock.now()
    assert bucket_of(Event(created_at=now - timedelta(seconds=seconds)), now=now) == bucket


def test_what_nobody_waited_for_has_no_latency() -> None:
    now = clock.now()
    long_ago = now - timedelta(days=2)
    assert bucket_of(Event(created_at=now, lane=Lane.BACKFILL), now=now) == UNMEASURED
    assert bucket_of(RemoteObject(changed_at=None), now=now) == UNMEASURED
    # Sent again without having changed, because a person asked for it.
    assert bucket_of(RemoteObject(changed_at=long_ago, finished_at=long_ago + timedelta(1)), now=now) == UNMEASURED
    assert bucket_of(RemoteObject(changed_at=now, finished_at=long_ago), now=now) == 0


def test_an_hour_begins_in_utc() -> None:
    half_past = timezone.get_fixed_timezone(330)
    assert hour_of(datetime(2026, 1, 1, 2, 10, tzinfo=half_past)) == datetime(2025, 12, 31, 20, tzinfo=UTC)


# When they are written


def test_many_events_cost_a_few_statements(deliver: Deliver) -> None:
    record(1)
    deliver()
    record(300)
    with CaptureQueriesContext(connection) as queries:
        assert deliver().delivered == 300
    # The event's row and the customer's, each looked for and then inserted, and one bucket more if this is slow.
    assert len([query for query in queries if "hellotext_figure" in query["sql"]]) <= 8
    assert len(queries) / 300 <= 2.2


def test_a_drain_that_does_nothing_writes_nothing(deliver: Deliver) -> None:
    deliver()
    with CaptureQueriesContext(connection) as queries:
        deliver()
    assert not [query for query in queries if "figure" in query["sql"]]


def test_a_long_drain_writes_in_between(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "EVERY", 0.0)
    seen: list[int] = []
    flush = Figures.flush

    def watched(self: Figures) -> None:
        flush(self)
        seen.append(counted())

    monkeypatch.setattr(Figures, "flush", watched)
    record(2)
    deliver()
    assert len(seen) > 2
    assert seen[-2] > 0


def test_many_different_figures_are_not_kept_in_memory(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST", 3)
    book = Figures(KEY, using="default")
    for number in range(3):
        assert counted() == 0
        book.add([Event(action=f"a{number}")], Ending.DELIVERED)
        book.flush_if_due()
    assert counted() == 3


# What can go wrong


def test_figures_that_cannot_be_written_disturb_no_delivery(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, forgetful: None
) -> None:
    def fail(self: Figures, *args: Any) -> None:
        with connections["default"].cursor() as cursor, self._unharmed():
            cursor.execute("SELECT nothing FROM a_table_that_is_not_there")

    monkeypatch.setattr(Figures, "_write", fail)
    with caplog.at_level(logging.WARNING, logger="django_hellotext.delivery"):
        for _ in range(2):
            record(2)
            assert deliver().delivered == 2
    assert Event.objects.filter(state=State.DELIVERED).count() == 4
    assert [entry.message for entry in caplog.records] == ["figures.lost"]
    assert Figure.objects.count() == 0


def test_an_error_that_is_not_the_databases_is_not_hidden(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Figures, *args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Figures, "_write", fail)
    book = Figures(KEY, using="default")
    book.add([Event()], Ending.DELIVERED)
    with pytest.raises(ZeroDivisionError):
        book.flush()


def test_the_loser_of_a_race_to_insert_adds_to_the_winners_row(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = Figures(KEY, using="default"), Figures(KEY, using="default")
    for book in (mine, theirs):
        book.add([Event(action="page.viewed")], Ending.DELIVERED)
    update, looked = FigureQuerySet.update, []

    def slow(rows: Any, **columns: Any) -> int:
        found: int = update(rows, **columns)
        looked.append(found)
        if len(looked) == 1:
            theirs.flush()
        return found

    monkeypatch.setattr(FigureQuerySet, "update", slow)
    mine.flush()
    assert looked == [0, 0, 1]
    assert counted() == 2
    assert Figure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server with several connections")
def test_several_workers_lose_no_count_and_do_not_lock_each_other_out(hellotext: Emulator) -> None:
    workers = 6
    failed: list[Exception] = []
    start = threading.Barrier(workers, timeout=60)

    def work() -> None:
        try:
            start.wait()
            for _ in range(10):
                book = Figures(KEY, using="default")
                for action in "zyxabc":
                    book.add([Event(action=action)], Ending.DELIVERED)
                book.flush()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert dict(Figure.objects.order_by().values_list("what").annotate(Sum("count"))) == dict.fromkeys(
        "zyxabc", workers * 10
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server with several connections")
def test_workers_at_once_count_each_row_once(hellotext: Emulator) -> None:
    record(40)
    placed_order(customer=make_customer())
    reports: list[Report] = []

    def work() -> None:
        try:
            reports.append(drain(concurrency=2))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    reports.append(drain())
    assert not Event.objects.exclude(state=State.DELIVERED).exists()
    assert counted(subject=Subject.EVENT) == Event.objects.count() == sum(one.delivered for one in reports)
    assert counted(subject=Subject.OBJECT) == sum(one.synced for one in reports)


def test_the_end_of_a_row_that_a_successor_holds_is_not_counted(deliver: Deliver, hellotext: Emulator) -> None:
    record(2)
    taken = False

    def take(instance: Any, **more: Any) -> None:
        nonlocal taken
        if not taken:
            taken = True
            Event.objects.filter(state=State.SENDING).update(token="another")

    django_hellotext.signals.delivered.connect(take, sender=RemoteObject)
    try:
        drain()
    finally:
        django_hellotext.signals.delivered.disconnect(take, sender=RemoteObject)
    assert taken
    assert counted(subject=Subject.EVENT) == Event.objects.filter(state=State.DELIVERED).count() == 0


# Retention


def test_old_figures_go_in_batches_and_newer_ones_stay(deliver: Deliver) -> None:
    record(1)
    deliver()
    kept = Figure.objects.count()
    old = hour_of(clock.now()) - timedelta(days=91)
    for number in range(7):
        Figure.objects.create(account=KEY, hour=old, subject="event", what=f"a{number}", ending="delivered", count=1)
    with CaptureQueriesContext(connection) as queries:
        assert prune(days=30, batch=3) == Pruned(figures=7)
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len([sql for sql in deletes if "hellotext_figure" in sql]) == 3
    assert Figure.objects.count() == kept
