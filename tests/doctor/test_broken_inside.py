"""Each kind of broken set-up on this side has a message of its own (demand J4)."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.beat import beat_schedule
from django_hellotext.delivery import runs
from django_hellotext.delivery.inspection import Drift
from django_hellotext.delivery.syncing import Choice
from django_hellotext.doctor import database
from django_hellotext.doctor.words import span
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Change, Event, RemoteObject, Session, State
from tests.factories import make_customer, make_product
from tests.needs import needed_module
from tests.ports import HOST, SERVICES, closed_port
from tests.testshop.models import Product

from .conftest import Doctor, sql

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=3)


def with_settings(settings: Any, **changes: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, **changes}


# Settings


def test_a_mistake_in_the_settings_keeps_everything_still(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    with_settings(settings, CONSETN="shop.consent")
    told = doctor()
    assert told.wrong == {"hellotext.E002": "error", "settings.wrong": "error"}
    assert told["hellotext.E002"]["advice"] == "Did you mean CONSENT?"
    assert told["hellotext.E002"]["page"] == "reference/checks.html#check-hellotext.E002"
    assert told.codes[-1] == "settings.rest"


def test_a_backend_that_only_pretends(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    with_settings(settings, BACKEND="dummy", BACKEND_OPTIONS={})
    assert doctor("--no-network").wrong == {"settings.pretends": "warning"}


def test_errors_that_would_reach_visitors(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    with_settings(settings, RAISE_ERRORS=True)
    assert doctor().wrong == {"settings.raise_errors": "warning"}
    settings.DEBUG = True
    assert doctor().wrong == {}


# The database


def test_a_database_that_is_away(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise OperationalError("connection to server at db.example, user wile@acme.example failed")

    monkeypatch.setattr(connections["default"], "ensure_connection", away)
    told = doctor()
    assert told.wrong == {"database.unreachable": "error"}
    assert told.codes.count("examination.no_tables") == 4
    assert "wile@" not in told.text
    assert told.code == 2


def test_a_migration_that_is_missing(healthy: Emulator, doctor: Doctor) -> None:
    MigrationRecorder(connections["default"]).record_unapplied("django_hellotext", "0001_initial")
    told = doctor()
    assert told.wrong == {"database.not_migrated": "error"}
    assert "0001_initial" in told["database.not_migrated"]["title"]
    assert "examination.no_tables" in told.codes


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE django_hellotext_syncrun RENAME COLUMN counts TO numbers", "django_hellotext_syncrun.counts"),
    ],
)
def test_a_table_or_column_that_is_missing(healthy: Emulator, doctor: Doctor, statement: str, named: str) -> None:
    sql(statement)
    told = doctor()
    assert told.wrong == {"database.table_missing": "error"}
    assert named in told["database.table_missing"]["title"]


def test_an_index_that_is_missing_comes_with_the_statement_that_makes_it(healthy: Emulator, doctor: Doctor) -> None:
    sql("DROP INDEX hellotext_event_claim")
    told = doctor()
    assert told.wrong == {"database.index_missing": "warning"}
    advice = told["database.index_missing"]["advice"]
    sql(advice.partition("dbshell: ")[2])
    assert doctor().wrong == {}


def test_sqlite_without_its_journal(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as opened:

        class OnDisk:
            vendor, alias = "sqlite", "default"

            def cursor(self) -> Any:
                return closing(opened.cursor())

        [found] = database._sqlite(OnDisk())
    assert (found.code, found.state) == ("database.sqlite_journal", "warning")
    assert "journal_mode is delete" in found.title


def test_sqlite_without_immediate_transactions(
    settings: Any, healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
    monkeypatch.setitem(settings.DATABASES, "default", {**settings.DATABASES["default"], **sqlite})
    told = doctor()
    assert told.wrong == {"hellotext.W003": "warning"}
    assert told["hellotext.W003"]["family"] == "database"


def test_a_dump_of_another_environment(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    """Demand A8."""
    with_settings(settings, ENVIRONMENT="staging")
    told = doctor()
    assert told["database.foreign"]["state"] == "error"
    assert "belongs to test-business/test" in told["database.foreign"]["title"]
    assert "hellotext.E009" in told["database.foreign"]["meaning"]
    assert "delete the account row of test-business/test" in told["database.foreign"]["advice"]


def test_a_database_whose_clock_is_off(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later:
        @staticmethod
        def now() -> Any:
            return clock.now() + timedelta(minutes=10)

    monkeypatch.setattr(database, "clock", Later)
    assert doctor().wrong == {"database.clock": "warning"}


def test_only_the_database_that_was_asked_for(healthy: Emulator, doctor: Doctor) -> None:
    assert {one["database"] for one in doctor("--database", "default").document["findings"]} == {"", "default"}
    told = doctor("--database", "archive")
    assert told.code == 4
    assert "'archive' is none of HELLOTEXT['DATABASES']: default" in told.text


# Who sends


def test_no_worker_has_ever_run(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.update(drained_at=None)
    assert doctor().wrong == {"worker.never": "warning"}
    wait_since(LONG_AGO)
    assert doctor().wrong == {"worker.never": "error", "queue.late": "error"}


def test_the_last_worker_was_long_ago(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.update(drained_at=clock.now() - LONG_AGO)
    told = doctor()
    assert told.wrong == {"worker.silent": "warning"}
    assert "3 hours ago" in told["worker.silent"]["title"]
    wait_since(LONG_AGO)
    assert doctor().wrong == {"worker.silent": "error", "queue.late": "error"}


def wait_since(age: timedelta) -> None:
    Change.about("testshop.product", "1", account="test-business/test", happened_at=clock.now() - age).save()


def test_sending_on_the_request(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    with_settings(settings, DISPATCH="immediate")
    assert doctor().wrong == {"dispatcher.immediate": "warning"}


@pytest.fixture
def celery(settings: Any, healthy: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A project with Celery as it should be."""
    package, state = needed_module("celery"), needed_module("celery._state")
    import django_hellotext.tasks  # noqa: F401 - as autodiscover_tasks() does it

    # Before the app is made: the first app of a process may become the default one.
    monkeypatch.setattr(state, "default_app", state.default_app)
    app = package.Celery("shop", set_as_current=False, broker="memory://")
    app.conf.beat_schedule = beat_schedule()
    app.finalize()
    monkeypatch.setattr(state, "default_app", app)
    monkeypatch.setattr("celery.app.app_or_default", lambda: app)
    # A busy machine takes a while for the first connection of a process; only silence is waited for to the end.
    monkeypatch.setattr("django_hellotext.doctor.broker.PATIENCE", 30.0)
    with_settings(settings, DISPATCH="celery")
    yield app
    app.close()


