"""Money: with the decimals of its currency, rounded to them, never without a currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from django_hellotext.adapters import Guest, Money, Value
from django_hellotext.adapters.money import round_to_minor_unit
from django_hellotext.api.types import Money as ApiMoney
from django_hellotext.exceptions import ConfigurationError, TrackingError
from tests.testshop.models import Order, Product

from .shop import cart_adapter, order_adapter, product_adapter


@dataclass(frozen=True)
class Amount:
    """Money as other packages keep it."""

    amount: Decimal
    currency: str


def price(value: Any, *, currency: str = "EUR") -> ApiMoney:
    """What an adapter makes of ``value``."""
    adapter = product_adapter(price=Money(Value(value), currency=Value(currency)))
    found = adapter.shaped(Product(pk=1, name="Novel"), "price")
    assert isinstance(found, ApiMoney)
    return found


@pytest.mark.parametrize(
    ("given", "currency", "sent"),
    [
        ("10", "EUR", "10.00"),
        ("10.0000", "EUR", "10.00"),
        ("1200.00", "JPY", "1200"),
        ("1E+3", "JPY", "1000"),
        ("1.5", "KWD", "1.500"),
        ("1.2340", "KWD", "1.234"),
        ("0.00", "CLP", "0"),
        ("-5", "USD", "-5.00"),
        ("123456789012345678901234567890.10", "USD", "123456789012345678901234567890.10"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(given: str, currency: str, sent: str) -> None:
    found = round_to_minor_unit(Decimal(given), currency=currency)
    assert found == Decimal(given)
    assert format(found, "f") == sent


@pytest.mark.parametrize(
    ("given", "currency", "sent"),
    [
        ("12.345", "EUR", "12.35"),
        ("12.344999", "EUR", "12.34"),
        ("-12.345", "EUR", "-12.35"),
        ("1200.50", "JPY", "1201"),
        ("0.4", "CLP", "0"),
        ("1.23456", "KWD", "1.235"),
        ("0.004", "EUR", "0.00"),
        ("123456789012345678901234567890.105", "USD", "123456789012345678901234567890.11"),
    ],
)
def test_an_amount_finer_than_the_minor_unit_is_rounded_half_up(given: str, currency: str, sent: str) -> None:
    assert format(round_to_minor_unit(Decimal(given), currency=currency), "f") == sent


def test_a_price_that_was_divided_out_is_rounded_in_every_place() -> None:
    divided = Decimal(10) / 3
    assert price(divided) == ApiMoney(Decimal("3.33"), "EUR")
    order = Order(pk=1, number="A-1", total=divided, currency="EUR")
    adapter = order_adapter(
        total=lambda obj: divided, get_items=lambda self, obj: [{"product": "SKU", "quantity": 1, "price": divided}]
    )
    assert adapter.amount(order) == ApiMoney(Decimal("3.33"), "EUR")
    assert adapter.payload(order)["items"][0]["price"] == ApiMoney(Decimal("3.33"), "EUR")


@pytest.mark.parametrize("value", [Decimal("10"), 10, "10", " 10.00\n", 10.0])
def test_a_decimal_an_int_a_float_and_decimal_text_are_amounts(value: Any) -> None:
    assert price(value) == ApiMoney(Decimal("10.00"), "EUR")


@pytest.mark.parametrize(
    ("value", "currency", "sent"),
    [
        (0.1, "EUR", "0.10"),
        (1.005, "EUR", "1.01"),
        (2.675, "USD", "2.68"),
        (1e3, "JPY", "1000"),
        (0.1 + 0.2, "KWD", "0.300"),
    ],
)
def test_a_float_is_the_number_that_it_is_written_as(value: float, currency: str, sent: str) -> None:
    assert format(price(value, currency=currency).amount, "f") == sent


@pytest.mark.parametrize("value", [True, b"10", ["10"]])
def test_another_type_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ShopProduct\.price \(testshop\.Product\).*Decimal"):
        price(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan"), "ten", Decimal("1E+999999")])
def test_an_amount_that_is_no_sensible_number_is_a_fault_of_the_object(value: Any) -> None:
    with pytest.raises(TrackingError, match=r"ShopProduct\.price") as caught:
        price(value)
    assert caught.value.reason == "number_invalid"


@pytest.mark.parametrize("currency", ["EURO", "E1R", "€€€"])
def test_a_currency_that_is_no_iso_code_is_a_fault_of_the_object(currency: str) -> None:
    with pytest.raises(TrackingError) as caught:
        price(Decimal(1), currency=currency)
    assert caught.value.reason == "currency_invalid"


@pytest.mark.parametrize("currency", ["eur", " EUR ", "Eur\n"])
def test_a_currency_may_be_kept_in_lower_case_and_with_spaces(currency: str) -> None:
    assert price(Decimal(1), currency=currency).currency == "EUR"


@override_settings(HELLOTEXT={"CURRENCY": "UYU"})
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_currency_is_that_of_the_settings(empty: str | None) -> None:
    novel = Product(pk=1, name="Novel", price=Decimal("3"))
    assert product_adapter(currency=Value(empty)).shaped(novel, "price").currency == "UYU"
    priced = product_adapter(price=Money("price", currency=Value(empty)), currency=None)
    assert priced.shaped(novel, "price").currency == "UYU"
    brought = product_adapter(price=lambda obj: Amount(Decimal(3), empty), currency=None)  # type: ignore[arg-type]
    assert brought.shaped(novel, "price").currency == "UYU"


@pytest.mark.parametrize("value", [None, ""])
def test_no_price_is_left_out(value: Any) -> None:
    assert "price" not in product_adapter(price=Value(value)).payload(Product(pk=1, name="Novel"))


def test_money_that_a_getter_makes_is_rounded_too() -> None:
    adapter = product_adapter(get_price=lambda self, obj: ApiMoney(Decimal(10) / 3, "JPY"))
    assert adapter.payload(Product(pk=1, name="Novel"))["price"] == ApiMoney(Decimal(3), "JPY")


def test_money_of_another_package_brings_its_own_currency() -> None:
    adapter = product_adapter(price=lambda obj: Amount(Decimal("3"), "USD"))
    assert adapter.payload(Product(pk=1, name="Novel"))["price"] == ApiMoney(Decimal("3.00"), "USD")


def test_the_currency_is_read_where_the_adapter_says() -> None:
    novel = Product(pk=1, name="Novel", price=Decimal("3"), extra={"currency": "USD", "listed_in": "JPY"})
    assert product_adapter().payload(novel)["price"].currency == "USD"
    assert product_adapter(price=Money("price", currency="extra.listed_in")).payload(novel)["price"].currency == "JPY"
    assert product_adapter(currency=lambda obj: "KWD").payload(novel)["price"].currency == "KWD"
    assert product_adapter(get_currency=lambda self, obj: "CHF").payload(novel)["price"].currency == "CHF"


def test_without_a_currency_of_its_own_the_settings_one_counts() -> None:
    novel = Product(pk=1, name="Novel", price=Decimal("3"))
    with override_settings(HELLOTEXT={"CURRENCY": "UYU"}):
        assert product_adapter(currency=None).payload(novel)["price"] == ApiMoney(Decimal("3.00"), "UYU")
    with pytest.raises(ConfigurationError, match=r"ShopProduct\.price .*no currency.*HELLOTEXT\['CURRENCY'\]"):
        product_adapter(currency=None).shaped(novel, "price")


@pytest.mark.parametrize("assigned", ["12.50", 12.5, Decimal("12.5")])
def test_a_price_just_assigned_counts_as_its_column_will_hold_it(assigned: Any) -> None:
    found = product_adapter(price="price", currency=Value("EUR")).payload(Product(pk=1, name="Novel", price=assigned))
    assert found["price"] == ApiMoney(Decimal("12.50"), "EUR")


def test_a_price_that_its_column_will_refuse_is_never_changed() -> None:
    adapter = product_adapter(currency=Value("EUR"))
    too_long = Product(pk=1, name="Novel", price="1234567890123456")
    assert adapter.payload(too_long)["price"].amount == Decimal("1234567890123456")
    with pytest.raises(TrackingError):
        adapter.shaped(Product(pk=1, name="Novel", price="ten"), "price")


def test_a_float_field_is_read_as_it_is_written() -> None:
    adapter = product_adapter(price="weight", currency=Value("EUR"))
    assert adapter.payload(Product(pk=1, name="Novel", weight=2.675))["price"] == ApiMoney(Decimal("2.68"), "EUR")


class Currency:
    """A currency as money packages have it."""

    code = "USD"

    def __str__(self) -> str:
        return self.code


def test_a_currency_may_be_an_object_of_a_money_package() -> None:
    adapter = product_adapter(price=Money(Value("3"), currency=lambda obj: Currency()))
    assert adapter.payload(Product(pk=1, name="Novel"))["price"] == ApiMoney(Decimal("3.00"), "USD")


def test_an_orders_total_is_its_amount_and_never_in_its_payload() -> None:
    adapter = order_adapter(total="total")
    placed = Order(pk=1, number="A-1", total=Decimal("25"), currency="EUR")
    assert adapter.amount(placed) == ApiMoney(Decimal("25.00"), "EUR")
    assert "total" not in adapter.payload(placed)
    assert order_adapter().amount(placed) is None


def test_only_objects_with_a_total_have_an_amount() -> None:
    assert order_adapter(total="total").has_amount
    assert order_adapter(get_total=lambda self, obj: None).has_amount
    assert product_adapter(amount=lambda self, obj: None).has_amount
    assert not order_adapter().has_amount
    assert not product_adapter(price="price").has_amount
    assert not cart_adapter(guest=Guest(email="email")).has_amount


def test_a_product_has_a_price_but_no_revenue() -> None:
    assert product_adapter(currency=Value("EUR")).amount(Product(pk=1, name="Novel", price=Decimal(3))) is None
