"""E-mails, phones and addresses: read from a body, and brought into the form in which they are kept."""

from __future__ import annotations

import re
from typing import Any

from .validation import LONGEST_KEY, Bad, text

ADDRESS_TEXTS = ("city", "country", "notes", "postal_code", "region", "subregion")
ADDRESS_PARTS = frozenset({*ADDRESS_TEXTS, "latitude", "longitude", "street", "suggest"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+", re.ASCII)
_E164 = re.compile(r"\+[0-9]{7,15}", re.ASCII)
_SEPARATORS = re.compile(r"[\s().\-/]")

_line = text(null=True, empty=True, longest=1_000)


def email(value: Any, name: str) -> str:
    """Return an e-mail address as it was given."""
    if not isinstance(value, str) or not _EMAIL.fullmatch(value) or len(value) > LONGEST_KEY:
        raise Bad("invalid", "This is not an email address.", name)
    return str(value)


def phone(value: Any, name: str, *, prefix: str) -> str:
    """Return a phone number in E.164; a local one gets the country's ``prefix`` (contract, ProfileAttributes)."""
    if not isinstance(value, str):
        raise Bad("invalid", "This must be a string.", name)
    number = _SEPARATORS.sub("", value)
    if number.startswith("00"):
        number = "+" + number[2:]
    if not number.startswith("+"):
        number = f"+{prefix}{number.removeprefix('0')}"
    if not _E164.fullmatch(number):
        raise Bad("invalid", "This is not a phone number.", name)
    return number


def address(value: Any, name: str) -> dict[str, Any]:
    """Return an address as the API shows it; one line of text becomes its street."""
    if isinstance(value, str):
        value = {"suggest": value}
    if not isinstance(value, dict):
        raise Bad("invalid", "This must be an address.", name)
    found = {part: _line(value.get(part), f"{name}[{part}]") for part in ADDRESS_TEXTS}
    street = value.get("street")
    if isinstance(street, str):
        street = {"name": street}
    if street is not None and not isinstance(street, dict):
        raise Bad("invalid", "This must be an object with name and number.", f"{name}[street]")
    if street is None and value.get("suggest") is not None:
        street = {"name": _line(value["suggest"], f"{name}[suggest]")}
    for part in ("latitude", "longitude"):
        coordinate = value.get(part)
        if isinstance(coordinate, bool | dict | list):
            raise Bad("invalid", "This must be a number.", f"{name}[{part}]")
        found[part] = coordinate if coordinate is None else str(coordinate)[:64]
    found["street"] = (
        None if street is None else {part: _line(street.get(part), f"{name}[street]") for part in ("name", "number")}
    )
    return dict(sorted(found.items()))
