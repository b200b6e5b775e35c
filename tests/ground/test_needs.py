"""Tests that need something of the machine: skipped with a reason where it is missing, a failure in CI."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import NEEDS, PERMITTED, needed_module
from tests.ports import HOST, SERVICES, closed_port

ROOT = Path(__file__).resolve().parents[2]
BROKERS = "tests/doctor/test_broken_inside.py::test_a_real_broker_answers"
CHOSEN = ("-p", "no:randomly", "-p", "no:cacheprovider", "-rs")


def play(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on some tests as on a newcomer's machine, unless ``environment`` says otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *CHOSEN, *arguments],
        cwd=ROOT,
        env={**kept, "CI": "", "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def listener() -> Iterator[str]:
    """The port of a server that accepts connections."""
    with socket.create_server((HOST, 0)) as server:
        yield str(server.getsockname()[1])


@pytest.fixture
def closed() -> Iterator[dict[str, str]]:
    """An environment in which no service listens. The tests of RabbitMQ need Celery only."""
    needed_module("celery")
    with closed_port() as port:
        yield {f"TEST_{name.upper()}_PORT": str(port) for name in SERVICES}


@pytest.fixture
def hidden(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``-p hidden`` hides the modules of ``HIDDEN``."""
    (tmp_path / "hidden.py").write_text(
        "import os, sys\nsys.modules.update(dict.fromkeys(os.environ['HIDDEN'].split()))\n", encoding="utf-8"
    )
    return {"PYTHONPATH": str(tmp_path)}


def test_a_broker_without_its_client_is_skipped_with_what_to_install(hidden: dict[str, str], listener: str) -> None:
    done = play("-p", "hidden", f"{BROKERS}[redis]", HIDDEN="redis", TEST_REDIS_PORT=listener, **hidden)
    assert done.returncode == 0, done.stdout
    assert "1 skipped, not on this machine: the Python module redis (pip install --group services)" in done.stdout


def test_in_ci_a_missing_client_is_a_failure(hidden: dict[str, str], listener: str) -> None:
    done = play("-p", "hidden", f"{BROKERS}[redis]", HIDDEN="redis", TEST_REDIS_PORT=listener, CI="true", **hidden)
    assert done.returncode == 1, done.stdout
    assert "not on this machine: the Python module redis" in done.stdout
    assert "1 error" in done.stdout


def test_with_closed_ports_every_test_of_a_service_is_skipped(closed: dict[str, str]) -> None:
    """In a few files; ``.ci/run`` does the same with all."""
    places = (BROKERS, "tests/dispatch/test_worker.py", "tests/processes/test_killed_tasks.py")
    done = play(*places, "-m", "redis or rabbitmq or postgres or mariadb", **closed)
    assert done.returncode == 0, done.stdout
    assert " passed" not in done.stdout
    port = closed["TEST_RABBITMQ_PORT"]
    assert f"a server rabbitmq at {HOST}:{port} (TEST_RABBITMQ_PORT sets another port)" in done.stdout


def test_in_ci_a_closed_port_is_a_failure(closed: dict[str, str]) -> None:
    done = play(f"{BROKERS}[rabbitmq]", CI="true", **closed)
    assert done.returncode == 1
    assert "not on this machine: a server rabbitmq" in done.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_files_that_need_a_module_are_skipped_as_a_whole(hidden: dict[str, str], tmp_path: Path, workers: str) -> None:
    target = tmp_path / "skipped"
    files = ("tests/dispatch/test_beat.py", "tests/dispatch/test_work.py", "tests/rest/test_room.py")
    options = ("-p", "hidden", "-n", workers)
    done = play(*options, *files, HIDDEN="rest_framework celery", TEST_SKIPPED_TO=str(target), **hidden)
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout
    assert target.read_text(encoding="utf-8").splitlines() == list(files)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_was_skipped_can_be_run_from_the_list(closed: dict[str, str], tmp_path: Path, workers: str) -> None:
    target = tmp_path / "skipped"
    done = play(BROKERS, "-n", workers, TEST_SKIPPED_TO=str(target), **closed)
    assert done.returncode == 0, done.stdout
    assert target.read_text(encoding="utf-8").splitlines() == [f"{BROKERS}[rabbitmq]", f"{BROKERS}[redis]"]
    again = play(f"@{target}", "--collect-only", "-q", **closed)
    assert "2 tests collected" in again.stdout


@pytest.mark.parametrize(
    ("reason", "permitted"),
    [
        ("reads SQLite's plans", True),
        ("needs a database server with two connections", True),
        ("django.tasks came with Django 6.0", True),
        ("not on this machine: the Python module redis (pip install --group services)", False),
        ("not on this machine: a server mariadb at 127.0.0.1:3306 (TEST_MARIADB_PORT sets another port)", False),
        ("could not import 'celery'", False),
        ("later", False),
    ],
)
def test_in_ci_only_some_reasons_are_permitted(reason: str, permitted: bool) -> None:
    assert bool(PERMITTED.search(reason)) is permitted


def test_in_ci_a_skip_for_another_reason_fails_the_run(tmp_path: Path) -> None:
    file = tmp_path / "test_lazy.py"
    file.write_text("import pytest\n\n\ndef test_it():\n    pytest.skip('later')\n", encoding="utf-8")
    options = ("-p", "tests.needs", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(file))
    assert play(*options).returncode == 0
    done = play(*options, CI="true")
    assert done.returncode == 1, done.stdout
    assert "CI permits no such skip: test_lazy.py::test_it: later" in done.stdout


def test_every_marker_is_declared(pytestconfig: pytest.Config) -> None:
    declared = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert NEEDS.keys() <= declared
    assert SERVICES.keys() <= NEEDS.keys()
