"""Payloads together with the adjustments that rendering them made."""

from __future__ import annotations

from typing import Any

from django_hellotext.adapters import Adapter
from django_hellotext.adjustments import Adjustments, collecting


def rendered(adapter: Adapter, obj: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the payload of ``obj``, and field and kind of each adjustment."""
    with collecting() as found:
        payload = adapter.payload(obj)
    return payload, made(found)


def made(found: Adjustments) -> list[tuple[str, str]]:
    """Return field and kind of each adjustment."""
    return [(one.field, one.kind) for one in found]
