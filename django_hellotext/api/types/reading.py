"""Tolerant reading of answers: what is missing or strange becomes None or empty, only a missing ID is an error.

Sources differ in names and in types (contract, "Where the sources disagree"); both are read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")
Raw = Mapping[str, Any]


class Unreadable(ValueError):
    """The answer lacks what the result cannot be without. The text names it."""


def read_id(raw: Raw, key: str = "id") -> str:
    """Return the ID under ``key``. Raises Unreadable when there is none."""
    value = raw.get(key)
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable(f"The answer has no {key}.")


def read_text(raw: Raw, *keys: str) -> str | None:
    """Return the first text under one of ``keys`` (a number is taken as its digits)."""
    for key in keys:
        value = raw.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            return str(value)
    return None


def read_flag(raw: Raw, key: str) -> bool | None:
    """Return a JSON boolean."""
    value = raw.get(key)
    return value if isinstance(value, bool) else None


def read_integer(raw: Raw, key: str) -> int | None:
    """Return a JSON integer."""
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_decimal(raw: Raw, key: str) -> Decimal | None:
    """Return an amount that came as a number or as a decimal string."""
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal, float)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def read_time(raw: Raw, key: str) -> datetime | None:
    """Return an aware UTC datetime from epoch seconds (a number or digits) or ISO 8601 with a zone."""
    value = raw.get(key)
    if isinstance(value, bool) or value is None:
        return None
    seconds = read_decimal(raw, key)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(float(seconds), UTC)
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_texts(raw: Raw, key: str) -> tuple[str, ...]:
    """Return the texts of a JSON array."""
    value = raw.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def read_mapping(raw: Raw, key: str) -> dict[str, Any]:
    """Return a JSON object, or an empty one."""
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def read_object(raw: Raw, key: str, build: Callable[[Raw], T]) -> T | None:
    """Return the object under ``key``, built; None when there is none or it cannot be read."""
    value = raw.get(key)
    if not isinstance(value, dict):
        return None
    try:
        return build(value)
    except Unreadable:
        return None


def read_objects(raw: Raw, key: str, build: Callable[[Raw], T]) -> tuple[T, ...]:
    """Return the objects of an array, built; those that cannot be read stay in ``raw`` only."""
    value = raw.get(key)
    if not isinstance(value, list):
        return ()
    built: list[T] = []
    for item in value:
        if not isinstance(item, dict):
            continue
        try:
            built.append(build(item))
        except Unreadable:
            continue
    return tuple(built)
