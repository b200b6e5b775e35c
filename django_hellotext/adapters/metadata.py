"""Metadata: whatever a shop keeps there becomes JSON, and what cannot is left out, entry by entry."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Set
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.utils.functional import Promise

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types.values import JsonValue
from django_hellotext.redaction import Redacted

from .failures import read_or_leave_out
from .money import MAX_DIGITS
from .texts import cleaned

MAX_DEPTH = 20  # levels; nothing that people read is deeper
LONGEST_TEXT = 65_535  # characters of one text
_OUT: Final = object()


def usable(value: Mapping[Any, Any], *, field: str) -> dict[str, Any]:
    """Return ``value`` with text keys and with values that can be written as JSON; adjustments name what was not.

    Decimals, dates and times stay what they are. Takes a cycle and any depth.
    """
    found = _usable(value, field, ())
    return found if isinstance(found, dict) else {}


def _usable(value: Any, field: str, above: tuple[int, ...]) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Redacted):
        return _left_out(field, "It is a secret.")
    if isinstance(value, str | Promise):
        return _text(str(value), field)
    if isinstance(value, JsonValue):
        value = value.to_json()
    if value is None or isinstance(value, bool | UUID | datetime.date | datetime.timedelta):
        return value
    if isinstance(value, int | float | Decimal):
        return _number(value, field)
    if isinstance(value, datetime.time):
        return value if value.tzinfo is None else value.isoformat()
    if not isinstance(value, Mapping | Set | list | tuple):
        return _left_out(field, f"A {type(value).__name__} cannot be written as JSON.")
    if id(value) in above or len(above) >= MAX_DEPTH:
        return _left_out(field, f"It is nested more than {MAX_DEPTH} levels deep.")
    within = (*above, id(value))
    if isinstance(value, Mapping):
        return _mapping(value, field, within)
    entries = sorted(value, key=str) if isinstance(value, Set) else value
    found = (_usable(entry, f"{field}[{place}]", within) for place, entry in enumerate(entries))
    return [entry for entry in found if entry is not _OUT]


def _mapping(value: Mapping[Any, Any], field: str, within: tuple[int, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in value.items():
        text = read_or_leave_out(f"{field} (name)", partial(str, key.value if isinstance(key, Enum) else key))
        if text is None:
            continue
        name = cleaned(text, field=f"{field} (name)")
        usable_entry = _usable(entry, f"{field}.{name}", within)
        if usable_entry is not _OUT:
            found[name] = usable_entry
    return found


def _text(text: str, field: str) -> str:
    found = cleaned(text, field=field, lines=True)
    if len(found) <= LONGEST_TEXT:
        return found
    adjust(field, AdjustmentKind.SHORTENED, f"It is longer than {LONGEST_TEXT} characters.", found)
    return found[:LONGEST_TEXT]


def _number(value: float | Decimal, field: str) -> Any:
    # Not math.isfinite for all of them: a signaling NaN and a very large int raise there.
    is_finite = value.is_finite() if isinstance(value, Decimal) else isinstance(value, int) or math.isfinite(value)
    if not is_finite:
        return _left_out(field, "It is no finite number.")
    size = abs(value.adjusted()) if isinstance(value, Decimal) else math.log10(abs(value)) if value else 0
    if abs(size) > MAX_DIGITS:
        return _left_out(field, f"It has more than {MAX_DIGITS} digits.")
    return value


def _left_out(field: str, why: str) -> Any:
    adjust(field, AdjustmentKind.LEFT_OUT, why)
    return _OUT
