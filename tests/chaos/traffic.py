"""Customers of the shop: ``python -m tests.chaos.traffic`` looks, changes and buys until it has done enough.

What it has done is written in the shop's own tables, in the same transaction as the tracking call: a Category named
``<ordering key>|<number>|<action>`` for each fact. The account at the end of a scenario starts from those, never
from our own tables.
"""

from __future__ import annotations

import argparse
import random
import select
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.testshop.models import Order, Product

STEPS = ("placed", "paid", "shipped")
ACTIONS = {"placed": "order.placed", "paid": "order.confirmed", "shipped": "order.shipped"}
PATIENCE = 120.0  # seconds for which a database may be away


@dataclass(frozen=True)
class Visitor:
    """Who does something: a customer, a customer with a session, or a session alone."""

    key: str
    customer: User | None
    session: str


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="a", help="tells this producer's objects from another's")
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.0, help="steps in a second; 0 is as fast as possible")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-events", action="store_true", help="no changes of objects and no orders meanwhile")
    parser.add_argument("--track-orders", action="store_true", help="also track what is no status of an order")
    parser.add_argument("--across", action="store_true", help="number a customer's orders and views as one sequence")
    parser.add_argument("--atomic", action="store_true", help="every step in a transaction")
    parser.add_argument("--stubborn", action="store_true", help="go on when the database is away for a while")
    return parser


class Traffic:
    """One producer. Its steps repeat with its seed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.random = random.Random(arguments.seed)  # noqa: S311 - repeatable on purpose
        self.numbers: dict[str, int] = {}
        self.orders: list[Order] = []
        self.made = self.bought = 0

    def run(self) -> None:
        self.products: list[Product] = []
        self.visitors: list[Visitor] = []
        self._persist(self._open_shop)
        began = time.monotonic()
        step = 0
        while self.made < self.arguments.events:
            step += 1
            if self.arguments.rate:
                _pause(began + step / self.arguments.rate - time.monotonic())
            self._persist(self._choose())
        sys.stdout.write(f"{self.made} facts\n")

    def _persist(self, step: Callable[[], None]) -> None:
        from django.db import DatabaseError, connection

        ends = time.monotonic() + PATIENCE
        while True:
            try:
                return step()
            except DatabaseError:
                if not self.arguments.stubborn or time.monotonic() > ends:
                    raise
                connection.close()
                _pause(0.1)

    def _open_shop(self) -> None:
        from django.contrib.auth.models import User
        from django.db import transaction

        from tests.testshop.models import Product

        name = self.arguments.name
        with transaction.atomic():
            self.products = [
                Product.objects.create(name=f"Product {name}{number}", sku=f"{name}{number}", price=Decimal("9.90"))
                for number in range(5)
            ]
            self.visitors = []
            for number in range(self.arguments.keys):
                customer = session = None
                if number % 3 < 2:
                    login = f"{name}{number}"
                    customer = User.objects.create(username=login, email=f"{login}@example.com", last_name="First")
                if number % 3 > 0:
                    session = f"session-{name}{number}"
                self.visitors.append(Visitor(f"{name}{number}", customer, session or ""))

    def _choose(self) -> Callable[[], None]:
        chance = self.random.random()
        if self.arguments.across:
            chance = 0.4 + 0.6 * chance  # half of the steps concern orders
            if chance > 0.7:
                return self._advance_order if self.orders and chance < 0.9 else self._buy
        if self.arguments.only_events or chance < 0.7:
            return self._look
        if chance < 0.8:
            return self._change_price
        if chance < 0.9:
            return self._rename
        return self._advance_order if self.orders and chance < 0.96 else self._buy

    def _look(self) -> None:
        from django.db import transaction

        import django_hellotext

        visitor = self.random.choice(self.visitors)
        # Never twice, also when a commit succeeded whose answer was lost.
        number = self.numbers[visitor.key] = self.numbers.get(visitor.key, 0) + 1
        what: dict[str, Any] = {"profile": visitor.customer, "session": visitor.session or None}
        atomic = self.arguments.atomic or self.random.random() < 0.5
        with transaction.atomic() if atomic else nullcontext():
            if self.random.random() < 0.6:
                action = "page.viewed"
                note = f"{visitor.key}|{number}|{action}"
                django_hellotext.track(action, url="https://shop.example/", metadata={"fact": note}, **what)
            else:
                action = "product.viewed"
                note = f"{visitor.key}|{number}|{action}"
                product = self.random.choice(self.products)
                django_hellotext.track(action, product, metadata={"fact": note}, **what)
            self._note(note)

    def _note(self, text: str) -> None:
        from tests.testshop.models import Category

        Category.objects.create(name=text)
        self.made += 1

    def _change_price(self) -> None:
        product = self.random.choice(self.products)
        product.price = Decimal(self.random.randint(100, 9999)) / 100
        product.save()

    def _rename(self) -> None:
        customer = self.random.choice(self.visitors).customer
        if customer is not None:
            customer.last_name = f"Name {self.random.randint(1, 9999)}"
            customer.save()

    def _buy(self) -> None:
        from django.db import transaction

        from tests.testshop.models import Order, OrderLine

        buyer = self.random.choice(self._buyers())
        self.bought += 1
        number = f"{self.arguments.name}-{self.bought}"
        with transaction.atomic():
            order = Order.objects.create(number=number, customer=buyer.customer, total=Decimal("9.90"))
            product = self.random.choice(self.products)
            OrderLine.objects.create(order=order, product=product, unit_price=Decimal("9.90"))
            order.status = "placed"
            order.save()
            self._note_order(order, 1)
            if self.arguments.track_orders:
                self._deliver_order(order)
        self.orders.append(order)

    def _deliver_order(self, order: Order) -> None:
        import django_hellotext

        note = f"delivery of {order.number}|1|order.delivered"
        django_hellotext.track("order.delivered", order, metadata={"fact": note})
        self._note(note)

    def _advance_order(self) -> None:
        from django.db import transaction

        import django_hellotext
        from tests.testshop.models import Order

        order = Order.objects.get(pk=self.random.choice(self.orders).pk)
        place = STEPS.index(order.status) + 1
        if place == len(STEPS):
            return
        order.status = STEPS[place]
        with transaction.atomic():
            if self.arguments.across and self.random.random() < 0.5:
                # As a shop does that tracks by itself: no signal tells of the new status.
                Order.objects.filter(pk=order.pk).update(status=order.status)
                django_hellotext.track(ACTIONS[order.status], order)
            else:
                order.save()
            self._note_order(order, place + 1)

    def _buyers(self) -> list[Visitor]:
        """Those who may order. In one sequence with their views only if both have the same ordering key."""
        return [one for one in self.visitors if one.customer and not (self.arguments.across and one.session)]

    def _note_order(self, order: Order, place: int) -> None:
        action = ACTIONS[order.status]
        if not self.arguments.across:
            self._note(f"order {order.number}|{place}|{action}")
            return
        key = next(one.key for one in self.visitors if one.customer and one.customer.pk == order.customer_id)
        self.numbers[key] = self.numbers.get(key, 0) + 1
        self._note(f"{key}|{self.numbers[key]}|order {order.number} {action}")


def _pause(seconds: float) -> None:
    # Not time.sleep(), which libfaketime breaks when the clock jumps.
    if seconds > 0:
        select.select([], [], [], seconds)


def main() -> None:
    arguments = options().parse_args()
    import django

    django.setup()
    Traffic(arguments).run()


if __name__ == "__main__":
    main()
