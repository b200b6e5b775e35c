"""Readers of parameters: each takes a value and its name and returns it clean, or raises ``Bad``.

The types are those of the contract's schemas. Objects are open there: unknown parameters are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from .parameters import Parameters
from .refusals import Problem, gather

LONGEST_TEXT = 65_535  # characters
LONGEST_KEY = 255  # characters of an id, reference, SKU, name
MOST_ITEMS = 1_000
LATEST_EPOCH = 99_999_999_999  # seconds; a greater value is milliseconds, which the contract forbids
GREATEST_AMOUNT = Decimal(10) ** 15
GREATEST_QUANTITY = 1_000_000
_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_EPOCH = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

_ABSENT = object()

Reader = Callable[[Any, str], Any]


class FormText(str):
    """A value of a form-encoded body, which may stand for a number or a flag."""

    __slots__ = ()


class Bad(Exception):
    """One parameter is refused."""

    def __init__(self, type_: str, message: str, parameter: str) -> None:
        super().__init__(type_, message, parameter)
        self.problem = Problem(type_, message, parameter)


def read(
    data: dict[str, Any],
    spec: Mapping[str, Reader],
    *,
    required: Collection[str] = (),
    null_is_empty: bool = True,
) -> dict[str, Any]:
    """Return the parameters of ``spec`` that ``data`` gives, cleaned.

    ``null_is_empty``: null for a required one is ``parameter_invalid_empty``, not ``invalid``. Raises ``Refused`` with
    every problem found, not only the first.
    """
    if isinstance(data, Parameters):
        data.know(spec)
    # Asked of the dict itself, because each question to the parameters takes time.
    problems = [
        Problem("parameter_missing", "This parameter is required.", name)
        for name in required
        if not dict.__contains__(data, name)
    ]
    values: dict[str, Any] = {}
    for name, reader in spec.items():
        value = dict.get(data, name, _ABSENT)
        if value is _ABSENT:
            continue
        if value is None and null_is_empty and name in required:
            problems.append(Problem("parameter_invalid_empty", "This parameter must not be empty.", name))
            continue
        try:
            values[name] = reader(value, name)
        except Bad as bad:
            problems.append(bad.problem)
    gather(problems)
    return values


def text(*, null: bool = False, empty: bool = False, longest: int = LONGEST_TEXT) -> Reader:
    """Return a reader of strings; ``null`` and ``empty`` say whether these are welcome."""

    def reader(value: Any, name: str) -> str | None:
        if value is None and null:
            return None
        if not isinstance(value, str):
            raise Bad("invalid", "This must be a string.", name)
        if not value.strip() and not empty:
            raise Bad("parameter_invalid_empty", "This parameter must not be empty.", name)
        if len(value) > longest:
            raise Bad("invalid", f"This must not be longer than {longest} characters.", name)
        return str(value)

    return reader


def key(*, null: bool = False) -> Reader:
    """Return a reader of short strings: ids, names, SKUs."""
    return text(null=null, longest=LONGEST_KEY)


def reference() -> Reader:
    """Return a reader of references: a short string, an integer (events send them), or null."""
    short = text(null=True, longest=LONGEST_KEY)

    def reader(value: Any, name: str) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        found: str | None = short(value, name)
        return found

    return reader


def flag() -> Reader:
    """Return a reader of true and false."""

    def reader(value: Any, name: str) -> bool:
        if isinstance(value, FormText) and value in {"true", "false", "1", "0"}:
            return value in {"true", "1"}
        if not isinstance(value, bool):
            raise Bad("invalid", "This must be true or false.", name)
        return value

    return reader


def integer(*, least: int, most: int) -> Reader:
    """Return a reader of whole numbers from ``least`` to ``most``."""

    def reader(value: Any, name: str) -> int:
        if isinstance(value, FormText) and re.fullmatch(r"-?[0-9]{1,15}", value, re.ASCII):
            value = int(value)
        if isinstance(value, Decimal) and value == value.to_integral_value() and abs(value) < GREATEST_AMOUNT:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Bad("invalid", "This must be a whole number.", name)
        if not least <= value <= most:
            raise Bad("invalid", f"This must be from {least} to {most}.", name)
        return value

    return reader


def decimal_of(value: Any, name: str, *, strings: bool) -> Decimal:
    """Return a number, or with ``strings`` also a decimal string, as Decimal."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Bad("invalid", "This must be a number.", name)
    if isinstance(value, str) and not ((strings or isinstance(value, FormText)) and _AMOUNT.fullmatch(value)):
        raise Bad("invalid", "This must be a decimal number.", name)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Bad("invalid", "This must be a number.", name) from None
    exponent = number.as_tuple().exponent
    if abs(number) >= GREATEST_AMOUNT or not isinstance(exponent, int) or exponent < -20:
        raise Bad("invalid", "This number is out of range.", name)
    return number


