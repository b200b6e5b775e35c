"""The values of a profile, as Hellotext takes them. One that cannot be sent is left out, and the others go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django_hellotext.adjustments import AdjustmentKind, adjust

from . import contacts
from .dates import kind_of, property_value
from .failures import read_or_leave_out
from .postal import address_of, line_of
from .texts import cleaned, shortened
from .values import is_empty, names

_MAPPINGS = frozenset({"emails", "phones", "addresses", "properties", "properties_by_id"})


def usable(payload: Mapping[str, Any], *, region: object, customer: Any = None, where: str) -> dict[str, Any]:
    """Return ``payload`` of a profile with its values made sure of. Arguments as for ``contacts.usable``."""
    found: dict[str, Any] = {}
    for name, value in payload.items():
        if is_empty(value):
            continue
        if name in _MAPPINGS and not isinstance(value, Mapping):
            adjust(name, AdjustmentKind.LEFT_OUT, "This is no mapping.", type(value).__name__)
            continue
        clean = _CLEAN.get(name)
        if clean is None:
            found[name] = value
            continue
        # Text is no code of the shop's, and most values are text.
        kept = clean(value) if isinstance(value, str) else read_or_leave_out(name, partial(clean, value))
        if not is_empty(kept):
            found[name] = kept
    return contacts.usable(found, region=region, customer=customer, where=where)


def _short(name: str) -> Callable[[Any], Any]:
    return lambda value: _line(name, str(value))


def _line(name: str, text: str) -> str:
    return shortened(cleaned(text, field=name), field=name)


def _lists(value: Any) -> list[str]:
    return list(dict.fromkeys(_line("lists", one) for one in names(value, where="lists")))


def _addresses(value: Any) -> Any:
    return _each(value, lambda key, one: line_of(f"addresses[{key}]", one))


def _properties(value: Any) -> Any:
    return _each(value, lambda key, one: property_value(f"property[{key}]", one, kind=kind_of(key)))


def _properties_by_id(value: Any) -> Any:
    return _each(value, lambda key, one: property_value(f"property_by_id[{key}]", one, kind=None))


def _each(values: Mapping[Any, Any], clean: Callable[[str, Any], Any]) -> dict[str, Any]:
    found = {str(key): clean(str(key), value) for key, value in values.items()}
    return {key: value for key, value in found.items() if not is_empty(value)}


_CLEAN: Mapping[str, Callable[[Any], Any]] = {
    "first_name": _short("first_name"),
    "last_name": _short("last_name"),
    "address": lambda value: address_of("address", value),
    "addresses": _addresses,
    "lists": _lists,
    "properties": _properties,
    "properties_by_id": _properties_by_id,
}
