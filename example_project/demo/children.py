"""The processes of the demo: started, watched, ended by their own IDs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.failures import ChildTrouble
from demo.folder import open_private

PATIENCE_SECONDS = 15.0  # for a process to end after SIGTERM; the worker finishes what is in hand
START_SECONDS = 60.0  # for a process to be ready
POLL_SECONDS = 0.1
LAST_LINES = 15


@dataclass(frozen=True)
class Child:
    """One process and where it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LAST_LINES:]) or "    (it wrote nothing)"

    def trouble(self, what: str) -> ChildTrouble:
        """Return an error that says ``what`` happened to it, with the end of its log."""
        return ChildTrouble(f"{self.name} {what}. The end of {self.log}:\n{self.last_lines()}")


class Children:
    """Starts processes and ends them all when the block is left, the last one first."""

    def __init__(self, *, folder: Path, logs: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, *command: str) -> Child:
        """Start ``command``, a Python module or file with its arguments, in a session of its own.

        A Ctrl-C in the terminal reaches the demo alone, which then ends its processes in their order.
        """
        log = self._logs / f"{name}.log"
        with open_private(log) as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "demo.leash", *command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def wait_until(self, child: Child, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Wait until ``child`` is ready. Raises ``ChildTrouble`` when any process ends, or the time is up."""
        ends_at = time.monotonic() + seconds
        while True:
            self.check()
            if ready():
                return
            if time.monotonic() > ends_at:
                raise child.trouble(f"was not ready within {seconds:.0f} seconds")
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise ``ChildTrouble`` when a process has ended by itself."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise child.trouble(f"ended by itself with exit code {code}")

    def stop(self) -> None:
        """End every process that still runs: SIGTERM, and SIGKILL for one that does not listen."""
        # A second Ctrl-C must not leave half of them behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self._children:
                self._end(self._children.pop())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, child: Child) -> None:
        process = child.process
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{child.name} did not end within {PATIENCE_SECONDS:.0f} seconds and was killed.", file=sys.stderr)
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