def plain(number: Decimal) -> str:
    """Return a Decimal without an exponent: ``Decimal("1E+2")`` becomes ``"100"``."""
    return format(number, "f")


def quantity(*, zero: bool = False, whole: bool = True) -> Reader:
    """Return a reader of quantities; they are above zero (or zero, where a line may be emptied), and whole numbers."""

    def reader(value: Any, name: str) -> int | Decimal:
        number = decimal_of(value, name, strings=False)
        if number < 0 or (number == 0 and not zero) or number > GREATEST_QUANTITY:
            raise Bad("invalid", f"This must be greater than zero, and at most {GREATEST_QUANTITY}.", name)
        if number == number.to_integral_value():
            return int(number)
        if whole:
            raise Bad("invalid", "This must be a whole number.", name)
        return number

    return reader


def currency() -> Reader:
    """Return a reader of ISO 4217 codes."""

    def reader(value: Any, name: str) -> str:
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            raise Bad("invalid", "This must be an ISO 4217 code of three capitals.", name)
        return str(value)

    return reader


def amount() -> Reader:
    """Return a reader of an event's amount: a number, never a string (contract, EventCommon)."""

    def reader(value: Any, name: str) -> str:
        return plain(decimal_of(value, name, strings=False))

    return reader


def money(*, default_currency: str, null_is_empty: bool = True) -> Reader:
    """Return a reader of ``{"amount", "currency"}``, kept as a decimal string and a code.

    The converted amount and currency are Hellotext's own business and have no effect.
    """

    def reader(value: Any, name: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Bad("invalid", "This must be an object with amount and currency.", name)
        if "amount" not in value:
            raise Bad("parameter_missing", "This parameter is required.", f"{name}[amount]")
        if value["amount"] is None and null_is_empty:
            raise Bad("parameter_invalid_empty", "This parameter must not be empty.", f"{name}[amount]")
        for converted in ("converted_amount", "converted_currency"):
            value.get(converted)  # known to the API
        number = decimal_of(value["amount"], f"{name}[amount]", strings=True)
        code = currency()(value.get("currency", default_currency), f"{name}[currency]")
        return {"amount": plain(number), "currency": code}

    return reader


def texts() -> Reader:
    """Return a reader of lists of strings; equal ones are kept once."""
    one = text(longest=LONGEST_KEY)

    def reader(value: Any, name: str) -> list[str]:
        if isinstance(value, FormText):
            value = [value]
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            raise Bad("invalid", f"This must be a list of at most {MOST_ITEMS} strings.", name)
        return list(dict.fromkeys(one(entry, name) for entry in value))

    return reader


def objects() -> Reader:
    """Return a reader of lists of objects."""

    def reader(value: Any, name: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            raise Bad("invalid", f"This must be a list of at most {MOST_ITEMS} objects.", name)
        if not all(isinstance(entry, dict) for entry in value):
            raise Bad("invalid", "Every entry must be an object.", name)
        return value

    return reader


def mapping() -> Reader:
    """Return a reader of JSON objects."""

    def reader(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Bad("invalid", "This must be an object.", name)
        return value

    return reader


def web_address(*, null: bool = False) -> Reader:
    """Return a reader of http(s) addresses."""
    one = text(null=null, longest=2_048)

    def reader(value: Any, name: str) -> str | None:
        address: str | None = one(value, name)
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            fine = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            fine = False
        if not fine or re.search(r"\s", address):
            raise Bad("invalid", "This must be an http or https address.", name)
        return address

    return reader


def choice(*values: str) -> Reader:
    """Return a reader of one of ``values``."""

    def reader(value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in values:
            raise Bad("invalid", f"This must be one of {', '.join(values)}.", name)
        return str(value)

    return reader


def moment() -> Reader:
    """Return a reader of times, as epoch seconds: an integer, or ISO 8601 with a time zone."""
    seconds = integer(least=-LATEST_EPOCH, most=LATEST_EPOCH)

    def reader(value: Any, name: str) -> int:
        if isinstance(value, FormText) and _EPOCH.fullmatch(value):
            value = int(value)
        if not isinstance(value, str):
            whole: int = seconds(value, name)
            return whole
        try:
            when = datetime.fromisoformat(value)
            if when.tzinfo is not None:
                return int(when.timestamp())
        except (ValueError, OverflowError):
            pass
        raise Bad("invalid", "This must be epoch seconds, or ISO 8601 with a time zone.", name)

    return reader
