"""Links inside payloads."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_hellotext.adapters import Link, links, resolve
from django_hellotext.api.types import Money

ANA, NOVEL, ATLAS = (
    Link("profile", "auth.user", "1"),
    Link("product", "shop.book", "1"),
    Link("product", "shop.book", "2"),
)
PRICE = Money(Decimal("1.00"), "EUR")
PAYLOAD = {
    "reference": "A-1",
    "profile": ANA,
    "items": [
        {"product": ATLAS, "quantity": 1, "price": PRICE},
        {"product": NOVEL, "quantity": 2, "price": None},
        {"product": ATLAS, "quantity": 3, "price": None},
    ],
    "pair": (NOVEL, "text"),
}


def test_links_come_in_order_and_each_once() -> None:
    assert links(PAYLOAD) == [ANA, ATLAS, NOVEL]
    assert links({"a": "text", "b": [1, None]}) == []


def test_links_are_replaced_and_the_rest_stays() -> None:
    assert resolve(PAYLOAD, {ANA: "p1", NOVEL: "n1", ATLAS: "a1"}) == {
        "reference": "A-1",
        "profile": "p1",
        "items": [
            {"product": "a1", "quantity": 1, "price": PRICE},
            {"product": "n1", "quantity": 2, "price": None},
            {"product": "a1", "quantity": 3, "price": None},
        ],
        "pair": ["n1", "text"],
    }
    assert PAYLOAD["profile"] is ANA


def test_a_link_without_a_remote_id_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError) as caught:
        resolve({"profile": ANA}, {})
    assert caught.value.args == (ANA,)


def test_links_sort_and_can_be_keys() -> None:
    assert sorted({NOVEL, ATLAS, ANA}) == [NOVEL, ATLAS, ANA]
