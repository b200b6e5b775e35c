"""What the adjustments of a row mean for its next request."""

from __future__ import annotations

from collections.abc import Iterable

from ..adjustments import AdjustmentKind, Adjustments
from ..models import Kind, RemoteObject

LATER = frozenset({AdjustmentKind.DUPLICATE, AdjustmentKind.REJECTED})
"""The kinds that only Hellotext's answers tell: rendering the object again does not find them."""

_NAMED = frozenset({"emails", "phones", "addresses", "properties", "properties_by_id"})


def without_unread(sent: Iterable[str], adjustments: Adjustments, *, kind: str) -> list[str]:
    """Return those names of ``sent`` that were read: what could not be read stays as it is at Hellotext.

    A contact or property of a profile that is no use any more is taken away there; nothing else is.
    """
    kinds = {AdjustmentKind.ATTRIBUTE_FAILED}
    if kind != Kind.PROFILE:
        kinds.add(AdjustmentKind.LEFT_OUT)
    unread = {_sent_name(one.field) for one in adjustments if one.kind in kinds}
    return [name for name in sent if name not in unread and name.partition("[")[0] not in unread]


def keep_later(row: RemoteObject, adjustments: Adjustments) -> None:
    """Keep the adjustments that were made after the object, which has not changed since, was rendered."""
    for one in Adjustments.from_json(row.adjustments):
        if one.kind in LATER:
            adjustments.add(one)


def _sent_name(field: str) -> str:
    """Return how ``differences.names_of`` calls ``field``: ``properties[Size]`` for ``properties.Size``."""
    name, dot, key = field.partition(".")
    return f"{name}[{key}]" if dot and name in _NAMED else name
