from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from .calling import Caller
from .shop import Shop

PRODUCTS = "/v1/attribution/products"
VARIANTS = "/v1/attribution/variants"


def test_a_product_without_variants_gets_the_one_that_stands_for_itself(call: Caller) -> None:
    price = {"amount": "19.90", "currency": "EUR"}
    made = call.make("POST", PRODUCTS, {"name": "Boot", "sku": "B1", "price": price, "source": "acme"})
    assert [(v["name"], v["sku"], v["source"]) for v in made["variants"]] == [("Boot", "B1", "acme")]
    assert made["price"] == {"amount": 19.9, "converted_amount": 19.9, "converted_currency": "USD", "currency": "EUR"}
    changed = call.make("PATCH", f"{PRODUCTS}/B1", {"name": "Shoe", "sku": "S1"})
    assert [(v["name"], v["sku"]) for v in changed["variants"]] == [("Shoe", "S1")]


def test_given_variants_are_what_there_is(call: Caller) -> None:
    variants = [{"sku": "B1-42", "reference": "42"}, {"name": "Boot 43", "sku": "B1-43"}]
    made = call.make("POST", PRODUCTS, {"name": "Boot", "sku": "B1", "variants": variants})
    assert [(v["name"], v["sku"]) for v in made["variants"]] == [("Boot", "B1-42"), ("Boot 43", "B1-43")]


def test_a_product_and_a_variant_are_found_by_id_reference_and_sku(call: Caller) -> None:
    variants = [{"name": "42", "sku": "Größe/42", "reference": "v 1"}]
    made = call.make("POST", PRODUCTS, {"name": "Boot", "sku": "B/1", "reference": "p 1", "variants": variants})
    for key in (made["id"], "B/1", "p 1"):
        assert call("GET", f"{PRODUCTS}/{quote(key, safe='')}").id == made["id"]
    for key in (made["variants"][0]["id"], "Größe/42", "v 1"):
        assert call("GET", f"{VARIANTS}/{quote(key, safe='')}").id == made["variants"][0]["id"]
    assert call("GET", f"{PRODUCTS}/b%2F1").status == 404


def test_an_id_is_tried_before_a_reference_and_a_reference_before_a_sku(call: Caller) -> None:
    first = call.make("POST", PRODUCTS, {"name": "A", "sku": "X"})["id"]
    second = call.make("POST", PRODUCTS, {"name": "B", "reference": "X"})["id"]
    third = call.make("POST", PRODUCTS, {"name": "C", "reference": first})["id"]
    assert call("GET", f"{PRODUCTS}/X").id == second
    assert call("GET", f"{PRODUCTS}/{first}").id == first
    assert call("GET", f"{PRODUCTS}/{third}").id == third


@pytest.mark.parametrize(
    "data",
    [{"name": "Twin", "sku": "ANVIL"}, {"name": "Twin", "variants": [{"sku": "ANVIL"}]},
     {"name": "Twin", "variants": [{"sku": "T"}, {"sku": "T"}]}],
)  # fmt: skip
def test_a_sku_is_unique(shop: Shop, call: Caller, data: dict[str, Any]) -> None:
    answer = call("POST", PRODUCTS, data)
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "sku")])
    assert len(call.all("products")) == 1


def test_a_sku_stays_unique_when_things_change(shop: Shop, call: Caller) -> None:
    other = call.make("POST", PRODUCTS, {"name": "Rope", "sku": "ROPE"})
    assert call("PATCH", f"{PRODUCTS}/ROPE", {"sku": "ANVIL"}).errors == [("parameter_not_unique", "sku")]
    answer = call("PATCH", f"{VARIANTS}/{other['variants'][0]['id']}", {"name": "Rope", "sku": "ANVIL"})
    assert answer.errors == [("parameter_not_unique", "sku")]
    call.make("PATCH", f"{PRODUCTS}/ROPE", {"sku": "ROPE", "name": "Long rope"})
    call.make("DELETE", f"{PRODUCTS}/ROPE")
    call.make("POST", PRODUCTS, {"name": "New rope", "sku": "ROPE"})


def test_variants_are_added_and_removed_with_the_product(shop: Shop, call: Caller) -> None:
    new = [{"name": "Heavy", "sku": "ANVIL-H"}]
    assert len(call.make("PATCH", f"{PRODUCTS}/ANVIL", {"new_variants": new})["variants"]) == 2
    sent_back = call.make("PATCH", f"{PRODUCTS}/ANVIL", {"variants": [{"name": "Changed", "sku": "ANVIL-H"}]})
    assert [v["name"] for v in sent_back["variants"]] == ["Anvil", "Heavy"]
    assert call.make("PATCH", f"{PRODUCTS}/ANVIL", {"variants": []})["variants"] == []
    assert call("GET", f"{VARIANTS}/ANVIL-H").status == 404
    both = {"variants": [], "new_variants": new}
    assert call("PATCH", f"{PRODUCTS}/ANVIL", both).errors == [("ambiguous_parameter", "new_variants")]


def test_a_variant_of_an_unknown_product_is_not_found(call: Caller) -> None:
    answer = call("POST", f"{PRODUCTS}/nothing/variants", {"name": "X"})
    assert (answer.status, answer.errors) == (404, [("not_found", "product")])


def test_a_variant_without_a_price_takes_the_products(shop: Shop, call: Caller) -> None:
    assert call.make("POST", f"{PRODUCTS}/ANVIL/variants", {"name": "Light"})["price"]["amount"] == 100
    priced = {"name": "Gold", "price": {"amount": 5000, "currency": "USD"}}
    made = call.make("POST", f"{PRODUCTS}/7/variants", priced)
    assert (made["price"]["amount"], made["product"]) == (5000, shop.product)
    call.make("DELETE", f"{VARIANTS}/{made['id']}")
    assert call("GET", f"{VARIANTS}/{made['id']}").status == 404


def test_a_source_cannot_be_changed(shop: Shop, call: Caller) -> None:
    assert call("PATCH", f"{PRODUCTS}/ANVIL", {"source": "other"}).errors == [("object_invalid", None)]
    assert call.make("PATCH", f"{PRODUCTS}/ANVIL", {"source": "other", "brand": "Acme"})["source"] == "acme"


@pytest.mark.parametrize(
    ("amount", "status"),
    [(12, 201), (12.34, 201), ("12.34", 201), ("1e3", 422), ("12,34", 422), ("", 422), (True, 422), (10**16, 422)],
)
def test_an_amount_is_a_number_or_a_decimal_string(call: Caller, amount: Any, status: int) -> None:
    data = {"name": "X", "price": {"amount": amount, "currency": "EUR"}}
    assert call("POST", PRODUCTS, data).status == status


@pytest.mark.parametrize("price", [{"amount": 1, "currency": "eur"}, {"amount": 1, "currency": "EURO"}, 12, "12"])
def test_a_price_is_an_amount_and_a_currency_code(call: Caller, price: Any) -> None:
    assert call("POST", PRODUCTS, {"name": "X", "price": price}).status == 422
    assert call("POST", PRODUCTS, {"name": "X", "price": {"currency": "EUR"}}).errors == [
        ("parameter_missing", "price[amount]")
    ]


def test_decimals_come_back_without_noise(call: Caller) -> None:
    body = b'{"name": "X", "price": {"amount": 89.90, "currency": "EUR"}, "metadata": {"d": 0.10000000000000000001}}'
    answer = call("POST", PRODUCTS, body=body)
    assert b'"amount":89.90,' in answer.body
    assert b'"d":0.10000000000000000001' in answer.body
