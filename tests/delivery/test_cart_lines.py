"""The lines of carts: one for each product, whole quantities, and nothing that Hellotext could not have."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_hellotext import cart_changed
from django_hellotext.adapters import Items, registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_cart, make_cart_line, make_customer, make_product
from tests.testshop.models import Brand, Cart, CartLine

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change attributes of the adapter of the test shop's carts."""

    def run(**attributes: Any) -> None:
        for name, value in attributes.items():
            monkeypatch.setattr(type(registry.for_model(Cart)), name, value, raising=False)

    return run


def lines(hellotext: Emulator) -> list[tuple[str, int, str]]:
    """SKU, quantity and unit price of each line of the only cart at Hellotext."""
    row = RemoteObject.objects.get(kind="cart")
    assert row.state == State.SYNCED, row.error_message
    products = hellotext.world.store["product"].rows
    items = hellotext.world.store["cart"].rows[row.remote_id]["items"]
    return [(products[item["product"]]["sku"], item["quantity"], item["price"]["amount"]) for item in items]


def events(hellotext: Emulator) -> list[tuple[str, list[int]]]:
    bodies = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events" and entry.accepted]
    return [
        (body["action"], [item["quantity"] for item in body["object_parameters"]["items"]])
        for body in bodies
        if "object_parameters" in body
    ]


def kinds() -> list[str]:
    return [one["kind"] for one in (RemoteObject.objects.get(kind="cart").adjustments or {}).get("made", [])]


def test_a_product_on_two_lines_stands_on_one(hellotext: Emulator, deliver: Deliver) -> None:
    cart, product = make_cart(owner=make_customer()), make_product(sku="A")
    make_cart_line(cart=cart, product=product, quantity=2)
    make_cart_line(cart=cart, product=product, quantity=1)
    deliver()
    assert lines(hellotext) == [("A", 3, "12.90")]


def test_a_part_of_something_is_one_piece_at_its_amount(
    hellotext: Emulator, deliver: Deliver, declare: Callable[..., None]
) -> None:
    declare(items=Items("lines", product="product", quantity=lambda one: Decimal("0.5"), price="unit_price"))
    make_cart_line(cart=make_cart(owner=make_customer()), product=make_product(sku="A"))
    deliver()
    assert lines(hellotext) == [("A", 1, "6.45")]
    assert kinds() == ["quantity_changed"]


def test_lines_that_name_no_product_of_hellotext_are_left_out(
    hellotext: Emulator, deliver: Deliver, declare: Callable[..., None]
) -> None:
    def product(one: CartLine) -> Any:
        return {"gone": None, "brand": Brand(pk=7)}.get(one.product.name, one.product)

    declare(items=Items("lines", product=product, price="unit_price"))
    cart = make_cart(owner=make_customer())
    for name in ("gone", "brand", "lamp"):
        make_cart_line(cart=cart, product=make_product(name=name, sku=name))
    deliver()
    assert lines(hellotext) == [("lamp", 1, "12.90")]
    assert sorted(kinds()) == ["left_out", "prerequisite_missing"]


def test_a_price_that_cannot_be_read_is_left_to_hellotext(
    hellotext: Emulator, deliver: Deliver, declare: Callable[..., None]
) -> None:
    declare(items=Items("lines", product="product", price=lambda one: "9,90"))
    make_cart_line(cart=make_cart(owner=make_customer()), product=make_product(sku="A"))
    deliver()
    assert lines(hellotext) == [("A", 1, "12.90")]
    assert kinds() == ["left_out"]


def test_events_of_a_cart_have_whole_quantities(hellotext: Emulator, deliver: Deliver) -> None:
    customer, cheese = make_customer(), make_product(sku="CHEESE")
    cart_changed("cart-1", [(cheese, Decimal("0.350"))], created=True, profile=customer)
    cart_changed("cart-1", [(cheese, Decimal("0.350")), (make_product(sku="A"), 2)], profile=customer)
    deliver()
    assert events(hellotext) == [("cart.added", [1]), ("cart.added", [2])]
    assert lines(hellotext) == [("CHEESE", 1, "12.90"), ("A", 2, "12.90")]


def test_events_of_a_cart_do_not_fail_on_lines_that_cannot_be_sent(
    hellotext: Emulator, deliver: Deliver, declare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def product(one: CartLine) -> Any:
        return None if one.product.name == "gone" else one.product

    items = Items("lines", product=product, quantity=lambda one: -1 if one.product.name == "back" else one.quantity)
    declare(items=items)
    monkeypatch.setattr(registry.for_model(Cart), "tracks_items", True)
    cart = make_cart(owner=make_customer())
    for title in ("gone", "back", "lamp"):
        make_cart_line(cart=cart, product=make_product(name=title, sku=title), quantity=3)
    deliver()
    event = Event.objects.get()
    assert (event.action, event.state) == ("cart.added", State.DELIVERED), (event.skip_reason, event.error_message)
    assert events(hellotext) == [("cart.added", [3])]
