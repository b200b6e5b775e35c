"""The parameters of a request, which remember what was asked of them, so that ignored ones can be named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MOST_IGNORED = 50  # names in a log entry


class Parameters(dict[str, Any]):
    """A JSON object, or a form read as one, that remembers which parameters a handler looked for.

    Iterating and copying do not count. An object that no handler looked into is free-form, such as ``metadata``.
    """

    __slots__ = ("_known",)
    _known: set[object]

    def know(self, names: Iterable[object]) -> None:
        """Count ``names`` as looked for."""
        self.known.update(names)

    @property
    def known(self) -> set[object]:
        """The names that a handler looked for."""
        try:
            return self._known
        except AttributeError:  # made at the first question, which saves time for all other objects
            self._known = set()
            return self._known

    def __contains__(self, name: object) -> bool:
        self.known.add(name)
        return dict.__contains__(self, name)

    def __getitem__(self, name: str) -> Any:
        self.known.add(name)
        return dict.__getitem__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, which counts as known from now on."""
        self.known.add(name)
        return dict.get(self, name, default)

    def copy_with(self, values: dict[str, Any]) -> Parameters:
        """Return ``values`` as parameters; what is known of them is known of these."""
        other = Parameters(values)
        other._known = self.known
        return other


def parameters_of(data: dict[str, Any]) -> Parameters:
    """Return ``data``, and every object in it, as parameters of which none is known yet."""
    return Parameters((name, _inside(value)) for name, value in data.items())


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return parameters_of(value)
    return [_inside(entry) for entry in value] if isinstance(value, list) else value


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return ``data`` without some parameters; what is known of the copy is known of ``data``."""
    kept = {name: value for name, value in data.items() if name not in names}
    return data.copy_with(kept) if isinstance(data, Parameters) else kept


def with_defaults(data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` with what it leaves out; what is known of the copy is known of ``data``."""
    filled = {**defaults, **data}
    return data.copy_with(filled) if isinstance(data, Parameters) else filled


def accept(data: dict[str, Any]) -> None:
    """Count every parameter of ``data`` as known, as when it names an object that exists already."""
    if isinstance(data, Parameters):
        data.know(data)


def ignored(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the parameters that no handler looked for, such as ``items[0][colour]``."""
    found: list[str] = []
    if isinstance(data, Parameters) and data:
        _add_unknown(data, "", found)
    return tuple(found[:MOST_IGNORED])


def _add_unknown(data: Parameters, prefix: str, found: list[str]) -> None:
    known = data.known
    for name, value in data.items():
        if name in known and not isinstance(value, dict | list):
            continue
        shown = f"{prefix}[{name}]" if prefix else name
        if name not in known:
            found.append(shown)
        elif isinstance(value, list):
            for place, entry in enumerate(value):
                if isinstance(entry, Parameters) and entry.known:
                    _add_unknown(entry, f"{shown}[{place}]", found)
        elif isinstance(value, Parameters) and value.known:
            _add_unknown(value, shown, found)
