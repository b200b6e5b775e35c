"""Rows that are trouble by themselves, and one key that has very many."""

from __future__ import annotations

import time

from ..account import EVENTS, Account, facts_of
from ..arena import Arena
from . import scenario

POISON = """
import django_hellotext
from django.contrib.auth.models import User
from tests.testshop.models import Category, Product
name = "poison|{number}|chaos.unknown"
django_hellotext.track("chaos.unknown", profile=User.objects.first(), metadata={{"fact": name}})
Category.objects.create(name=name)
product = Product.objects.get(pk={product})
product.name = "Choked on"
product.price = 66
product.save()
"""


@scenario("poison-rows")
def poison_rows(arena: Arena) -> Account:
    """One row in a thousand is refused, one object gets 500 for ever; nobody else waits for them."""
    settings = {"ACTIONS": ["chaos.unknown"], "MAX_ATTEMPTS": 2}
    late = ("--fault", "error:status=503,path=/v1/attribution/products,times=1")
    shop, hellotext = arena.open(*late, hellotext=settings)
    arena.finished(shop, arena.traffic(shop, 1, "--keys", "1", name="p"))
    shop.start_worker()
    arena.drained(shop)
    # Whichever arrived first. Several are on their way at once, so it need not be the shop's first; here it is not.
    product = hellotext.state()["products"][0]
    hellotext.fault("error", status=500, path=f"/v1/attribution/products/{product['id']}", method="PATCH")
    rounds, events = arena.either((1, 100), (3, 3_000))
    traffic = arena.traffic(shop, events, "--keys", "30", "--rate", arena.either("60", "100"))
    for number in range(rounds):
        shop.python(POISON.format(number=number, product=product["reference"]))
    arena.finished(shop, traffic)
    arena.drained(shop)
    poison = frozenset(name for name in facts_of(shop) if name.startswith("poison"))
    failed = shop.rows("SELECT action, error_status FROM django_hellotext_event WHERE state = 'failed'") + shop.rows(
        "SELECT kind, error_status FROM django_hellotext_remoteobject WHERE state = 'failed'"
    )
    arena.remark(f"{len(failed)} refused")
    expected = [("chaos.unknown", 404)] * rounds + [("product", 500)]
    assert sorted(failed) == sorted(expected), f"refused: {failed}"
    return arena.account(shop, hellotext, may_miss=poison | {f"product {product['reference']}"})


@scenario("hot-key", short=("postgres",))
def hot_key(arena: Arena) -> Account:
    """One key has all the events; its worker dies in the middle, and others wait beside."""
    events = arena.either(120, 1_000)
    shop, hellotext = arena.open("--fault", f"latency:seconds=0.01,path={EVENTS}")
    arena.finished(shop, arena.traffic(shop, events, "--keys", "1", "--only-events"))
    workers = [shop.start_worker() for _ in range(3)]
    for _ in range(arena.either(1, 4)):
        arena.requests(hellotext, 20)
        time.sleep(arena.random.uniform(0.0, 0.3))
        shop.kill(workers.pop(0))
        workers.append(shop.start_worker())
    arena.drained(shop)
    return arena.account(shop, hellotext)
