"""Phone numbers to E.164, with Google's metadata when ``phonenumbers`` is installed. Never a guess.

Two distributions install the package ``phonenumbers``: ``phonenumbers`` and ``phonenumberslite``. A shop may have
either one, and installing the second overwrites the first. So it is an extra, and imported only when a number is read.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .number_changes import CHANGES, changed

LIBRARY = "phonenumbers"
INSTALL = 'pip install "django-hellotext[phones]"'

_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015/]+")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")
_REGION = re.compile(r"[A-Za-z]{2}")


def library() -> ModuleType | None:
    """Return the module ``phonenumbers``, or ``None`` when no distribution provides it."""
    try:
        return importlib.import_module(LIBRARY)
    except ImportError:
        return None


def is_region(text: object) -> bool:
    """Return whether ``text`` is a country with a telephone numbering plan, as ISO 3166 alpha-2.

    Without the library, any two letters count: no local number is sent then.
    """
    if not isinstance(text, str):
        return False
    found: Any = library()
    return bool(_REGION.fullmatch(text)) if found is None else text.upper() in found.SUPPORTED_REGIONS


@dataclass(frozen=True)
class Phone:
    """A phone number as it is sent. ``change`` says which national change its digits were brought up to, if any."""

    e164: str
    change: str = ""


def to_e164(text: str, *, region: str | None) -> str | None:
    """Return the number that ``read`` finds, or ``None``."""
    found = read(text, region=region)
    return None if found is None else found.e164


def read(text: str, *, region: str | None) -> Phone | None:
    """Return ``text`` as a phone number in E.164, or ``None`` where that would be a guess.

    A number with its country code (``+49 …``) needs a possible length; new number ranges are assigned all the time. A
    local number needs a ``region`` (ISO 3166 alpha-2) in which it is valid. An extension is left out. Digits are
    changed only if the number is invalid as typed and one known change of its country makes it valid.

    Without the library, only a number with its country code is sent: 7 to 15 digits after the plus.
    """
    found: Any = library()
    if found is None:
        plain = _international(text)
        return None if plain is None else Phone(plain)
    known = region.upper() if region is not None and is_region(region) else None
    try:
        number = found.parse(text, known)
    except found.NumberParseException:
        return None
    is_international = text.lstrip().startswith(("+", "\uff0b"))
    if not is_international or number.country_code in CHANGES:
        if found.is_valid_number(number):
            return Phone(_formatted(found, number))
        if (renewed := _renewed(found, number)) is not None:
            return renewed
        if not is_international:
            return None
    # is_possible_number() also accepts numbers that can only be dialled within one town.
    is_possible = found.is_possible_number_with_reason(number) == found.ValidationResult.IS_POSSIBLE
    return Phone(_formatted(found, number)) if is_possible else None


def _renewed(library: Any, number: Any) -> Phone | None:
    """Return ``number`` brought up to date, if exactly one known change of its country makes it valid."""
    possible: dict[str, str] = {}
    for digits, change in changed(number.country_code, library.national_significant_number(number)):
        candidate = library.parse(f"+{number.country_code}{digits}")
        if library.is_valid_number(candidate):
            possible[_formatted(library, candidate)] = change
    if len(possible) != 1:
        return None
    [(e164, change)] = possible.items()
    return Phone(e164, change)


def _formatted(library: Any, number: Any) -> str:
    return str(library.format_number(number, library.PhoneNumberFormat.E164))


def _international(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text)
    if _TRUNK_ZERO.search(plain):
        # Only the metadata says whether the zero in "+49 (0)30" and "+39 (0)6" belongs to the number.
        return None
    digits = _SEPARATORS.sub("", plain)
    return digits if _INTERNATIONAL.fullmatch(digits) else None
