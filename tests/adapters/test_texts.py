"""Names and texts: never empty where one is needed, no longer than Hellotext takes, without control characters."""

from __future__ import annotations

import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from django_hellotext.adapters import FormAdapter, ProductVariantAdapter, Value, texts
from django_hellotext.adapters.metadata import usable
from django_hellotext.adjustments import collecting
from django_hellotext.exceptions import TrackingError
from tests.testshop.models import Order, Product, Questionnaire, Review, Variant

from .collected import made, rendered
from .shop import coupon_adapter, order_adapter, product_adapter, profile_adapter

FAMILY = "👩‍👩‍👧"


def book(**fields: Any) -> Product:
    return Product(pk=7, **{"name": "Novel", "slug": "novel", **fields})


def named(name: Any) -> tuple[str, list[tuple[str, str]]]:
    payload, adjustments = rendered(product_adapter(name=Value(name), url=None), book())
    return payload["name"], adjustments


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("No\x00vel", "No\ufffdvel"),
        ("No\ud800vel", "No\ufffdvel"),
        ("\ud83d\udc69", "👩"),
        ("No\x1bvel\x7f", "Novel"),
        ("Novel\r\nVolume\t2\n", "Novel Volume 2"),
        ("Nov\x92el", "Novel"),
    ],
)
def test_what_is_no_text_is_taken_out_of_a_name(given: str, sent: str) -> None:
    assert named(given) == (sent, [("name", "repaired")])


@pytest.mark.parametrize(
    "name", ["كتاب ‏الشعر‏", "\u202eabc", FAMILY, "Ñandú \u2013 “ñ”", "<b>&#8211;</b>", "R&D & AT&T; x"]
)
def test_what_a_person_may_have_typed_stays(name: str) -> None:
    assert named(name) == (name, [])


@pytest.mark.parametrize(
    ("given", "decoded"),
    [
        ("Tea &#8211; green", "Tea \u2013 green"),
        ("Caf&eacute; &amp; more", "Café & more"),
        ("&amp;#8211;", "&#8211;"),
        ("&#x1F375;", "🍵"),
        ("R&D &copy", "R&D &copy"),
    ],
)
def test_entities_are_decoded_once_where_that_is_declared(given: str, decoded: str) -> None:
    adapter = product_adapter(name=Value(given), tags=Value([given]), sku=Value(given), url=None, decode_entities=True)
    payload, adjustments = rendered(adapter, book())
    assert (payload["name"], payload["tags"], payload["sku"]) == (decoded, [decoded], given)
    assert adjustments == []
    assert named(given) == (given, [])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        ("x" * 254 + "e\u0301", "x" * 254),
        ("x" * 250 + FAMILY + "y", "x" * 250 + FAMILY),
        ("x" * 253 + FAMILY, "x" * 253),
        ("x" * 254 + " yz", "x" * 254),
    ],
)
def test_a_name_is_cut_where_no_character_is_split(given: str, sent: str) -> None:
    name, adjustments = named(given)
    assert name == sent
    assert adjustments == ([] if given == sent else [("name", "shortened")])


@pytest.mark.parametrize("empty", [None, "", "  ", "\n"])
def test_a_product_without_a_name_has_that_of_its_sku_else_of_its_reference(empty: str | None) -> None:
    adapter = product_adapter(name=Value(empty), url=None)
    payload, adjustments = rendered(adapter, book(sku="N-1"))
    assert payload["name"] == "N-1"
    assert ("name", "repaired") in adjustments
    assert rendered(adapter, book(sku=""))[0]["name"] == "7"


def test_a_variant_and_a_form_without_a_name_have_one_too() -> None:
    variant = type("ShopVariant", (ProductVariantAdapter,), {"name": Value(""), "sku": Value("N-1-L")})(Variant)
    payload, adjustments = rendered(variant, Variant(pk=1, product_id=7))
    assert (payload["name"], adjustments) == ("N-1-L", [("name", "repaired")])
    form = type("ShopForm", (FormAdapter,), {"name": Value(None)})(Questionnaire)
    assert rendered(form, Questionnaire(pk=3)) == ({"name": "3"}, [("name", "repaired")])


