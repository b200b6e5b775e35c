"""Answers that are JSON and hold what a database cannot: a lone surrogate, a NUL, an ID that is too long."""

from __future__ import annotations

import re
from typing import Any

LONG_ID = 300  # characters
_MARK = "\ue000"
_ESCAPES = {"surrogate": rb"\ud83d", "nul": rb"\u0000"}
_KEPT = re.compile(r"id|type|.*_id|.*_type|hellotext_uuid")


def mark(payload: Any, body: str) -> Any:
    """Return ``payload`` with the damage of a fault with this ``body``; ``write_marks`` completes it."""
    if body == "long_id":
        is_object = isinstance(payload, dict) and "id" in payload
        return {**payload, "id": (str(payload["id"]) * LONG_ID)[:LONG_ID]} if is_object else payload
    return _mark_texts(payload)


def write_marks(answer: bytes, body: str) -> bytes:
    """Return the JSON in ``answer`` with each mark as the escape that stands for the character."""
    return answer.replace(_MARK.encode(), _ESCAPES.get(body, b""))


def _mark_texts(value: Any) -> Any:
    if isinstance(value, str):
        return value + _MARK
    if isinstance(value, dict):
        return {name: item if _KEPT.fullmatch(name) else _mark_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_mark_texts(item) for item in value]
    return value
