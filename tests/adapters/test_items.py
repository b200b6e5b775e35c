"""The lines of carts and orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_hellotext.adapters import Items, Link, Money, Value
from django_hellotext.adapters.lines import line_fact, line_facts
from django_hellotext.api.types import Money as ApiMoney
from django_hellotext.exceptions import ConfigurationError
from tests.testshop.models import Cart, CartLine, Order, OrderLine, Product

from .shop import cart_adapter, order_adapter

LINES = Items("lines", product="product", quantity="quantity", price="unit_price")


def eur(amount: str) -> ApiMoney:
    return ApiMoney(Decimal(amount), "EUR")


def test_each_line_names_its_product_quantity_and_price(order: Order) -> None:
    novel, atlas = Product.objects.order_by("pk")
    assert order_adapter(items=LINES).payload(order)["items"] == [
        {"product": Link("product", "testshop.product", str(novel.pk)), "quantity": 1, "price": eur("10.00")},
        {"product": Link("product", "testshop.product", str(atlas.pk)), "quantity": 1, "price": eur("15.00")},
    ]


def test_a_line_without_a_price_leaves_it_to_the_product(cart: Cart) -> None:
    [line] = cart_adapter(items=Items("lines", product="product")).payload(cart)["items"]
    assert (line["quantity"], line["price"]) == (2, None)


def test_a_line_may_have_a_currency_of_its_own(order: Order) -> None:
    lines = Items("lines", product="product", price=Money("unit_price", currency=Value("JPY")))
    assert [item["price"].currency for item in order_adapter(items=lines).payload(order)["items"]] == ["JPY", "JPY"]


def test_a_product_stands_on_one_line_at_the_sum_of_its_lines(order: Order) -> None:
    """Hellotext does not keep repeated lines apart: 14.00 and 7.00 are 21.00."""
    novel, atlas = Product.objects.order_by("pk")
    OrderLine.objects.filter(product=novel).update(unit_price=Decimal("14.00"))
    OrderLine.objects.create(order=order, product=novel, quantity=Decimal(2), unit_price=Decimal("3.50"))
    items = order_adapter(items=LINES).payload(order)["items"]
    assert [(item["product"].pk, item["quantity"], item["price"]) for item in items] == [
        (str(novel.pk), 3, eur("7.00")),
        (str(atlas.pk), 1, eur("15.00")),
    ]


def test_a_whole_quantity_is_an_int_and_a_line_of_none_is_left_out(order: Order) -> None:
    OrderLine.objects.filter(product__name="Novel").update(quantity=Decimal("3.000"))
    OrderLine.objects.filter(product__name="Atlas").update(quantity=0)
    [line] = order_adapter(items=LINES).payload(order)["items"]
    assert type(line["quantity"]) is int
    assert line["quantity"] == 3


def test_an_emptied_cart_is_sent_as_empty(cart: Cart) -> None:
    CartLine.objects.all().delete()
    assert cart_adapter(items=LINES).payload(cart)["items"] == []
    assert "items" not in cart_adapter().payload(cart)


def test_a_line_may_name_its_product_by_sku(order: Order) -> None:
    OrderLine.objects.update(product=None)
    lines = Items("lines", product=lambda line: line.product or line.sku, price="unit_price")
    assert [line["product"] for line in order_adapter(items=lines).payload(order)["items"]] == ["novel", "atlas"]


def test_a_get_method_gives_lines_as_mappings(order: Order) -> None:
    novel = Product.objects.get(name="Novel")

    def get_items(self: Any, obj: Order) -> list[dict[str, Any]]:
        return [{"product": novel, "quantity": 2, "price": Decimal(9)}, {"product": "atlas"}]

    assert order_adapter(get_items=get_items).payload(order)["items"] == [
        {"product": Link("product", "testshop.product", str(novel.pk)), "quantity": 2, "price": eur("9.00")},
        {"product": "atlas", "quantity": 1, "price": None},
    ]


def test_lines_that_are_neither_declared_nor_mappings_are_refused_by_name(order: Order) -> None:
    with pytest.raises(ConfigurationError, match=r"ShopOrder\.items"):
        order_adapter(items="lines").payload(order)


def test_a_product_that_is_no_object_is_refused_by_name(order: Order) -> None:
    with pytest.raises(ConfigurationError, match=r"ShopOrder\.items\.product"):
        order_adapter(items=Items("lines", product="quantity")).payload(order)


def test_a_line_is_told_by_itself_only_where_columns_say_it(order: Order) -> None:
    """Any other line is read with its whole cart, by the worker."""
    line = OrderLine.objects.earliest("pk")
    assert line_fact(order_adapter(items=LINES), line)
    for items in (
        Items(lambda order: order.lines.all(), product=lambda line: line.product),
        Items("lines", product="product.pk"),
        Items("lines", product="product", quantity=Value(1)),
        Items("lines", product="product", quantity="product.weight"),
    ):
        assert line_fact(order_adapter(items=items), line) is None


def test_lines_that_columns_do_not_tell_are_taken_from_the_payload(order: Order) -> None:
    by_callable = Items("lines", product=lambda line: line.product)
    facts = line_facts(order_adapter(items=by_callable), order)
    assert len(facts) == 2
