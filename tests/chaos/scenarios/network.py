"""Hellotext answers badly, late, or not at all."""

from __future__ import annotations

import time

from ..account import Account
from ..arena import Arena
from . import scenario

LOSSY = (
    "no_answer:rate=0.05,seconds=30",
    "reset:rate=0.05",
    "error:rate=0.08,status=503",
    "error:rate=0.02,status=502,applied=1",
    "drip:rate=0.02,seconds=0.25",
    "garbage:rate=0.01",
)


@scenario("lossy-network", short=("postgres",))
def lossy_network(arena: Arena) -> Account:
    """Accepted without an answer, reset before the answer, 5xx, gateways that give up, answers that drip."""
    faults = [part for spec in LOSSY for part in ("--fault", spec)]
    shop, hellotext = arena.open(*faults)
    events = arena.either(60, 1_000)
    traffic = arena.traffic(shop, events, "--keys", "30", "--rate", arena.either("15", "20"))
    for _ in range(2):
        shop.start_worker()
    arena.finished(shop, traffic)
    arena.drained(shop)
    hit = sum(bool(entry["fault"]) for entry in hellotext.log())
    hellotext.heal()
    arena.drained(shop)
    arena.remark(f"{hit} requests hit")
    return arena.account(shop, hellotext)


@scenario("late-listing", short=())
def late_listing(arena: Arena) -> Account:
    """What was accepted shows in listings only after a while, within the settle time; workers die meanwhile."""
    shop, hellotext = arena.open(
        "--delay-events", "2.5", "--fault", "latency:seconds=0.5", hellotext={"SETTLE_TIME": 6.0, "CONCURRENCY": 2}
    )
    arena.finished(shop, arena.traffic(shop, arena.either(24, 120), "--keys", "6", "--only-events"))
    for _ in range(arena.either(2, 8)):
        worker = shop.start_worker()
        arena.requests(hellotext, 4)
        time.sleep(arena.random.uniform(0.5, 2.0))
        shop.kill(worker)
    shop.start_worker()
    arena.drained(shop)
    return arena.account(shop, hellotext)


@scenario("refused-connections")
def refused_connections(arena: Arena) -> Account:
    """Hellotext accepts no connection for a minute, while the shop goes on."""
    shop, hellotext = arena.open()
    traffic = arena.traffic(shop, arena.either(80, 1_500), "--keys", "30", "--rate", arena.either("30", "25"))
    for _ in range(2):
        shop.start_worker()
    time.sleep(arena.either(2, 5))
    hellotext.fault("refuse", seconds=arena.either(3, 60))
    arena.finished(shop, traffic)
    arena.drained(shop)
    ((failed,),) = shop.rows("SELECT COUNT(*) FROM django_hellotext_event WHERE state = 'failed'")
    arena.remark(f"{failed} given up")
    return arena.account(shop, hellotext)
