"""The parts of a guest, read one by one: a bad one does not cost the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import contacts, values
from .failures import read_or_leave_out
from .fields import Guest

if TYPE_CHECKING:
    from .base import Adapter


def parts_of(adapter: Adapter, obj: Any, guest: Guest, *, where: str) -> dict[str, Any]:
    """Return what ``guest`` says of ``obj``, by the names of its parts, without those that are empty."""
    found: dict[str, Any] = {}
    for name, spec in vars(guest).items():
        if spec is None:
            continue
        value = read_or_leave_out(f"guest.{name}", partial(_read, adapter, obj, name, spec, where), obj)
        if value:
            found[name] = value
    return found


def _read(adapter: Adapter, obj: Any, name: str, spec: Any, where: str) -> Any:
    value = adapter.read(obj, spec, where=where)
    # A country may be an object with a code.
    return value if not value or name == contacts.REGION else values.text(value, where=where)
