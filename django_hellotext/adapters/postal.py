"""Postal addresses: from a mapping or an ``Address`` to what Hellotext takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types import Address

from .countries import code_of
from .failures import read_or_leave_out
from .texts import cleaned, shortened

TEXTS = ("city", "notes", "postal_code", "region", "subregion", "suggest")
COORDINATES: Mapping[str, int] = {"latitude": 90, "longitude": 180}
STREET = ("name", "number")
FLAT_STREET: Mapping[str, str] = {"street_name": "name", "street_number": "number"}
KEYS = frozenset({*TEXTS, *COORDINATES, *FLAT_STREET, "country", "street"})
"""What a mapping of an address may hold; the names of ``Address`` are among them."""
MEANT: Mapping[str, str] = {
    **dict.fromkeys(("address", "address1", "address_1", "address_line_1", "line1", "street1", "road"), "street"),
    **dict.fromkeys(("house_number", "number", "door"), "street_number"),
    **dict.fromkeys(("zip", "zip_code", "zipcode", "postcode", "post_code", "postal", "cep"), "postal_code"),
    **dict.fromkeys(("state", "province", "department", "county"), "region"),
    **dict.fromkeys(("town", "locality", "municipality"), "city"),
    **dict.fromkeys(("district", "neighbourhood", "neighborhood", "suburb"), "subregion"),
    **dict.fromkeys(("country_code", "country_id", "countrycode"), "country"),
    **dict.fromkeys(("lat",), "latitude"),
    **dict.fromkeys(("lng", "lon", "long"), "longitude"),
    **dict.fromkeys(("address2", "address_2", "address_line_2", "line2", "street2", "comment", "note"), "notes"),
}
"""What shops call a part of an address, and what Hellotext calls it."""
MOST_CHARACTERS = 1_000  # of a part


def address_of(field: str, value: Any) -> Address | dict[str, Any] | None:
    """Return ``value`` as Hellotext takes an address; ``None`` if nothing is left of it.

    :param field: the attribute, for adjustments. :param value: a mapping with ``KEYS``, an ``Address``, or a text,
        which Hellotext splits.

    Empty parts are left out; so are unknown keys and countries, with an adjustment.
    """
    if isinstance(value, Address):
        given = {one.name: getattr(value, one.name) for one in fields(Address)}
        parts = _parts(field, given)
        street = parts.pop("street", {})
        parts |= {flat: street[name] for flat, name in FLAT_STREET.items() if name in street}
        return Address(**parts) if parts else None
    if isinstance(value, str):
        return _parts(field, {"suggest": value}) or None
    if not isinstance(value, Mapping):
        adjust(field, AdjustmentKind.LEFT_OUT, "An address is a mapping or a text.", type(value).__name__)
        return None
    return _parts(field, value) or None


def line_of(field: str, value: Any) -> str | None:
    """Return ``value`` as one line of text, as Hellotext takes a named address; ``None`` if nothing is left of it.

    Takes what ``address_of`` takes.
    """
    if isinstance(value, str):
        return _line(field, value) or None
    found = address_of(field, value)
    parts = found.to_json() if isinstance(found, Address) else found or {}
    street = parts.get("street", {})
    pieces = [
        parts.get("suggest"),
        _joined(street.get("name"), street.get("number")),
        parts.get("subregion"),
        _joined(parts.get("postal_code"), parts.get("city")),
        parts.get("region"),
        parts.get("country"),
    ]
    line = ", ".join(filter(None, pieces))
    return line[:MOST_CHARACTERS] or None


def _parts(field: str, given: Mapping[Any, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    street: dict[str, str] = {}
    for key, value in given.items():
        name = str(key)
        if _is_blank(value):
            continue
        where = f"{field}.{name}"
        if name in TEXTS:
            parts[name] = _text(where, value)
        elif name in FLAT_STREET:
            street[FLAT_STREET[name]] = _text(where, value)
        elif name == "street":
            street |= _street(where, value)
        elif name == "country":
            parts[name] = _country(where, value)
        elif name in COORDINATES:
            parts[name] = _coordinate(where, value, most=COORDINATES[name])
        else:
            hint = f" It is called {MEANT[name]}." if name in MEANT else ""
            adjust(where, AdjustmentKind.LEFT_OUT, f"An address has no such part.{hint}", value)
    parts["street"] = {name: value for name, value in street.items() if value}
    return {name: value for name, value in parts.items() if not _is_blank(value)}


def _street(where: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {"name": _text(where, value)}
    found = {}
    for key, part in value.items():
        if key in STREET:
            found[str(key)] = _text(f"{where}.{key}", part)
        elif not _is_blank(part):
            adjust(f"{where}.{key}", AdjustmentKind.LEFT_OUT, "A street has a name and a number only.", part)
    return found


def _text(where: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple | set | bytes | bool):
        adjust(where, AdjustmentKind.LEFT_OUT, "This is not a text.", type(value).__name__)
        return ""
    text = read_or_leave_out(where, lambda: str(value))
    return _line(where, text) if text else ""


def _line(where: str, text: str) -> str:
    return shortened(cleaned(text.strip(), field=where), field=where, longest=MOST_CHARACTERS)


def _country(where: str, value: Any) -> str | None:
    text = read_or_leave_out(where, lambda: str(value).strip())
    if not text:
        return None  # an object of django-countries without a country
    code = read_or_leave_out(where, lambda: code_of(value))
    if code is None:
        adjust(where, AdjustmentKind.LEFT_OUT, "This country is not known.", text)
    return code


def _coordinate(where: str, value: Any, *, most: int) -> Decimal | None:
    try:
        number = Decimal((read_or_leave_out(where, lambda: str(value)) or "NaN").strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite() and abs(number) <= most:
        return number
    adjust(where, AdjustmentKind.LEFT_OUT, f"This is not a number from -{most} to {most}.", value)
    return None


def _joined(first: str | None, second: str | None) -> str:
    return " ".join(filter(None, (first, second)))


def _is_blank(value: Any) -> bool:
    """Return whether there is nothing in ``value``, at any level."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Mapping):
        return all(map(_is_blank, value.values()))
    return value is None or (isinstance(value, list | tuple | set) and not value)
