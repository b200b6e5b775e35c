"""``GET status/``: what a monitor asks every minute, with a million rows too."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.delivery.standing import OPEN, standing
from django_hellotext.models import Account, Change, Event, Lane, RemoteObject, Session, State
from tests.factories import make_customer, make_product, placed_order
from tests.needs import needed_module

from .conftest import STATUS_TOKEN, Staff, make_event, make_object

needed_module("rest_framework")
pytestmark = pytest.mark.django_db

URL = "/hellotext/status/"
KEY = "test-business/test"


def ask(client: Client, token: str = STATUS_TOKEN, **headers: str) -> Any:
    return client.get(URL, headers={"Authorization": f"Bearer {token}", **headers})


def state(client: Client) -> str:
    response = ask(client)
    assert response.status_code == 200
    return str(response.json()["state"])


def account(**values: Any) -> Account:
    return Account.objects.create(key=KEY, business_id="test-business", environment="test", **values)


def minutes_ago(count: int) -> datetime.datetime:
    return clock.now() - datetime.timedelta(minutes=count)


# What it says


def test_open_rows_are_counted_and_the_oldest_is_named(client: Client) -> None:
    """J4"""
    account(drained_at=minutes_ago(1))
    make_event(1, created_at=minutes_ago(9))
    make_event(2, state=State.FAILED)
    make_event(3, state=State.DELIVERED, created_at=minutes_ago(99))
    make_event(4, account="another/account")
    make_event(5, lane=Lane.BACKFILL, created_at=minutes_ago(60))
    make_object(1, state=State.UNCERTAIN)
    make_object(2, updated_at=minutes_ago(20))
    Change.about("testshop.product", "1", account=KEY, happened_at=minutes_ago(3)).save()
    body = ask(client).json()
    [database] = body["databases"]
    assert database["counts"] == {
        "events": {"pending": 2, "sending": 0, "uncertain": 0, "failed": 1},
        "objects": {"pending": 1, "sending": 0, "uncertain": 1, "failed": 0},
        "sessions": {"pending": 0, "sending": 0, "uncertain": 0, "failed": 0},
    }
    assert database["unseen_changes"] == 1
    assert abs(moment(database["waiting_since"]) - minutes_ago(20)) < datetime.timedelta(seconds=30)
    assert abs(moment(database["backfill_since"]) - minutes_ago(60)) < datetime.timedelta(seconds=30)
    assert body["environment"] == "test"
    assert body["state"] == "ok"  # a worker looked a minute ago


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_an_idle_shop_is_ok(client: Client, deliver: Callable[..., Report]) -> None:
    deliver()
    body = ask(client).json()
    assert body["state"] == "ok"
    assert body["databases"][0]["waiting_since"] is None
    assert body["databases"][0]["last_drain"] is not None


def test_rows_that_wait_without_a_worker_are_stalled(client: Client) -> None:
    """J4: nobody knows that no worker runs until somebody says so."""
    make_event(1, created_at=minutes_ago(9))
    assert state(client) == "stalled"
    mine = account(drained_at=minutes_ago(1))
    assert state(client) == "ok"
    Account.objects.filter(pk=mine.pk).update(drained_at=minutes_ago(8))
    assert state(client) == "stalled"


def test_saves_that_nobody_has_looked_at_are_stalled_too(client: Client) -> None:
    Change.about("testshop.product", "1", account=KEY, happened_at=minutes_ago(9)).save()
    assert state(client) == "stalled"


def test_a_pause_and_a_halt_are_told_with_their_reason(client: Client) -> None:
    mine = account(drained_at=minutes_ago(0))
    Account.objects.pause(mine.key, seconds=60, reason="ServerError 503")
    body = ask(client).json()
    assert (body["state"], body["databases"][0]["paused_reason"]) == ("paused", "ServerError 503")
    Account.objects.halt(mine.key, reason="Hellotext answered 401")
    body = ask(client).json()
    assert (body["state"], body["databases"][0]["halted_reason"]) == ("halted", "Hellotext answered 401")
    assert datetime.datetime.fromisoformat(body["databases"][0]["halted_until"]) > clock.now()


def test_a_cloned_database_says_so(client: Client) -> None:
    """A8"""
    Account.objects.create(key="test-business/production", business_id="test-business", environment="production")
    assert state(client) == "foreign"


def test_an_app_with_a_wrong_setting_is_inactive(client: Client, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LEASE": "soon"}
    assert state(client) == "inactive"


# What it costs


def test_a_million_rows_would_cost_what_ten_do(client: Client) -> None:
    """J1: the same statements however many rows, and none that counts delivered rows or counts without an end."""
    account()
    make_event(1)
    with CaptureQueriesContext(connection) as few:
        ask(client)
    for number in range(2, 60):
        make_event(number, state=State.DELIVERED)
        make_object(number, state=State.SYNCED)
    with CaptureQueriesContext(connection) as many:
        ask(client)
    assert len(few) == len(many) <= 28
    for entry in many:
        sql = entry["sql"]
        assert "delivered" not in sql
        assert "synced" not in sql
        if "COUNT(" in sql or "MIN(" in sql:
            assert "LIMIT" in sql


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_every_statement_goes_through_an_index(client: Client) -> None:
    account()
    with CaptureQueriesContext(connection) as queries:
        standing("default")
    tables = {model._meta.db_table for model in (Event, RemoteObject, Session, Change)}
    plans = {}
    for entry in queries:
        if any(f'"{table}"' in entry["sql"] for table in tables):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {entry['sql']}")
                plans[entry["sql"]] = " ".join(str(row[3]) for row in cursor.fetchall())
    assert len(plans) == 3 * len(OPEN) + 1 + 2 * 5 + 4
    assert [sql for sql, plan in plans.items() if "USING" not in plan or "INDEX hellotext_" not in plan] == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads PostgreSQL's plans")
def test_every_statement_goes_through_an_index_on_postgresql(client: Client) -> None:
    account()
    with CaptureQueriesContext(connection) as queries:
        standing("default")
    tables = {model._meta.db_table for model in (Event, RemoteObject, Session, Change)}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables of a test are too small for an index
        cursor.execute("SET LOCAL enable_sort = off")
        for entry in queries:
            if any(f'"{table}"' in entry["sql"] for table in tables):
                cursor.execute(f"EXPLAIN {entry['sql']}")
                plan = "\n".join(str(row[0]) for row in cursor.fetchall())
                assert "Seq Scan" not in plan, plan


def test_a_count_ends_where_it_says(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_hellotext.delivery.standing.COUNTED_TO", 3)
    monkeypatch.setattr("django_hellotext.rest.status.COUNTED_TO", 3)
    for number in range(5):
        make_event(number)
    body = ask(client).json()
    assert body["databases"][0]["counts"]["events"]["pending"] == body["counted_to"] == 3


# Who may ask


def test_nobody_is_told_without_a_right(client: Client, staff: Staff, settings: Any) -> None:
    assert client.get(URL).status_code == 401
    assert staff().get(URL).status_code == 403
    assert staff("view_event", "change_order").get(URL).status_code == 403
    assert staff("view_account", is_staff=False).get(URL).status_code == 403
    assert staff("view_account").get(URL).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "wrong", STATUS_TOKEN[:-1], STATUS_TOKEN + "x", STATUS_TOKEN.upper(), "é\udcff", "x" * 50_000, "None"]
)
def test_a_wrong_token_is_refused(client: Client, token: str) -> None:
    assert ask(client, token=token).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Basic", f"Basic {STATUS_TOKEN}", STATUS_TOKEN, "Bearer  ", "\x00"])
def test_a_malformed_header_is_refused(client: Client, header: str) -> None:
    assert client.get(URL, headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_in_the_settings_no_token_is_right(client: Client, settings: Any, token: str | None) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "STATUS_TOKEN": token}
    for given in ("", "None", STATUS_TOKEN):
        assert ask(client, token=given).status_code == 401


def test_the_token_opens_nothing_else(client: Client) -> None:
    make_event(1)
    for path in ("events/", "objects/", "events/1/"):
        assert client.get(f"/hellotext/{path}", headers={"Authorization": f"Bearer {STATUS_TOKEN}"}).status_code in (
            401,
            403,
        )


def test_the_token_is_shown_nowhere(client: Client) -> None:
    """I1"""
    assert STATUS_TOKEN not in repr(hellotext_settings)
    assert STATUS_TOKEN.encode() not in ask(client).content


@pytest.mark.parametrize("token", ["short", 7, "with a\nline", "x" * 15])
def test_a_token_that_is_none_is_a_mistake_in_the_settings(settings: Any, token: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "STATUS_TOKEN": token}
    assert [problem.setting for problem in hellotext_settings.problems()] == ["STATUS_TOKEN"]
    assert hellotext_settings.STATUS_TOKEN == ""


def test_there_is_no_personal_data_in_it(client: Client, deliver: Callable[..., Report]) -> None:
    """I1"""
    placed_order(customer=make_customer(email="wile@acme.example", first_name="Wilhelmina"))
    deliver()
    text = json.dumps(ask(client).json())
    for private in ("wile", "acme", "Wilhelmina", "test-token"):
        assert private not in text


@pytest.mark.skipif(connection.vendor != "sqlite", reason="an error ends PostgreSQL's transaction, which is the test's")
def test_a_database_that_cannot_be_read_is_told(client: Client) -> None:
    table = Change._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        response = ask(client)
        cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    assert response.status_code == 503
    assert response.json() == {"detail": "The database cannot be read."}


def test_a_change_of_a_cart_counts_once(client: Client) -> None:
    django_hellotext.cart_changed("basket-7", [(make_product(), 1)])
    assert {change.label for change in Change.objects.all()} == {"testshop.product", "hellotext.session_cart"}
    assert ask(client).json()["databases"][0]["unseen_changes"] == 2
