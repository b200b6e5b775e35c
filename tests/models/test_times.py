"""Times: every column holds UTC, and every value read is aware, under any setting and on every database."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import dj_database_url
import pytest
from django.apps import apps
from django.core import serializers
from django.db import connections, models
from django.db.models import F, Max, Min, OuterRef, Subquery
from django.db.models.functions import ExtractHour, TruncDay, TruncHour

from django_hellotext import clock
from django_hellotext.models import Account, Figure
from django_hellotext.models.fields import UtcDateTimeField, UtcNow
from tests.processes.databases import Database, Postgres, database

ALIAS = "times"
BERLIN = ZoneInfo("Europe/Berlin")
INSTANTS = [
    datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # before and after the hour that Berlin skips
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, 0, 123000, tzinfo=UTC),  # both 02:30 in Berlin
    datetime(2026, 10, 25, 1, 30, 0, 123000, tzinfo=UTC),
]


class Mode(NamedTuple):
    """The settings that Django's own field depends on. ``of_database`` is ``DATABASES[...]["TIME_ZONE"]``."""

    use_tz: bool
    time_zone: str
    of_database: str | None = None


MODES = [
    Mode(True, "UTC"),
    Mode(True, "Europe/Berlin", "Europe/Berlin"),
    Mode(True, "America/Montevideo", "Asia/Tokyo"),
    Mode(False, "UTC"),
    Mode(False, "Europe/Berlin"),
    Mode(False, "America/Montevideo"),
]
Choose = Callable[[Mode], None]


def needs_driver(name: str) -> None:
    """Skip without the database driver; in CI it has to be there."""
    if os.environ.get("CI") != "true":
        pytest.importorskip(name)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> Iterator[Database]:
    """A database of its own under ``ALIAS``, with the tables of accounts and figures."""
    needs_driver({"sqlite": "sqlite3", "postgres": "psycopg", "mariadb": "MySQLdb"}[request.param])
    made = database(request.param, folder=tmp_path, name="times")
    made.create()
    parsed: Any = dj_database_url.parse(made.url)
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: parsed})[ALIAS]
    with django_db_blocker.unblock():
        try:
            with connections[ALIAS].schema_editor() as editor:
                editor.create_model(Account)
                editor.create_model(Figure)
            yield made
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.settings[ALIAS]
            made.drop()


@pytest.fixture
def choose(store: Database, settings: Any) -> Choose:
    """Change the settings, as a restart of the project with others does."""

    def change(mode: Mode) -> None:
        connection = connections[ALIAS]
        connection.close()
        settings.USE_TZ, settings.TIME_ZONE = mode.use_tz, mode.time_zone
        connection.settings_dict["TIME_ZONE"] = mode.of_database
        for name in ("timezone", "timezone_name"):
            vars(connection).pop(name, None)

    return change


def write(instants: list[datetime] = INSTANTS, subject: str = "event") -> None:
    for instant in instants:
        Figure.objects.using(ALIAS).create(account="a", hour=instant, subject=subject, ending="failed")


def read(subject: str = "event") -> list[datetime]:
    return list(Figure.objects.using(ALIAS).filter(subject=subject).order_by("pk").values_list("hour", flat=True))


def stored(store: Database) -> list[datetime]:
    """What the column holds, read beside Django."""
    column = "hour AT TIME ZONE 'UTC'" if isinstance(store, Postgres) else "hour"
    rows = store.rows(f"SELECT {column} FROM django_hellotext_figure ORDER BY id")  # noqa: S608 - no input
    return [datetime.fromisoformat(str(value)) for (value,) in rows]


@pytest.mark.parametrize("mode", MODES)
def test_each_instant_comes_back_in_utc_and_is_stored_in_utc(mode: Mode, store: Database, choose: Choose) -> None:
    choose(mode)
    write()
    assert read() == INSTANTS
    assert {moment.tzinfo for moment in read()} == {UTC}
    assert [figure.hour for figure in Figure.objects.using(ALIAS).order_by("pk").iterator(chunk_size=2)] == INSTANTS
    assert stored(store) == [instant.replace(tzinfo=None) for instant in INSTANTS]


@pytest.mark.parametrize("mode", MODES)
def test_each_instant_is_found_again(mode: Mode, choose: Choose) -> None:
    choose(mode)
    write()
    figures = Figure.objects.using(ALIAS)
    for place, instant in enumerate(INSTANTS):
        assert figures.get(hour=instant).hour == instant
        assert figures.get(hour=instant.astimezone(BERLIN)).hour == instant
        assert figures.filter(hour__lte=instant).count() == place + 1
    assert figures.filter(hour__in=INSTANTS[:2]).count() == 2
    assert figures.filter(hour__range=(INSTANTS[3], INSTANTS[4])).count() == 2


