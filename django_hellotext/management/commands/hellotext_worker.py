"""``manage.py hellotext_worker``: drain the tables until told to stop."""

from __future__ import annotations

import signal
import socket
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, connections

from django_hellotext import clock
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report, drain, runs
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.files import PUBLIC, replace_file
from django_hellotext.management.base import HellotextCommand
from django_hellotext.redaction import mask

SLICE = 30.0  # seconds after which it turns to the next database, and to the carts, however much is left
LOOK_FOR_CARTS = 10.0  # seconds between two looks for abandoned carts
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop(threading.Event):
    """An Event that a signal handler may set.

    ``threading.Event`` takes a lock, which the very thread that the handler has interrupted may hold: it would
    wait for itself for ever. This one keeps a plain flag and wakes ``wait()`` through a socket.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def set(self) -> None:
        """Stop; may be called more than once."""
        if not self._stopped:
            self._stopped = True
            self._writer.send(b"\0")

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._stopped

    def wait(self, timeout: float | None = None) -> bool:
        """Wait ``timeout`` seconds, or until it is time to stop; answers whether it is."""
        if not self._stopped:
            self._reader.settimeout(timeout)
            with suppress(TimeoutError):
                self._reader.recv(1)
        return self._stopped

    def close(self) -> None:
        """Give the sockets back."""
        self._reader.close()
        self._writer.close()


class Health:
    """A file that is written anew with each round of the worker: as long as it is young, the worker is alive.

    It holds one line: the time in UTC, and how the last round went. Without a ``path`` there is none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path).absolute() if path else None

    def write(self, text: str) -> None:
        """Say that a round is over. Raises ``CommandError`` where the file cannot be written."""
        if self._path is None:
            return
        line = f"{clock.now().isoformat(timespec='seconds')} {text}\n"
        try:
            replace_file(self._path, line.encode("ascii", "replace"), mode=PUBLIC)
        except OSError as error:
            raise CommandError(f"--health-file {self._path} cannot be written: {error.strerror}.") from error

    def remove(self) -> None:
        """The worker has ended, or has not begun: no old file speaks for it."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


class Command(HellotextCommand):
    """Any number of workers may run, on any number of machines."""

    _look_for_carts_at = 0.0
    _is_behind = False  # whether the last round has left something for want of time
    _health: Health

    help = "Send what waits to Hellotext, until SIGTERM or SIGINT. Any number of workers may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="Send what is due now, then end.")
        parser.add_argument(
            "--concurrency", type=int, metavar="N", help="Requests at once (HELLOTEXT['CONCURRENCY'] by default)."
        )
        parser.add_argument(
            "--health-file",
            metavar="PATH",
            help="Write this file with each round: while it is younger than two minutes, the worker is alive.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Drain, once or until told to stop; what is in hand is finished either way."""
        concurrency = options["concurrency"]
        if concurrency is not None and concurrency < 1:
            raise CommandError("--concurrency must be 1 or more.")
        if not hellotext_settings.active:
            raise CommandError(
                "django-hellotext is not configured: set HELLOTEXT['BUSINESS_ID'], ['API_TOKEN'] and "
                "['ENVIRONMENT'], and see manage.py check."
            )
        if options["once"] and options["health_file"]:
            raise CommandError("--once ends by itself: its exit code tells how it went. Leave --health-file out.")
        self._health = Health(options["health_file"])
        with stopped_by_signals() as stop:
            if options["once"]:
                self._once(concurrency, stop)
                return
            self._health.write("started")
            self.out.line(f"Worker for {hellotext_settings.account} started; Ctrl-C ends it.")
            try:
                self._loop(concurrency, stop)
            finally:
                self._health.remove()
        self.out.line("Worker stopped; what was in hand is finished.")

    def _once(self, concurrency: int | None, stop: threading.Event) -> None:
        try:
            self._say(self._round(concurrency, stop, once=True))
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database could not be used: {mask(error)}") from error

    def _loop(self, concurrency: int | None, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                report = self._round(concurrency, stop)
            except (DatabaseError, InterfaceError) as error:
                # The database is away, or not migrated yet: the rows are safe.
                self.err.line(f"The database could not be used, trying again: {mask(error)}")
                connections.close_all()
                report, self._is_behind = Report(), False
                # Starting the worker anew would not bring the database back.
                self._health.write("the database could not be used")
            if report.settled:
                self._say(report)
            if not self._is_behind:
                stop.wait(hellotext_settings.POLL_INTERVAL)

    def _round(self, concurrency: int | None, stop: threading.Event, *, once: bool = False) -> Report:
        report = Report()
        is_time = time.monotonic() >= self._look_for_carts_at
        if is_time:
            self._look_for_carts_at = time.monotonic() + LOOK_FOR_CARTS
        is_behind = False
        for alias in hellotext_settings.DATABASES:
            if is_time:
                record_abandoned(alias)
            ends = time.monotonic() + SLICE
            # --once is over when nothing is due any more.
            report.add(drain(alias, concurrency=concurrency, stop=stop, seconds=None if once else SLICE))
            is_behind = is_behind or time.monotonic() >= ends
            self._health.write("ok")
        self._is_behind = is_behind
        if report.settled:
            # The last rows of a hellotext_sync --async may have been among them.
            runs.conclude()
        return report

    def _say(self, report: Report) -> None:
        # The rarer ones where there are any: after an erasure a line of noughts would say that nothing was done.
        rare = {"sessions attached": report.attached, "removed at Hellotext": report.removed}
        self.out.line(
            f"{report.delivered} events delivered, {report.synced} objects synced, {report.unchanged} unchanged, "
            f"{report.failed} refused, {report.skipped} not sent, {report.retried} to be tried again"
            + "".join(f", {count} {what}" for what, count in rare.items() if count)
        )


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """A ``Stop`` that SIGTERM and SIGINT set; what handled them before is put back afterwards."""
    stop = Stop()

    def finish(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, finish) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
