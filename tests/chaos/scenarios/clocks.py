"""The clock jumps by an hour while rows are in hand.

By libfaketime (Debian's package of that name), which also moves the clock that SQLite and PostgreSQL read; a change
of Python's own functions would not reach them. The monotonic clock is left alone, as a real correction leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.processes.shop import Shop

from ..account import Account
from ..arena import Arena, Missing, waiting
from ..servers import Cluster, Hellotext
from . import scenario

HOUR = 3600
FAULTS = ("--fault", "latency:seconds=0.05", "--fault", "no_answer:rate=0.02,seconds=30")
# Not shorter than a lease, as by default: one that a jump has ended may still be at work.
SETTLING = {"SETTLE_TIME": 4.0}
LIBRARIES = ("/usr/lib/*-linux-gnu*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")


class Clock:
    """A clock that several processes read, and that may be moved."""

    def __init__(self, folder: Path) -> None:
        root = Path("/")
        found = [path for pattern in LIBRARIES for path in sorted(root.glob(pattern.lstrip("/")))]
        if not found:
            raise Missing("libfaketime (apt-get install libfaketime)")
        self.file = folder / "clock"
        self.move(0)
        self.file.chmod(0o644)
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, seconds: int) -> None:
        """Show the real time and ``seconds``."""
        self.file.write_text(f"{seconds:+d}\n", encoding="ascii")


def _jumps(arena: Arena, clock: Clock) -> None:
    for seconds in arena.either((HOUR, 0), (HOUR, 0, -HOUR, 0, HOUR, -HOUR)):
        time.sleep(arena.random.uniform(1.0, 3.0))
        clock.move(seconds)
    time.sleep(2.0)
    clock.move(0)


def _drained_in_time(arena: Arena, shop: Shop, clock: Clock) -> None:
    """No row waits for the hour by which the clock went back; ten minutes are enough for the longest backoff here."""
    if not arena.until(lambda: waiting(shop) == 0, patience=arena.either(10, 30)):
        clock.move(HOUR // 6)
    arena.drained(shop)
    assert waiting(shop) == 0, "rows still waited after the clock was set back"


def _jumped(arena: Arena, clock: Clock, shop: Shop, hellotext: Hellotext) -> Account:
    """Customers come and two workers send while ``clock`` jumps."""
    traffic = arena.traffic(shop, arena.either(120, 600), "--keys", "30", "--rate", "25")
    for _ in range(2):
        shop.start_worker()
    _jumps(arena, clock)
    arena.finished(shop, traffic)
    _drained_in_time(arena, shop, clock)
    return arena.account(shop, hellotext)


@scenario("shifted-clock-of-a-worker", vendors=("postgres",), short=())
def shifted_worker(arena: Arena) -> Account:
    """One of two workers is an hour off and back again; the leases' clock, which is the database's, is right."""
    clock = Clock(arena.folder)
    shop, hellotext = arena.open(*FAULTS, hellotext=SETTLING)
    traffic = arena.traffic(shop, arena.either(120, 600), "--keys", "30", "--rate", "25")
    shop.start_worker(environment=clock.environment)
    shop.start_worker()
    _jumps(arena, clock)
    arena.finished(shop, traffic)
    arena.drained(shop)
    return arena.account(shop, hellotext)


@scenario("shifted-clock-of-the-machine", vendors=("sqlite",), short=("sqlite",))
def shifted_machine(arena: Arena) -> Account:
    """The clock of the shop, its workers and its database jumps by an hour, while Hellotext's is right."""
    clock = Clock(arena.folder)
    shop, hellotext = arena.open(*FAULTS, hellotext=SETTLING, environment=clock.environment)
    return _jumped(arena, clock, shop, hellotext)


@scenario("shifted-clock-of-the-database", vendors=("postgres",), short=())
def shifted_database(arena: Arena) -> Account:
    """The database server's clock, by which leases are written, jumps by an hour while rows are in hand."""
    if Cluster.binaries() is None:
        raise Missing("a PostgreSQL server (apt-get install postgresql)")
    clock = Clock(arena.folder)
    cluster = arena.closing(Cluster(arena.folder, environment=clock.environment))
    shop, hellotext = arena.open(*FAULTS, hellotext=SETTLING, data=cluster.database("shop"))
    return _jumped(arena, clock, shop, hellotext)


@scenario("an-hour-ahead-and-back", vendors=("sqlite",), short=("sqlite",))
def an_hour_ahead_and_back(arena: Arena) -> Account:
    """Workers an hour ahead meet errors and are killed; then the clock is right again, and no row waits an hour."""
    clock = Clock(arena.folder)
    clock.move(HOUR)
    shop, hellotext = arena.open(*FAULTS, hellotext=SETTLING, environment=clock.environment)
    hellotext.fault("error", status=500, rate=0.5)
    arena.finished(shop, arena.traffic(shop, arena.either(60, 300), "--keys", "20"))
    workers = [shop.start_worker() for _ in range(2)]
    arena.requests(hellotext, arena.either(40, 200))
    for worker in workers:
        shop.kill(worker)
    hellotext.heal()
    clock.move(0)
    shop.start_worker()
    _drained_in_time(arena, shop, clock)
    return arena.account(shop, hellotext)


@scenario("an-hour-ahead", vendors=("sqlite",), short=())
def an_hour_ahead(arena: Arena) -> Account:
    """The shop's clock is an hour ahead of Hellotext's all the time, and answers are lost."""
    clock = Clock(arena.folder)
    clock.move(HOUR)
    shop, hellotext = arena.open(
        "--fault", "no_answer:rate=0.1,seconds=30", hellotext=SETTLING, environment=clock.environment
    )
    arena.finished(shop, arena.traffic(shop, arena.either(60, 200), "--keys", "20"))
    shop.start_worker()
    arena.drained(shop)
    return arena.account(shop, hellotext)


@scenario("two-hour-outage", vendors=("sqlite",), short=())
def two_hour_outage(arena: Arena) -> Account:
    """100,000 rows wait while Hellotext answers 503 for two hours, which pass in steps; none of them is given up."""
    clock = Clock(arena.folder)
    shop, hellotext = arena.open(clock=clock.environment)
    waited = arena.either(300, 100_000)
    arena.finished(shop, arena.traffic(shop, waited, "--keys", str(arena.either(30, 1_000)), "--only-events"))
    hellotext.fault("error", status=503)
    for _ in range(2):
        shop.start_worker()
    asked = sum(_asked_after(arena, clock, hellotext, seconds) for seconds in range(0, 2 * HOUR + 1, HOUR // 6))
    ((failed,),) = shop.rows("SELECT COUNT(*) FROM django_hellotext_event WHERE state = 'failed'")
    arena.remark(f"{waited} rows waited, Hellotext was asked {asked} times meanwhile, {failed} were given up")
    assert asked, "no worker asked Hellotext during the outage"
    assert not failed, "rows were given up for an outage"
    hellotext.heal()
    # However long the pause before the next try has become.
    clock.move(4 * HOUR)
    while arena.requests(hellotext, 1_000, patience=20.0):
        pass  # its log is read on the way, for it keeps the last 100,000 requests
    arena.drained(shop)
    return arena.account(shop, hellotext)


def _asked_after(arena: Arena, clock: Clock, hellotext: Hellotext, seconds: int) -> int:
    """Let the time come, and count the requests of the next moment."""
    clock.move(seconds)
    before = len(hellotext.log())
    arena.requests(hellotext, 1, patience=5.0)
    return len(hellotext.log()) - before