def test_another_setting_moves_no_stored_time(choose: Choose) -> None:
    for number, mode in enumerate(MODES):
        choose(mode)
        write(subject=str(number))
    for mode in MODES:
        choose(mode)
        for number in range(len(MODES)):
            assert read(str(number)) == INSTANTS, (mode, MODES[number])


@pytest.mark.parametrize("mode", MODES)
def test_what_the_database_computes_is_in_utc_too(mode: Mode, choose: Choose) -> None:
    choose(mode)
    write()
    figures = Figure.objects.using(ALIAS)
    assert figures.aggregate(first=Min("hour"), last=Max("hour")) == {"first": INSTANTS[0], "last": INSTANTS[-1]}
    newest = figures.filter(pk=OuterRef("pk")).order_by("-pk").values("hour")[:1]
    assert list(figures.annotate(same=Subquery(newest)).order_by("pk").values_list("same", flat=True)) == INSTANTS
    assert figures.annotate(same=Subquery(newest)).filter(same=F("hour")).count() == len(INSTANTS)
    counted = figures.values_list("hour").annotate(sum=models.Sum("count")).order_by("hour")
    assert [hour for hour, _ in counted] == INSTANTS
    assert set(figures.values_list("hour", flat=True).distinct()) == set(INSTANTS)


def zone_of_truncation(mode: Mode, vendor: str) -> ZoneInfo:
    """Return the zone in which Django truncates; under ``USE_TZ=False`` only PostgreSQL converts the column."""
    return ZoneInfo(mode.time_zone if mode.use_tz or vendor == "postgresql" else "UTC")


def cannot_truncate(mode: Mode) -> bool:
    """Return whether Django has to convert between zones on a MariaDB without time zone tables."""
    connection = connections[ALIAS]
    converts = mode.use_tz and connection.timezone_name != mode.time_zone
    return converts and not connection.features.has_zoneinfo_database


@pytest.mark.parametrize("mode", [*MODES, Mode(True, "America/Montevideo")])
def test_a_truncated_time_is_the_start_of_its_period(mode: Mode, choose: Choose) -> None:
    choose(mode)
    instant = datetime(2026, 7, 1, 1, 30, tzinfo=UTC)
    write([instant])
    figures = Figure.objects.using(ALIAS)
    if cannot_truncate(mode):
        with pytest.raises(ValueError, match="time zone definitions"):
            figures.annotate(day=TruncDay("hour")).get()
        return
    vendor = connections[ALIAS].vendor
    # With a zone for the database, Django takes the column on SQLite and MariaDB for that zone's time.
    seen = instant if vendor == "postgresql" else instant.replace(tzinfo=ZoneInfo(mode.of_database or "UTC"))
    local = seen.astimezone(zone_of_truncation(mode, vendor))
    hour = local.replace(minute=0)
    day = hour.replace(hour=0)
    found = figures.values_list("hour", TruncDay("hour"), TruncHour("hour"), ExtractHour("hour")).get()
    assert found == (instant, day, hour, local.hour)
    assert {moment.tzinfo for moment in found[:3]} == {UTC}
    assert figures.values_list(TruncDay("hour")).annotate(models.Count("pk")).get() == (day, 1)
    assert figures.filter(hour__date=local.date()).exists()


def test_a_time_is_truncated_in_the_zone_that_is_given(choose: Choose) -> None:
    mode = Mode(True, "Asia/Tokyo")
    choose(mode)
    write([datetime(2026, 6, 30, 22, 30, tzinfo=UTC)])
    days = Figure.objects.using(ALIAS).values_list(TruncDay("hour", tzinfo=BERLIN), flat=True)
    if cannot_truncate(mode):
        with pytest.raises(ValueError, match="time zone definitions"):
            days.get()
    else:
        assert days.get() == datetime(2026, 7, 1, tzinfo=BERLIN)


@pytest.mark.parametrize("mode", MODES)
def test_times_are_compared_with_a_subquery(mode: Mode, choose: Choose) -> None:
    choose(mode)
    write()
    figures = Figure.objects.using(ALIAS)
    last = figures.order_by("-hour").values("hour")[:1]
    assert figures.filter(hour__in=figures.values("hour")).count() == len(INSTANTS)
    assert figures.filter(hour__lt=Subquery(last)).count() == len(INSTANTS) - 1
    both = figures.values("hour").union(figures.filter(hour=INSTANTS[0]).values("hour"))
    assert [row["hour"] for row in both.order_by("hour")] == INSTANTS


