"""The database takes the host's whole transaction back while it refuses our row: the host has to know.

InnoDB does so with the victim of a deadlock, SQLite with a disk that is full. To go on in silence would be to commit
what comes after, without what came before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

import django_hellotext
from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.intake import ledger
from django_hellotext.models import Change, Event
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://shop.example/"

needs_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's way")
needs_innodb = pytest.mark.skipif("connection.vendor != 'mysql'", reason="InnoDB's way")


@pytest.fixture(autouse=True)
def quiet(hellotext: Emulator, settings: Any) -> None:
    """Production's way: faults are logged, not raised."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


@pytest.fixture(params=[Event, Change])
def full_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each INSERT into one of our tables ends the transaction."""
    table = request.param._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse")


def buy() -> None:
    """What a host does in one transaction; it says something to both of our tables."""
    User.objects.create(username="before")
    make_product()
    django_hellotext.track("page.viewed", profile=User.objects.get(username="before"), url=URL)
    User.objects.create(username="after")


@needs_sqlite
@pytest.mark.usefixtures("full_disk")
def test_nothing_of_a_transaction_that_is_gone_is_committed() -> None:
    with pytest.raises(OperationalError, match="disk is full"), transaction.atomic():
        buy()
    assert not User.objects.exists()


@needs_sqlite
@pytest.mark.usefixtures("full_disk")
def test_a_host_that_catches_it_inside_cannot_go_on_either() -> None:
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        with pytest.raises(OperationalError, match="disk is full"), transaction.atomic():
            buy()
        User.objects.create(username="later")
    assert not User.objects.exists()


@needs_sqlite
@pytest.mark.usefixtures("full_disk")
def test_without_a_transaction_nothing_is_lost_and_nothing_raised() -> None:
    buy()
    assert User.objects.count() == 2


@needs_sqlite
@pytest.mark.parametrize("full_disk", [Event], indirect=True)
@pytest.mark.usefixtures("full_disk")
def test_a_decorated_view_under_atomic_requests_fails_as_a_whole(rf: RequestFactory) -> None:
    @track("page.viewed", profile=lambda: User.objects.get())
    def view(request: HttpRequest) -> HttpResponse:
        User.objects.create(username="bought")
        return HttpResponse()

    with pytest.raises(OperationalError, match="disk is full"), transaction.atomic():
        view(rf.get("/"))
    assert not User.objects.exists()


@needs_sqlite
def test_an_insert_into_a_locked_file_has_met_a_lock(tmp_path: Path) -> None:
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "shop.sqlite3", "OPTIONS": {"timeout": 0}}
    shop = ConnectionHandler({"default": file})
    with closing(shop.create_connection("default")) as holder, closing(shop.create_connection("default")) as other:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
        with other.cursor() as cursor, pytest.raises(OperationalError, match="locked") as caught:
            cursor.execute("BEGIN IMMEDIATE")
    assert ledger.met_a_lock(caught.value)


@pytest.fixture
def somebody_else() -> Iterator[BaseDatabaseWrapper]:
    other = connection.copy()
    other.inc_thread_sharing()
    other.set_autocommit(False)
    yield other
    other.rollback()
    other.close()


@needs_innodb
def test_the_victim_of_a_deadlock_is_told(somebody_else: BaseDatabaseWrapper) -> None:
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url=URL, key="one")
    with somebody_else.cursor() as cursor:
        # Much done already, so that the other side is the one that is given up.
        cursor.executemany(
            "INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff, "
            "is_active, date_joined) VALUES (%s, '', '', '', '', 0, 0, 0, NOW())",
            [(f"much-{number}",) for number in range(300)],
        )
        cursor.execute(f"UPDATE {Event._meta.db_table} SET url = ''")  # noqa: S608 - a table of ours

    def cross() -> None:
        with somebody_else.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET first_name = 'Theirs' WHERE id = %s", [customer.pk])

    crossing = threading.Thread(target=cross)
    with pytest.raises(OperationalError, match="Deadlock"), transaction.atomic():
        User.objects.filter(pk=customer.pk).update(first_name="Ours")
        crossing.start()
        django_hellotext.track("page.viewed", profile=customer, url=URL, key="one")
        User.objects.create(username="after")
    crossing.join()
    assert not User.objects.filter(username="after").exists()


@needs_innodb
def test_a_wait_that_is_too_long_is_told_where_it_ends_the_whole_transaction(
    somebody_else: BaseDatabaseWrapper,
) -> None:
    """With ``innodb_rollback_on_timeout`` it does; by default it ends the statement alone, and the host goes on."""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url=URL, key="one")
    with somebody_else.cursor() as cursor:
        cursor.execute(f"UPDATE {Event._meta.db_table} SET url = ''")  # noqa: S608 - a table of ours
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        cursor.execute("SELECT @@innodb_rollback_on_timeout")
        is_lost = bool(cursor.fetchone()[0])
    try:
        with (
            pytest.raises(ledger.TransactionLostError) if is_lost else nullcontext(),
            transaction.atomic(),
        ):
            User.objects.create(username="before")
            django_hellotext.track("page.viewed", profile=customer, url=URL, key="one")
            User.objects.create(username="after")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = DEFAULT")
    assert User.objects.filter(username__in=["before", "after"]).count() == (0 if is_lost else 2)
