"""Servers of our own, so that nothing else is in their figures: PostgreSQL, Redis, and somebody who answers."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ports import HOST, free_port, listens

from .answerer import Tally
from .processes import cpu_of, cpu_of_family, end, wait_for

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """A process that listens on a port; a context manager."""

    process: subprocess.Popen[bytes]
    port: int

    def close(self) -> None:
        """End it."""
        end(self.process)

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_of(self.process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Redis(Server):
    """A redis-server that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        command = ["redis-server", "--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), what="Redis")


class Postgres(Server):
    """A PostgreSQL cluster with the settings it comes with, ``fsync`` on."""

    def __init__(self, folder: Path) -> None:
        found = self.programs()
        if found is None:
            raise RuntimeError("no PostgreSQL server is installed")
        self.port, self.folder, data = free_port(), folder / "postgres", folder / "postgres" / "data"
        self.folder.mkdir()
        # PostgreSQL refuses to run as root.
        user = "postgres" if os.geteuid() == 0 else None
        if user is not None:
            account = pwd.getpwnam(user)
            folder.chmod(0o711)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        initdb = [str(found / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(initdb, cwd=self.folder, user=user, check=True, stdout=subprocess.DEVNULL)
        command = [str(found / "postgres"), "-D", str(data), "-p", str(self.port), "-k", str(self.folder), "-h", HOST]
        with (folder / "postgres.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, user=user, stdout=log, stderr=log)
        wait_for(self._is_ready, what="PostgreSQL")

    @staticmethod
    def programs() -> Path | None:
        """Where the server's programs are; nothing when there are none."""
        beside = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        found = beside[-1] if beside else shutil.which("postgres")
        return Path(found).parent if found else None

    def database(self, name: str) -> str:
        """Make an empty database; answers its URL."""
        import psycopg

        with psycopg.connect(self._address(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgres://postgres@{HOST}:{self.port}/{name}"

    def cpu(self) -> float:
        """CPU seconds of the server and all its back ends, ended ones too."""
        return cpu_of_family(self.process.pid)

    def _address(self) -> str:
        return f"host={HOST} port={self.port} user=postgres dbname=postgres"

    def _is_ready(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._address()).close()
        except psycopg.OperationalError:
            return False
        return True


class Answerer(Server):
    """Somebody who answers like Hellotext, after ``latency`` seconds for an event; see ``answerer``."""

    def __init__(self, *, latency: float) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        command = [sys.executable, "-m", "benchmarks.answerer", str(self.port), str(latency)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), what="the answerer")

    def reset(self) -> None:
        """Count from nothing."""
        self._ask("/reset")

    def tally(self) -> Tally:
        """What has arrived since."""
        return Tally.from_text(self._ask("/tally"))

    def _ask(self, path: str) -> str:
        with socket.create_connection((HOST, self.port)) as wire:
            wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while block := wire.recv(65536):
                answer += block
        return answer.partition(b"\r\n\r\n")[2].decode()
