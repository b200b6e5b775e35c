"""Prerequisites that need each other are found at start-up (promise 4)."""

from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.adapters import OrderAdapter, RefundAdapter
from django_hellotext.adapters.circles import circles
from django_hellotext.adapters.fields import Shape
from django_hellotext.adapters.registry import Registry
from tests.testshop.models import Note, Order


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({}, []),
        ({"order": ["profile", "cart"], "cart": ["profile"], "refund": ["order"]}, []),
        ({"a": ["a"]}, [{"a"}]),
        ({"a": ["b"], "b": ["a"]}, [{"a", "b"}]),
        ({"x": ["a"], "a": ["b"], "b": ["c", "y"], "c": ["a"], "y": []}, [{"a", "b", "c"}]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}, [{"a", "b"}, {"c", "d"}]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
    ],
)
def test_every_circle_is_found_and_nothing_else(edges: dict[str, list[str]], expected: list[set[str]]) -> None:
    assert [set(circle) for circle in circles(edges)] == expected


def test_a_circle_is_told_in_the_order_in_which_one_needs_the_next() -> None:
    [circle] = circles({"a": ["b"], "b": ["c"], "c": ["a"]})
    assert "".join(circle * 2).find("abc") >= 0


def adapters_that_need_each_other(**of_the_order: Any) -> Registry:
    """An order with a link of its own to its refund, and a refund with the usual link to its order."""
    registry = Registry()
    attributes = {**OrderAdapter.attributes, "refund": Shape.LINK}
    registry.register(Order)(
        type("Orders", (OrderAdapter,), {"currency": "currency", "attributes": attributes, **of_the_order})
    )
    registry.register(Note)(type("Refunds", (RefundAdapter,), {"order": "order", "total": "order.total"}))
    return registry


def test_adapters_that_need_each_other_are_a_mistake() -> None:
    [message] = [one for one in adapters_that_need_each_other(refund="note").check() if one.id == "hellotext.E114"]
    assert "Orders.refund (testshop.Order)" in message.msg
    assert "Refunds.order (testshop.Note)" in message.msg


def test_the_usual_links_are_no_circle() -> None:
    assert "hellotext.E114" not in {message.id for message in adapters_that_need_each_other(refund=None).check()}
