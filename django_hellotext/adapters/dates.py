"""Values of properties: dates in Hellotext's shape, and nothing that cannot be sent."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types import encode_json
from django_hellotext.conf import hellotext_settings

from .texts import cleaned, shortened

DATES = frozenset({"date", "birthday"})
PARTS = ("day", "month", "year")
MOST_CHARACTERS = 65_535
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?", re.ASCII | re.DOTALL)
_LEAP_YEAR = 2000  # a day and month without a year may be 29 February


def kind_of(name: str) -> str | None:
    """Return the kind of the property ``name``, as far as ``HELLOTEXT["PROPERTIES"]`` or Hellotext itself fixes it."""
    for known, says in hellotext_settings.PROPERTIES.items():
        if known.casefold() == name.casefold():
            return says if isinstance(says, str) else says.get("kind")
    return "birthday" if name.casefold() == "birthday" else None


def property_value(field: str, value: Any, *, kind: str | None) -> Any:
    """Return ``value`` of a property as Hellotext takes it; ``None`` if it cannot be sent, with an adjustment.

    A date becomes ``{"day", "month", "year"}``, unless the property is known to be text. ISO text becomes one where
    the property is known to be a date.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime.date):
        if kind not in (None, *DATES):
            return value.isoformat()
        return _day(value)
    if kind in DATES:
        return _date(field, value)
    if isinstance(value, str):
        return value if value.isprintable() and len(value) < MOST_CHARACTERS else _text(field, value)
    if isinstance(value, int) or value is None:
        return value
    try:
        encode_json(value)
    except (TypeError, ValueError) as error:
        reason = f"This value cannot be sent: {type(error).__name__}."
        adjust(field, AdjustmentKind.LEFT_OUT, reason, type(value).__name__)
        return None
    return value


def _text(field: str, value: str) -> str:
    return shortened(cleaned(value, field=field, lines=True), field=field, longest=MOST_CHARACTERS)


def _day(value: datetime.date) -> dict[str, int]:
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        value = value.astimezone(timezone.get_default_timezone())
    return {"day": value.day, "month": value.month, "year": value.year}


def _date(field: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        parts = {str(name): part for name, part in value.items() if part is not None and part != ""}
    else:
        found = _ISO.fullmatch(str(value).strip())
        parts = dict(zip(("year", "month", "day"), map(int, found.groups()), strict=True)) if found else {}
    if parts and parts.keys() <= set(PARTS) and _is_possible(parts):
        return {name: int(parts[name]) for name in PARTS if name in parts}
    adjust(field, AdjustmentKind.LEFT_OUT, "This is not a possible date.", value)
    return None


def _is_possible(parts: Mapping[str, Any]) -> bool:
    """Return whether the parts of a date, of which some may be missing, can stand together."""
    try:
        numbers = {name: int(part) for name, part in parts.items()}
        datetime.date(numbers.get("year", _LEAP_YEAR), numbers.get("month", 1), numbers.get("day", 1))
    except (TypeError, ValueError):
        return False
    return True
