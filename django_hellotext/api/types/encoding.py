"""JSON out and in: exact decimals, no surprise types (demands I5, I6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

import simplejson
from django.utils.duration import duration_iso_string
from django.utils.functional import Promise

from django_hellotext.redaction import Redacted
from django_hellotext.sanitize import storable

from .values import JsonValue

MAX_DEPTH = 50
"""Deepest nesting of a body; more is a cycle or a mistake."""
_MAX_EXPONENT = 40  # digits before or after the point; no amount needs more
_GREATEST = 10 ** (_MAX_EXPONENT + 1)
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode_json(value: Any) -> bytes:
    """Return ``value`` as UTF-8 JSON.

    Takes None, bool, int, finite float, Decimal (written digit for digit), str and lazy str, aware datetime and date
    and time (ISO 8601), timedelta (ISO 8601), UUID, Enum (its value), Money, LineItem, Address, mappings with text
    keys, lists, tuples and sets (sorted). Epoch seconds are made where the contract wants them, in the resources.

    Raises TypeError for any other type, and ValueError for a value that has no safe JSON form (NaN, a naive datetime,
    a lone surrogate, nesting over 50). The text names the path, never the value.
    """
    plain = to_plain(value)
    return simplejson.dumps(
        plain, use_decimal=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()


def to_plain(value: Any, *, path: str = "body") -> Any:
    """Return ``value`` reduced to None, bool, int, float, Decimal, str, list and dict. Raises as encode_json."""
    return _plain(value, path, 0)


def decode_json(data: bytes) -> Any:
    """Return the JSON value in ``data`` (UTF-8), with Decimal for every number with a point.

    Raises ValueError for anything that is not JSON, including NaN, for absurd nesting and absurd numbers.
    """
    try:
        return simplejson.loads(data.decode("utf-8-sig"), use_decimal=True, parse_constant=_refuse_constant)
    except RecursionError:
        problem = "JSON is nested too deeply."
    except ArithmeticError:
        problem = "JSON holds a number that is out of range."
    raise ValueError(problem)


def decode_answer(data: bytes) -> Any:
    """Return the JSON value in ``data`` as each database takes it; see ``storable``. Raises as decode_json."""
    return storable(decode_json(data))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")


def _plain(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"{_short(path)} is nested more than {MAX_DEPTH} levels deep.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Redacted):
        raise TypeError(f"{path} is a secret and cannot be sent as data.")
    if isinstance(value, Enum):
        return _plain(value.value, path, depth + 1)
    if isinstance(value, (str, Promise)):
        return _text(str(value), path)
    if isinstance(value, (int, float, Decimal)):
        return _number(value, path)
    if isinstance(value, (datetime, date, time, timedelta)):
        return _moment(value, path)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, JsonValue):
        return _plain(value.to_json(), path, depth + 1)
    if isinstance(value, Mapping):
        return {_key(key, path): _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, Set):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise TypeError(f"{_short(path)} has type {type(value).__name__}, which cannot be sent as JSON.")


def _text(value: str, path: str) -> str:
    if _SURROGATE.search(value):
        raise ValueError(f"{_short(path)} holds a lone surrogate, which is not valid Unicode.")
    return value


def _key(key: Any, path: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, (str, Promise)):
        return _text(str(key), path)
    if isinstance(key, (int, UUID)) and not isinstance(key, bool):
        return str(key)
    raise TypeError(f"{_short(path)} has a key of type {type(key).__name__}; JSON keys are texts.")


def _number(value: float | Decimal, path: str) -> Any:
    if isinstance(value, int):
        if abs(value) >= _GREATEST:
            raise ValueError(f"{_short(path)} has more than {_MAX_EXPONENT} digits on one side of the point.")
        return int(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{_short(path)} is not a finite number.")
        return float(value)
    if not value.is_finite():
        raise ValueError(f"{_short(path)} is not a finite number.")
    if abs(value.adjusted()) > _MAX_EXPONENT or -value.as_tuple().exponent > _MAX_EXPONENT:  # type: ignore[operator]
        raise ValueError(f"{_short(path)} has more than {_MAX_EXPONENT} digits on one side of the point.")
    return value if value.as_tuple().exponent in range(-6, 1) else _Fixed(format(value, "f"))


class _Fixed(Decimal):
    """A Decimal written without an exponent: 100, not 1E+2."""

    def __str__(self) -> str:
        return format(self, "f")


def _moment(value: date | time | timedelta, path: str) -> str:
    if isinstance(value, timedelta):
        return duration_iso_string(value)
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(f"{_short(path)} is a datetime without a time zone.")
    return value.isoformat()


def _short(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:117]}..."