def test_celery_as_it_should_be(celery: Any, doctor: Doctor) -> None:
    told = doctor()
    assert told.wrong == {}
    assert {"dispatcher.broker", "dispatcher.beat"} <= set(told.codes)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"redis://{HOST}:{SERVICES['redis']}/0", marks=pytest.mark.redis, id="redis"),
        pytest.param(f"amqp://guest:guest@{HOST}:{SERVICES['rabbitmq']}//", marks=pytest.mark.rabbitmq, id="rabbitmq"),
    ],
)
def test_a_real_broker_answers(celery: Any, doctor: Doctor, url: str) -> None:
    celery.conf.broker_url = celery.conf.broker_write_url = url
    told = doctor()
    assert told.wrong == {}
    assert "dispatcher.broker" in told.codes


def test_no_celery_app(celery: Any, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celery._state.default_app", None)
    told = doctor()
    assert told.wrong == {"hellotext.W002": "warning"}
    assert told["hellotext.W002"]["family"] == "dispatcher"


def test_no_celery(settings: Any, healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celery.app", None)
    with_settings(settings, DISPATCH="celery")
    assert doctor().wrong == {"hellotext.E010": "error"}


def test_a_task_that_celery_does_not_know(celery: Any, doctor: Doctor) -> None:
    celery.tasks.pop("django_hellotext.drain")
    assert doctor().wrong == {"dispatcher.task_unknown": "error"}


def test_a_broker_that_is_dead(celery: Any, doctor: Doctor) -> None:
    with closed_port() as port:
        celery.conf.broker_url = celery.conf.broker_write_url = f"amqp://shop:canary-word@127.0.0.1:{port}//"
        told = doctor()
    assert told.wrong == {"dispatcher.broker_down": "error"}
    assert "canary-word" not in told.text


def test_a_broker_that_says_nothing(celery: Any, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()
    monkeypatch.setattr("django_hellotext.doctor.broker.PATIENCE", 0.2)
    monkeypatch.setattr("django_hellotext.doctor.broker.reach", lambda app, *, timeout: ends.wait(60))
    told = doctor()
    ends.set()
    assert told.wrong == {"dispatcher.broker_silent": "error"}


def test_eager_celery(celery: Any, doctor: Doctor) -> None:
    celery.conf.task_always_eager = True
    assert doctor().wrong == {"dispatcher.celery_eager": "warning"}


def test_beat_without_our_drain(celery: Any, doctor: Doctor) -> None:
    celery.conf.beat_schedule = {}
    Account.objects.update(drained_at=clock.now() - timedelta(minutes=2))
    assert doctor().wrong == {"dispatcher.no_beat": "error"}


def test_a_worker_that_polls_stands_in_for_beat(celery: Any, doctor: Doctor) -> None:
    celery.conf.beat_schedule = {}
    Account.objects.update(drained_at=clock.now())
    told = doctor()
    assert told.wrong == {}
    assert "dispatcher.no_beat_but_worker" in told.codes


def test_beat_that_lacks_a_task(settings: Any, celery: Any, doctor: Doctor) -> None:
    schedule = beat_schedule()
    celery.conf.beat_schedule = {"hellotext-drain": schedule["hellotext-drain"]}
    with_settings(settings, CART_ABANDONED_AFTER=3600)
    told = doctor()
    assert told.wrong == {"dispatcher.beat_incomplete": "warning"}
    assert "django_hellotext.prune, django_hellotext.abandoned" in told["dispatcher.beat_incomplete"]["title"]


def test_a_queue_that_beat_does_not_use(settings: Any, celery: Any, doctor: Doctor) -> None:
    with_settings(settings, QUEUE="hellotext")
    assert doctor().wrong == {"dispatcher.beat_queue": "warning"}
    celery.conf.beat_schedule = beat_schedule(queue="hellotext")
    assert doctor().wrong == {}


def test_tasks_without_a_worker(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    with_settings(settings, DISPATCH="tasks")
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
    assert set(doctor().wrong) <= {"hellotext.E010", "hellotext.E011"}
    assert len(doctor().wrong) == 1


# The site


def test_no_middleware(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "Hellotext" not in one]
    told = doctor()
    assert told.wrong == {"hellotext.W001": "warning"}
    assert told["hellotext.W001"]["family"] == "site"


def test_the_middleware_before_the_sessions(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    settings.MIDDLEWARE = sorted(settings.MIDDLEWARE, key=lambda one: "Hellotext" not in one)
    assert doctor().wrong == {"hellotext.E007": "error"}


def test_the_middleware_before_the_user(settings: Any, healthy: Emulator, doctor: Doctor) -> None:
    sessions, authentication, messages, own = settings.MIDDLEWARE
    settings.MIDDLEWARE = [sessions, own, authentication, messages]
    assert doctor().wrong == {}
    with_settings(settings, CLEAN_URLS=True)
    assert doctor().wrong == {"site.middleware_before_user": "warning"}


def test_no_tag_in_any_template(settings: Any, healthy: Emulator, doctor: Doctor, template: Path) -> None:
    template.write_text("{# {% load hellotext %} #}{% hellotext_track 'page.viewed' %}")
    settings.INSTALLED_APPS = [one for one in settings.INSTALLED_APPS if one != "bookshop"]
    assert doctor().wrong == {"site.tag_missing": "warning"}


@pytest.mark.parametrize("text", ["{% hellotext %}", "{%- hellotext locale='es' %}", "{{ hellotext() }}"])
def test_the_tag_in_each_of_its_forms(healthy: Emulator, doctor: Doctor, template: Path, text: str) -> None:
    template.write_text(text)
    assert doctor()["site.tag"]["title"].endswith("base.html")


def test_more_templates_than_are_looked_through(
    healthy: Emulator, doctor: Doctor, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template.rename(template.with_name("zzz.html"))
    template.with_name("aaa.html").write_text("")
    monkeypatch.setattr("django_hellotext.doctor.site.MOST_FILES", 1)
    assert doctor()["site.tag_not_sought"]["state"] == "skipped"


# The adapters


def test_an_adapter_with_a_mistake(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = registry.for_model(Product)
    monkeypatch.setattr(type(adapter), "name", "title_of_nothing")
    told = doctor()
    assert told["hellotext.E101"]["family"] == "adapters"
    assert told["hellotext.E101"]["state"] == "error"


def test_phone_numbers_without_their_library(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    told = doctor()
    assert told.wrong == {"hellotext.W004": "warning"}
    assert told["hellotext.W004"]["family"] == "adapters"


def test_an_adapter_that_fails_with_real_objects(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, obj: Any) -> str:
        raise ValueError("Will Coyote of wile@acme.example")

    monkeypatch.setattr(type(registry.for_model(Product)), "get_name", broken, raising=False)
    told = doctor()
    fault = told["adapters.fault"]
    assert told.wrong == {"adapters.fault": "error"}
    assert "product testshop.Product: 2 of the 2 newest objects cannot be sent" in fault["title"]
    assert "ProductAdapter raised ValueError" in fault["meaning"]
    assert "Coyote" not in told.text


def test_an_object_with_wrong_data_wakes_nobody_while_others_are_sent(healthy: Emulator, doctor: Doctor) -> None:
    make_product(name="")
    told = doctor()
    assert told.wrong == {"adapters.fault": "warning"}
    assert "product testshop.Product: 1 of the 3 newest objects cannot be sent" in told["adapters.fault"]["title"]
    Product.objects.update(name="")
    assert doctor().wrong == {"adapters.fault": "error"}


def test_a_model_whose_table_is_not_as_its_code_hides_no_other(healthy: Emulator, doctor: Doctor) -> None:
    sql("ALTER TABLE testshop_product RENAME COLUMN price TO amount")
    told = doctor()
    assert told.wrong["adapters.unreadable"] == "error"
    assert "price" in told["adapters.unreadable"]["meaning"]
    assert any("order testshop.Order" in one["title"] for one in told.document["findings"])


def test_a_model_of_which_nothing_was_ever_sent(healthy: Emulator, doctor: Doctor) -> None:
    RemoteObject.objects.filter(kind="product").delete()
    told = doctor()
    assert told.wrong == {"adapters.never_sent": "warning"}
    assert "manage.py hellotext_sync testshop.Product" in told["adapters.never_sent"]["advice"]


def test_no_model_is_an_order(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    every = tuple(adapter for adapter in registry.all() if adapter.kind != "order")
    monkeypatch.setattr(registry, "all", lambda: every)
    assert doctor().wrong == {"adapters.no_orders": "warning"}


def test_a_model_whose_adapter_is_gone(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {model: adapter for model, adapter in registry.registry._adapters.items() if model is not Product}
    monkeypatch.setattr(registry.registry, "_adapters", every)
    # The lines of orders lead to it, which is a mistake of its own.
    told = doctor()
    assert told.wrong.pop("adapters.unregistered") == "warning"
    assert "testshop.product" in told["adapters.unregistered"]["title"]
    RemoteObject.objects.filter(host_label="testshop.product").update(remote_id="")
    assert "adapters.unregistered" not in doctor().codes


# What waits


def test_a_breaker_that_is_open(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.pause("test-business/test", seconds=60, reason="ServerError 503")
    told = doctor()
    assert told.wrong == {"account.paused": "warning"}
    assert "ServerError 503" in told["account.paused"]["title"]


def test_an_account_that_is_halted(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.halt("test-business/test", reason="Hellotext answered 401: the token does not allow sending.")
    told = doctor()
    assert told.wrong == {"account.halted": "error"}
    assert "401" in told["account.halted"]["meaning"]


@pytest.mark.parametrize(("age", "state"), [(timedelta(minutes=10), "warning"), (LONG_AGO, "error")])
def test_rows_that_wait_long_although_a_worker_runs(
    healthy: Emulator, doctor: Doctor, age: timedelta, state: str
) -> None:
    wait_since(age)
    assert doctor().wrong == {"queue.late": state}


def test_rows_that_another_release_has_recorded(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {model: adapter for model, adapter in registry.registry._adapters.items() if model is not Product}
    monkeypatch.setattr(registry.registry, "_adapters", every)
    wait_since(timedelta(hours=3))
    told = doctor()
    assert told.wrong["queue.left"] == "warning"
    # It waits for no worker of this release.
    assert "queue.late" not in told.wrong
    assert told["queue.left"]["title"] == "1 row waits for an adapter of testshop.product, the oldest for 3 hours"
    assert "1 changes" in told["queue.left"]["meaning"]
    assert "register the adapter again" in told["queue.left"]["advice"]
    assert "30 days" in told["queue.left"]["advice"]


def test_refused_rows_are_told_by_type_with_what_to_do(healthy: Emulator, doctor: Doctor) -> None:
    for _ in range(3):
        django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    Event.objects.filter(action="page.viewed").update(state=State.FAILED, error_type="adapter_failed")
    told = doctor()
    assert told.wrong == {"queue.refused": "warning"}
    assert told["queue.refused"]["title"] == "Refused: 3 events (adapter_failed)"
    assert "Correct the adapter" in told["queue.refused"]["advice"]


def test_a_session_of_another_customer_is_nothing_to_look_at(healthy: Emulator, doctor: Doctor) -> None:
    """G6"""
    Session.objects.create(account="test-business/test", identity="x", state=State.FAILED, error_type=Session.CONFLICT)
    told = doctor()
    assert told.wrong == {}
    assert told["queue.conflicts"]["title"] == "1 session belongs to another customer"
    assert "queue.none_refused" in told.codes


def test_many_types_of_refusals_are_summed_up(healthy: Emulator, doctor: Doctor) -> None:
    for number in range(10):
        RemoteObject.objects.create(
            account="test-business/test", identity=f"{number}", kind="list", host_label="a.b", host_pk=f"{number}",
            ordering_key=f"{number}", state=State.FAILED, error_type=f"type_{number}",
        )  # fmt: skip
    found = [one for one in doctor().document["findings"] if one["code"] == "queue.refused"]
    assert len(found) == 9
    assert found[-1]["title"] == "and rows of 2 more types"


def test_what_the_last_check_found(healthy: Emulator, doctor: Doctor) -> None:
    assert doctor()["drift.unknown"]["state"] == "skipped"
    runs.note_check(Choice(), [Drift(kind="order", model="shop.Order", missing_there=2, stale=1)], undefined=1)
    told = doctor()
    assert told.wrong == {"drift.found": "warning"}
    assert told["drift.found"]["title"].endswith("ago, found 4 out of step")
    assert told["drift.found"]["meaning"] == "1 stale, 2 missing there, 1 undefined"
    assert "--repair" in told["drift.found"]["advice"]
    runs.note_check(Choice(), [Drift(kind="order", model="shop.Order", failed=2)], undefined=0)
    assert "refused" in doctor()["drift.found"]["advice"]
    runs.note_check(Choice(), [Drift(kind="order", model="shop.Order", in_step=3)], undefined=0)
    assert doctor().wrong == {}


def test_a_unique_column_without_its_index_comes_with_the_statement_that_makes_it(
    healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a restore leaves it that copied the rows alone."""
    introspection = connections["default"].introspection
    found = introspection.get_constraints

    def without(cursor: Any, table: str) -> dict[str, Any]:
        there = found(cursor, table).items()
        ours = table == RemoteObject._meta.db_table
        return {name: one for name, one in there if not (ours and one["columns"] == ["identity"])}

    monkeypatch.setattr(introspection, "get_constraints", without)
    told = doctor()
    assert told.wrong == {"database.index_missing": "warning"}
    assert "CREATE UNIQUE INDEX" in told["database.index_missing"]["advice"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (600, "10 minutes"), (7200, "2 hours"), (3 * 86_400, "3 days")]
)
def test_an_age_is_said_in_the_unit_that_suits_it(seconds: float, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said
