"""Money as the contract wants it: a decimal amount in major units, always with its currency (demand I5)."""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
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
    """``value`` as money.

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
    return Money(amount=normalise(amount, currency=code), currency=code)


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


def normalise(amount: Decimal, *, currency: str) -> Decimal:
    """``amount`` with the decimals of its currency, so that equal prices look equal; never rounded.

    An amount finer than the currency's minor unit keeps its digits and loses only trailing zeros.
    """
    places = Decimal(1).scaleb(-EXPONENTS.get(currency, DEFAULT_EXPONENT))
    # Wide enough for every digit of the amount: the default context would refuse or round a long one.
    context = Context(prec=len(amount.as_tuple().digits) + 2 * MAX_DIGITS)
    quantized = amount.quantize(places, context=context)
    return quantized if quantized == amount else amount.normalize(context)
