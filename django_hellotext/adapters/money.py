"""Money as Hellotext takes it: a decimal amount in major units, rounded to the minor unit, with its currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from enum import Enum
from typing import Any

from django_hellotext.api.types import Money
from django_hellotext.exceptions import ConfigurationError, TrackingError

from .reading import UnreadableError

DEFAULT_EXPONENT = 2
# ISO 4217, the currencies whose minor unit is not a hundredth.
WHOLE = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF")
EXPONENTS = {
    **dict.fromkeys((*WHOLE, "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
MAX_DIGITS = 40  # No price has more; an exponent beyond it would only cost memory.


def to_money(value: Any, *, currency: object, where: str) -> Money:
    """Return ``value`` as money, rounded to the minor unit of its currency.

    ``value`` is a Decimal, an int, a float, decimal text, our own ``Money`` or any object with ``amount`` and
    ``currency`` (such as py-moneyed's). ``currency`` counts when the value brings none; ``where`` names the adapter and
    the attribute in errors.

    Raises ``ConfigurationError`` for another type, or money without a currency, ``TrackingError`` for text that is no
    number, for an amount that is not finite, and for a currency that is no ISO 4217 code.
    """
    if hasattr(value, "amount") and hasattr(value, "currency"):
        value, currency = value.amount, currency_code(value.currency) or currency
    amount = to_decimal(value, where=where)
    code = currency_code(currency)
    if not code:
        raise ConfigurationError(
            f"{where}: the amount has no currency. Set `currency` on the adapter, write Money(…, currency=…), "
            "or set HELLOTEXT['CURRENCY']."
        )
    if not is_currency(code):
        raise TrackingError(
            f"{where}: the currency is not an ISO 4217 code such as EUR.",
            reason="currency_invalid",
            parameter="currency",
        )
    return Money(amount=round_to_minor_unit(amount, currency=code), currency=code)


def currency_code(value: object) -> str:
    """Return a currency in capitals and without spaces; ``value`` is text, or an object with a ``code``."""
    value = value.value if isinstance(value, Enum) else getattr(value, "code", value)
    return "" if value is None else str(value).strip().upper()


def is_currency(code: str) -> bool:
    """Return whether ``code`` has the form of an ISO 4217 code."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def to_decimal(value: Any, *, where: str) -> Decimal:
    """Return ``value`` as a finite Decimal, exactly; a float is the number that it is written as.

    Raises as ``to_money`` does.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise UnreadableError(f"{where}: expected a Decimal, not {type(value).__name__}.")
    try:
        amount = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError) as error:
        raise TrackingError(f"{where}: not a number.", reason="number_invalid") from error
    if not amount.is_finite() or abs(amount.adjusted()) > MAX_DIGITS:
        raise TrackingError(f"{where}: not a finite number of sensible size.", reason="number_invalid")
    return amount


def round_to_minor_unit(amount: Decimal, *, currency: str) -> Decimal:
    """Return ``amount`` with exactly the decimals of its currency, rounded half up: 3.335 EUR becomes 3.34.

    A price that a shop divides out (``net / quantity``) has up to 28 digits, which Hellotext rejects.
    """
    places = Decimal(1).scaleb(-EXPONENTS.get(currency, DEFAULT_EXPONENT))
    # The default context has 28 digits and would refuse a longer amount.
    context = Context(prec=len(amount.as_tuple().digits) + 2 * MAX_DIGITS)
    return amount.quantize(places, rounding=ROUND_HALF_UP, context=context)
