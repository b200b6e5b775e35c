"""A first sync dies again and again, and goes on where it was."""

from __future__ import annotations

import sys

from tests.processes.shop import Shop

from ..account import Account
from ..arena import Arena
from . import scenario

STOCK = """
from tests.testshop.models import Product
for begin in range(0, {count}, 1000):
    Product.objects.bulk_create([
        Product(name=f"Product {{n}}", sku=f"SKU-{{n}}", price=n % 90 + 1)
        for n in range(begin, min(begin + 1000, {count}))
    ])
"""
PRODUCTS = "/v1/attribution/products"
SYNCED = "SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state = 'synced'"


@scenario("killed-syncs")
def killed_syncs(arena: Arena) -> Account:
    """SIGKILL at 10, 50 and 90 % of a sync of 50,000 products; each is there once (demands F1, D6)."""
    count = arena.either(300, 50_000)
    shop, hellotext = arena.open(hellotext={"LEASE": 12.0})
    shop.python(STOCK.format(count=count))
    patience = arena.either(120.0, 1800.0)
    for share in (0.1, 0.5, 0.9):
        resume = ["--resume"] if share > 0.1 else []
        # From there on each answer takes its time: what is left is not done before a busy machine has seen it.
        hellotext.heal()
        hellotext.fault("latency", seconds=0.01)
        left = int(share * count) - synced(shop)
        hellotext.fault("latency", seconds=0.5, path=PRODUCTS, method="POST", skip=max(left, 0))
        process = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--quiet", *resume)
        arena.until(lambda share=share: synced(shop) >= share * count, patience=patience)  # type: ignore[misc]
        assert process.poll() is None, shop.output_of(process)[-800:]
        shop.kill(process)
        arena.remark(f"killed at {synced(shop) / count:.0%}")
    hellotext.heal()
    last = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--resume", "--quiet")
    arena.finished(shop, last)
    arena.drained(shop)
    return arena.account(shop, hellotext)


def synced(shop: Shop) -> int:
    """How many objects are at Hellotext."""
    ((count,),) = shop.rows(SYNCED)
    return int(count)