def test_a_coupon_has_its_code_for_a_description_and_the_description_its_own_limit() -> None:
    url = Value("https://shop.example/")
    adapter = coupon_adapter(description=Value(""), destination_url=url)
    assert rendered(adapter, Review(pk=1, title="SUMMER"))[0]["description"] == "SUMMER"
    adapter = coupon_adapter(description=Value("Two\nlines\x00" + "x" * 200), destination_url=url)
    payload, adjustments = rendered(adapter, Review(pk=1, title="SUMMER"))
    assert payload["description"] == "Two\nlines\ufffd" + "x" * 130
    assert adjustments == [("description", "repaired"), ("description", "shortened")]


def test_a_coupon_without_a_code_is_none() -> None:
    with pytest.raises(TrackingError, match="code"):
        coupon_adapter(destination_url=Value("https://shop.example/")).payload(Review(pk=1, title=""))


def test_a_part_of_a_sku_is_never_sent_and_a_reference_stays_what_it_is() -> None:
    adapter = product_adapter(sku=Value("S" * 300), reference=Value("r\x1b\x00" + "x" * 300), url=None)
    payload, adjustments = rendered(adapter, book())
    assert "sku" not in payload
    assert payload["reference"] == "r\x1b\ufffd" + "x" * 300
    assert adjustments == [("reference", "repaired"), ("sku", "left_out")]


def test_lists_of_names_are_cleaned_entry_by_entry() -> None:
    adapter = product_adapter(tags=Value(["a\x00", "b" * 300, "c\n", "c", {"d": 1}, 7]), url=None)
    payload, adjustments = rendered(adapter, book())
    assert payload["tags"] == ["a\ufffd", "b" * 255, "c", "7"]
    assert adjustments == [("tags", "repaired"), ("tags", "left_out"), ("tags", "shortened")] or len(adjustments) >= 3


def test_the_texts_of_an_order_and_a_customer_are_cleaned() -> None:
    adapter = order_adapter(name=Value("Order\x00 1"), payment_method=Value("ca\x1brd"), sales_channel=Value("w" * 300))
    payload, adjustments = rendered(adapter, Order(pk=1, number="A-1"))
    assert (payload["name"], payload["payment_method"], payload["sales_channel"]) == (
        "Order\ufffd 1",
        "card",
        "w" * 255,
    )
    assert adjustments == [("name", "repaired"), ("payment_method", "repaired"), ("sales_channel", "shortened")]
    payload, _ = rendered(profile_adapter(first_name=Value("An\x00a\n"), email=None), Questionnaire(pk=1))
    assert payload["first_name"] == "An\ufffda"


def test_an_order_without_a_delivery_is_delivered() -> None:
    payload, adjustments = rendered(order_adapter(delivery=Value("")), Order(pk=1, number="A-1"))
    assert (payload["delivery"], adjustments) == ("deliver", [("delivery", "repaired")])


class Size(Enum):
    LARGE = "L"


def test_metadata_keeps_what_json_can_hold_and_loses_the_rest() -> None:
    cycle: dict[str, Any] = {"a": 1}
    cycle["self"] = cycle
    when = datetime.date(2026, 1, 2)
    given = {
        "text": "two\nlines\x00",
        "k\x00ey": Size.LARGE,
        3: [1, object(), {"x": float("nan"), "y": 2}],
        "when": when,
        "price": Decimal("1.10"),
        "set": {"b", "a"},
        "file": b"x",
        "cycle": cycle,
        "huge": 10**60,
    }
    with collecting() as adjustments:
        found = usable(given, field="metadata")
    assert found == {
        "text": "two\nlines\ufffd",
        "k\ufffdey": "L",
        "3": [1, {"y": 2}],
        "when": when,
        "price": Decimal("1.10"),
        "set": ["a", "b"],
        "cycle": {"a": 1},
    }
    assert made(adjustments) == [
        ("metadata.text", "repaired"),
        ("metadata (name)", "repaired"),
        ("metadata.3[1]", "left_out"),
        ("metadata.3[2].x", "left_out"),
        ("metadata.file", "left_out"),
        ("metadata.cycle.self", "left_out"),
        ("metadata.huge", "left_out"),
    ]


def test_metadata_of_a_product_is_cleaned() -> None:
    adapter = product_adapter(metadata=Value({"a\x00": "b\ud800", "c": object()}), url=None)
    payload, adjustments = rendered(adapter, book())
    assert payload["metadata"] == {"a\ufffd": "b\ufffd"}
    assert len(adjustments) == 3


def test_a_clean_text_is_returned_as_it_is() -> None:
    text = "Novel"
    assert texts.cleaned(texts.decoded(text), field="name") is text
