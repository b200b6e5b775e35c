"""An attribute that cannot be read costs itself; only the vital ones stop a row."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from django_hellotext.adapters import Guest, Items, Money, Value, Variants, reading
from django_hellotext.adapters.reading import rendered as render
from django_hellotext.adapters.reading import strict
from django_hellotext.adjustments import collecting
from django_hellotext.exceptions import ConfigurationError, TrackingError
from tests.testshop.models import Order, Product

from .collected import made, rendered
from .shop import cart_adapter, order_adapter, product_adapter, refund_adapter

ATTRIBUTES = {"url": None, "currency": Value("EUR")}


def boom(obj: Any, *rest: Any) -> Any:
    raise KeyError("ana@example.com")


def book(**fields: Any) -> Product:
    return Product(pk=7, **{"name": "Novel", "slug": "novel", **fields})


@pytest.mark.parametrize(
    "broken",
    [{"brand": boom}, {"get_brand": boom}, {"brand": "maker.name"}, {"brand": "delete"}],
    ids=["callable", "method", "path", "forbidden"],
)
def test_an_attribute_that_raises_is_left_out_and_named(broken: dict[str, Any]) -> None:
    adapter = product_adapter(**ATTRIBUTES, **broken)
    payload, adjustments = rendered(adapter, book())
    assert payload == {"reference": "7", "source": "django", "name": "Novel"}
    assert adjustments == [("brand", "attribute_failed")]


def test_the_reason_names_the_error_and_nothing_private() -> None:
    with collecting() as found:
        product_adapter(**ATTRIBUTES, brand=boom).payload(book())
    [one] = found
    assert one.reason == "KeyError: 'a***@example.com'"


def test_the_log_says_it_once_for_each_attribute(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr(reading, "_warned", set())
    adapter = product_adapter(**ATTRIBUTES, brand=boom, tags=boom)
    with caplog.at_level(logging.WARNING, "django_hellotext.adapters"):
        for _ in range(3):
            adapter.payload(book())
    assert [record.getMessage().split(" is ")[0] for record in caplog.records] == [
        "attribute.failed: ShopProduct.brand (testshop.Product)",
        "attribute.failed: ShopProduct.tags (testshop.Product)",
    ]
    assert "ana@example.com" not in caplog.text


def test_a_conformance_test_still_sees_it() -> None:
    with strict(), pytest.raises(KeyError):
        product_adapter(**ATTRIBUTES, brand=boom).payload(book())
    with strict(), pytest.raises(ConfigurationError, match="maker"):
        product_adapter(**ATTRIBUTES, brand="maker.name").payload(book())
    with strict(), pytest.raises(ConfigurationError, match="tags"):
        product_adapter(**ATTRIBUTES, tags=Value([{}])).payload(book())


def test_a_name_that_raises_has_the_same_fallback_as_an_empty_one() -> None:
    payload, adjustments = rendered(product_adapter(**ATTRIBUTES, name=boom), book(sku="N-1"))
    assert payload["name"] == "N-1"
    assert adjustments == [("name", "attribute_failed"), ("name", "repaired")]


@pytest.mark.parametrize(
    "adapter",
    [
        product_adapter(reference=boom),
        order_adapter(items=boom),
        order_adapter(items=Items("lines", product="product", price=boom)),
        refund_adapter(total=boom, currency=Value("EUR")),
        refund_adapter(order=boom),
        cart_adapter(profile=boom),
        product_adapter(build=boom),
    ],
    ids=["reference", "items", "price", "total", "order", "profile", "build"],
)
def test_a_vital_attribute_that_raises_stops_the_row(adapter: Any) -> None:
    class Lines:
        def __init__(self) -> None:
            self.pk = 1
            self.number = "1"
            self.quantity = 1
            self.product = "SKU"
            self.lines = [self]

        def __getattr__(self, name: str) -> None:
            return None

    with pytest.raises(KeyError):
        adapter.payload(Lines())


@pytest.mark.parametrize("value", ["n/a", "1.234,56", float("nan"), True, ["10"]])
def test_a_price_that_cannot_be_read_is_left_out(value: Any) -> None:
    payload, adjustments = rendered(product_adapter(**ATTRIBUTES, price=Value(value)), book())
    assert "price" not in payload
    assert adjustments == [("price", "left_out")]


def test_money_that_is_the_point_of_the_row_stops_it() -> None:
    with pytest.raises(TrackingError, match="total"):
        refund_adapter(total=Value("1.234,56"), currency=Value("EUR"), order=None).payload(book())
    with pytest.raises(TrackingError, match="total"):
        order_adapter(total=Value("1.234,56")).amount(Order(pk=1, number="A-1", currency="EUR"))


@override_settings(HELLOTEXT={})
def test_a_price_without_a_currency_is_left_out() -> None:
    payload, adjustments = rendered(product_adapter(url=None, currency=boom, price=Value("3")), book())
    assert "price" not in payload
    assert adjustments == [("price", "attribute_failed")]


def test_one_entry_of_metadata_that_raises_costs_itself() -> None:
    adapter = product_adapter(**ATTRIBUTES, metadata={"page": "slug", "stock": boom})
    payload, adjustments = rendered(adapter, book())
    assert payload["metadata"] == {"page": "novel"}
    assert adjustments == [("metadata.stock", "attribute_failed")]


def test_one_part_of_a_guest_that_raises_costs_itself() -> None:
    adapter = order_adapter(guest=Guest(email="email", first_name=boom))
    with collecting() as found:
        payload = adapter.guest_payload(Order(pk=1, number="A-1", email="gil@example.com"))
    assert payload == {"email": "gil@example.com"}
    assert made(found) == [("guest.first_name", "attribute_failed")]


def test_one_part_of_a_variant_that_raises_costs_itself() -> None:
    variants = Variants(lambda obj: [book(sku="N-1")], name=boom, sku="sku", price=Money(Value("n/a")))
    payload, adjustments = rendered(product_adapter(**ATTRIBUTES, variants=variants), book())
    assert payload["variants"] == [{"reference": "7", "sku": "N-1", "name": "N-1", "source": "django"}]
    assert [field for field, _ in adjustments] == ["variants.name", "variants.price", "variants.name"]


def test_a_variant_without_a_reference_is_left_out() -> None:
    ready = Value([{"name": "Large"}, {"reference": "L", "name": "Large", "price": Decimal(3)}])
    payload, adjustments = rendered(product_adapter(**ATTRIBUTES, variants=ready, price=None), book())
    assert [variant["reference"] for variant in payload["variants"]] == ["L"]
    assert adjustments[0] == ("variants.reference", "left_out")


@pytest.mark.django_db
def test_a_query_that_fails_costs_its_attribute_alone() -> None:
    """PostgreSQL aborts the transaction with the query; the other attributes are read all the same."""
    Product.objects.create(pk=7, name="Novel")

    def failing(obj: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        return "never"

    def caught(obj: Any) -> list[str]:
        try:
            failing(obj)
        except Exception:
            return ["caught"]
        return []

    adapter = product_adapter(
        **ATTRIBUTES, brand=failing, tags=caught, categories=lambda obj: [Product.objects.get(pk=obj.pk).name]
    )
    obj = Product.objects.get(pk=7)
    with transaction.atomic(), collecting() as found:
        payload = render(lambda: adapter.payload(obj), using="default")
        assert Product.objects.count() == 1
    assert (payload["categories"], payload["tags"]) == (["Novel"], ["caught"])
    assert "brand" not in payload
    assert made(found) == [("brand", "attribute_failed")]


@pytest.mark.parametrize(
    ("own", "variants", "sent"),
    [
        (None, ["12.00", "9.50", "0"], "9.50"),
        ("0", ["12.00", None], "12.00"),
        ("0", ["0"], "0.00"),
        ("15.00", ["9.50"], "15.00"),
        ("0", [None], None),
        (None, [None], None),
        ("n/a", ["9.50"], "9.50"),
        ("0", [], "0.00"),
    ],
)
def test_a_product_without_a_price_has_that_of_its_cheapest_variant(
    own: str | None, variants: list[str | None], sent: str | None
) -> None:
    ready = [{"reference": str(n), "name": "x", "price": price} for n, price in enumerate(variants)]
    adapter = product_adapter(**ATTRIBUTES, price=Value(own), variants=Value(ready))
    payload, adjustments = rendered(adapter, book())
    assert (str(payload["price"].amount) if "price" in payload else None) == sent
    changed = sent != own and own != "15.00" and not (own is None and sent is None) and bool(variants)
    assert ("price" in [field for field, _ in adjustments]) == changed
