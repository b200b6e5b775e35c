"""A product that a visitor's browser has named first exists once: the shop looks before it creates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import RequestFactory

from django_hellotext import adapters
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report, listing, runs
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.looking_first import find_first
from django_hellotext.delivery.syncing import Choice, Sync
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import RemoteObject, State
from django_hellotext.snippet import event
from tests.factories import make_product, make_variant
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

PRODUCTS = "/v1/attribution/products"

View = Callable[[Any], None]
Deliver = Callable[..., Report]


@pytest.fixture
def view(hellotext: Emulator, browser: Any) -> View:
    """Let a visitor's browser send what the page of a product says."""

    def send(product: Product) -> None:
        html = str(event("product.viewed", product, request=RequestFactory().get("/")))
        [found] = re.findall(r">(.*)</", html)
        browser("product.viewed", json.loads(found)["parameters"])

    return send


@pytest.fixture
def browser(hellotext: Emulator) -> Callable[[str, dict[str, Any]], None]:
    """Send an event as Hellotext.js does; it must be recorded."""

    def send(action: str, parameters: dict[str, Any]) -> None:
        headers = {"authorization": "Bearer test-business", "content-type": "application/json"}
        body = {"action": action, "session": "visitor", "user_parameters": {}, **parameters}
        before = len(hellotext.world.store["event"].rows)
        hellotext.handle("POST", "/v1/track/events", headers=headers, body=json.dumps(body).encode())
        assert len(hellotext.world.store["event"].rows) == before + 1

    return send


def products(hellotext: Emulator) -> list[dict[str, Any]]:
    return list(hellotext.world.store["product"].rows.values())


def requests(hellotext: Emulator) -> list[str]:
    """What was asked about products, in order: with an ID or a reference it is ``/*``."""
    asked = [entry for entry in hellotext.log if entry.path.startswith(PRODUCTS)]
    return [f"{one.method} {'/*' if one.path.removeprefix(PRODUCTS) else '/'}" for one in asked]


def test_a_product_that_a_browser_named_first_is_taken_over(hellotext: Emulator, view: View, deliver: Deliver) -> None:
    product = make_product()
    view(product)
    [by_browser] = products(hellotext)
    assert by_browser["sku"] is None
    deliver()
    [there] = products(hellotext)
    assert (there["id"], there["sku"], there["price"]["amount"]) == (by_browser["id"], product.sku, "12.90")
    row = RemoteObject.objects.get(kind="product")
    assert (row.state, row.remote_id) == (State.SYNCED, by_browser["id"])
    assert requests(hellotext) == ["GET /*", "PATCH /*"]
    product.name = "Another"
    product.save()
    deliver()
    assert requests(hellotext)[2:] == ["PATCH /*"]


