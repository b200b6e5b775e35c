"""E-mail addresses: which text is one, how it is sent, and how two of them are compared.

The domain of an internationalised address has two spellings (``müller.de``, ``xn--mller-kva.de``). Addresses are sent
with the second one, the A-form (UTS 46, non-transitional), which every system takes.
"""

from __future__ import annotations

import re
import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

# Copied along from web pages and spreadsheets: zero-width characters, direction marks, the byte order mark.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
_AT = str.maketrans("\uff20\ufe6b", "@@")
_SCHEME = re.compile(r"mailto:", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def read(text: str) -> str | None:
    """Return the address in ``text`` with its domain in A-form, else as typed; ``None`` if it holds no address.

    The part before the @ may hold letters and digits of any script (``josé@example.com``).
    """
    plain = _trim(text)
    if plain.isascii():
        return plain if _is_valid(plain) else None
    local, _, domain = plain.rpartition("@")
    ascii_domain = _a_form(domain)
    if not local or ascii_domain is None or any(unicodedata.category(one)[0] not in "LMNS" for one in _outside(local)):
        return None
    return f"{local}@{ascii_domain}" if _is_valid(f"{_NOT_ASCII.sub('x', local)}@{ascii_domain}") else None


def canonical(text: str) -> str:
    """Return ``text`` so that two spellings of one address are equal: case folded, the domain in A-form.

    A text that is no address is case folded.
    """
    plain = _trim(text)
    if plain.isascii():
        return plain.lower()
    local, at, domain = plain.rpartition("@")
    ascii_domain = _a_form(domain) if at else None
    if ascii_domain is None:
        return plain.casefold()
    return f"{unicodedata.normalize('NFC', local).casefold()}@{ascii_domain.lower()}"


def spellings(text: str) -> list[str]:
    """Return the ways in which the address may be written elsewhere: its domain in A-form, then in the letters of it.

    The case is left as it is. A domain in plain ASCII has one spelling.
    """
    plain = read(text) or _trim(text)
    local, at, domain = plain.rpartition("@")
    if "xn--" not in domain.lower():
        return [plain]
    try:
        return [plain, f"{local}{at}{idna.decode(domain)}"]
    except UnicodeError:
        return [plain]


def _is_valid(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _trim(text: str) -> str:
    plain = text.strip().strip(_INVISIBLE).strip()
    if not plain.isascii():
        plain = plain.translate(_AT)
    return _SCHEME.sub("", plain, count=1) if _SCHEME.match(plain) else plain


def _a_form(domain: str) -> str | None:
    """Return ``domain`` in A-form; ``None`` for letters that no domain can hold."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True, transitional=False, std3_rules=True).decode("ascii")
    except UnicodeError:
        return None


def _outside(local: str) -> list[str]:
    return _NOT_ASCII.findall(local)
