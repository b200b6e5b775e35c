from __future__ import annotations

from typing import Any

import pytest

from .calling import Caller
from .shop import Shop

CARTS = "/v1/attribution/carts"
ORDERS = "/v1/attribution/orders"
REFUNDS = "/v1/attribution/refunds"
PRODUCTS = "/v1/attribution/products"


def counts(cart: Any) -> list[float]:
    return [item["quantity"] for item in cart["items"]]


def test_a_cart_needs_somebody(call: Caller) -> None:
    answer = call("POST", CARTS, {"reference": "X"})
    assert (answer.status, answer.errors) == (400, [("parameter_missing", "profile")])
    assert call("POST", CARTS, {"profile": "nobody"}).errors == [("not_found", "profile")]


@pytest.mark.parametrize("key", ["ANVIL", "7"])
def test_a_line_names_its_product_by_any_key(shop: Shop, call: Caller, key: str) -> None:
    cart = call.make("POST", CARTS, {"session": shop.session, "items": [{"product": key}]})
    assert [(item["product"], item["price"]["amount"]) for item in cart["items"]] == [(shop.product, "100.00")]


@pytest.mark.parametrize(
    ("line", "status", "error"),
    [
        ({"product": "nothing"}, 422, ("not_found", "items[0][product]")),
        ({"quantity": 1}, 400, ("parameter_missing", "items[0][product]")),
        ({"product": "ANVIL", "quantity": 0}, 422, ("invalid", "items[0][quantity]")),
        ({"product": "ANVIL", "quantity": -1}, 422, ("invalid", "items[0][quantity]")),
        ({"product": "ANVIL", "quantity": "2"}, 422, ("invalid", "items[0][quantity]")),
        ({"product": "ANVIL", "price": {"amount": 1, "currency": "x"}}, 422, ("invalid", "items[0][price][currency]")),
    ],
)
def test_a_faulty_line_is_refused(shop: Shop, call: Caller, line: Any, status: int, error: Any) -> None:
    for path, rest in ((CARTS, {"session": "s"}), (ORDERS, {"delivery": "collect"})):
        answer = call("POST", path, {**rest, "items": [line]})
        assert (answer.status, answer.errors) == (status, [error])


def test_items_replace_and_new_items_add(shop: Shop, call: Caller) -> None:
    call.make("POST", PRODUCTS, {"name": "Rope", "sku": "ROPE"})
    path = f"{CARTS}/{shop.cart}"
    added = call.make("PATCH", path, {"new_items": [{"product": "ROPE", "quantity": 3}, {"product": "ANVIL"}]})
    assert counts(added) == [3, 3]
    assert counts(call.make("PATCH", path, {"metadata": {"a": 1}})) == [3, 3]
    assert counts(call.make("PATCH", path, {"items": [{"product": "ROPE", "quantity": 1}]})) == [1]
    assert counts(call.make("PATCH", path, {"items": []})) == []
    assert call("PATCH", path, {"items": [], "new_items": []}).errors == [("ambiguous_parameter", "new_items")]
    assert call("PATCH", path, {}).errors == [("object_invalid", None)]


def test_repeated_lines_of_a_cart_do_not_stay_apart(shop: Shop, call: Caller) -> None:
    twice = [{"product": "ANVIL", "quantity": 1}, {"product": shop.product, "quantity": 2}]
    assert counts(call.make("POST", CARTS, {"session": "s", "items": twice})) == [3]


def test_an_order_without_delivery_is_refused(call: Caller) -> None:
    answer = call("POST", ORDERS, {"reference": "1"})
    assert (answer.status, answer.errors) == (400, [("parameter_missing", "delivery")])
    assert call("POST", ORDERS, {"delivery": "drone"}).errors == [("invalid", "delivery")]


def test_the_total_follows_from_the_lines_and_never_from_the_body(shop: Shop, call: Caller) -> None:
    data = {
        "delivery": "collect",
        "total": {"amount": 1, "currency": "USD"},
        "items": [{"product": "ANVIL", "quantity": 2}],
    }
    order = call.make("POST", ORDERS, data)
    assert order["total"] == {
        "amount": "200.00",
        "converted_amount": "200.00",
        "converted_amount_currency": "USD",
        "currency": "USD",
    }
    path = f"{ORDERS}/{order['id']}/items"
    call.make("POST", PRODUCTS, {"name": "Rope", "sku": "ROPE"})
    line = call.make("POST", path, {"product": "ROPE", "price": {"amount": "9.95", "currency": "USD"}})
    assert (line["quantity"], line["order"]) == (1, order["id"])
    assert call.make("GET", f"{ORDERS}/{order['id']}")["total"]["amount"] == "209.95"
    call.make("PATCH", f"{path}/{line['id']}", {"quantity": 3})
    assert call.make("GET", f"{ORDERS}/{order['id']}")["total"]["amount"] == "229.85"
    call.make("DELETE", f"{path}/{line['id']}")
    assert call.make("GET", f"{ORDERS}/{order['id']}")["total"]["amount"] == "200.00"
    assert call("DELETE", f"{path}/{line['id']}").errors == [("not_found", "id")]
    assert call("PATCH", f"{path}/{order['items'][0]['id']}", {}).errors == [("object_invalid", None)]


def test_an_order_has_one_currency(shop: Shop, call: Caller) -> None:
    prices = [{"amount": 1, "currency": code} for code in ("USD", "EUR")]
    items = [{"product": "ANVIL", "price": price} for price in prices]
    assert call("POST", ORDERS, {"delivery": "collect", "items": items}).errors == [("invalid", "items")]


def test_an_order_update_leaves_the_lines(shop: Shop, call: Caller) -> None:
    changed = call.make("PATCH", f"{ORDERS}/{shop.order}", {"delivery": "collect", "items": [], "name": "Order 7"})
    assert (len(changed["items"]), changed["delivery"], changed["name"]) == (1, "collect", "Order 7")
    call.make("DELETE", f"{ORDERS}/{shop.order}")
    assert call("GET", f"{ORDERS}/{shop.order}").status == 404


def test_a_refund_takes_its_total_from_what_is_refunded(shop: Shop, call: Caller) -> None:
    of_order = call.make("POST", REFUNDS, {"order": shop.order, "profile": shop.profile, "reference": "R1"})
    assert (of_order["total"]["amount"], of_order["refundable"]["type"]) == ("200.00", "order")
    of_product = call.make("POST", REFUNDS, {"product": shop.product})
    assert (of_product["total"]["amount"], of_product["refundable"]["type"]) == ("100.00", "product")
    part = call.make("PATCH", f"{REFUNDS}/{of_order['id']}", {"total": {"amount": 5, "currency": "USD"}})
    assert part["total"]["amount"] == "5.00"
    call.make("DELETE", f"{ORDERS}/{shop.order}")
    assert call.make("GET", f"{REFUNDS}/{of_order['id']}")["refundable"] == {"id": shop.order, "type": "order"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, ("object_invalid", None)),
        ({"order": "nothing"}, ("not_found", "order")),
        ({"product": "nothing"}, ("not_found", "product")),
        ({"order": "a", "product": "b"}, ("ambiguous_parameter", "product")),
        ({"profile": "nobody"}, ("not_found", "profile")),
    ],
)
def test_a_faulty_refund_is_refused(call: Caller, data: dict[str, Any], error: Any) -> None:
    answer = call("POST", REFUNDS, data)
    assert (answer.status, answer.errors) == (422, [error])
