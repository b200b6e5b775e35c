"""Money as Hellotext takes it: a decimal amount in major units, rounded to the minor unit, with its currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from django_hellotext.api.types import Money
from django_hellotext.exceptions import ConfigurationError, TrackingError

DEFAULT_EXPONENT = 2
# ISO 4217, the currencies whose minor unit is not a hundredth.
WHOLE = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF")
EXPONENTS = {
    **dict.fromkeys((*WHOLE, "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
MAX_DIGITS = 40  # No price has more; an exponent beyond it would only cost memory.


def to_money(value: Any, *, currency: str | None, where: str) -> Money:
    """Return ``value`` as money, rounded to the minor unit of its currency.

    ``value`` is a Decimal, an int, decimal text, our own ``Money`` or any object with ``amount`` and ``currency``
    (such as py-moneyed's). ``currency`` counts when the value brings none; ``where`` names the adapter and the
    attribute in errors.

    Raises ``ConfigurationError`` for a float, another type, or money without a currency, ``TrackingError`` for
    text that is no number, for an amount that is not finite, and for a currency that is no ISO 4217 code.
    """
    if hasattr(value, "amount") and hasattr(value, "currency"):
        value, currency = value.amount, str(value.currency)
    amount = to_decimal(value, where=where)
    if not currency:
        raise ConfigurationError(
            f"{where}: the amount has no currency. Set `currency` on the adapter, write Money(…, currency=…), "
            "or set HELLOTEXT['CURRENCY']."
        )
    code = str(currency).upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise TrackingError(
            f"{where}: the currency is not an ISO 4217 code such as EUR.",
            reason="currency_invalid",
            parameter="currency",
        )
    return Money(amount=round_to_minor_unit(amount, currency=code), currency=code)


def to_decimal(value: Any, *, where: str) -> Decimal:
    """``value`` as a finite Decimal, exactly. Raises as ``to_money`` does."""
    if isinstance(value, bool | float) or not isinstance(value, Decimal | int | str):
        raise ConfigurationError(
            f"{where}: expected a Decimal, not {type(value).__name__}. A float cannot hold a price exactly."
        )
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
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
