"""E-mails and phones of a profile: only what is certainly one, and certainly theirs, is sent.

Hellotext joins profiles by e-mail and phone. So an address that a customer has only claimed is left out until it is
verified (demand A10), a phone that cannot be told is left out (I4), and so is an e-mail that is none: the rest of
the profile goes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from django_hellotext.conf import hellotext_settings

from . import phones
from .verification import is_verified

logger = logging.getLogger("django_hellotext.adapters")

KINDS = {"email": "email", "emails": "email", "phone": "phone", "phones": "phone"}
REGION = "phone_region"


def usable(payload: Mapping[str, Any], *, region: object, customer: Any = None, where: str) -> dict[str, Any]:
    """``payload`` of a profile with its e-mails and phones made sure of.

    :param region: ISO 3166 alpha-2 of local phone numbers; by default that of the payload's address, then
        ``HELLOTEXT["PHONE_REGION"]``. :param customer: whose addresses have to be verified; ``None`` for a guest.
    :param where: the adapter, for the log.
    """
    area = _region_of(payload, region)
    found: dict[str, Any] = {}
    for name, value in payload.items():
        kind = KINDS.get(name)
        if kind is None:
            found[name] = value
        elif isinstance(value, Mapping):
            kept = {key: _one(kind, one, area, customer, where) for key, one in value.items()}
            if any(kept.values()):
                found[name] = {key: one for key, one in kept.items() if one}
        elif usable_value := _one(kind, value, area, customer, where):
            found[name] = usable_value
    return found


def _one(kind: str, value: Any, region: str | None, customer: Any, where: str) -> str | None:
    """``value`` as it may be sent, or ``None``."""
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    sound = phones.to_e164(text, region=region) if kind == "phone" else _email(text)
    if sound is None:
        _say_left_out(kind, where, region)
        return None
    return sound if customer is None or is_verified(customer, kind, sound) else None


@cache
def _say_left_out(kind: str, where: str, region: str | None) -> None:
    """Once for each adapter, kind and region: a table of a million customers has thousands of them."""
    if kind == "email":
        why = "it is no e-mail address"
    elif phones.library() is None:
        why = f"it has no country code, or not a clear one. To read local numbers, run: {phones.INSTALL}"
    elif region:
        why = f"it is no phone number of {region}, nor one with a country code"
    else:
        why = "it has no country code, and neither phone_region nor HELLOTEXT['PHONE_REGION'] says the country"
    logger.warning("%s.left_out: of some in %s, because %s. The rest of the profile is sent.", kind, where, why)


def _email(text: str) -> str | None:
    try:
        validate_email(text)
    except ValidationError:
        return None
    return text


def _region_of(payload: Mapping[str, Any], region: object) -> str | None:
    address = payload.get("address")
    country = address.get("country") if isinstance(address, Mapping) else getattr(address, "country", None)
    for candidate in (region, country, hellotext_settings.PHONE_REGION):
        if phones.is_region(candidate):
            return str(candidate).upper()
    return None


def addresses_of(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every e-mail and phone in the payload of a profile, each with its kind."""
    found: list[tuple[str, str]] = []
    for name, kind in KINDS.items():
        value = payload.get(name)
        values = value.values() if isinstance(value, Mapping) else [value]
        found += [(kind, str(one)) for one in values if one]
    return found
