"""What an operator looks at first is right, names nobody, and costs the same however many rows there are."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report, standing
from django_hellotext.delivery import overview as module
from django_hellotext.delivery.inspection import Drift
from django_hellotext.delivery.overview import DAYS, HOURS, Overview, overview, percentile
from django_hellotext.delivery.runs import note_check
from django_hellotext.delivery.syncing import Choice
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, Figure, Product, RemoteObject, Session, State
from django_hellotext.models.figures import BOUNDS
from django_hellotext.models.identity import fingerprint
from tests.factories import make_customer, make_product, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
KEY = "test-business/test"
NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def figure(hours_ago: float, count: int = 1, *, now: datetime = NOON, **values: Any) -> Figure:
    hour = (now - timedelta(hours=hours_ago)).replace(minute=0, second=0, microsecond=0)
    columns = {"account": KEY, "subject": "event", "what": "page.viewed", "ending": "delivered", "bucket": 0}
    return Figure.objects.create(hour=hour, count=count, **{**columns, **values})


def event(number: int, **values: Any) -> Event:
    return Event.objects.create(
        account=KEY,
        uuid=uuid.uuid4(),
        action="page.viewed",
        ordering_key=str(number),
        tracked_at=clock.now(),
        **values,
    )


def seen(now: datetime = NOON) -> Overview:
    return overview("default", now=now)


# Percentiles


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        ({}, 0.5, None),
        ({0: 0}, 0.5, None),
        ({0: 10}, 0.5, 0.5),
        ({0: 10}, 0.95, 0.95),
        ({3: 4}, 0.5, 7.5),
        ({0: 50, 3: 50}, 0.5, 1.0),
        ({0: 50, 3: 50}, 0.95, 9.5),
        ({3: 50, 0: 50}, 0.95, 9.5),
        ({0: 1, len(BOUNDS): 99}, 0.5, 86_400.0),
    ],
)
def test_a_percentile_lies_evenly_between_the_bounds_of_its_bucket(
    buckets: dict[int, int], share: float, seconds: float | None
) -> None:
    assert percentile(buckets, share) == (None if seconds is None else pytest.approx(seconds))


# What is seen


@pytest.mark.usefixtures("still_clock")
def test_what_was_delivered_just_now_is_there(deliver: Deliver) -> None:
    placed_order(customer=make_customer())
    report = deliver()
    found = overview("default")
    assert (found.this_hour.events, found.this_hour.objects) == (report.delivered, report.synced)
    assert found.lately == found.days[-1].__class__(found.hours[-24].at, report.delivered, report.synced)
    assert found.days[-1].delivered == report.delivered + report.synced
    assert found.latency.count > 0
    assert [(one.action, one.total) for one in found.actions] == [("order.placed", 1)]
    assert found.standing.drained_at is not None


def test_hours_and_days_come_to_the_present(hellotext: Emulator) -> None:
    found = seen()
    assert (len(found.hours), len(found.latencies), len(found.days)) == (HOURS, HOURS, DAYS)
    assert found.hours[-1].at == NOON.replace(minute=0)
    assert found.days[-1].at == date(2026, 3, 10)
    assert found.latency.p50 is None


def test_each_figure_is_counted_in_its_hour_and_its_day(hellotext: Emulator) -> None:
    figure(0, 2)
    figure(23, 3, subject="object", what="order")
    figure(24, 5, ending="failed", bucket=-1)
    figure(47, 7, ending="skipped", bucket=-1)
    figure(48, 11)
    figure(24 * 40, 13)
    found = seen()
    assert [(one.events, one.objects) for one in (found.hours[-1], found.hours[-24])] == [(2, 0), (0, 3)]
    assert (found.hours[-25].refused, found.hours[0].skipped) == (5, 7)
    assert (found.lately.delivered, found.lately.refused) == (5, 0)
    assert sum(one.events for one in found.days) == 13


def test_days_are_those_of_the_shop(hellotext: Emulator) -> None:
    figure(10.5, 4)  # at two in the morning in UTC
    with timezone.override("America/Argentina/Buenos_Aires"):
        found = seen()
    assert [(one.at, one.events) for one in found.days[-2:]] == [(date(2026, 3, 9), 4), (date(2026, 3, 10), 0)]
    assert found.actions[0].counts[-2] == 4


def test_the_latency_is_that_of_24_hours_and_of_each_hour(hellotext: Emulator) -> None:
    figure(1, 10, bucket=0)
    figure(2, 10, bucket=3)
    figure(30, 100, bucket=9)
    figure(1, 100, ending="failed", bucket=-1)
    found = seen()
    assert (found.latency.count, found.latency.p50) == (20, 1.0)
    assert found.latency.p95 == pytest.approx(9.5)
    assert found.latencies[-2].p95 == pytest.approx(0.95)
    assert found.latencies[-31].count == 100
    assert found.latencies[-4].p50 is None


def test_a_workers_clock_that_is_ahead_harms_nothing(hellotext: Emulator) -> None:
    figure(-3, 4)
    assert seen().lately.delivered == 0


def test_what_another_account_delivered_is_not_ours(hellotext: Emulator) -> None:
    figure(0, 4, account="other/test")
    event(1, state=State.FAILED)
    Event.objects.update(account="other/test")
    found = seen()
    assert (found.this_hour.delivered, found.refusals) == (0, [])


def test_actions_are_the_most_frequent_first(hellotext: Emulator) -> None:
    figure(0, 1, what="a")
    figure(0, 5, what="b")
    figure(24, 9, what="c", ending="failed", bucket=-1)
    assert [one.action for one in seen().actions] == ["b", "a"]


def test_refusals_are_grouped_by_kind_and_type_with_what_to_do(hellotext: Emulator) -> None:
    for number in range(3):
        event(number, state=State.FAILED, error_type="not_found", error_status=404)
    event(4, state=State.FAILED, error_type="odd", error_status=500)
    for number in range(2):
        Product.objects.create(
            account=KEY,
            identity=fingerprint(str(number)),
            kind="product",
            state=State.FAILED,
            error_type="not_found",
        )
    event(5)
    found = seen()
    assert [(one.of, one.type, one.count) for one in found.refusals] == [
        ("event", "not_found", 3),
        ("product", "not_found", 2),
        ("event", "odd", 1),
    ]
    assert "Create what it names" in found.refusals[0].advice
    assert not found.refusals_capped


def test_a_session_of_another_customer_is_no_refusal(hellotext: Emulator) -> None:
    """G6: nobody has to do anything about it."""
    for number, error_type in enumerate((Session.CONFLICT, Session.CONFLICT, "profile_shared")):
        Session.objects.create(account=KEY, identity=str(number), state=State.FAILED, error_type=error_type)
    event(1, state=State.FAILED, error_type=Session.CONFLICT)
    figure(1, 2, subject="session", what="", ending="failed", bucket=-1)
    found = seen()
    assert found.conflicts == 2
    assert {(one.of, one.type) for one in found.refusals} == {
        ("session", "profile_shared"),
        ("event", Session.CONFLICT),
    }
    assert found.lately.refused == 0


def test_very_many_refusals_are_not_counted_to_their_end(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED_TO", 3)
    for number in range(5):
        event(number, state=State.FAILED, error_type="odd")
    found = seen()
    assert (sum(one.count for one in found.refusals), found.refusals_capped) == (3, True)


def test_what_waits_is_summed_up(hellotext: Emulator) -> None:
    event(1)
    event(2, state=State.UNCERTAIN)
    event(3, state=State.FAILED)
    make_product()
    assert seen().waiting == 3
    assert not seen().waiting_capped


def test_the_last_check_tells_of_each_kind(hellotext: Emulator) -> None:
    assert seen().last_check is None
    note_check(Choice(), [Drift(kind="order", model="testshop.Order", looked_at=5, in_step=3, stale=2)], undefined=1)
    found = seen().last_check
    assert found is not None
    assert (found.total, found.undefined) == (3, 1)
    assert [(one.model, one.looked_at, one.in_step, one.stale) for one in found.kinds] == [("testshop.Order", 5, 3, 2)]


def test_nothing_personal_is_in_it(deliver: Deliver) -> None:
    placed_order(customer=make_customer(email="canary@shop.example", first_name="Canary"))
    django_hellotext.track("page.viewed", session="canary-session", url="https://shop.example/canary")
    deliver()
    Event.objects.update(state=State.FAILED, error_message="canary@shop.example", error_type="odd")
    assert "canary" not in repr(overview("default")).lower()


# What it costs


@pytest.mark.parametrize("subject", ["delivered", "failed"])
def test_the_number_of_statements_is_always_the_same_and_each_is_bounded(
    hellotext: Emulator, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last number is more than is ever counted."""
    for counting in (module, standing):
        monkeypatch.setattr(counting, "COUNTED_TO", 200)
    found: list[int] = []
    made = 0
    for many in (10, 100, 300):
        Event.objects.bulk_create(
            Event(
                account=KEY,
                uuid=uuid.uuid4(),
                action="page.viewed",
                ordering_key=str(number),
                tracked_at=NOON,
                state=subject,
                error_type="odd" if subject == "failed" else "",
            )
            for number in range(made, many)
        )
        Figure.objects.bulk_create(
            Figure(
                account=KEY,
                hour=NOON.replace(minute=0) - timedelta(hours=number % 20),
                subject="event",
                what=f"action{number // 20}",
                ending="delivered",
                bucket=number % 5,
                count=1,
            )
            for number in range(made, many)
        )
        made = many
        with CaptureQueriesContext(connection) as queries:
            overview("default", now=NOON)
        found.append(len(queries))
        for entry in queries:
            assert "delivered" not in entry["sql"] or "hellotext_figure" in entry["sql"]
            if "hellotext_event" in entry["sql"]:
                assert "LIMIT" in entry["sql"]
    assert len(set(found)) == 1
    assert found[0] <= 36


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_every_statement_about_rows_and_figures_goes_through_an_index(hellotext: Emulator) -> None:
    with CaptureQueriesContext(connection) as queries:
        overview("default", now=NOON)
    tables = [Event._meta.db_table, RemoteObject._meta.db_table, Figure._meta.db_table]
    plans = {}
    for entry in queries:
        if any(f'"{table}"' in entry["sql"] for table in tables):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {entry['sql']}")
                plans[entry["sql"]] = " ".join(str(row[3]) for row in cursor.fetchall())
    assert len(plans) > 10
    assert [sql for sql, plan in plans.items() if "SEARCH" not in plan] == []
