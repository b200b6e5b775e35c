"""What ``track()`` costs the host inside its transaction, beside Django's own INSERT of the very same row.

Both go through the whole table with all its indexes. The row to compare with is complete before the clock runs, so
the naive side pays for ``objects.create`` and nothing else; ``track()`` pays for all its checks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

import django_hellotext as hellotext
from benchmarks.figures import Figure, Rounds, ratios
from benchmarks.shop import customers
from benchmarks.timing import side_by_side
from django_hellotext.intake.current import handled
from django_hellotext.models import Event
from tests.testshop.models import Order, Product

LIMIT = 1.2
URL = "https://shop.example/tea?page=2"
SESSION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def measure(short: bool) -> Iterator[Figure]:
    """Yield a figure for each of the common shapes of an event."""
    customer = customers(1)[0]
    product = Product.objects.create(name="Tea", sku="T-1", price=Decimal("4.90"))
    order = Order.objects.create(number="A-1", customer=customer, total=Decimal("24.80"))
    numbers = itertools.count()
    request = RequestFactory().post("/checkout/")
    request.COOKIES["hello_session"] = SESSION
    with _handled(request):
        made = Order.objects.create(number="A-2", customer=customer, total=Decimal("24.80"))
    shapes: dict[str, Callable[[], object]] = {
        "page.viewed": lambda: hellotext.track("page.viewed", profile=customer, url=URL),
        "product.viewed, with session and metadata": lambda: hellotext.track(
            "product.viewed", product, profile=customer, session=SESSION, metadata={"shelf": "tea", "place": 3}
        ),
        "order.placed in the request that made the order": lambda: _in_the_request(request, made, next(numbers)),
        "order.placed, its session looked up": lambda: hellotext.track(
            "order.placed", order, amount=order.total, currency="EUR", key=str(next(numbers))
        ),
    }
    times, count = (20, 50) if short else (60, 100)
    for name, record in shapes.items():
        ours, theirs = _in_a_transaction(record, _create(_row_of(record)), times=times, count=count)
        detail = f"{ours.median * 1e6:.0f} µs, objects.create {theirs.median * 1e6:.0f} µs; {_round_trips(record)}"
        what = f"track() of {name}, {connection.vendor}"
        yield ratios(ours, theirs).as_figure(what, at_most=LIMIT, detail=detail)


@contextmanager
def _handled(request: HttpRequest) -> Iterator[None]:
    """As the middleware does while a request is answered."""
    token = handled.set(request)
    try:
        yield
    finally:
        handled.reset(token)


def _in_the_request(request: HttpRequest, order: Order, number: int) -> None:
    with _handled(request):
        hellotext.track("order.placed", order, amount=order.total, currency="EUR", key=str(number))


def _create(row: dict[str, Any]) -> Callable[[], object]:
    return lambda: Event.objects.create(**row)


def _row_of(record: Callable[[], object]) -> dict[str, Any]:
    """The row that ``record`` inserts, as arguments of ``objects.create``; without its key, so that it may repeat."""
    with transaction.atomic():
        record()
        event = Event.objects.latest("pk")
        values = {field.attname: getattr(event, field.attname) for field in Event._meta.local_concrete_fields}
        transaction.set_rollback(True)
    return {**values, "id": None, "dedupe": None}


def _in_a_transaction(*actions: Callable[[], object], times: int, count: int) -> list[Rounds]:
    """In one transaction that is rolled back; neither its begin nor its end is timed."""
    with transaction.atomic():
        found = side_by_side(*actions, count=count, times=times)
        transaction.set_rollback(True)
    return found


def _round_trips(record: Callable[[], object]) -> str:
    with transaction.atomic():
        with CaptureQueriesContext(connection) as queries:
            record()
        transaction.set_rollback(True)
    return f"{len(queries)} round trip{'' if len(queries) == 1 else 's'}"
