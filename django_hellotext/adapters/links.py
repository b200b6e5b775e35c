"""Pointers from one payload to other mirrored objects.

An adapter does not know remote IDs. Where a payload needs one it puts a ``Link``; delivery syncs what the
links name first (promise 4) and then puts the remote IDs in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Link:
    """Another mirrored object of the host.

    ``kind``: the remote kind, such as ``"profile"``. ``label``: the lower-case label of the concrete host model,
    such as ``"shop.book"``. ``pk``: the host's primary key as text. A guest is the profile of the order or cart
    that names it: kind ``"profile"`` with the label and key of that object.

    ``title`` names a placeholder. ``stand_in`` is the placeholder for a product of a line that cannot be sent. Neither
    tells links apart.
    """

    kind: str
    label: str
    pk: str
    title: str = field(default="", compare=False)
    stand_in: Link | None = field(default=None, compare=False, repr=False)


def links(payload: Any) -> list[Link]:
    """All links of ``payload`` in the order of their first appearance, each once."""
    return list(dict.fromkeys(_walk(payload)))


def resolve(payload: Any, mapping: Mapping[Link, str]) -> Any:
    """A copy of ``payload`` in which each link is replaced by its remote ID.

    Raises ``KeyError`` with the link when ``mapping`` does not know it.
    """
    if isinstance(payload, Link):
        return mapping[payload]
    if isinstance(payload, Mapping):
        return {key: resolve(value, mapping) for key, value in payload.items()}
    if isinstance(payload, list | tuple):
        return [resolve(value, mapping) for value in payload]
    return payload


def _walk(payload: Any) -> Iterator[Link]:
    if isinstance(payload, Link):
        yield payload
    elif isinstance(payload, Mapping):
        for value in payload.values():
            yield from _walk(value)
    elif isinstance(payload, list | tuple):
        for value in payload:
            yield from _walk(value)
