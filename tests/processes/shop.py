"""Real processes: a shop with a database, its workers, and a Hellotext on a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests

from django_hellotext.emulator import EmulatorServer

from .databases import PATIENCE, Database, Sqlite

ROOT = Path(__file__).resolve().parent.parent.parent
# No request ends by a timeout, however slow the machine is; a killed process needs ``take_in`` and ``end_leases``.
NO_TIMEOUTS = {"LEASE": 600.0, "DEADLINE": 200.0, "READ_TIMEOUT": 200.0, "SETTLE_TIME": 0.2}
# Changes share the table of the events.
ARE_EVENTS = "state NOT IN ('change', 'touch')"
# SQLite files as ``Shop.open`` has made them, by settings and code.
_prepared: dict[tuple[str, str], bytes] = {}
_one_at_a_time = threading.Lock()


class Shop:
    """A shop that keeps its files in ``folder`` and talks to the Hellotext at ``url``.

    ``hellotext`` are settings of its own, ``environment`` further variables of its processes.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        database: Database | None = None,
        settings: str = "tests.processes.settings",
        hellotext: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.database = database or Sqlite(folder / "shop.sqlite3")
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'example_project'}",
            "DJANGO_SETTINGS_MODULE": settings,
            "SHOP_DATABASE_URL": self.database.url,
            "SHOP_HELLOTEXT": json.dumps(dict(hellotext or {})),
            "HELLOTEXT_BASE_URL": url,
            **(environment or {}),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def open(self, *, prepared_by: str = "") -> Self:
        """Make the database and its tables, and run the code ``prepared_by`` in a process of the shop.

        A SQLite file is made once for all shops with the same settings and the same code, and copied from then on.
        """
        self.database.create()
        if not isinstance(self.database, Sqlite):
            self._prepare(prepared_by)
            return self
        key = (self.environment["DJANGO_SETTINGS_MODULE"], prepared_by)
        with _one_at_a_time:
            if key not in _prepared:
                self._prepare(prepared_by)
                # The last connection has taken the write-ahead log into the file.
                assert not Path(f"{self.database.path}-wal").exists()
                _prepared[key] = self.database.path.read_bytes()
            else:
                self.database.path.write_bytes(_prepared[key])
        return self

    def _prepare(self, code: str) -> None:
        self.manage("migrate", "--run-syncdb", "-v0")
        if code:
            self.python(code)

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; answers what it printed."""
        done = subprocess.run(
            [sys.executable, "tests/manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=5 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def python(self, code: str) -> str:
        """Run ``code`` in a process of the shop."""
        return self.manage("shell", "--no-imports", "-c", code)

    def start(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process of the shop; what it prints is kept in ``output_of(process)``."""
        log = self.folder / f"process-{len(self.processes)}.log"
        process = start(*command, log=log, cwd=ROOT, env={**self.environment, **(environment or {})})
        self.processes.append(process)
        return process

    def start_worker(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        return self.start(sys.executable, "tests/manage.py", "hellotext_worker", *arguments, environment=environment)

    def output_of(self, process: subprocess.Popen[bytes]) -> str:
        """What ``process`` has printed so far."""
        path = self.folder / f"process-{self.processes.index(process)}.log"
        return path.read_text(encoding="utf-8", errors="replace")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End ``process`` and its children as a crash does."""
        kill(process)

    def end_processes(self) -> None:
        """End what still runs."""
        for process in self.processes:
            self.kill(process)

    def close(self) -> None:
        """End what still runs, and drop the database."""
        self.end_processes()
        self.database.drop()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.rows(sql)

    def end_leases(self) -> None:
        """Let the time of every lease be over, instead of waiting for it."""
        for table in ("event", "remoteobject", "session"):
            self.database.execute(
                f"UPDATE django_hellotext_{table} SET lease_until = '2000-01-01 00:00:00'"  # noqa: S608 - names of ours
                " WHERE lease_until IS NOT NULL"
            )

    def states(self) -> list[str]:
        events = f"SELECT state FROM django_hellotext_event WHERE {ARE_EVENTS} ORDER BY id"  # noqa: S608 - a text of ours
        return [state for (state,) in self.rows(events)]


def start(*command: str, log: Path, cwd: Path, env: Mapping[str, str], apart: bool = True) -> subprocess.Popen[bytes]:
    """Start ``command``; what it prints comes at the end of ``log``. ``apart``: in a session of its own."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=apart,
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End ``process`` and its children as a crash does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=PATIENCE)


def take_in(server: EmulatorServer) -> None:
    """Wait until ``server`` has taken in what ended processes have sent; absent is then what never arrives."""
    # Connections are accepted in their order, and closed when they are read to the end.
    requests.get(f"{server.url}/v1/profiles", timeout=PATIENCE)
    wait_for(lambda: not server.connections, what="the end of the connections of dead processes")


def wait_for(condition: Callable[[], bool], *, what: str, patience: float = PATIENCE) -> None:
    """Look until ``condition`` holds; fails after ``patience`` seconds."""
    ends = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < ends, f"waited {patience:g} s for {what}"
        time.sleep(0.05)
