"""What the adjustments of a row mean for its next request."""

from __future__ import annotations

from collections.abc import Iterable

from ..adjustments import AdjustmentKind, Adjustments
from ..models import RemoteObject

LATER = frozenset({AdjustmentKind.DUPLICATE, AdjustmentKind.REJECTED})
"""The kinds that only Hellotext's answers tell: rendering the object again does not find them."""

# How ``differences.names_of`` calls what adjustments call by the name of one value.
_SENT_AS = {"email": "emails", "phone": "phones", "property": "properties", "property_by_id": "properties_by_id"}


def without_failed(sent: Iterable[str], adjustments: Adjustments) -> list[str]:
    """Return those names of ``sent`` whose value was read: what could not be read stays as it is at Hellotext."""
    failed = {_sent_name(one.field) for one in adjustments if one.kind == AdjustmentKind.ATTRIBUTE_FAILED}
    return [name for name in sent if name not in failed and name.partition("[")[0] not in failed]


def keep_later(row: RemoteObject, adjustments: Adjustments) -> None:
    """Keep the adjustments that were made after the object, which has not changed since, was rendered."""
    for one in Adjustments.from_json(row.adjustments):
        if one.kind in LATER:
            adjustments.add(one)


def _sent_name(field: str) -> str:
    name, bracket, key = field.partition("[")
    return f"{_SENT_AS.get(name, name)}[{key}" if bracket else name
