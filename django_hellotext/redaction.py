"""The one mask for logs, stored errors and ``repr`` (demand I1).

Pure Python; imports nothing of this package.

* :func:`mask` hides e-mails, phones and bearer tokens in any text,
* :func:`mask_path` does the same for a request path, percent-encoding included,
* :func:`mask_data` hides personal values in JSON data by their key,
* :class:`Redacted` carries a secret that does not show in ``repr``, ``str``, ``format`` or a pickle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

REDACTED = "<redacted>"

# Longest text that is looked at; what follows is cut, so that no answer of a server can make a log line huge.
MAX_TEXT = 2000
_LONGEST = 320  # characters of an e-mail address, the longest text that is recognised as a whole

_EMAIL = re.compile(r"([^\s@<>\"'(),:;=/\[\]]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63})*)")
_USERINFO = re.compile(r"://[^\s/@]{1,200}@")  # the credentials of a proxy
_BEARER = re.compile(r"\b(Bearer|Basic(?=\s+[^\s\"',;]{8}))\s+[^\s\"',;]+", re.IGNORECASE)
_TOKEN = re.compile(r"\bALK_[^\s\"',;]*")
# Seven or more digits, with the separators people write, not part of a word, a UUID, a decimal or a date.
_PHONE = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d(?!\d))(?:\+|\(\+?)?\d(?:[ ()/-]{0,2}\d){6,}(?![\w-]|\.\d)")
_INTERNATIONAL = re.compile(r"\+\d(?:[ ().-]{0,2}\d){6,14}")

_PERSONAL_KEYS = frozenset(
    {
        "address",
        "addresses",
        "authorization",
        "birthday",
        "first_name",
        "full_name",
        "last_name",
        "new_default_address",
        "password",
        "properties_by_id",
        "property",
        "property_by_id",
        "street",
        "token",
    }
)
_CONTACT_KEYS = frozenset(
    {
        "email",
        "emails",
        "new_default_email",
        "new_default_phone",
        "phone",
        "phones",
        "verified_emails",
        "verified_phones",
    }
)
_MAX_DEPTH = 30


class Redacted(str):
    """A secret text: usable as a value, never shown.

    ``repr``, ``str`` and ``format`` give ``<redacted>``; pickling raises :class:`TypeError`.
    Only :meth:`reveal` (and libraries that read the characters, such as the HTTP client) see the content.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __copy__(self) -> Redacted:
        return self

    def __deepcopy__(self, memo: object) -> Redacted:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret cannot be pickled.")

    def reveal(self) -> str:
        """The plain text. Keep it out of local variables that outlive one line."""
        return str.__str__(self)


def mask(text: object) -> str:
    """Return ``text`` with e-mails, phones and tokens masked: ``w***@acme.com``, ``***01``, ``<redacted>``.

    Takes any object (``str()`` is applied) and never raises for a text. Longer texts are cut at 2,000 characters.
    """
    plain = str(text)
    piece = plain[: MAX_TEXT + _LONGEST]
    masked = _USERINFO.sub(f"://{REDACTED}@", piece)
    masked = _BEARER.sub(rf"\1 {REDACTED}", masked)
    masked = _TOKEN.sub(REDACTED, masked)
    masked = _EMAIL.sub(_mask_email, masked)
    masked = _INTERNATIONAL.sub(_mask_phone, masked)
    masked = _PHONE.sub(_mask_phone, masked)
    if len(piece) < len(plain):
        masked = masked[:-_LONGEST]  # what the cut has halved looks like nothing that is to be masked
    return masked if len(plain) <= MAX_TEXT else masked[:MAX_TEXT] + "…"


def mask_path(path: str) -> str:
    """Return a request path fit for a log: unquoted, without control characters, e-mails and phones masked."""
    readable = "".join(char if char.isprintable() else "?" for char in unquote(path))
    return "/".join(mask(segment) for segment in readable.split("/"))


def mask_data(value: Any) -> Any:
    """Return a copy of JSON data with the personal values masked.

    Names, addresses and property values become ``<redacted>``, e-mails and phones keep a trace that tells
    two of them apart, every other text goes through :func:`mask`. Bracketed keys (``email[work]``) count as
    their first part.
    """
    return _mask_value(value, depth=0)


def hide(value: Any) -> Any:
    """Return a copy of JSON data that shows its keys and shape, and no value but ``None``, true and false.

    For data whose keys say nothing of what it holds: what a shop adds to an event by its own names.
    """
    return _hide(value, depth=0)


def _hide(value: Any, *, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {mask(key): _hide(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hide(item, depth=depth + 1) for item in value]
    return value if value is None or isinstance(value, bool) else REDACTED


def _mask_value(value: Any, *, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _mask_mapping(value, depth=depth)
    if isinstance(value, (list, tuple)):
        return [_mask_value(item, depth=depth + 1) for item in value]
    if isinstance(value, str):
        return mask(value)
    return value


def _mask_mapping(value: Mapping[Any, Any], *, depth: int) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key)
        base = name.partition("[")[0].lower()
        if base in _PERSONAL_KEYS or (name == "value" and "kind" in value):
            masked[mask(name)] = None if item is None else REDACTED
        elif base in _CONTACT_KEYS:
            masked[name] = _mask_contact(item)
        else:
            masked[mask(name)] = _mask_value(item, depth=depth + 1)
    return masked


def _mask_contact(item: Any) -> Any:
    if item is None or item == "":
        return item
    if isinstance(item, (list, tuple)):
        return [_mask_contact(one) for one in item]
    if isinstance(item, Mapping):
        return {str(key): _mask_contact(one) for key, one in item.items()}
    plain = str(item)
    masked = mask(plain)
    return REDACTED if masked == plain else masked


def _mask_email(match: re.Match[str]) -> str:
    return f"{match[1][0]}***@{match[2]}"


def _mask_phone(match: re.Match[str]) -> str:
    return f"***{match[0][-2:]}"