def test_a_live_first_creation_asks_once(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    assert requests(hellotext) == ["GET /*", "POST /"]
    assert hellotext.log[0].path == f"{PRODUCTS}/{product.pk}"


def test_a_browser_that_comes_later_finds_the_shops_product(hellotext: Emulator, view: View, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    view(product)
    assert len(products(hellotext)) == 1


def test_a_variant_that_is_there_already_is_taken_over(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    size = make_variant(product=product)
    parent = RemoteObject.objects.get(kind="product").remote_id
    client = client_from_settings()
    made = client.variants.create(parent, name="Small", reference=str(size.pk), source="testshop")
    deliver()
    row = RemoteObject.objects.get(kind="product_variant")
    assert (row.state, row.remote_id) == (State.SYNCED, made.id)
    assert hellotext.world.store["variant"].rows[made.id]["name"] == size.name


@pytest.mark.parametrize("source", ["othershop", None])
def test_an_object_of_another_source_is_not_ours(
    hellotext: Emulator, view: View, deliver: Deliver, source: str | None
) -> None:
    product = make_product()
    client = client_from_settings()
    foreign = client.products.create(name="Foreign", reference=str(product.pk), source=source)
    view(product)
    deliver()
    by_source = {one["source"]: one["name"] for one in products(hellotext)}
    assert by_source == {source: "Foreign", "testshop": product.name}
    assert RemoteObject.objects.get(kind="product").remote_id != foreign.id


def test_what_has_our_reference_as_its_sku_is_not_ours(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product(sku="mine")
    client = client_from_settings()
    client.products.create(name="Foreign", sku=str(product.pk), source="othershop")
    deliver()
    assert {one["name"] for one in products(hellotext)} == {"Foreign", product.name}


@pytest.mark.parametrize("reference", [".", "..", "a/b c?d=é"])
def test_any_reference_can_be_created(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    adapter: Any = registry.for_model(Product)
    monkeypatch.setattr(type(adapter), "reference", adapters.Value(reference))
    make_product()
    deliver()
    assert [one["reference"] for one in products(hellotext)] == [reference]


def test_an_outage_while_looking_creates_nothing_and_loses_nothing(hellotext: Emulator, deliver: Deliver) -> None:
    make_product()
    hellotext.add_fault(Fault("error", status=503, method="GET", times=1))
    deliver()
    assert not products(hellotext)
    row = RemoteObject.objects.get(kind="product")
    assert row.state == State.PENDING
    RemoteObject.objects.update(next_attempt_at=None)
    deliver()
    assert len(products(hellotext)) == 1


# A run of hellotext_sync


def told_by_no_signal(count: int) -> list[Product]:
    Product.objects.bulk_create([Product(name=f"Product {n}", sku=f"S-{n}", price=1) for n in range(count)])
    return list(Product.objects.order_by("pk"))


def run(**options: Any) -> Sync:
    started, _ = runs.begin(Choice(labels=("testshop.product",)))
    sync = Sync(started, concurrency=4, **options)
    assert sync.go()
    return sync


def counted(hellotext: Emulator) -> dict[str, int]:
    asked = requests(hellotext)
    return {one: asked.count(one) for one in sorted(set(asked))}


def test_a_bulk_sync_looks_in_the_list(hellotext: Emulator, view: View) -> None:
    everything = told_by_no_signal(30)
    for product in everything[:10]:
        view(product)
    run()
    assert counted(hellotext) == {"GET /": 1, "PATCH /*": 10, "POST /": 20}
    references = [one["reference"] for one in products(hellotext)]
    assert sorted(references) == sorted(str(product.pk) for product in everything)


def test_a_thousand_products_take_about_ten_requests_to_look(hellotext: Emulator) -> None:
    told_by_no_signal(1000)
    run()
    found = counted(hellotext)
    assert found["POST /"] == 1000
    assert set(found) == {"POST /", "GET /"}
    assert found["GET /"] <= 12


def test_a_browser_that_comes_between_two_pages_is_seen(
    hellotext: Emulator, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_hellotext.intake.backfill.SIZE", 10)
    everything = told_by_no_signal(20)
    seen: list[int] = []

    def looked(page: Any) -> None:
        if not seen:
            seen.append(page.objects)
        elif len(seen) == 1:
            seen.append(page.objects)
            view(everything[15])

    run(looked=looked)
    assert len(products(hellotext)) == 20


def test_a_few_new_products_are_asked_for_singly(hellotext: Emulator) -> None:
    told_by_no_signal(150)
    run()
    before = len(hellotext.log)
    Product.objects.bulk_create([Product(name="New", sku="NEW", price=1)])
    run()
    assert [entry.method for entry in hellotext.log[before:]] == ["GET", "POST"]
    assert hellotext.log[before].path != PRODUCTS


def test_a_second_run_asks_nothing(hellotext: Emulator) -> None:
    told_by_no_signal(5)
    run()
    before = len(hellotext.log)
    run()
    assert len(hellotext.log) == before


def test_a_list_that_cannot_be_read_leaves_it_to_each_creation(
    hellotext: Emulator, view: View, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "TRIES", 1)
    everything = told_by_no_signal(3)
    view(everything[0])
    hellotext.add_fault(Fault("error", status=503, method="GET", path=PRODUCTS, times=1))
    run()
    assert "sync.products_not_listed" in caplog.messages
    assert len(products(hellotext)) == 3


def test_a_save_during_a_run_asks_for_itself(hellotext: Emulator, view: View) -> None:
    """The list may be older than a product that is saved meanwhile."""
    told_by_no_signal(3)
    late: list[Product] = []

    def arrived() -> None:
        if not late:
            late.append(make_product())
            view(late[0])

    run(arrived=arrived)
    references = [one["reference"] for one in products(hellotext)]
    assert len(references) == len(set(references)) == 4


def test_a_product_that_is_deleted_after_the_list_was_read_is_created(
    hellotext: Emulator, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    [product, *_] = told_by_no_signal(3)
    view(product)
    [by_browser] = products(hellotext)
    answer, table = hellotext.handle, hellotext.world.store["product"]

    def handle(method: str, path: str, **request: Any) -> Any:
        if method == "PATCH" and by_browser["id"] in table.rows:
            table.remove(by_browser["id"])
            hellotext.world.store.commit()
        return answer(method, path, **request)

    monkeypatch.setattr(hellotext, "handle", handle)
    run()
    assert sorted(one["name"] for one in products(hellotext)) == ["Product 0", "Product 1", "Product 2"]
    row = RemoteObject.objects.get(host_pk=str(product.pk))
    assert (row.state, row.error_message) == (State.SYNCED, "")


def test_other_kinds_are_not_looked_for(hellotext: Emulator) -> None:
    client = client_from_settings()
    assert find_first(client, "order", {"reference": "A1", "source": "testshop"}, may_be_there=False) == ""
    assert not hellotext.log
