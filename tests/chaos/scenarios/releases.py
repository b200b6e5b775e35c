"""Processes of several releases share the tables while a deployment runs."""

from __future__ import annotations

import subprocess

from tests.processes.shop import Shop

from ..account import Account
from ..arena import Arena
from . import scenario

# What an older release does not know yet, and what a newer one has lost.
WITHOUT_ORDERS = {"SHOP_WITHOUT": "testshop.Order testshop.Return"}
WITHOUT_PRODUCTS = {"SHOP_WITHOUT": "testshop.Product testshop.Variant"}
LEFT = """
    SELECT (SELECT COUNT(*) FROM django_hellotext_event WHERE object_label = 'testshop.order' AND state = 'change'),
    (SELECT COUNT(*) FROM django_hellotext_event WHERE object_label = 'testshop.order' AND state = 'pending')
"""
FAILED = """
    SELECT action, error_type FROM django_hellotext_event WHERE state = 'failed'
    UNION ALL SELECT kind, error_type FROM django_hellotext_remoteobject WHERE state = 'failed'
"""


@scenario("mixed-releases", short=("postgres",))
def mixed_releases(arena: Arena) -> Account:
    """Workers that lack a model run beside workers that lack another, while a shop that has both records."""
    shop, hellotext = arena.open("--fault", "latency:seconds=0.01")
    events, rate = arena.either((120, "40"), (2_000, "60"))
    older = [shop.start_worker(environment=WITHOUT_ORDERS) for _ in range(2)]
    arena.finished(shop, _traffic(arena, shop, events, rate, "a"))
    assert arena.until(lambda: _others_are_sent(shop), patience=60.0), "what the older workers know was not sent"
    ((changes, tracked),) = shop.rows(LEFT)
    assert min(changes, tracked), "the older workers left nothing, so this proves nothing"
    arena.remark(f"{changes} changes and {tracked} events were left by the older workers")
    newer = [shop.start_worker(environment=WITHOUT_PRODUCTS) for _ in range(2)]
    arena.finished(shop, _traffic(arena, shop, events, rate, "b"))
    for worker in (*older, *newer):
        shop.kill(worker)
    shop.start_worker()
    arena.drained(shop)
    failed = shop.rows(FAILED)
    assert not failed, f"failed: {failed}"
    return arena.account(shop, hellotext)


def _traffic(arena: Arena, shop: Shop, events: int, rate: str, name: str) -> subprocess.Popen[bytes]:
    return arena.traffic(shop, events, "--keys", "30", "--rate", rate, "--track-orders", name=name)


def _others_are_sent(shop: Shop) -> bool:
    """Whether all that has nothing to do with orders has arrived."""
    ((count,),) = shop.rows(
        "SELECT COUNT(*) FROM django_hellotext_event"
        " WHERE state NOT IN ('delivered', 'change', 'touch') AND object_label <> 'testshop.order'"
    )
    return not count
