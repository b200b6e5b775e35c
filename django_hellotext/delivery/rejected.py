"""A value that Hellotext rejects is left out, and the rest of the row is sent.

What tells the object apart, who it is about, what was charged and consent are never left out: then the row fails. What
was rejected of an object is remembered by a fingerprint, so that the same value is not tried again each time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..adapters import Link, registry
from ..adjustments import AdjustmentKind, adjust, collecting
from ..api.types import encode_json
from ..exceptions import ApiError, ErrorDetail, ValidationError
from ..models import REJECTED, UUID_KEY, Event, Kind, RemoteObject
from .mirrors import plain

if TYPE_CHECKING:
    from .batch import Work

NOT_UNIQUE = "parameter_not_unique"
# Who, what and how much. The natural key of a kind, such as a coupon's code, is added.
_VITAL = frozenset({"reference", "source", "profile", "session", "items", "total", "currency", "amount", "action"})
_VITAL_OF_KIND: Mapping[str, frozenset[str]] = {
    Kind.VARIANT: frozenset({"product"}),
    Kind.REFUND: frozenset({"order", "product"}),
    # Values of definitions mean nothing without each other.
    Kind.PROPERTY: frozenset({"name", "kind"}),
}
_NAMES = {"property": "properties", "property_by_id": "properties_by_id"}
_NAMED = {"email": "emails", "phone": "phones", "address": "addresses"}
_LINE = "items[]"  # before the name of a product that Hellotext rejects on a line
_GIVEN_ANYWAY: Mapping[tuple[str, str], str] = {(Kind.ORDER, "delivery"): "deliver"}

Path = tuple[str, ...]


def leave_out(work: Work, error: ApiError) -> bool:
    """Take what ``error`` rejects out of what ``work`` sends; return whether the rest may be sent."""
    details = error.errors if isinstance(error, ValidationError) and error.status in (400, 422) else ()
    if not details or any(detail.type == "parameter_missing" for detail in details):
        return False
    with collecting(work.adjustments):
        taken = [_take(work, detail) for detail in details]
    return all(taken)


def needs_render(work: Work) -> bool:
    """Return whether a product of a line was rejected: what stands in for it has to be taken in hand first."""
    return isinstance(work.row, RemoteObject) and any(
        name.startswith(_LINE) and Link(*name.removeprefix(_LINE).split(" ", 2)) in _products(work.payload)
        for name in work.row.data.get(REJECTED, {})
    )


def leave_out_known(work: Work) -> set[Link]:
    """Take out of ``work.payload`` what Hellotext has rejected before; return the products rejected on its lines.

    What the shop has changed since is tried again.
    """
    row, payload = work.row, work.payload
    if not isinstance(row, RemoteObject) or payload is None or not row.data.get(REJECTED):
        return set()
    known, products = dict(row.data[REJECTED]), _products(payload)
    lines = {name: Link(*name.removeprefix(_LINE).split(" ", 2)) for name in known if name.startswith(_LINE)}
    for name in [name for name in known if name not in lines]:
        path = tuple(name.split("\n"))
        value = _value_at(payload, path)
        if value is None or _trace(row, path, value) != known[name]:
            del known[name]
            continue
        with collecting(work.adjustments):
            adjust(_shown(path), AdjustmentKind.REJECTED, "Hellotext has rejected this value", value)
        payload = _replaced(payload, path, _in_place_of(row.kind, path, payload))
    for name in [name for name, product in lines.items() if product not in products]:
        del known[name], lines[name]
    row.data = {**row.data, REJECTED: known}
    work.payload = payload
    return set(lines.values())


def without_rejected(values: dict[str, Any], work: Work) -> dict[str, Any]:
    """Return the ``values`` of an event without what Hellotext has rejected of them."""
    for path in work.rejected:
        values = _replaced(values, path, None)
    if "metadata" not in values and isinstance(work.row, Event):
        values["metadata"] = {UUID_KEY: str(work.row.uuid)}
    return values


def _take(work: Work, detail: ErrorDetail) -> bool:
    row, payload = work.row, work.payload or {}
    tokens = re.findall(r"[^\[\]]+", detail.parameter or "")
    if not tokens:
        return False
    if isinstance(row, Event):
        return _take_of_event(work, row, tokens, detail)
    if not isinstance(row, RemoteObject) or work.payload is None:
        return False
    if (product := _product_at(payload, tokens)) is not None:
        known = {**row.data.get(REJECTED, {}), f"{_LINE}{product.kind} {product.label} {product.pk}": detail.type}
        row.data = {**row.data, REJECTED: known}
        return True
    path = _path(payload, tokens)
    value = _value_at(payload, path)
    if value is None or _is_vital(row.kind, path[0], detail):
        return False
    stand_in = _in_place_of(row.kind, path, payload)
    if stand_in == value or (stand_in is None and path[0] in _required(row)):
        return False
    row.data = {**row.data, REJECTED: {**row.data.get(REJECTED, {}), "\n".join(path): _trace(row, path, value)}}
    _tell(_shown(path), detail, value)
    work.payload = _replaced(payload, path, stand_in)
    return True


def _take_of_event(work: Work, event: Event, tokens: Sequence[str], detail: ErrorDetail) -> bool:
    """Nothing that an event says is vital but who did what to which object, and what it was worth."""
    path = tuple(tokens)
    name = tokens[0]
    if name == "session":
        may_go = bool(event.profile_label)
    elif name == "url":
        may_go = event.action != "page.viewed"
    elif name == "object_parameters":
        may_go = len(path) > 1 and path[1] not in ("reference", "source", "items")
    else:
        may_go = name == "metadata" and path[1:] != (UUID_KEY,)
    if not may_go or path in work.rejected:
        return False
    work.rejected.add(path)
    _tell(_shown(path), detail, getattr(event, name, None) if len(path) == 1 else None)
    return True


def _tell(field: str, detail: ErrorDetail, value: Any) -> None:
    is_duplicate = detail.type == NOT_UNIQUE
    kind = AdjustmentKind.DUPLICATE if is_duplicate else AdjustmentKind.REJECTED
    adjust(field, kind, f"Hellotext: {detail.message or detail.type}", value)


def _is_vital(kind: str, name: str, detail: ErrorDetail) -> bool:
    is_duplicate_contact = detail.type == NOT_UNIQUE and kind == Kind.PROFILE and not name.startswith("properties")
    return name in _VITAL or name in _VITAL_OF_KIND.get(kind, ()) or is_duplicate_contact


def _required(row: RemoteObject) -> frozenset[str]:
    adapter = registry.for_label(row.host_label)
    if adapter is None or adapter.kind != row.kind:
        return frozenset()
    return frozenset({adapter.natural_key, *(adapter.sent_as.get(name, name) for name in adapter.required)})


def _in_place_of(kind: str, path: Path, payload: Mapping[str, Any]) -> Any:
    """Return what a required value is replaced by; ``None`` if it is only left out."""
    if path == ("name",) and kind in (Kind.PRODUCT, Kind.VARIANT):
        return payload.get("sku") or payload.get("reference")
    return _GIVEN_ANYWAY.get((kind, path[0])) if len(path) == 1 else None


def _path(payload: Mapping[str, Any], tokens: Sequence[str]) -> Path:
    """Return where in ``payload`` stands what the contract calls ``tokens``: ``email[work]`` is one of ``emails``."""
    first, *rest = tokens
    if first in _NAMES:
        return (_NAMES[first], *rest)
    named = _NAMED.get(first)
    if named is not None and rest and rest[0] in (payload.get(named) or {}):
        return (named, *rest)
    return tuple(tokens)


def _value_at(payload: Any, path: Path) -> Any:
    """Return the value at ``path``; what is no mapping is taken as a whole."""
    for name in path:
        if isinstance(payload, Mapping):
            payload = payload.get(name)
    return payload


def _replaced(payload: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of ``payload`` with ``value`` at ``path``, or without it for ``None``."""
    first, *rest = path
    inner = payload.get(first)
    if rest and isinstance(inner, Mapping):
        value = _replaced(inner, tuple(rest), value) or None
    kept = {name: one for name, one in payload.items() if name != first or value is not None}
    return {**kept, first: value} if value is not None else kept


def _product_at(payload: Mapping[str, Any], tokens: Sequence[str]) -> Link | None:
    """Return the product of the line that ``items[2][product]`` names."""
    if len(tokens) != 3 or tokens[0] != "items" or tokens[2] != "product" or not tokens[1].isdecimal():
        return None
    lines = payload.get("items") or []
    place = int(tokens[1])
    product = lines[place]["product"] if place < len(lines) else None
    return product if isinstance(product, Link) else None


def _products(payload: Mapping[str, Any] | None) -> set[Any]:
    return {line["product"] for line in (payload or {}).get("items") or []}


def _trace(row: RemoteObject, path: Path, value: Any) -> str:
    return hashlib.sha256(row.identity.encode() + encode_json([*path, plain(value)])).hexdigest()[:16]


def _shown(path: Path) -> str:
    return path[0] + "".join(f"[{name}]" for name in path[1:])
