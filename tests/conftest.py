"""Fixtures of the package's own tests: a configured app and a local Hellotext in this process."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.core.management.color import Style
from django.core.management.commands import flush
from django.core.signals import setting_changed
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.signals import root_urlconf_changed
from django.urls import set_urlconf

from django_hellotext import clock
from django_hellotext.delivery import Report, breaker, drain, policy
from django_hellotext.delivery.unknown_models import unknown_models
from django_hellotext.emulator import Emulator, EmulatorServer
from tests.needs import (  # noqa: F401 - the hooks of a plugin
    pytest_collectreport,
    pytest_runtest_logreport,
    pytest_runtest_setup,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from tests.refusals import Refusals

# How long an example takes says something of the machine only. In CI Hypothesis has a profile of its own.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
if os.environ.get("CI") != "true":
    hypothesis.settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end; it would walk through Django and each test all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def resolvers_are_kept() -> None:
    """Keep Django's resolver of each ``ROOT_URLCONF``: building it takes longer than most tests."""
    setting_changed.disconnect(root_urlconf_changed)
    setting_changed.connect(_forget_the_urlconf)


@pytest.fixture(scope="session", autouse=True)
def permissions_are_kept() -> Iterator[None]:
    """Leave what ``migrate`` makes where it is when a test with transactions empties the tables: that takes long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", _empty_the_tables)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *args, **options: None)
        yield


def _empty_the_tables(style: Style, connection: BaseDatabaseWrapper, **options: bool) -> list[str]:
    """As Django's own, but for two tables."""
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [name for name in found if name not in {"auth_permission", "django_content_type"}]
    if connection.vendor == "postgresql" and not options["reset_sequences"]:
        # TRUNCATE takes longer than everything else in a test. References are looked at when the transaction ends.
        return [f"DELETE FROM {connection.ops.quote_name(name)}" for name in tables]  # noqa: S608 - Django's names
    return list(connection.ops.sql_flush(style, tables, **options))


def _forget_the_urlconf(*, setting: str, **kwargs: object) -> None:
    if setting == "ROOT_URLCONF":
        set_urlconf(None)


@pytest.fixture
def emulator() -> Emulator:
    """A local Hellotext that accepts ``test-token``."""
    return Emulator(token="test-token", business_id="test-business")


@pytest.fixture
def server(emulator: Emulator) -> Iterator[EmulatorServer]:
    """The local Hellotext over HTTP, on a free port."""
    with EmulatorServer(emulator) as running:
        yield running


@pytest.fixture
def hellotext(settings: Any, emulator: Emulator) -> Emulator:
    """The app configured against the local Hellotext, in this process."""
    settings.HELLOTEXT = {
        "BUSINESS_ID": "test-business",
        "API_TOKEN": "test-token",
        "ENVIRONMENT": "test",
        "SOURCE": "testshop",
        "CURRENCY": "EUR",
        "BACKEND": "django_hellotext.emulator.MemoryBackend",
        "BACKEND_OPTIONS": {"emulator": emulator},
        "RAISE_ERRORS": True,
    }
    return emulator


@pytest.fixture
def refusals(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> Refusals:
    """What the local Hellotext refuses in this test."""
    found = Refusals(hellotext)
    monkeypatch.setattr(hellotext, "handle", found.handle)
    return found


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to wait, waits longer than any test takes; otherwise a busy machine may see the second attempt."""
    monkeypatch.setattr(breaker, "FIRST_PAUSE", breaker.LONGEST_PAUSE)
    monkeypatch.setattr(policy, "FIRST_DELAY", policy.LONGEST_DELAY)


@pytest.fixture(autouse=True)
def nothing_unknown_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins like a process that has met no row of another release."""
    monkeypatch.setattr(unknown_models, "_met", set())


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of this process stands still: no second passes and no hour or day ends within the test."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def deliver(hellotext: Emulator) -> Callable[..., Report]:
    """Drain until nothing is due; answers the report."""

    def run(**options: Any) -> Report:
        return drain(**options)

    return run
