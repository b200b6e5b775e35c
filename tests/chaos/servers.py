"""The servers of a scenario, each a process of its own that may be stopped, cut or killed."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.ports import HOST, free_port, listens
from tests.processes.databases import PATIENCE, Postgres
from tests.processes.shop import ROOT, kill, start, wait_for


def end(process: subprocess.Popen[bytes]) -> None:
    """End ``process``, politely first."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    if process.poll() is None:
        process.kill()
    process.wait(timeout=PATIENCE)


class Hellotext:
    """The emulator as a process, read and steered over HTTP."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        log = folder / "hellotext.log"
        command = (sys.executable, "-m", "django_hellotext.emulator", "--port", "0", "--seed", str(seed), *options)
        self.process = start(*command, log=log, cwd=ROOT, env={**os.environ, **(environment or {})}, apart=False)
        wait_for(lambda: b" at http" in log.read_bytes(), what="the emulator")
        self.url = log.read_text().split(" at ", 1)[1].split()[0]
        self._entries: list[dict[str, Any]] = []

    def log(self) -> list[dict[str, Any]]:
        """Every request so far, oldest first."""
        after = self._entries[-1]["number"] if self._entries else 0
        answer = self._ask("GET", f"/log?after={after}&limit=1000000")
        self._entries.extend(answer["requests"])
        numbers = [entry["number"] for entry in self._entries]
        assert numbers == list(range(1, len(numbers) + 1)), "the emulator's log has a gap"
        return self._entries

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """Every object that it holds."""
        found: dict[str, list[dict[str, Any]]] = self._ask("GET", "/state")
        return found

    def fault(self, kind: str, **values: Any) -> None:
        """Let something go wrong from now on."""
        self._ask("POST", "/faults", {"kind": kind, **values})

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self._ask("DELETE", "/faults")

    def close(self) -> None:
        end(self.process)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_emulator{path}", data, headers, method=method)  # noqa: S310 - our own server
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        ends = time.monotonic() + 5 * PATIENCE
        while True:
            try:
                with opener.open(request, timeout=2 * PATIENCE) as answer:
                    return json.load(answer)
            except OSError:  # it refuses connections at the moment, on purpose
                if time.monotonic() > ends or self.process.poll() is not None:
                    raise
                time.sleep(0.1)


class Redis:
    """A redis-server on a port of its own, keeping nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ("redis-server", "--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no")
        self.process = start(*command, log=self.folder / "redis.log", cwd=self.folder, env=os.environ, apart=False)
        wait_for(lambda: listens(self.port), what="Redis")

    def pause(self, seconds: float) -> None:
        """Answer nobody for a while."""
        self.command("CLIENT", "PAUSE", str(int(seconds * 1000)), "ALL")

    def command(self, *words: str) -> Any:
        with import_module("redis").Redis(host=HOST, port=self.port, socket_timeout=10) as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """Lose everything that is in it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)

    def close(self) -> None:
        end(self.process)


class RabbitMQ:
    """A RabbitMQ node on ports of its own, with a name server (epmd) of its own; everything it keeps is in ``folder``.

    The machine's node is left alone: another name, other ports, another cookie, and no file of ``/etc`` is read.
    """

    def __init__(self, folder: Path) -> None:
        found = self.program()
        assert found is not None, "no RabbitMQ server is installed"
        self.server, self.folder, self.port = found, folder / "rabbitmq", free_port()
        self.url = f"amqp://guest:guest@{HOST}:{self.port}//"
        self.folder.mkdir()
        names = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(self.folder),  # where the cookie is
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(names),
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
        }
        # A machine that is short of disk or memory would otherwise have it stop listening to publishers.
        (self.folder / "rabbitmq.conf").write_text("disk_free_limit.absolute = 1MB\n", encoding="ascii")
        self.names = self._run("epmd", "-port", str(names), "-address", HOST)
        self.start()

    @staticmethod
    def program() -> str | None:
        """The server itself; what Debian has on the path would run it as another user, in another folder."""
        inner = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return str(inner) if inner.exists() else shutil.which("rabbitmq-server")

    def start(self) -> None:
        self.process = self._run(self.server)
        wait_for(lambda: listens(self.port), what="RabbitMQ")

    def kill(self) -> None:
        """End it as a crash does: what it had not written is lost, every connection is."""
        kill(self.process)
        # What was started is a script; the machine under it dies with it, but nobody waits for that.
        wait_for(lambda: not listens(self.port), what="the end of RabbitMQ")

    def close(self) -> None:
        self.kill()
        kill(self.names)

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        return start(*command, log=self.folder / "output.log", cwd=self.folder, env=self.environment)


class Cluster:
    """A PostgreSQL server of our own in ``folder``; ``preload`` is put before its own libraries."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        found = self.binaries()
        assert found is not None, "no PostgreSQL server is installed"
        self.binaries_in, self.folder, self.port = found, folder / "postgres", free_port()
        self.environment = {**os.environ, **(environment or {})}
        # PostgreSQL refuses to run as root.
        self.user: dict[str, Any] = {}
        self.folder.mkdir()
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            folder.chmod(0o711)
        self._run("initdb", "-D", str(self.folder), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    @staticmethod
    def binaries() -> Path | None:
        """Where the server's programs are; nothing when there are none."""
        beside = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        found = beside[-1] if beside else shutil.which("pg_ctl")
        return Path(found).parent if found else None

    def database(self, name: str) -> Postgres:
        return Postgres(name, port=self.port)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses={HOST} -c fsync=on"
        log = str(self.folder / "server.log")
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", options, "start")

    def stop(self, *, mode: str = "immediate") -> None:
        """``immediate`` is a crash: no connection is asked, the log is replayed at the next start."""
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-m", mode, "stop")

    def close(self) -> None:
        if (self.folder / "postmaster.pid").exists():
            self.stop()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries_in / program), *arguments],
            cwd=self.folder,
            env=self.environment,
            **self.user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr.decode(errors='replace')[-500:]}"


class Proxy:
    """A wire to a server of the machine that may be cut, so that the server itself is left alone."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = free_port()
        self.join()

    def join(self) -> None:
        """Let connections through."""
        listener = socket.create_server((HOST, self.port), reuse_port=False)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and end those there are."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _close(*pair)

    def close(self) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                inner, _ = listener.accept()
            except OSError:
                return
            try:
                outer = socket.create_connection((HOST, self.target), timeout=5)
            except OSError:
                inner.close()
                continue
            outer.settimeout(None)
            with self._lock:
                self._pairs.add((inner, outer))
            for one, other in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        _close(one, other)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
