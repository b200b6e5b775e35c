"""Phone numbers to E.164, with Google's metadata (the library ``phonenumberslite``). Never a guess (demand I4)."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult


def is_region(text: object) -> bool:
    """Whether ``text`` is a country with a telephone numbering plan, as ISO 3166 alpha-2."""
    return isinstance(text, str) and text.upper() in phonenumbers.SUPPORTED_REGIONS


def to_e164(text: str, *, region: str | None) -> str | None:
    """``text`` as E.164, or ``None`` where that would be a guess.

    A number with its country code (``+49 …``) needs to have a possible length; new number ranges are handed out all
    the time. A local one needs a ``region`` (ISO 3166 alpha-2) in which it is valid. An extension is left out.
    """
    known = region.upper() if region is not None and is_region(region) else None
    try:
        number = phonenumbers.parse(text, known)
    except NumberParseException:
        return None
    is_international = text.lstrip().startswith(("+", "\uff0b"))
    sound = _has_possible_length(number) if is_international else phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if sound else None


def _has_possible_length(number: PhoneNumber) -> bool:
    # Not is_possible_number(), which also takes what can only be dialled within one town.
    return bool(phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE)
