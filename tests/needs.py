"""What tests need of the machine, and what happens where it is missing.

A test that is marked with one of ``NEEDS``, or that asks for ``needed_module()``, is skipped on a machine where that is
missing; the reason says what to install. With ``CI=true`` everything must be there: the test fails, and so does a run
that skips a test for a reason that is not in ``PERMITTED``.

These are the hooks of a pytest plugin; ``tests/conftest.py`` imports them. The node IDs of the tests that were skipped
because something was missing are added to the file ``TEST_SKIPPED_TO``: ``pytest @file`` runs them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import HOST, SERVICES, listens

MISSING = "not on this machine: "
SERVICES_GROUP = "pip install --group services"
# How to install a module that is not in the group of the services.
INSTALL = {
    "MySQLdb": "apt-get install libmariadb-dev pkg-config, then pip install --group mariadb",
    "allauth": "pip install --group test",
    "celery": "pip install --editable '.[celery]'",
    "csp": "pip install --group test",
    "rest_framework": "pip install --editable '.[rest]'",
}
# Reasons that have nothing to do with what is installed: the test is about another database or another Django.
PERMITTED = re.compile(
    r"reads (SQLite|PostgreSQL)'s plans|(SQLite|InnoDB)'s way|needs a database server (for|with) "
    r"|an error ends PostgreSQL's transaction|this database cannot take back a change of a table"
    r"|the database is not told which fields are unique|django\.tasks came with Django 6\.0"
    r"|Content Security Policy came with Django 6\.0|(this|here) .*tasks"
)


@dataclass(frozen=True)
class Need:
    """Python modules, one of these programs, and a service that listens on its port of ``tests.ports.SERVICES``."""

    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    service: str = ""

    def missing(self) -> str:
        """Return what is missing and what to do, or nothing."""
        for name in self.modules:
            if not is_installed(name):
                return f"the Python module {name} ({_how_to_install(name)})"
        if self.programs and self.program() is None:
            return f"the program {self.programs[0]} (apt-get install {self.programs[0]})"
        if self.service and not listens(SERVICES[self.service]):
            variable = f"TEST_{self.service.upper()}_PORT"
            return f"a server {self.service} at {HOST}:{SERVICES[self.service]} ({variable} sets another port)"
        return ""

    def program(self) -> str | None:
        """Return the path of the first of the programs that is installed."""
        return next(filter(None, map(shutil.which, self.programs)), None)


# By the name of the marker.
NEEDS = {
    "postgres": Need(modules=("psycopg",), service="postgres"),
    "mariadb": Need(modules=("MySQLdb",), service="mariadb"),
    "redis": Need(modules=("redis", "celery"), service="redis"),
    "rabbitmq": Need(modules=("celery",), service="rabbitmq"),
    "chromium": Need(modules=("playwright",), programs=("chromium-headless-shell", "chromium")),
    "openssl": Need(programs=("openssl",)),
}


# For the fault suite and the benchmarks, which start a Redis of their own.
REDIS_SERVER = Need(modules=("redis", "celery"), programs=("redis-server",))


def in_ci() -> bool:
    """Return whether everything must be there."""
    return os.environ.get("CI") == "true"


def is_installed(module: str) -> bool:
    """Return whether ``module``, which is no submodule, can be found."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # it is hidden: sys.modules has None in its place
        return False


def needed_module(name: str, *, minversion: str | None = None) -> Any:
    """Import the module ``name``; where it is missing, skip the calling test or file, except in CI."""
    # The skip then belongs to the calling file: xdist reports only one skip of a file for each place.
    __tracebackhide__ = True
    if in_ci():
        return importlib.import_module(name)
    version = f" {minversion}" if minversion else ""
    reason = f"{MISSING}the Python module {name}{version} ({_how_to_install(name)})"
    return pytest.importorskip(name, minversion, reason=reason)


def _how_to_install(module: str) -> str:
    return INSTALL.get(module.partition(".")[0], SERVICES_GROUP)


@functools.cache
def _missing(marker: str) -> str:
    return NEEDS[marker].missing()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs are missing; in CI, let it fail."""
    for marker in NEEDS:
        if item.get_closest_marker(marker) and (missing := _missing(marker)):
            if in_ci():
                pytest.fail(f"{MISSING}{missing}", pytrace=False)
            pytest.skip(f"{MISSING}{missing}")


# What was skipped: node IDs and reasons. With xdist, the controlling process gets the reports of all workers.

_skipped: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that is skipped as a whole."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _skipped[_without_group(report.nodeid)] = report.longrepr[2].removeprefix("Skipped: ")


def _without_group(nodeid: str) -> str:
    """Return ``nodeid`` without the name of its group, which xdist appends after an ``@``."""
    at = nodeid.rfind("@")
    return nodeid[:at] if at > nodeid.rfind("]") else nodeid


def _unpermitted() -> Iterator[str]:
    return (f"{nodeid}: {reason}" for nodeid, reason in sorted(_skipped.items()) if not PERMITTED.search(reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the list of what was skipped because of this machine; in CI, fail for a skip that is not permitted."""
    if hasattr(session.config, "workerinput"):
        return
    target = os.environ.get("TEST_SKIPPED_TO")
    if target:
        missed = {nodeid for nodeid, reason in _skipped.items() if reason.startswith(MISSING)}
        file = Path(target)
        before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        file.write_text("".join(f"{nodeid}\n" for nodeid in sorted(missed.union(before))), encoding="utf-8")
    if in_ci() and any(_unpermitted()) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the skips that CI does not permit, and elsewhere what this machine lacks."""
    if in_ci():
        for line in _unpermitted():
            terminalreporter.write_line(f"CI permits no such skip: {line}", red=True)
        return
    for reason in sorted({reason for reason in _skipped.values() if reason.startswith(MISSING)}):
        number = sum(one == reason for one in _skipped.values())
        terminalreporter.write_line(f"{number} skipped, {reason}")
