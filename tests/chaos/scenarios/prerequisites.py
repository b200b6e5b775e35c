"""What orders and events refer to is refused, and workers die while they send the rest without it."""

from __future__ import annotations

import time
from typing import Any

from ..account import Account
from ..arena import Arena
from . import scenario

REFUSED = {"/v1/profiles": "0.4", "/v1/attribution/products": "1.0", "/v1/attribution/orders": "0.4"}
FAULTS = tuple(f"error:status=422,rate={rate},method=POST,path={path}" for path, rate in REFUSED.items())
ADJUSTED = """
    SELECT COUNT(*) FROM django_hellotext_event WHERE adjustments IS NOT NULL
    UNION ALL SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE adjustments IS NOT NULL
"""
FAILED = "SELECT error_type, kind FROM django_hellotext_remoteobject WHERE state = 'failed'"
SEND_AGAIN = "from django_hellotext.models import RemoteObject as R; print(R.objects.all().requeue())"


@scenario("refused-prerequisites", short=("postgres",))
def refused_prerequisites(arena: Arena) -> Account:
    """Each event arrives once all the same; when the refused ones are sent again, the orders have their products."""
    shop, hellotext = arena.open(
        "--fault", "latency:seconds=0.03", *(part for spec in FAULTS for part in ("--fault", spec))
    )
    traffic = arena.traffic(shop, arena.either(120, 1_500), "--keys", "30", "--rate", arena.either("20", "30"))
    workers = [shop.start_worker() for _ in range(2)]
    for _ in range(arena.either(3, 40)):
        arena.requests(hellotext, arena.random.randint(5, 30), patience=3.0)
        victim = arena.random.choice(workers)
        shop.kill(victim)
        workers[workers.index(victim)] = shop.start_worker()
    arena.finished(shop, traffic)
    arena.drained(shop)
    events, objects = (count for (count,) in shop.rows(ADJUSTED))
    assert events, "every event had what it refers to"
    hellotext.heal()
    again = shop.python(SEND_AGAIN).strip()
    arena.drained(shop)
    assert arena.until(lambda: not shop.rows(FAILED), patience=60.0), f"still failed: {shop.rows(FAILED)}"
    arena.drained(shop)
    time.sleep(0.5)
    assert not _on_placeholders(hellotext.state()), "an order was not corrected"
    arena.remark(f"{events} events and {objects} objects adjusted, {again} objects sent again")
    return arena.account(shop, hellotext)


def _on_placeholders(state: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The orders with a line of a placeholder for a product."""
    placeholders = {product["id"] for product in state["products"] if product["name"] == "Product no longer sold"}
    return [
        order["reference"] for order in state["orders"] if placeholders & {one["product"] for one in order["items"]}
    ]
