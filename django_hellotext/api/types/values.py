"""Values that callers hand to the client: money, lines, addresses, and the mark for "not given"."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from typing import Any, Final

_CURRENCY = re.compile(r"[A-Z]{3}")


class Unset(Enum):
    """Type of :data:`UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Default of every optional argument: the parameter is not sent. ``None`` is sent as JSON null, where allowed."""


class JsonValue(ABC):
    """A value that knows its JSON shape; :func:`~django_hellotext.api.types.encode_json` asks for it."""

    __slots__ = ()

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The value as a mapping of JSON names to encodable values."""


def check_currency(name: str, value: object) -> str:
    """Return an ISO 4217 code. Raises TypeError or ValueError naming ``name``."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str such as 'EUR', not {type(value).__name__}.")
    if not _CURRENCY.fullmatch(value):
        raise ValueError(f"{name} must be three capital letters (ISO 4217), such as 'EUR'.")
    return str(value)


def check_decimal(name: str, value: object) -> Decimal:
    """Return a finite Decimal. A float is refused: it has already lost the amount (demand I5)."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        raise TypeError(f"{name} must be a Decimal or an int, not {type(value).__name__}.")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{name} must be a finite number.")
    return number


@dataclass(frozen=True, slots=True)
class Money(JsonValue):
    """An amount in major units (89.90, not 8990) with its ISO 4217 currency.

    Raises TypeError for a float amount, ValueError for a currency that is not three capital letters.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", check_decimal("amount", self.amount))
        object.__setattr__(self, "currency", check_currency("currency", self.currency))

    def to_json(self) -> dict[str, Any]:
        """``{"amount": 89.90, "currency": "EUR"}``; the conversion is worked out by Hellotext."""
        return {"amount": self.amount, "currency": self.currency}


@dataclass(frozen=True, slots=True)
class LineItem(JsonValue):
    """One line of a cart or an order.

    ``product``: ID, reference or SKU of a product or variant. ``quantity``: number of units. ``price``: the unit
    price charged; taken from the product when None. Put a product on one line only (contract: LineInput).
    """

    product: str
    quantity: Decimal | int = 1
    price: Money | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.product, str):
            raise TypeError(f"product must be a str, not {type(self.product).__name__}.")
        if not self.product:
            raise ValueError("product must not be empty.")
        check_decimal("quantity", self.quantity)
        if self.price is not None and not isinstance(self.price, Money):
            raise TypeError(f"price must be a Money or None, not {type(self.price).__name__}.")

    def to_json(self) -> dict[str, Any]:
        """The contract's LineInput; a missing price is left out."""
        line: dict[str, Any] = {"product": self.product, "quantity": self.quantity}
        if self.price is not None:
            line["price"] = self.price
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(JsonValue):
    """A postal address, both as sent and as read. ``country`` is an ISO 3166 alpha-2 code.

    ``suggest`` is a one-line address for Hellotext to split; it is only sent, never read back.
    """

    city: str | None = None
    country: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    notes: str | None = None
    postal_code: str | None = None
    region: str | None = None
    street_name: str | None = None
    street_number: str | None = None
    subregion: str | None = None
    suggest: str | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            if item.name in ("latitude", "longitude"):
                check_decimal(item.name, value)
            elif not isinstance(value, str):
                raise TypeError(f"{item.name} must be a str, not {type(value).__name__}.")

    def __repr__(self) -> str:
        # An address is personal data (demand I1).
        return f"{type(self).__name__}(<redacted>)"

    def to_json(self) -> dict[str, Any]:
        """The contract's AddressInput; what is None is left out."""
        plain = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if not item.name.startswith("street_") and getattr(self, item.name) is not None
        }
        street = {"name": self.street_name, "number": self.street_number}
        given = {key: value for key, value in street.items() if value is not None}
        return {**plain, "street": given} if given else plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(JsonValue):
    """A variant to create together with its product (contract: VariantAttributes).

    ``image_url``: public http(s) URL. ``source``: the same as the product's.
    """

    name: str | None = None
    image_url: str | None = None
    metadata: Mapping[str, Any] | None = None
    price: Money | None = None
    reference: str | None = None
    sku: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        expected: dict[str, type[Any]] = {"metadata": Mapping, "price": Money}
        for item in fields(self):
            value = getattr(self, item.name)
            kind = expected.get(item.name, str)
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{item.name} must be a {kind.__name__}, not {type(value).__name__}.")

    def to_json(self) -> dict[str, Any]:
        """What is None is left out."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
