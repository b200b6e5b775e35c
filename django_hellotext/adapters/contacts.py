"""E-mails and phones of a profile: only what is certainly one, and certainly theirs, is sent.

Hellotext joins profiles by e-mail and phone. So an address that a customer has only claimed is left out until it is
verified, and so are a phone that cannot be read and an e-mail that is none: the rest of the profile goes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from django_hellotext import emails
from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.conf import hellotext_settings

from . import phones
from .countries import code_of
from .failures import read_or_leave_out
from .verification import is_verified

logger = logging.getLogger("django_hellotext.adapters")

EMAIL, PHONE = "email", "phone"
KINDS = {"email": EMAIL, "emails": EMAIL, "phone": PHONE, "phones": PHONE}
REGION = "phone_region"


def usable(payload: Mapping[str, Any], *, region: object, customer: Any = None, where: str) -> dict[str, Any]:
    """Return ``payload`` of a profile with its e-mails and phones made sure of.

    :param region: the country of local phone numbers, as ``countries.code_of`` takes it; by default that of the
        payload's address, then ``HELLOTEXT["PHONE_REGION"]``. :param customer: whose addresses have to be verified;
        ``None`` for a guest. :param where: the adapter, for the log.
    """
    area = _region_of(payload, region)
    found: dict[str, Any] = {}
    for name, value in payload.items():
        kind = KINDS.get(name)
        if kind is None:
            found[name] = value
        elif isinstance(value, Mapping):
            kept = {key: _one(kind, f"{kind}[{key}]", one, area, customer, where) for key, one in value.items()}
            if any(kept.values()):
                found[name] = {key: one for key, one in kept.items() if one}
        elif usable_value := _one(kind, kind, value, area, customer, where):
            found[name] = usable_value
    return found


def comparable(kind: str, value: str) -> str:
    """Return an e-mail or phone as Hellotext compares it: e-mails without regard to case and spelling of the domain."""
    return emails.canonical(value) if kind == EMAIL else value.strip()


def _one(kind: str, field: str, value: Any, region: str | None, customer: Any, where: str) -> str | None:
    """Return ``value`` as it may be sent, or ``None``."""
    text = value if isinstance(value, str) else _text(field, value)
    text = text and text.strip()
    if not text:
        return None
    sound = _phone(field, text, region) if kind == PHONE else emails.read(text)
    if sound is None:
        why = _why_left_out(kind, region)
        _log_left_out(kind, where, why)
        adjust(field, AdjustmentKind.LEFT_OUT, f"{why[0].upper()}{why[1:]}.", text)
        return None
    return sound if customer is None or is_verified(customer, kind, sound) else None


def _text(field: str, value: Any) -> str | None:
    return None if value is None else read_or_leave_out(field, lambda: str(value))


def _phone(field: str, text: str, region: str | None) -> str | None:
    found = phones.read(text, region=region)
    if found is not None and found.change:
        adjust(field, AdjustmentKind.REPAIRED, found.change, text)
    return found.e164 if found is not None else None


@cache
def _log_left_out(kind: str, where: str, why: str) -> None:
    """Log once for each adapter, kind and reason: a table of a million customers has thousands of them."""
    logger.warning("%s.left_out: of some in %s, because %s. The rest of the profile is sent.", kind, where, why)


def _why_left_out(kind: str, region: str | None) -> str:
    if kind == EMAIL:
        return "it is no e-mail address"
    if phones.library() is None:
        return f"it has no country code, or not a clear one. To read local numbers, run: {phones.INSTALL}"
    if region:
        return f"it is no phone number of {region}, nor one with a country code"
    return "it has no country code, and neither phone_region nor HELLOTEXT['PHONE_REGION'] says the country"


def _region_of(payload: Mapping[str, Any], region: object) -> str | None:
    address = payload.get("address")
    country = address.get("country") if isinstance(address, Mapping) else getattr(address, "country", None)
    for candidate in (region, country, hellotext_settings.PHONE_REGION):
        if phones.is_region(candidate):
            return str(candidate).upper()
        if candidate and (code := code_of(candidate)) is not None and phones.is_region(code):
            return code
    return None


def addresses_of(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every e-mail and phone in the payload of a profile, each with its kind."""
    found: list[tuple[str, str]] = []
    for name, kind in KINDS.items():
        value = payload.get(name)
        values = value.values() if isinstance(value, Mapping) else [value]
        found += [(kind, str(one)) for one in values if one]
    return found