@pytest.mark.parametrize("mode", MODES)
def test_rows_are_written_in_bulk(mode: Mode, store: Database, choose: Choose) -> None:
    choose(mode)
    figures = Figure.objects.using(ALIAS)
    figures.bulk_create([Figure(account="a", hour=instant, subject="event", ending="failed") for instant in INSTANTS])
    assert read() == INSTANTS
    rows = list(figures.order_by("pk"))
    for row in rows:
        row.hour -= timedelta(hours=1)
    figures.bulk_update(rows, ["hour"])
    assert read() == [instant - timedelta(hours=1) for instant in INSTANTS]


@pytest.mark.parametrize("mode", MODES)
def test_the_time_of_the_database_agrees_with_what_is_stored(mode: Mode, choose: Choose) -> None:
    choose(mode)
    accounts = Account.objects.using(ALIAS)
    accounts.create(key="a")
    accounts.update(drained_at=UtcNow(), paused_until=UtcNow() + timedelta(hours=1), halted_at=clock.now())
    [(drained_at, paused_until, time)] = accounts.values_list("drained_at", "paused_until", UtcNow())
    assert abs(time - clock.now()) < timedelta(minutes=5)
    assert drained_at <= time
    assert abs(paused_until - drained_at - timedelta(hours=1)) < timedelta(seconds=1)
    # The zones of two clocks differ by more than this.
    assert accounts.filter(halted_at__lte=UtcNow() + timedelta(minutes=5)).exists()
    assert not accounts.filter(halted_at__lte=UtcNow() - timedelta(minutes=5)).exists()


@pytest.mark.parametrize("mode", MODES)
def test_a_naive_value_is_local_time(mode: Mode, store: Database, choose: Choose) -> None:
    choose(mode)
    zone = ZoneInfo(mode.time_zone)
    local = datetime(2026, 6, 1, 12, 30)  # noqa: DTZ001 - naive, as Django's admin filters by it
    figures = Figure.objects.using(ALIAS)
    Figure(account="a", hour=local, subject="event", ending="failed").save(using=ALIAS)
    assert read() == [local.replace(tzinfo=zone)]
    for value in (local, str(local), local.isoformat()):
        assert figures.filter(hour=value).exists()
    assert figures.filter(hour__gte="2026-06-01").exists()
    assert not figures.filter(hour__gte=date(2026, 6, 2)).exists()


@pytest.mark.parametrize("local", [datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)])  # noqa: DTZ001 - naive on purpose
@pytest.mark.parametrize("use_tz", [True, False])
def test_a_local_time_that_is_skipped_or_repeated_is_taken(local: datetime, use_tz: bool, choose: Choose) -> None:
    choose(Mode(use_tz, "Europe/Berlin"))
    Figure(account="a", hour=local, subject="event", ending="failed").save(using=ALIAS)
    assert read() == [local.replace(tzinfo=BERLIN).astimezone(UTC)]


@pytest.mark.parametrize("mode", MODES)
def test_a_dump_is_loaded_unchanged_under_other_settings(mode: Mode, choose: Choose) -> None:
    choose(mode)
    write(INSTANTS[1:])  # Django writes milliseconds into JSON
    for format in ("json", "xml"):
        choose(mode)
        dump = serializers.serialize(format, Figure.objects.using(ALIAS).order_by("pk"))
        choose(Mode(False, "Asia/Tokyo"))
        Figure.objects.using(ALIAS).all().delete()
        for found in serializers.deserialize(format, dump, using=ALIAS):
            found.save(using=ALIAS)
        assert read() == INSTANTS[1:]


def test_every_time_column_is_one_of_ours() -> None:
    columns = [
        field
        for model in apps.get_app_config("django_hellotext").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.DateTimeField)
    ]
    assert len(columns) > 20
    assert [str(column) for column in columns if type(column) is not UtcDateTimeField] == []


