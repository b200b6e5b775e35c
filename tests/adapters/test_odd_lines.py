"""Lines that hold what nobody expects: the order arrives as charged, and only unreadable money stops it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from django_hellotext.adapters import Items, Link
from django_hellotext.adapters.reading import UnreadableError, strict
from django_hellotext.adjustments import collecting
from django_hellotext.api.types import Money
from tests.testshop.models import Order, OrderLine

from .shop import order_adapter

Euro = Enum("Euro", {"EUR": "eur"})


def sent(order: Order, lines: Any, total: Any) -> tuple[list[tuple[str, int, Money]], list[str]]:
    """Return the lines of the payload, and the fields that were adjusted."""
    adapter = order_adapter(get_items=lambda self, obj: lines, get_total=lambda self, obj: total)
    with collecting() as found:
        items = adapter.payload(order)["items"]
    return [(_name(one["product"]), one["quantity"], one["price"]) for one in items], [one.field for one in found]


def _name(product: Any) -> str:
    return product.pk if isinstance(product, Link) else product


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def a(**values: Any) -> dict[str, Any]:
    return {"product": "a", "price": Decimal(5), **values}


@pytest.mark.parametrize("nothing", [None, [], (), iter(())])
def test_an_order_without_lines_has_one_of_its_total(order: Order, nothing: Any) -> None:
    assert sent(order, nothing, "5") == ([("title:Other items", 1, eur("5.00"))], ["items"])


def test_a_declared_path_to_no_lines_is_an_order_without_lines(order: Order) -> None:
    adapter = order_adapter(items=Items(lambda obj: None, product="product"), total=lambda obj: Decimal(7))
    assert [one["price"] for one in adapter.payload(order)["items"]] == [eur("7.00")]


@pytest.mark.parametrize(
    "line",
    [
        a(price=True),
        a(price={"amount": 5}),
        a(price=Decimal("NaN")),
        a(price=Decimal("sNaN")),
        a(price=Decimal("-Infinity")),
        a(price="1E+999999999"),
        a(price="1,50"),
        a(currency="EURO"),
        a(quantity=True),
        a(quantity={}),
        a(quantity=None),
        a(quantity=""),
        a(quantity=Decimal("NaN")),
        {"product": "a"},
    ],
)
def test_the_one_amount_that_is_not_known_is_the_rest_of_the_total(order: Order, line: dict[str, Any]) -> None:
    lines, adjusted = sent(order, [line, {"product": "b", "price": Decimal(2)}], "7.50")
    assert lines == [("a", 1, eur("5.50")), ("b", 1, eur("2.00"))]
    assert "items.price" in adjusted


@pytest.mark.parametrize("total", [True, [5], {"amount": 5}, Decimal("NaN"), "1.234,56"])
def test_a_total_that_is_no_amount_is_the_sum_of_the_lines(order: Order, total: Any) -> None:
    assert sent(order, [a()], total) == ([("a", 1, eur("5.00"))], ["total"])
    adapter = order_adapter(get_items=lambda self, obj: [a()], get_total=lambda self, obj: total)
    assert adapter.amount(order) == eur("5.00")


def test_a_conformance_test_still_sees_a_value_of_the_wrong_type(order: Order) -> None:
    with strict(), pytest.raises(UnreadableError):
        sent(order, [a(price=True)], "5")


@pytest.mark.parametrize("name", ["sku", "title"])
@pytest.mark.parametrize("wrong", [{}, [], b"x"])
def test_a_name_of_a_line_that_is_no_text_costs_itself(order: Order, name: str, wrong: Any) -> None:
    lines, adjusted = sent(order, [a(**{name: wrong})], "5")
    assert lines == [("a", 1, eur("5.00"))]
    assert adjusted == [f"items.{name}"]


@pytest.mark.parametrize("name", ["sku", "title"])
def test_a_name_that_is_asked_of_a_lost_product_costs_itself(order: Order, name: str) -> None:
    """``lambda line: line.product.sku`` raises for a product that was deleted since."""
    OrderLine.objects.filter(order=order).update(product=None)
    named: dict[str, Any] = {name: lambda line: line.product.sku}
    lines = Items("lines", product="product", price="unit_price", **named)
    adapter = order_adapter(items=lines)
    with collecting() as found:
        items = adapter.payload(order)["items"]
    assert sum(one["price"].amount * one["quantity"] for one in items) == Decimal(25)
    assert f"items.{name}" in [one.field for one in found]


@pytest.mark.parametrize("product", ["a\x00", "a\ud800"])
def test_a_product_named_by_text_is_text(order: Order, product: str) -> None:
    assert sent(order, [a(product=product)], "5") == ([("a\ufffd", 1, eur("5.00"))], ["items.product"])


@pytest.mark.parametrize("product", ["", "  ", None])
def test_a_product_named_by_nothing_is_a_placeholder(order: Order, product: str | None) -> None:
    assert sent(order, [a(product=product)], "5")[0] == [("title:Product no longer sold", 1, eur("5.00"))]


@pytest.mark.parametrize("currency", ["eur", Euro.EUR, SimpleNamespace(code="EUR"), "", None])
def test_a_currency_may_be_an_object(order: Order, currency: Any) -> None:
    assert sent(order, [a(currency=currency)], "5") == ([("a", 1, eur("5.00"))], [])


def test_a_total_below_zero_has_no_sign() -> None:
    adapter = order_adapter(get_total=lambda self, obj: Decimal(-5), currency=lambda obj: "EUR")
    amount = adapter.amount(Order(number="1"))
    assert amount is not None
    assert str(amount.amount) == "0.00"


@pytest.mark.parametrize(
    ("lines", "total", "expected"),
    [
        ([{"product": None, "price": Decimal(-5)}], "0", []),
        ([{"product": None, "price": Decimal(-5)}], "5", [("title:Other items", 1, eur("5.00"))]),
        (
            [a(price=10), {"product": None, "price": -15}, {"product": None, "sku": "", "price": 8}],
            "3",
            [("a", 1, eur("0.00")), ("title:Shipping and fees", 1, eur("3.00"))],
        ),
        ([a(price=10), {"product": None, "price": -15}], "0", [("a", 1, eur("0.00"))]),
        ([a(quantity=0, total=Decimal(10))], "10", [("a", 1, eur("10.00"))]),
        ([a(quantity=-2, price=-5)], "10", [("a", 1, eur("10.00"))]),
        ([a(quantity=-1), {"product": "b", "price": 12}], "7", [("b", 1, eur("7.00"))]),
        (
            [a(sku="S", quantity=3, total=10), {"product": "b", "sku": "S", "quantity": 7, "total": 10}],
            "20",
            [("a", 1, eur("10.06")), ("b", 7, eur("1.42"))],
        ),
        ([a(price=0.1), {"product": "b", "price": 0.2}], 0.1 + 0.2, [("a", 1, eur("0.10")), ("b", 1, eur("0.20"))]),
        ([a(price="0.005"), a(price="0.005")], "0.01", [("a", 1, eur("0.01"))]),
    ],
)
def test_odd_lines_add_up_to_the_total(order: Order, lines: Any, total: Any, expected: Any) -> None:
    assert sent(order, lines, total)[0] == expected
