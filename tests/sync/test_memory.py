"""Memory stays flat, however many objects there are (demand F1)."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from django_hellotext.delivery import listing, runs
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.listing import Listing
from django_hellotext.delivery.revenue import compare_revenue
from django_hellotext.delivery.syncing import Choice, Walk
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import Change
from tests.testshop.models import Order, Product

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = 25  # objects


def peak_of_walk(count: int) -> float:
    """The most megabytes in use while ``count`` products are looked at and noted."""
    Product.objects.all()._raw_delete("default")
    Product.objects.bulk_create(
        (Product(name=f"Product {n}", sku=f"SKU-{n}", price=1) for n in range(count)), batch_size=1000
    )
    Change.objects.all().delete()
    run, _ = runs.begin(Choice(labels=("testshop.product",)))
    walk = Walk(run.pk, Choice.from_json(run.options))
    gc.collect()
    gc.freeze()  # what is there already is not looked through again after each page
    tracemalloc.start()
    noted, peak = 0, 0
    try:
        while page := walk.next_page("default"):
            noted += page.noted
            peak = max(peak, tracemalloc.get_traced_memory()[1])
            gc.collect()  # when cycles are collected depends on what ran before in this process
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert noted == count
    return peak / 2**20


def test_twice_the_objects_take_no_more_memory(
    hellotext: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = False
    monkeypatch.setattr(backfill, "SIZE", PAGE)
    peak_of_walk(2 * PAGE)  # what is imported and cached once
    few, many = peak_of_walk(4 * PAGE), peak_of_walk(8 * PAGE)
    assert many < few * 1.1 + 0.05  # one page of objects that is kept is more: 0.13 MB
    assert many < 0.1 * PAGE  # megabytes


def peak_of_revenue(count: int, hellotext: Emulator) -> float:
    """The most megabytes in use while the revenue of ``count`` orders is compared; each of them differs."""
    Order.objects.all()._raw_delete("default")
    Order.objects.bulk_create((Order(number=f"A-{n}", total=5) for n in range(count)), batch_size=1000)
    world = hellotext.world
    for id in list(world.store["order"].rows):
        world.store["order"].remove(id)
    fields: dict[str, Any] = dict.fromkeys(("delivery", "name", "payment_method", "sales_channel"))
    price = {"amount": "4.00", "currency": "EUR"}
    for number in range(count):
        items = [world.new_row(product="product", quantity=1, price=price)]
        row = world.new_row(**fields, reference=f"A-{number}", source="testshop", metadata={}, items=items, total=price)
        world.store["order"].put(row)
    world.store.commit()
    peak = 0

    def measure(*progress: object) -> None:
        nonlocal peak
        peak = max(peak, tracemalloc.get_traced_memory()[1])
        gc.collect()
        tracemalloc.reset_peak()

    client = client_from_settings()
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    try:
        with Listing(client, heard=measure) as there:
            found = compare_revenue(Choice(labels=("testshop.order",)), there, looked=measure)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
        client.close()
    assert (found.orders, found.differing) == (count, count)
    return peak / 2**20


@pytest.mark.usefixtures("one_shop")
def test_twice_the_orders_take_no_more_memory_to_compare(
    hellotext: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = False
    monkeypatch.setattr(backfill, "SIZE", PAGE)
    monkeypatch.setattr(listing, "PAGE", PAGE)
    peak_of_revenue(2 * PAGE, hellotext)  # what is imported and cached once
    few, many = peak_of_revenue(4 * PAGE, hellotext), peak_of_revenue(8 * PAGE, hellotext)
    assert many < few * 1.1 + 0.05
    assert many < 0.1 * PAGE  # megabytes