PSYCOPG_2 = """
    import os
    import sys
    sys.modules["psycopg"] = None  # Django prefers psycopg 3
    from datetime import datetime, timedelta, UTC
    from zoneinfo import ZoneInfo
    import django
    from django.conf import settings
    django.setup()
    from django.db import connection
    from django.db.models import Count, F, Max, OuterRef, Subquery
    from django.db.models.functions import Coalesce, TruncDay, TruncHour
    from django.test.utils import CaptureQueriesContext
    from django_hellotext.models import Figure
    assert connection.Database.__name__ == "psycopg2"
    zone_of_database = os.environ["ZONE_OF_DATABASE"] or None
    connection.settings_dict["TIME_ZONE"] = zone_of_database
    with connection.schema_editor() as editor:
        editor.create_model(Figure)
    zone = zone_of_database or ("UTC" if settings.USE_TZ else settings.TIME_ZONE)
    assert connection.timezone_name == zone
    figures = Figure.objects.all()
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    instants = [first, first + timedelta(hours=1)]
    for instant in instants:
        Figure.objects.create(account="a", hour=instant, subject="event", ending="failed")

    # The outermost select: text, if the connection is not in UTC.
    with CaptureQueriesContext(connection) as queries:
        assert list(figures.order_by("hour").values_list("hour", flat=True)) == instants
    assert ("to_char" in queries[0]["sql"]) == (zone != "UTC"), queries[0]
    assert [row.hour for row in figures.order_by("hour")] == instants
    assert figures.aggregate(last=Max("hour"))["last"] == instants[1]
    assert figures.order_by("hour")[:2].aggregate(last=Max("hour"))["last"] == instants[1]
    assert [hour for hour, _ in figures.values_list("hour").annotate(Count("pk")).order_by("hour")] == instants
    assert list(figures.values_list("hour", flat=True).distinct().order_by("-hour")) == instants[::-1]
    both = figures.filter(hour=instants[0]).values_list("hour").union(figures.values_list("hour"))
    assert [hour for (hour,) in both.order_by("hour")] == instants
    same = Subquery(figures.filter(pk=OuterRef("pk")).values("hour"))
    assert [row.same for row in figures.annotate(same=same).order_by("same")] == instants
    assert [row.same for row in figures.annotate(same=Coalesce(same, F("hour"))).order_by("same")] == instants

    # Subqueries: the type of the column.
    assert figures.filter(hour=instants[1]).count() == 1
    assert figures.filter(hour__in=figures.values("hour")).count() == 2
    assert figures.filter(hour__in=figures.values("hour").union(figures.values("hour"))).count() == 2
    last = figures.order_by("-hour").values("hour")[:1]
    assert figures.filter(hour__lte=Subquery(last)).count() == 2
    assert figures.filter(hour__lt=Subquery(last)).count() == 1

    # Truncations: Django's own conversion.
    local = ZoneInfo(settings.TIME_ZONE)
    day = datetime(2026, 10, 25, tzinfo=local)
    hours = [instant.replace(minute=0) for instant in instants]
    if instants[0].astimezone(local).hour == instants[1].astimezone(local).hour:
        hours[1] = hours[0]  # a truncated datetime of psycopg 2 cannot tell the two sides of the DST change
    if local.key == "America/Montevideo":
        day -= timedelta(days=1)
    assert [row.start for row in figures.annotate(start=TruncHour("hour")).order_by("hour")] == hours
    assert [row.day for row in figures.annotate(day=TruncDay("hour"))] == [day, day]

    figures.filter(hour=instants[0]).update(hour=Subquery(last), subject="other")
    assert list(figures.values_list("hour", flat=True)) == [instants[1]] * 2
    print("as written")
"""


@pytest.mark.postgres
@pytest.mark.parametrize(
    "mode",
    [
        Mode(True, "Europe/Berlin"),
        Mode(True, "Europe/Berlin", "Europe/Berlin"),
        Mode(True, "America/Montevideo", "Europe/Berlin"),
        Mode(False, "UTC"),
        Mode(False, "Europe/Berlin"),
        Mode(False, "America/Montevideo"),
    ],
)
def test_psycopg_2_reads_both_sides_of_a_dst_change(mode: Mode, tmp_path: Path) -> None:
    needs_driver("psycopg2")
    made = database("postgres", folder=tmp_path, name="psycopg2")
    made.create()
    try:
        found = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PSYCOPG_2)],
            env={
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "PYTHONPATH": ".:example_project",
                "PATH": "",
                "TEST_DATABASE_URL": made.url,
                "TEST_USE_TZ": "1" if mode.use_tz else "0",
                "TEST_TIME_ZONE": mode.time_zone,
                "ZONE_OF_DATABASE": mode.of_database or "",
            },
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        made.drop()
    assert found.stdout.strip() == "as written", found.stderr
