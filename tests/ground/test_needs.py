"""Tests that need something of the machine: skipped with a reason where it is missing, a failure in CI."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import NEEDS, PERMITTED, needed_module
from tests.ports import HOST, SERVICES, closed_port

ROOT = Path(__file__).resolve().parents[2]
BROKERS = "tests/doctor/test_broken_inside.py::test_a_real_broker_answers"
CHOSEN = ("-p", "no:randomly", "-p", "no:cacheprovider", "-rs")


# A small project, which starts much faster than this one. One of its files needs a module as a whole.
PROJECT = {
    "pytest.ini": "[pytest]\naddopts = --strict-markers\nmarkers =\n    redis: a broker\n    rabbitmq: a broker\n",
    "conftest.py": "from tests.needs import *\n",
    "test_brokers.py": """
import pytest
both = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("redis", "rabbitmq")]

@pytest.mark.xdist_group("brokers")
@pytest.mark.parametrize("broker", both)
def test_it(broker):
    pass
""",
    "test_celery.py": """
from tests.needs import needed_module
needed_module("celery")

def test_it():
    pass
""",
    "test_lazy.py": """
import pytest

def test_it():
    pytest.skip("later")
""",
}
# With xdist the name of a group is appended to node IDs, as in this project's own options.
WAYS = pytest.mark.parametrize("way", [(), ("-n", "2", "--dist", "loadgroup")], ids=["one process", "xdist"])


def play(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on some tests as on a newcomer's machine, unless ``environment`` says otherwise."""
    return run(*CHOSEN, *arguments, cwd=ROOT, environment=environment)


def run(*arguments: str, cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=cwd,
        env={**kept, "CI": "", "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@dataclass(frozen=True)
class Project:
    """The small project in a folder of its own."""

    folder: Path

    @property
    def skipped(self) -> Path:
        """The file to which the node IDs of skipped tests are written."""
        return self.folder / "skipped"

    def play(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run pytest there, without the plugins that it does not need."""
        plugins = ("-p", "xdist.plugin", "-p", "no:cacheprovider", "-rs")
        paths = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        settled = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": paths, "TEST_SKIPPED_TO": str(self.skipped)}
        return run(*plugins, *arguments, cwd=self.folder, environment={**environment, **settled})

    def listed(self) -> list[str]:
        """Return the node IDs that a run has listed as skipped."""
        return self.skipped.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in PROJECT.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Project(folder)


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


def test_a_broker_without_its_client_is_skipped_with_what_to_install(
    project: Project, hidden: dict[str, str], listener: str
) -> None:
    done = project.play("-p", "hidden", "test_brokers.py", HIDDEN="redis", TEST_REDIS_PORT=listener, **hidden)
    assert done.returncode == 0, done.stdout
    assert "1 skipped, not on this machine: the Python module redis (pip install --group services)" in done.stdout


def test_in_ci_a_missing_client_is_a_failure(project: Project, hidden: dict[str, str], listener: str) -> None:
    options = ("-p", "hidden", "test_brokers.py", "-m", "redis")
    done = project.play(*options, HIDDEN="redis", TEST_REDIS_PORT=listener, CI="true", **hidden)
    assert done.returncode == 1, done.stdout
    assert "not on this machine: the Python module redis" in done.stdout
    assert "1 error" in done.stdout


def test_in_ci_a_closed_port_is_a_failure(project: Project, closed: dict[str, str]) -> None:
    done = project.play("test_brokers.py", "-m", "rabbitmq", CI="true", **closed)
    assert done.returncode == 1, done.stdout
    assert "not on this machine: a server rabbitmq" in done.stdout


def test_with_closed_ports_every_test_of_a_service_is_skipped(closed: dict[str, str], tmp_path: Path) -> None:
    """In a few files of this project; ``.ci/run`` does the same with all."""
    places = (BROKERS, "tests/dispatch/test_worker.py", "tests/processes/test_killed_tasks.py")
    target = tmp_path / "skipped"
    done = play(*places, "-m", "redis or rabbitmq or postgres or mariadb", TEST_SKIPPED_TO=str(target), **closed)
    assert done.returncode == 0, done.stdout
    assert " passed" not in done.stdout
    port = closed["TEST_RABBITMQ_PORT"]
    assert f"a server rabbitmq at {HOST}:{port} (TEST_RABBITMQ_PORT sets another port)" in done.stdout
    assert {f"{BROKERS}[rabbitmq]", f"{BROKERS}[redis]"} < set(target.read_text(encoding="utf-8").splitlines())


def test_files_of_this_project_that_need_a_module_are_skipped_as_a_whole(
    hidden: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "skipped"
    files = ("tests/dispatch/test_beat.py", "tests/dispatch/test_work.py", "tests/rest/test_room.py")
    done = play("-p", "hidden", *files, HIDDEN="rest_framework celery", TEST_SKIPPED_TO=str(target), **hidden)
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout
    assert target.read_text(encoding="utf-8").splitlines() == list(files)


@WAYS
def test_a_file_that_needs_a_module_is_skipped_as_a_whole(
    project: Project, hidden: dict[str, str], way: tuple[str, ...]
) -> None:
    done = project.play("-p", "hidden", *way, "test_celery.py", HIDDEN="celery", **hidden)
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout
    assert project.listed() == ["test_celery.py"]


@WAYS
def test_what_was_skipped_can_be_run_from_the_list(
    project: Project, closed: dict[str, str], way: tuple[str, ...]
) -> None:
    done = project.play(*way, "test_brokers.py", "test_lazy.py", **closed)
    assert done.returncode == 0, done.stdout
    assert project.listed() == ["test_brokers.py::test_it[rabbitmq]", "test_brokers.py::test_it[redis]"]
    again = project.play("@skipped", "--collect-only", "-q", **closed)
    assert "2 tests collected" in again.stdout


def test_the_tests_of_a_group_run_in_one_process(project: Project) -> None:
    """Some versions of pytest and xdist do not go together: the group is ignored without a word."""
    done = project.play("-n", "2", "--dist", "loadgroup", "-v", "test_brokers.py")
    found = set(re.findall(r"\[(gw\d)\].* test_brokers\.py::test_it\[(\w+)\]@brokers", done.stdout))
    assert {name for _, name in found} == {"redis", "rabbitmq"}, done.stdout
    assert len({worker for worker, _ in found}) == 1


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


def test_in_ci_a_skip_for_another_reason_fails_the_run(project: Project) -> None:
    assert project.play("test_lazy.py").returncode == 0
    done = project.play("test_lazy.py", CI="true")
    assert done.returncode == 1, done.stdout
    assert "CI permits no such skip: test_lazy.py::test_it: later" in done.stdout


def test_every_marker_is_declared(pytestconfig: pytest.Config) -> None:
    declared = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert NEEDS.keys() <= declared
    assert SERVICES.keys() <= NEEDS.keys()
