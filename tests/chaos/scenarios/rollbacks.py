"""What the shop takes back never happened: no row, no request."""

from __future__ import annotations

from ..account import Account
from ..arena import Arena
from . import VENDORS, scenario

ROUNDS = """
from contextlib import suppress
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
import django_hellotext
from tests.chaos.site import record
from tests.testshop.models import Product

class Sorry(Exception):
    pass

def change():
    Product.objects.create(name="Never", price=1)

for number in range(1, 1 + {rounds}):
    with suppress(Sorry), transaction.atomic():  # the outer transaction
        record("outer", number)
        change()
        raise Sorry
    with transaction.atomic():  # a savepoint; what is around it stays
        record("around", 2 * number)
        with suppress(Sorry), transaction.atomic():
            record("savepoint", number)
            change()
            raise Sorry
        record("around", 2 * number + 1)
    with suppress(Sorry), transaction.atomic():  # an exception after a savepoint that was released
        with transaction.atomic():
            record("released", number)
        raise Sorry
    with transaction.atomic():  # rolled back by hand
        record("hand", number)
        transaction.set_rollback(True)
    client = Client(raise_request_exception=False)
    assert client.get(f"/look/kept/{{number}}/").status_code == 200
    assert client.get(f"/stumble/stumbled/{{number}}/").status_code == 500
"""


@scenario("rollbacks", short=VENDORS)
def rollbacks(arena: Arena) -> Account:
    """Outer transaction, savepoint, an exception after track(), ATOMIC_REQUESTS; a worker drains meanwhile."""
    shop, hellotext = arena.open(environment={"SHOP_ATOMIC_REQUESTS": "1"})
    shop.start_worker()
    rounds = arena.either(10, 100)
    shop.python(ROUNDS.format(rounds=rounds))
    arena.drained(shop)
    account = arena.account(shop, hellotext)
    ((rows,),) = shop.rows("SELECT COUNT(*) FROM django_hellotext_event")
    assert rows == account.recorded == 3 * rounds, f"{rows} rows for {account.recorded} facts"
    return account
