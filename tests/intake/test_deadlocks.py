"""Two transactions that touch the same two objects in opposite order: no deadlock is added by us (E3)."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections, transaction

from django_hellotext.models import Change
from tests.factories import make_order
from tests.testshop.models import Order, OrderLine

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hellotext"),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server with two connections"),
]

ROUNDS = 5


def test_opposite_orders_do_not_lock_each_other_out() -> None:
    """The host itself only inserts lines; each is a change of its order, so both name both orders."""
    first, second = make_order(), make_order()
    Change.objects.all().delete()
    together = threading.Barrier(2, timeout=60)
    faults: list[Exception] = []

    def work(*orders: Order) -> None:
        try:
            for _ in range(ROUNDS):
                together.wait()
                with transaction.atomic():
                    for order in orders:
                        OrderLine.objects.create(order=order, quantity=1)
                        together.wait()
        except Exception as error:
            # A deadlock of one side is what this looks for; the other must not wait for it.
            faults.append(error)
            together.abort()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=orders) for orders in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
    assert OrderLine.objects.count() == 4 * ROUNDS
    assert Change.objects.count() == 4 * ROUNDS
    assert connection.vendor != "sqlite"
