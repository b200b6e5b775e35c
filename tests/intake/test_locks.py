"""A lock on our table that outlasts the host's own time limit costs the host nothing more (promise 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

import django_hellotext
from django_hellotext.emulator import Emulator
from django_hellotext.intake import ledger
from django_hellotext.models import Change, Event
from tests.factories import make_order
from tests.testshop.models import Order

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server with two connections"),
]


@pytest.fixture
def somebody_else() -> Iterator[BaseDatabaseWrapper]:
    other = connection.copy()
    yield other
    other.close()


@pytest.fixture
def impatient_host() -> Iterator[None]:
    """A host that waits for a lock for a second at most."""
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'" if postgres else "SET SESSION lock_wait_timeout = 1")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0" if postgres else "SET SESSION lock_wait_timeout = DEFAULT")


@pytest.mark.usefixtures("impatient_host")
def test_a_row_that_only_met_a_lock_is_kept_whole(
    hellotext: Emulator, settings: Any, somebody_else: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    customer = User.objects.create(username="customer")
    execute, refused = ledger._execute, []

    def watched(*arguments: Any) -> None:
        try:
            execute(*arguments)
        except OperationalError as error:
            refused.append(error)
            somebody_else.rollback()
            raise

    monkeypatch.setattr(ledger, "_execute", watched)
    somebody_else.set_autocommit(False)
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/", key="one")
    with somebody_else.cursor() as cursor:
        cursor.execute(f"DELETE FROM {Event._meta.db_table}")  # noqa: S608 - a table of ours
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/whole", key="one")
    assert len(refused) == 1
    # They have gone back, so that the key was there already; a row of remains would have had none.
    assert [(event.state, event.url) for event in Event.objects.all()] == [("pending", "https://shop.example/")]


@pytest.mark.usefixtures("impatient_host")
def test_a_change_that_only_met_a_lock_is_not_lost(
    hellotext: Emulator, somebody_else: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would know of it until the object is saved again."""
    postgres, table = connection.vendor == "postgresql", Change._meta.db_table
    execute, refused = ledger._execute, []

    def release() -> None:
        with somebody_else.cursor() as cursor:
            cursor.execute("ROLLBACK" if postgres else "UNLOCK TABLES")

    def watched(*arguments: Any) -> None:
        try:
            execute(*arguments)
        except OperationalError as error:
            refused.append(error)
            release()
            raise

    monkeypatch.setattr(ledger, "_execute", watched)
    with somebody_else.cursor() as cursor:
        cursor.execute("BEGIN" if postgres else "SELECT 1")
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE" if postgres else f"LOCK TABLES {table} WRITE")
    with transaction.atomic():
        customer = User.objects.create(username="customer")
    assert len(refused) == 1
    assert [change.object_pk for change in Change.objects.all()] == [str(customer.pk)]


@pytest.mark.usefixtures("impatient_host")
def test_the_hosts_work_commits_while_our_table_is_locked(
    hellotext: Emulator, settings: Any, somebody_else: BaseDatabaseWrapper
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    table = Event._meta.db_table
    if connection.vendor == "postgresql":
        somebody_else.set_autocommit(False)
        lock = f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
    else:
        lock = f"LOCK TABLES {table} WRITE"
    with somebody_else.cursor() as cursor:
        cursor.execute(lock)
    try:
        with transaction.atomic():
            customer = User.objects.create(username="before")
            django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
            User.objects.create(username="after")
    finally:
        if connection.vendor == "postgresql":
            somebody_else.rollback()
            somebody_else.set_autocommit(True)
        else:
            with somebody_else.cursor() as cursor:
                cursor.execute("UNLOCK TABLES")
    assert User.objects.count() == 2
    assert not Change.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
@pytest.mark.usefixtures("impatient_host")
def test_an_event_does_not_wait_for_an_open_transaction_about_the_same_order(
    hellotext: Emulator, somebody_else: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """The INSERT looks the buyer's session up; it locks nothing that it reads."""
    if connection.vendor == "mysql":
        monkeypatch.setattr(connection, "isolation_level", level)
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
    order = make_order(customer=User.objects.create(username="customer"), status="placed")
    change = Change.objects.get(object_label="testshop.order")
    Change.objects.filter(pk=change.pk).update(session="committed")
    somebody_else.set_autocommit(False)
    with somebody_else.cursor() as cursor:
        cursor.execute(f"UPDATE {Event._meta.db_table} SET session = 'open' WHERE id = %s", [change.pk])  # noqa: S608
    try:
        with transaction.atomic():
            django_hellotext.track("order.confirmed", Order.objects.get(pk=order.pk))
    finally:
        somebody_else.rollback()
    assert [event.session for event in Event.objects.all()] == ["committed"]
