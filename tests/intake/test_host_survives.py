"""No failure of our INSERT may break the host's transaction (promise 7, demands B4, B5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

import django_hellotext
from django_hellotext.clock import now
from django_hellotext.emulator import Emulator
from django_hellotext.intake.facts import Fact
from django_hellotext.intake.subjects import profile_link
from django_hellotext.intake.tracking import insert_fact
from django_hellotext.models import Change, Event
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quiet(hellotext: Emulator, settings: Any) -> None:
    """Production's way: faults are logged, not raised."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


@pytest.fixture
def no_tables() -> Iterator[None]:
    """The app is installed but not migrated yet."""
    table = Event._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(Event, table, f"{table}_hidden")
    yield
    with connection.schema_editor() as editor:
        editor.alter_db_table(Event, f"{table}_hidden", table)


@pytest.fixture
def refusing_table() -> Iterator[None]:
    """The database refuses every event with a data error."""
    table = Event._meta.db_table
    if connection.vendor == "sqlite":
        make = f"CREATE TRIGGER refuse BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        drop = "DROP TRIGGER refuse"
    else:
        make = f"ALTER TABLE {table} ADD CONSTRAINT refuse CHECK (attempts > 1000)"
        drop = f"ALTER TABLE {table} DROP CONSTRAINT refuse"
    with connection.cursor() as cursor:
        cursor.execute(make)
    yield
    with connection.cursor() as cursor:
        cursor.execute(drop)


@pytest.mark.usefixtures("quiet", "no_tables")
def test_the_hosts_work_commits_while_our_tables_are_missing() -> None:
    with transaction.atomic():
        customer = User.objects.create(username="before")
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
        make_product()
        User.objects.create(username="after")
    assert User.objects.filter(username__in=["before", "after"]).count() == 2


@pytest.mark.usefixtures("quiet", "refusing_table")
def test_the_hosts_work_commits_when_the_database_refuses_our_row() -> None:
    with transaction.atomic():
        customer = make_customer()
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
        User.objects.create(username="after")
    assert User.objects.count() == 2
    assert not Event.objects.exists()


@pytest.mark.usefixtures("quiet", "refusing_table")
def test_the_hosts_savepoint_goes_on_when_the_database_refuses_our_row() -> None:
    with transaction.atomic():
        customer = make_customer()
        with transaction.atomic():
            django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
            User.objects.create(username="inner")
        User.objects.create(username="outer")
    assert User.objects.filter(username__in=["inner", "outer"]).count() == 2


@pytest.mark.usefixtures("quiet", "no_tables")
def test_manual_transactions_survive_as_well() -> None:
    transaction.set_autocommit(False)
    try:
        customer = User.objects.create(username="manual")
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
        User.objects.create(username="manual-after")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert User.objects.filter(username__startswith="manual").count() == 2


@pytest.mark.usefixtures("quiet")
def test_what_the_database_cannot_store_leaves_a_refused_row_or_the_whole_one() -> None:
    """PostgreSQL refuses NUL inside JSON, from which ``track()`` removes it; the others store it."""
    with transaction.atomic():
        customer = make_customer()
        fact = Fact(action="page.viewed", profile=profile_link(customer), metadata={"note": "a\x00b"}, tracked_at=now())
        insert_fact(fact, using="default")
    event = Event.objects.get()
    assert User.objects.count() == 1
    if connection.vendor == "postgresql":
        assert (event.state, event.error_type) == ("failed", "not_recordable")
    else:
        assert event.metadata["note"] == "a\x00b"


@pytest.mark.usefixtures("quiet")
def test_a_block_that_is_lost_already_is_left_alone() -> None:
    customer = make_customer()
    Change.objects.all().delete()
    with transaction.atomic():
        transaction.set_rollback(True)
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    assert not Event.objects.exists()


@pytest.mark.usefixtures("quiet")
def test_a_rolled_back_savepoint_takes_only_its_own_rows() -> None:
    customer = make_customer()
    with transaction.atomic():
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/kept")
        with pytest.raises(RuntimeError), transaction.atomic():
            django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/lost")
            raise RuntimeError
    assert [event.url for event in Event.objects.all()] == ["https://shop.example/kept"]
