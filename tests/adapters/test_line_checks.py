"""Lines of orders that will have to be adjusted are told of at start-up."""

from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.adapters import CartAdapter, Items, OrderAdapter, Value
from django_hellotext.adapters.registry import Registry
from tests.testshop.models import Cart, Order

CLEAN = {"product": "product", "quantity": Value(1), "price": "unit_price", "sku": "sku"}
WARNINGS = {"hellotext.W111", "hellotext.W112", "hellotext.W113"}


def told(**declared: Any) -> list[str]:
    """Which of the warnings the lines of an order with ``declared`` get."""
    registry = Registry()
    items = Items("lines", **{**CLEAN, **declared})
    registry.register(Order)(type("Orders", (OrderAdapter,), {"currency": "currency", "items": items}))
    return [str(one.id) for one in registry.check() if one.id in WARNINGS]


def test_lines_of_whole_pieces_that_name_what_they_sold_are_fine() -> None:
    assert told() == []


def test_a_quantity_that_may_be_a_part_is_told_of_unless_the_amount_of_the_line_is_kept() -> None:
    assert told(quantity="quantity") == ["hellotext.W111"]
    assert told(quantity="quantity", price=None, total="line_total") == []


@pytest.mark.parametrize("quantity", [Value(1), lambda line: int(line.quantity), "order_id"])
def test_a_quantity_that_the_shop_has_thought_of_is_not(quantity: Any) -> None:
    assert told(quantity=quantity) == []


def test_lines_without_any_amount_are_told_of() -> None:
    assert told(price=None) == ["hellotext.W112"]


@pytest.mark.parametrize("named", [{"sku": "sku"}, {"sku": None, "title": "title"}])
def test_a_product_that_may_be_gone_is_told_of_unless_the_line_says_what_it_was(named: dict[str, Any]) -> None:
    assert told(sku=None) == ["hellotext.W113"]
    assert told(**named) == []


def test_nothing_was_charged_for_a_cart_yet() -> None:
    registry = Registry()
    items = Items("lines", product="product")
    registry.register(Cart)(type("Carts", (CartAdapter,), {"items": items}))
    assert not {one.id for one in registry.check()} & WARNINGS
