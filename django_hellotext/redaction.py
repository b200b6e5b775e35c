"""The one mask for logs, stored errors and ``repr``.

* :func:`mask` hides e-mails, phones and tokens in any text, percent-encoded ones included,
* :func:`mask_path` does the same for a request path, and decodes it,
* :func:`mask_data` hides personal values in JSON data by their key,
* :class:`Redacted` carries a secret that does not show in ``repr``, ``str``, ``format`` or a pickle.

What :func:`mask` and :func:`mask_path` return is one line, safe for a terminal or a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

from .sanitize import one_line

REDACTED = "<redacted>"

# Longest text that is looked at; what follows is cut, so that no answer of a server can make a log line huge.
MAX_TEXT = 2000
_LONGEST = 320  # characters of an e-mail address, the longest text that is recognised as a whole
_MAX_ENCODINGS = 3  # times that a value may have been percent-encoded
_LONGEST_BOUND = 9  # digits of a limit that is no power of two and not all nines
_SHORTEST_SECRET = 8  # characters; a shorter one would be found inside ordinary words

# Each pattern is linear: it repeats at most a fixed number of times, or cannot begin again inside a failed match.

# An escape sequence of a terminal ends in a letter, which would stick to the number after it.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[A-Za-z](?=[+\d(])")
_EMAIL = re.compile(
    r"""(?P<local>
        "(?:[^"\\]|\\.){1,64}?\\?"                                        # quoted, also inside JSON
        | [^\s@\uff20\ufe6b<>"'(),:;=/\[\]] [^\s@\uff20\ufe6b<>"(),:;=/\[\]]{0,63}
    )[@\uff20\ufe6b](?P<domain>\[[\w.:-]{1,64}\]|[\w-]{1,63}(?:\.[\w-]{1,63})*)""",
    re.VERBOSE,
)
_USERINFO = re.compile(r"://[^\s/@]{1,200}@")  # the credentials of a proxy
_BEARER = re.compile(r"\b(Bearer|Basic(?=\s+[^\s\"',;]{8}))\s+[^\s\"',;]+", re.IGNORECASE)
_TOKEN = re.compile(r"\bALK_[^\s\"',;]*")
_GAP = r"[ \xa0\u2009\u202f().\u2010-\u2015/-]{0,4}"
_PHONE = re.compile(
    rf"""
    (?P<date>(?<!\w)(?:\d{{4}}-\d\d-\d\d|[0-3]?\d([./-])[0-3]?\d\2(?:19|20)\d\d)(?!\d))
    | [+\uff0b]\(?\d(?:{_GAP}\d){{6,17}}                       # +49 (0) 170 / 123.45.67
    | (?<![\w-])(?<!\d\.)                                 # not inside a word, a UUID or a decimal
      (?:
        0{{1,2}}\(?[1-9](?:{_GAP}\d){{7,16}}              # 0049.170.123.45.67
        | \d{{3}}\.\d{{3}}\.\d{{4}}                       # 212.555.0123
        | (?:\+|\(\+?)?\d(?:[ ()/-]{{0,2}}\d){{6,30}}     # any other run of digits
      )(?![\w-]|\.\d)
    """,
    re.VERBOSE,
)
_BOUND = re.compile(
    r"(?:\b(?:at most|at least|up to|(?:more|less|fewer|greater|larger) than|than or equal to|exceeds?|limit"
    r"|max(?:imum)?|min(?:imum)?)(?: is| of)?[ :=]{1,2}|(?:(?<=\s)[<>]=?|[<>]=)\s)\Z",
    re.IGNORECASE,
)

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
_CONTACT_TRACE = re.compile(r"\S?\*\*\*@\S+|\*\*\*\d\d")
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


_SECRETS: dict[Redacted, None] = {}


def register_secret(secret: str) -> None:
    """Mask ``secret`` in every text from now on: a server may repeat it without the prefix that marks a token."""
    plain = Redacted((secret.reveal() if isinstance(secret, Redacted) else secret).removeprefix("ALK_"))
    del secret
    if len(plain) >= _SHORTEST_SECRET:
        _SECRETS[plain] = None


def mask(text: object) -> str:
    """Return ``text`` on one line with e-mails, phones and tokens masked: ``w***@acme.com``, ``***01``, ``<redacted>``.

    Takes any object (``str()`` is applied) and never raises for a text. Longer texts are cut at 2,000 characters.
    """
    return one_line(_cut(str(text), _masked))


def mask_path(path: str) -> str:
    """Return a request path fit for a log: decoded, on one line, e-mails and phones masked."""
    return one_line(_cut(path, lambda piece: "/".join(_masked(segment) for segment in unquote(piece).split("/"))))


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
        return {_mask_text(key): _hide(item, depth=depth + 1) for key, item in value.items()}
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
        return _mask_text(value)
    return value


def _mask_mapping(value: Mapping[Any, Any], *, depth: int) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key)
        base = name.partition("[")[0].lower()
        if base in _PERSONAL_KEYS or (name == "value" and "kind" in value):
            masked[_mask_text(name)] = None if item is None else REDACTED
        elif base in _CONTACT_KEYS:
            masked[name] = _mask_contact(item)
        else:
            masked[_mask_text(name)] = _mask_value(item, depth=depth + 1)
    return masked


def _mask_contact(item: Any) -> Any:
    if item is None or item == "":
        return item
    if isinstance(item, (list, tuple)):
        return [_mask_contact(one) for one in item]
    if isinstance(item, Mapping):
        return {str(key): _mask_contact(one) for key, one in item.items()}
    masked = _mask_text(item)
    return masked if _CONTACT_TRACE.fullmatch(masked) else REDACTED


def _mask_text(value: object) -> str:
    """Mask a value of JSON data, whose line breaks are part of it."""
    return _cut(str(value), _masked)


def _cut(text: str, masked_by: Callable[[str], str]) -> str:
    """Return the start of ``text``, masked. Looks further than it returns: half an e-mail is not recognised."""
    # In the whole text: a secret may be long, too. Before and after: a sequence may split one, or stand before it.
    text = _hide_secrets(_SEQUENCE.sub("", _hide_secrets(text)))
    piece = text[: MAX_TEXT + _LONGEST]
    masked = masked_by(piece)
    if len(piece) < len(text):
        return masked[:-_LONGEST][:MAX_TEXT] + "…"
    return masked if len(masked) <= MAX_TEXT else masked[:MAX_TEXT] + "…"


def _hide_secrets(text: str) -> str:
    for secret in sorted(_SECRETS, key=len, reverse=True):
        text = text.replace(secret.reveal(), REDACTED)
    return text


def _masked(text: str) -> str:
    return _mask_patterns(re.sub(r"\S+", _mask_encoded, text) if "%" in text else text)


def _mask_encoded(match: re.Match[str]) -> str:
    """Decode a percent-encoded word if it holds something to mask."""
    word = match[0]
    for _ in range(_MAX_ENCODINGS):
        word = unquote(word)
    masked = _mask_patterns(_hide_secrets(word))
    return match[0] if masked == word else masked


def _mask_patterns(text: str) -> str:
    masked = _USERINFO.sub(f"://{REDACTED}@", text)
    masked = _BEARER.sub(rf"\1 {REDACTED}", masked)
    masked = _TOKEN.sub(REDACTED, masked)
    masked = _EMAIL.sub(_mask_email, masked)
    return _PHONE.sub(_mask_phone, masked)


def _mask_email(match: re.Match[str]) -> str:
    first = match["local"].lstrip('"')[:1]
    return f"{first}***@{match['domain']}"


def _mask_phone(match: re.Match[str]) -> str:
    return match[0] if match["date"] or _is_bound(match) else f"***{match[0][-2:]}"


def _is_bound(match: re.Match[str]) -> bool:
    """Detect a limit, such as 1000000 or 2147483647, which no phone number looks like.

    A longer number than of nine digits may be a phone with its country code, even a round one.
    """
    digits = match[0]
    if not digits.isdecimal() or digits[0] == "0":
        return False
    number = int(digits)
    if set(digits) == {"9"} or 0 in (number & (number - 1), number & (number + 1)):
        return True
    if len(digits) > _LONGEST_BOUND:
        return False
    is_round = len(digits.rstrip("0")) <= 2
    return is_round or bool(_BOUND.search(match.string, max(0, match.start() - 40), match.start()))
