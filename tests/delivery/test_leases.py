"""No request begins that may not end within its row's lease (step 6 of the walk)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import django_hellotext
from django_hellotext.delivery import Report, carriage, engine, leases, results
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, RemoteObject, State
from django_hellotext.signals import delivered
from tests.factories import make_customer, make_order, make_order_line, make_product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
LATENCY = 9.0  # seconds
# With the usual LEASE (120) and DEADLINE (20) a row begins in the first 80 seconds, a further request of it in the
# first 100.
ROWS, REQUESTS = 9, 12


class Clock:
    """What stands for ``time`` in the engine: it goes on only while Hellotext keeps somebody waiting."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def slow(hellotext: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have Hellotext keep everybody waiting from now on."""
    clock = Clock()
    options = {**settings.HELLOTEXT["BACKEND_OPTIONS"], "sleep": clock.sleep}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND_OPTIONS": options}
    for room in (engine, carriage, leases, results):
        monkeypatch.setattr(room, "time", clock)
    return lambda: hellotext.add_fault(Fault(kind="latency", seconds=LATENCY))


def test_rows_for_which_too_little_is_left_of_the_lease_go_back_unsent(
    deliver: Deliver, slow: Callable[[], None]
) -> None:
    customer = make_customer()
    deliver()
    for number in range(ROWS + 3):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    slow()
    report = deliver(concurrency=1)
    assert report.given_back == 3
    assert list(Event.objects.values_list("state", "attempts")) == [(State.DELIVERED, 0)] * (ROWS + 3)


def test_what_arrives_slowly_is_written_before_its_lease_ends(
    hellotext: Emulator, deliver: Deliver, slow: Callable[[], None]
) -> None:
    """Fifty of them are written at once; until so many have come together, somebody else would look for the first."""
    customer = make_customer()
    deliver()
    for number in range(ROWS - 1):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    slow()
    before, ahead = len(hellotext.log), list[int]()

    def hear(sender: object, **kwargs: Any) -> None:
        ahead.append(len(hellotext.log) - before - len(ahead))

    delivered.connect(hear)
    try:
        deliver(concurrency=1)
    finally:
        delivered.disconnect(hear)
    assert len(ahead) == ROWS - 1
    assert max(ahead) <= 3


def test_an_update_of_many_requests_stops_in_time_and_goes_on_under_the_next_lease(
    hellotext: Emulator, deliver: Deliver, slow: Callable[[], None]
) -> None:
    """Otherwise a successor would add the lines that this one is still adding."""
    order = make_order(customer=make_customer())
    deliver()
    for number in range(REQUESTS + 3):
        make_order_line(order=order, product=make_product(sku=f"SKU-{number}"), unit_price=Decimal("5.00"))
    deliver()
    order.lines.update(quantity=7)
    order.save()
    slow()
    before = len(hellotext.log)
    report = deliver(concurrency=1)
    assert report.given_back == 1
    row = RemoteObject.objects.get(kind="order")
    assert (row.state, row.attempts) == (State.SYNCED, 0)
    [there] = hellotext.world.store["order"].rows.values()
    assert [int(item["quantity"]) for item in there["items"]] == [7] * (REQUESTS + 3)
    # One PATCH and its lines, then another PATCH and the lines that were left; the last one reads the order.
    assert len(hellotext.log) - before == 1 + (REQUESTS - 1) + 1 + 4 + 1
