"""What a scenario has in hand: a shop, a Hellotext, chance that repeats, and the time it may take."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.needs import Need
from tests.processes.databases import Database, database
from tests.processes.shop import Shop

from .account import Account, take_account
from .servers import Hellotext

SETTINGS = "tests.chaos.settings"
# Short, so that a run is; a row is begun while twice DEADLINE is left of its lease. The settle time is longer than a
# busy machine leaves a request lying that nobody waits for any more: Hellotext takes it in late, and "absent" that
# is said before is said too early.
HELLOTEXT = {
    "DEADLINE": 1.0,
    "READ_TIMEOUT": 1.0,
    "LEASE": 4.0,
    "SETTLE_TIME": 3.0,
    "POLL_INTERVAL": 0.1,
    "SESSION_WAIT": 2.0,
}
# Every other session of a customer is one that Hellotext knows; the others never become known.
KNOWN = [f"session-{name}{number}" for name in "ab" for number in range(1, 60, 6)]
SESSIONS = tuple(part for session in KNOWN for part in ("--session", session))
# A session that Hellotext has not seen yet is asked for all day long.
WAITING = """
    SELECT (SELECT COUNT(*) FROM django_hellotext_event
        WHERE state IN ('change', 'touch', 'pending', 'sending', 'uncertain'))
    + (SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state IN ('pending', 'sending', 'uncertain'))
    + (SELECT COUNT(*) FROM django_hellotext_session WHERE state IN ('sending', 'uncertain'))
"""
# Something that changes whenever a row gets on; what is only looked at again is no progress.
PROGRESS = """
    SELECT (SELECT COUNT(*) FROM django_hellotext_event WHERE state IN ('pending', 'sending', 'uncertain')),
    (SELECT SUM(attempts) FROM django_hellotext_event),
    (SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state IN ('pending', 'sending', 'uncertain')),
    (SELECT SUM(attempts) FROM django_hellotext_remoteobject),
    (SELECT COUNT(*) FROM django_hellotext_event WHERE state IN ('change', 'touch'))
"""
STANDSTILL = 90.0  # seconds without any progress after which nobody waits any longer
LONGEST = 1800.0  # seconds for anything at all
Closing = TypeVar("Closing", bound=Any)


class Missing(Exception):
    """What a scenario needs is not on this machine."""


class Arena:
    """The world of one scenario; a context manager that leaves nothing behind."""

    def __init__(self, name: str, vendor: str, *, short: bool, seed: int, keep: bool = False) -> None:
        self.name, self.vendor, self.short, self.keep = name, vendor, short, keep
        self.seed = zlib.crc32(f"{seed} {name} {vendor}".encode()) % 1_000_000
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose
        self.remarks: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix=f"hellotext-chaos-{self.name}-"))
        if not self.keep:
            self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def either(self, short: Any, full: Any) -> Any:
        """The size of something in this run."""
        return short if self.short else full

    def remark(self, text: str) -> None:
        """Say something on the scenario's line."""
        self.remarks.append(text)

    def closing(self, thing: Closing) -> Closing:
        """Have ``thing`` closed at the end."""
        self._stack.callback(thing.close)
        return thing

    def need(self, need: Need) -> None:
        """Raise ``Missing`` with what to install when this machine lacks something."""
        missing = need.missing()
        if missing:
            raise Missing(missing)

    def open(
        self,
        *options: str,
        hellotext: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        data: Database | None = None,
        settings: str = SETTINGS,
        clock: Mapping[str, str] | None = None,
    ) -> tuple[Shop, Hellotext]:
        """Open a shop and a Hellotext. ``options`` are the emulator's, ``hellotext`` the shop's own settings.

        ``environment`` is the shop's, ``clock`` the environment of both, by which they read the same time.
        """
        emulator = Hellotext(self.folder, seed=self.seed, options=(*SESSIONS, *options), environment=clock)
        server = self.closing(emulator)
        name = self.name.replace("-", "_")
        shop = Shop(
            self.folder,
            server.url,
            database=data or database(self.vendor, folder=self.folder, name=name),
            settings=settings,
            hellotext={**HELLOTEXT, **(hellotext or {})},
            environment={**(clock or {}), **(environment or {})},
        )
        self._stack.callback(shop.end_processes if self.keep else shop.close)
        shop.open()
        return shop, server

    def traffic(self, shop: Shop, events: int, *arguments: str, name: str = "a") -> subprocess.Popen[bytes]:
        """Let customers come in a process of their own."""
        seed = str(self.random.randrange(10_000))
        command = (sys.executable, "-m", "tests.chaos.traffic", "--events", str(events), "--name", name)
        return shop.start(*command, "--seed", seed, *arguments)

    def finished(self, shop: Shop, process: subprocess.Popen[bytes]) -> None:
        """Wait for a process that ends by itself."""
        code = process.wait(timeout=LONGEST)
        assert code == 0, f"{process.args!r} ended with {code}: {shop.output_of(process)[-800:]}"

    def drained(self, shop: Shop) -> None:
        """Wait until nothing waits any more: as long as something gets on, however slow the machine is."""
        began = moved = time.monotonic()
        last: list[tuple[Any, ...]] = []
        while not self.until(lambda: waiting(shop) == 0, patience=2.0):
            now, current = time.monotonic(), shop.rows(PROGRESS)
            if current != last:
                last, moved = current, now
            if now - moved > STANDSTILL or now - began > LONGEST:
                self.remark(f"{waiting(shop)} rows still open, {now - moved:.0f} s after the last: {states_of(shop)}")
                return

    def until(self, condition: Callable[[], bool], *, patience: float) -> bool:
        """Whether ``condition`` came true within ``patience`` seconds."""
        ends = time.monotonic() + patience
        while not condition():
            if time.monotonic() > ends:
                return False
            time.sleep(0.1)
        return True

    def requests(self, server: Hellotext, count: int, *, patience: float = 30.0) -> bool:
        """Wait until Hellotext has had ``count`` requests more."""
        wanted = len(server.log()) + count
        return self.until(lambda: len(server.log()) >= wanted, patience=patience)

    def account(self, shop: Shop, server: Hellotext, *, may_miss: frozenset[str] = frozenset()) -> Account:
        """Count what came of it, after a moment in which late requests show."""
        time.sleep(0.5)
        return take_account(shop, server, may_miss=may_miss)


def waiting(shop: Shop) -> int:
    """Rows on their way, and changes that nobody has looked at."""
    ((count,),) = shop.rows(WAITING)
    return int(count)


def states_of(shop: Shop) -> dict[str, int]:
    """How many events are in each state."""
    return dict(shop.rows("SELECT state, COUNT(*) FROM django_hellotext_event GROUP BY state"))
