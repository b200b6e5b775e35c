"""What one customer does is recorded in several ways, and arrives in one order."""

from __future__ import annotations

from ..account import Account, facts_of
from ..arena import Arena
from . import scenario


@scenario("order-across-kinds", short=("mariadb",))
def order_across_kinds(arena: Arena) -> Account:
    """Orders whose status is saved, or tracked by the shop, among views; with an outage and a worker that dies."""
    shop, hellotext = arena.open("--fault", "latency:seconds=0.01")
    events, rate = arena.either((150, "40"), (2_000, "60"))
    traffic = [arena.traffic(shop, events // 2, "--across", "--keys", "12", "--rate", rate, name=name) for name in "ab"]
    workers = [shop.start_worker() for _ in range(3)]
    arena.requests(hellotext, 20)
    hellotext.fault("error", status=503)
    arena.requests(hellotext, 3)
    shop.kill(workers.pop())
    for process in traffic:
        arena.finished(shop, process)
    hellotext.heal()
    arena.drained(shop)
    mixed = [name for name in facts_of(shop) if "|order " in name]
    arena.remark(f"{len(mixed)} events of orders among views")
    return arena.account(shop, hellotext)
