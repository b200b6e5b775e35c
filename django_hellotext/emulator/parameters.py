"""The parameters of a request, which remember what was asked of them, so that ignored ones can be named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

MOST_IGNORED = 50  # names in a log entry


class Parameters(dict[str, Any]):
    """A JSON object, or a form read as one; ``known`` are the names that a handler looked for.

    Iterating and copying do not count. An object that no handler looked into is free-form, such as ``metadata``.
    """

    __slots__ = ("known",)

    def __init__(self, pairs: Iterable[tuple[str, Any]] = (), *, known: set[str] | None = None) -> None:
        super().__init__(pairs)
        self.known: set[str] = set() if known is None else known

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self.known.add(name)
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        self.known.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, which counts as known from now on."""
        self.known.add(name)
        return super().get(name, default)


def parameters_of(data: dict[str, Any]) -> Parameters:
    """Return ``data``, and every object in it, as parameters of which none is known yet."""
    return Parameters((name, _inside(value)) for name, value in data.items())


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return parameters_of(value)
    return [_inside(entry) for entry in value] if isinstance(value, list) else value


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return ``data`` without some parameters; what is known of the copy is known of ``data``."""
    kept = [(name, value) for name, value in data.items() if name not in names]
    return Parameters(kept, known=data.known if isinstance(data, Parameters) else None)


def with_defaults(data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` with what it leaves out; what is known of the copy is known of ``data``."""
    return Parameters({**defaults, **data}.items(), known=data.known if isinstance(data, Parameters) else None)


def accept(data: dict[str, Any]) -> None:
    """Count every parameter of ``data`` as known, as when it names an object that exists already."""
    if isinstance(data, Parameters):
        data.known.update(data)


def ignored(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the parameters that no handler looked for, such as ``items[0][colour]``."""
    if not isinstance(data, Parameters):
        return ()
    return tuple(name for name, _ in zip(_unknown(data), range(MOST_IGNORED), strict=False))


def _unknown(data: Parameters, prefix: str = "") -> Iterator[str]:
    for name, value in data.items():
        shown = f"{prefix}[{name}]" if prefix else name
        if name not in data.known:
            yield shown
            continue
        entries = [(shown, value)]
        if isinstance(value, list):
            entries = [(f"{shown}[{place}]", entry) for place, entry in enumerate(value)]
        for where, entry in entries:
            if isinstance(entry, Parameters) and entry.known:
                yield from _unknown(entry, where)
