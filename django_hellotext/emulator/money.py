"""Amounts in answers: products show numbers, carts, orders and refunds show decimal strings.

The emulator knows no rates: amounts are converted one to one into the business's currency.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .validation import plain


def two_places(amount: Decimal | str) -> str:
    """Return a decimal string with at least two places: ``"395"`` becomes ``"395.00"``."""
    number = Decimal(amount)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -2:
        number = number.quantize(Decimal("0.01"))
    return plain(number)


def as_number(money: dict[str, str], *, reporting: str) -> dict[str, Any]:
    """Return a price whose amounts are numbers."""
    number = Decimal(money["amount"])
    return {
        "amount": number,
        "converted_amount": number,
        "converted_currency": reporting,
        "currency": money["currency"],
    }


def as_text(money: dict[str, str], *, reporting: str) -> dict[str, Any]:
    """Return a price whose amounts are decimal strings."""
    amount = two_places(money["amount"])
    return {
        "amount": amount,
        "converted_amount": amount,
        "converted_currency": reporting,
        "currency": money["currency"],
    }


def as_total(money: dict[str, str], *, reporting: str) -> dict[str, Any]:
    """Return an order's total, which alone says ``converted_amount_currency``."""
    total = as_text(money, reporting=reporting)
    total["converted_amount_currency"] = total.pop("converted_currency")
    return total
