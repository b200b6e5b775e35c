"""Values in, JSON out, JSON in, typed values out (demands I5, I6)."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
import simplejson
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from django_hellotext.api import UNSET, Address, LineItem, Money, Variant
from django_hellotext.api.types import (
    Event,
    Order,
    Price,
    Product,
    Profile,
    ProfileProperty,
    Received,
    Refund,
    Session,
    decode_json,
    encode_json,
)
from django_hellotext.redaction import Redacted

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4),
    st.text(st.characters(exclude_categories=["Cs"])),
)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
)


class Size(Enum):
    LARGE = "L"


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("89.90"), "89.90"),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+2"), "100"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-0"), "-0"),
        (Decimal("123456789012345678901234.56"), "123456789012345678901234.56"),
        (Money(Decimal("89.90"), "EUR"), '{"amount":89.90,"currency":"EUR"}'),
        (Money(5, "JPY"), '{"amount":5,"currency":"JPY"}'),  # type: ignore[arg-type]
        (Money(Decimal("1.234"), "KWD"), '{"amount":1.234,"currency":"KWD"}'),
        (LineItem("p", Decimal("1.5")), '{"product":"p","quantity":1.5}'),
        (Address(city="Øster", street_name="A", latitude=Decimal("-34.9")), None),
        (Variant(sku="a"), '{"sku":"a"}'),
        (0.1, "0.1"),
        (True, "true"),
        (None, "null"),
        (10**30, "1" + "0" * 30),
        ("naïve 😀 \x00 \u2028", '"naïve 😀 \\u0000 \u2028"'),
        (mark_safe("<b>"), '"<b>"'),  # a str subclass, as Django makes them
        (gettext_lazy("lazy-and-untranslated"), '"lazy-and-untranslated"'),
        (Size.LARGE, '"L"'),
        (Level.HIGH, "3"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (date(2026, 2, 3), '"2026-02-03"'),
        (datetime(2026, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3))), '"2026-02-03T04:05:00-03:00"'),
        (time(4, 5), '"04:05:00"'),
        (timedelta(hours=1), '"P0DT01H00M00S"'),
        ((1, 2), "[1,2]"),
        ({"b", "a"}, '["a","b"]'),
        (MappingProxyType({1: "a", Size.LARGE: "b"}), '{"1":"a","L":"b"}'),
    ],
)
def test_each_type_has_its_exact_json(value: Any, written: str | None) -> None:
    expected = '{"city":"Øster","latitude":-34.9,"street":{"name":"A"}}' if written is None else written
    assert encode_json(value).decode() == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [{"b": object()}]}, r"body\.a\[0\]\.b"),
        ({"a": b"bytes"}, r"body\.a"),
        ({"a": 1j}, r"body\.a"),
        ({"a": Redacted("canary")}, r"body\.a"),
        ({(1, 2): "a"}, "body"),
        ({"a": float("nan")}, r"body\.a"),
        ({"a": Decimal("NaN")}, r"body\.a"),
        ({"a": Decimal("1E+999999")}, r"body\.a"),
        ({"a": Decimal("1E-999999")}, r"body\.a"),
        ({"a": -(10**5000)}, r"body\.a"),
        ({"a": datetime(2026, 1, 1)}, r"body\.a"),  # noqa: DTZ001
        ({"a": "\udfff"}, r"body\.a"),
        ({"\ud800": "a"}, "body"),
    ],
)
def test_what_has_no_safe_json_is_refused_by_its_path(value: Any, path: str) -> None:
    with pytest.raises((TypeError, ValueError), match=path) as caught:
        encode_json(value)
    assert "canary" not in str(caught.value)


def test_a_cycle_is_refused() -> None:
    cycle: dict[str, Any] = {}
    cycle["again"] = cycle
    with pytest.raises(ValueError, match="nested"):
        encode_json(cycle)


@given(NESTED)
def test_what_goes_out_comes_back_the_same(value: Any) -> None:
    assert decode_json(encode_json(value)) == value


@given(st.integers(-(10**20), 10**20), st.integers(-15, 15))
def test_a_decimal_never_gets_float_noise_or_an_exponent(digits: int, exponent: int) -> None:
    value = Decimal(digits).scaleb(exponent)
    written = encode_json(value).decode()
    assert Decimal(written) == value
    assert "e" not in written.lower()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"1 2", b"1E99999999999999999999"]
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_json(data)


def test_numbers_are_read_exactly() -> None:
    assert decode_json(b'\xef\xbb\xbf{"a": 89.90, "b": 1e2, "c": 7}') == {
        "a": Decimal("89.90"),
        "b": Decimal(100),
        "c": 7,
    }


@pytest.mark.parametrize("amount", ["395.00", Decimal("395.00"), 395, "3.95e2", 395.0])
def test_an_amount_is_read_as_number_or_string(amount: Any) -> None:
    price = Price.from_json({"amount": amount, "currency": "USD"})
    assert price.amount == Decimal(395)
    assert price.money == Money(Decimal(395), "USD")


@pytest.mark.parametrize("amount", [None, "", "free", True, [], {}, "NaN", "Infinity", "1,50"])
def test_an_amount_that_is_none_is_read_as_none(amount: Any) -> None:
    price = Price.from_json({"amount": amount, "currency": "USD"})
    assert (price.amount, price.money) == (None, None)
    assert price.raw == {"amount": amount, "currency": "USD"}


def test_a_price_with_a_strange_currency_has_no_money() -> None:
    assert Price.from_json({"amount": 1, "currency": "points"}).money is None


@pytest.mark.parametrize("name", ["converted_currency", "converted_amount_currency"])
def test_both_spellings_of_the_converted_currency_are_read(name: str) -> None:
    order = Order.from_json({"id": "a", "total": {"amount": "1", "currency": "USD", name: "EUR"}})
    assert order.total is not None
    assert order.total.converted_currency == "EUR"
    assert Event.from_json({"id": "a", name: "EUR"}).converted_currency == "EUR"


@pytest.mark.parametrize(("profile", "session"), [("profile", "session"), ("profile_id", "session_id")])
def test_both_spellings_of_an_events_customer_are_read(profile: str, session: str) -> None:
    event = Event.from_json({"id": "a", profile: "p", session: "s", "action": "order.placed"})
    assert (event.profile, event.session, event.action, event.action_id) == ("p", "s", "order.placed", None)


@pytest.mark.parametrize(
    "value", [1665684173, "1665684173", "2022-10-13T18:02:53Z", "2022-10-13T15:02:53-03:00", "2022-10-13T18:02:53"]
)
def test_a_time_is_read_in_every_form_and_is_aware(value: Any) -> None:
    event = Event.from_json({"id": "a", "tracked_at": value})
    assert event.tracked_at == datetime(2022, 10, 13, 18, 2, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "yesterday", True, [], 10**20, -(10**20), "1e999"),
        *("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"),  # outside the years once they are in UTC
    ],
)
def test_a_time_that_is_none_is_read_as_none(value: Any) -> None:
    assert Event.from_json({"id": "a", "tracked_at": value}).tracked_at is None


@pytest.mark.parametrize(
    ("answer", "attached"),
    [
        ({"profile": 481516}, True),
        ({"profile": "MzYwlE50"}, True),
        ({"profile_id": 481516}, True),
        ({"profile": None}, False),
        ({}, False),
    ],
)
def test_a_session_says_whether_it_belongs_to_somebody_and_not_to_whom(answer: dict[str, Any], attached: bool) -> None:
    session = Session.from_json({"id": "a", **answer})
    assert session.attached is attached
    assert not hasattr(session, "profile")


def test_unknown_fields_are_kept_and_strange_ones_do_no_harm() -> None:
    raw = {
        "id": 7,
        "name": 5,
        "tags": ["a", 1, None],
        "categories": "shoes",
        "variants": [{"id": "v"}, {"sku": "without ID"}, 7],
        "price": "free",
        "metadata": None,
        "brand": {"name": "Adidas"},
        "created_at": {},
        "stock": 12,
    }
    product = Product.from_json(raw)
    assert (product.id, product.name, product.tags, product.categories) == ("7", "5", ("a",), ())
    assert ([variant.id for variant in product.variants], product.price, product.brand) == (["v"], None, None)
    assert (product.metadata, product.created_at) == ({}, None)
    assert product.raw == raw


def test_an_address_of_a_profile_is_read_with_coordinates_in_any_notation() -> None:
    raw = {
        "id": "a",
        "kind": "address",
        "value": {"city": "Montevideo", "latitude": "-0.349044168e2", "street": {"name": "Av.", "number": "1248"}},
    }
    address = ProfileProperty.from_json(raw).address
    assert address == Address(
        city="Montevideo", latitude=Decimal("-34.9044168"), street_name="Av.", street_number="1248"
    )
    assert ProfileProperty.from_json({**raw, "kind": "text"}).address is None


def test_an_object_inside_an_answer_that_cannot_be_read_is_left_out() -> None:
    refund = Refund.from_json({"id": "a", "refundable": {"type": "order"}, "total": []})
    assert (refund.refundable, refund.total) == (None, None)
    assert refund.raw["refundable"] == {"type": "order"}


def test_the_early_answer_to_an_event_is_read() -> None:
    assert Received.from_json({"state": "ok"}).status == "ok"


def test_no_repr_shows_personal_data() -> None:
    personal: Mapping[str, Any] = {
        "id": "MzYwlE50",
        "emails": ["canary@acme.com"],
        "verified_emails": ["canary@acme.com"],
        "phones": ["+59898000001"],
        "first_name": "Canary",
        "last_name": "Coyote",
        "properties": [{"id": "x", "kind": "text", "name": "Size", "value": "Canary"}],
    }
    shown = repr(Profile.from_json(personal)) + repr(Address(city="Canary"))
    assert "anary" not in shown
    assert "+5989" not in shown
    assert "MzYwlE50" in shown


@pytest.mark.parametrize(
    "value",
    [
        Money(Decimal("89.90"), "EUR"),
        LineItem("a", 1, Money(Decimal(1), "EUR")),
        Address(city="a"),
        Variant(sku="a"),
        Profile.from_json({"id": "a", "emails": ["a@b.c"]}),
        UNSET,
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_and_results_survive_a_pickle(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301


def test_unset_is_one_and_says_so() -> None:
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET  # noqa: S301
    assert repr(UNSET) == "UNSET"


def test_the_bytes_are_what_simplejson_reads_back() -> None:
    body = encode_json({"property[Größe]": "42 😀", "price": Money(Decimal("89.90"), "EUR")})
    assert body == '{"property[Größe]":"42 😀","price":{"amount":89.90,"currency":"EUR"}}'.encode()
    assert simplejson.loads(body, use_decimal=True)["price"]["amount"] == Decimal("89.90")
