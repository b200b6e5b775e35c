"""The courier: takes hints to the broker in a thread of its own.

Whoever commits waits for the courier, but never longer than it is told to: not for a name server, a handshake or a
broker that stopped in the middle of a word, which no time-out of a socket bounds as a whole. While the broker does
not answer nobody waits at all; the courier tries by itself until it does.

The thread lives as long as there is something to carry, and closes its connection when it ends, so that a process
that is forked, idle or ends keeps nothing open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

logger = logging.getLogger("django_hellotext.dispatch")

EVERY = 1.0  # seconds between two rounds of one process
PAUSE = 10.0  # seconds until a broker that failed is tried again
IDLE = 30.0  # seconds without a hint until the thread ends
WAKING = 0.01  # seconds that it may take to wake up, so that whoever waits is back in time


@dataclass(frozen=True)
class Hint:
    """What one message says: the arguments of the task (an alias or nothing), the queue it goes to, and the task
    where it is not the drain."""

    arguments: tuple[str | int, ...] = ()
    queue: str | None = None
    task: str = ""


class Carrier(Protocol):
    """One connection to a broker; used by one thread only."""

    def carry(self, hint: Hint) -> None:
        """Publish ``hint`` once; raises whatever went wrong."""

    def close(self) -> None:
        """Leave the broker."""


class Courier:
    """At most one round a second: each hint that came in since the last one goes out once.

    :param connect: makes the carrier; called in the courier's thread with the time-out in seconds.
    """

    def __init__(
        self,
        connect: Callable[[float], Carrier],
        *,
        every: float = EVERY,
        pause: float = PAUSE,
        idle: float = IDLE,
    ) -> None:
        self._connect = connect
        self._every = every
        self._pause = pause
        self._idle = idle
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked child inherits neither the thread nor the connection of its parent."""
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiting: set[Hint] = set()
        self._timeout = 0.0
        self._rounds = 0
        self._next_round = 0.0
        self._is_slow = False
        self._is_down = False

    def ask(self, hint: Hint, *, timeout: float) -> None:
        """Have ``hint`` carried; waits for it up to ``timeout`` seconds if it goes out at once."""
        with self._news:
            self._timeout = timeout
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hellotext-dispatch", daemon=True)
                self._thread.start()
            if hint not in self._waiting:
                self._waiting.add(hint)
                self._news.notify_all()
            if self._is_slow or time.monotonic() < self._next_round:
                return
            rounds = self._rounds
            if not self._news.wait_for(lambda: self._rounds != rounds, max(timeout - WAKING, timeout / 2)):
                self._is_slow = True

    def _run(self) -> None:
        carrier: Carrier | None = None
        try:
            while hints := self._next_hints():
                carrier = self._carry(hints, carrier)
        finally:
            _leave(carrier)

    def _next_hints(self) -> set[Hint]:
        """Wait for the next round; nothing when there was none for long, which ends the thread."""
        with self._news:
            ends = time.monotonic() + self._idle
            while True:
                now = time.monotonic()
                if self._waiting and now >= self._next_round:
                    hints, self._waiting = self._waiting, set()
                    self._next_round = now + self._every
                    return hints
                pause = (self._next_round if self._waiting else ends) - now
                if pause <= 0:
                    self._thread = None
                    return set()
                self._news.wait(pause)

    def _carry(self, hints: set[Hint], carrier: Carrier | None) -> Carrier | None:
        """Carry ``hints``; answers the carrier that may be used again."""
        left = list(hints)
        while True:
            is_fresh = carrier is None
            try:
                carrier = carrier or self._connect(self._timeout)
                while left:
                    carrier.carry(left[-1])
                    left.pop()
            except Exception as error:
                # A connection that was kept may have been cut meanwhile; a new one says how it really is.
                if is_fresh:
                    self._fail(error, left)
                _leave(carrier)
                if is_fresh:
                    return None
                carrier = None
            else:
                self._succeed()
                return carrier

    def _fail(self, error: Exception, left: list[Hint]) -> None:
        with self._news:
            is_news, self._is_down = not self._is_down, True
            self._is_slow = True
            self._waiting.update(left)
            self._next_round = time.monotonic() + self._pause
            self._rounds += 1
            self._news.notify_all()
        if is_news:
            # Once for an outage. The message of a broker's error may hold an address with a password.
            logger.warning("dispatch.unreachable", extra={"error": type(error.__cause__ or error).__name__})

    def _succeed(self) -> None:
        with self._news:
            was_down, self._is_down = self._is_down, False
            self._is_slow = False
            self._rounds += 1
            self._news.notify_all()
        if was_down:
            logger.info("dispatch.reachable")


def _leave(carrier: Carrier | None) -> None:
    if carrier is not None:
        # What cannot be left properly is dropped.
        with contextlib.suppress(Exception):
            carrier.close()


_couriers: dict[Hashable, Courier] = {}


def courier_for(address: Hashable, connect: Callable[[float], Carrier]) -> Courier:
    """This process's courier to ``address``."""
    courier = _couriers.get(address)
    return courier or _couriers.setdefault(address, Courier(connect))


def _forget_all() -> None:
    for courier in _couriers.values():
        courier.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
