"""Make what ``track()`` is given fit for its columns: repaired where that is certain, else left out, never refused.

Each repair is an adjustment of the row. What is clean already costs one regular expression.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .. import clock
from ..adapters import urls
from ..adapters.metadata import MAX_DEPTH, usable
from ..adapters.rendering import neutral
from ..adjustments import AdjustmentKind, adjust
from ..sanitize import storable

MAX_KEY = 255
MAX_URL = 2048
MAX_TYPE = 100
MAX_METADATA = 64 * 1024  # characters of JSON

_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# In JSON: a control character, also an escaped one, or half of a pair.
_ODD_JSON = re.compile(r"\\u00[01]|[\x7f-\x9f\ud800-\udfff]")
_ODD_URL = re.compile(r"[^!-~]|&(?:amp|#)")
_PLAIN = json.JSONEncoder(allow_nan=False, ensure_ascii=False)
_AWARE = clock.AwareJSONEncoder(allow_nan=False, ensure_ascii=False)
_TRACE = 64  # characters of the fingerprint that stands for the end of a key


def text_of(value: object, *, name: str, limit: int) -> str:
    """Return a text argument without control characters, cut at ``limit``."""
    if value is None:
        return ""
    text = _readable(_as_text(value, name), name)
    if len(text) > limit:
        adjust(name, AdjustmentKind.SHORTENED, f"It is longer than {limit} characters.", text)
    return text[:limit]


def key_of(value: object) -> str:
    """Return an idempotency key; a fingerprint stands for the end of one that is too long, so that it stays unique."""
    if value is None:
        return ""
    given = _as_text(value, "key")
    key = _readable(given, "key")
    if len(key) <= MAX_KEY:
        return key
    adjust("key", AdjustmentKind.SHORTENED, f"It is longer than {MAX_KEY} characters; a fingerprint is its end.")
    trace = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
    return key[: MAX_KEY - _TRACE] + trace


def url_of(value: object) -> str:
    """Return the address of a page, percent-encoded once. One that is too long loses its query, else is left out."""
    if value is None:
        return ""
    address = _as_text(value, "url")
    if _ODD_URL.search(address):
        try:
            address = urls.clean(storable(address))
        except urls.AddressError:
            address = _readable(address, "url").strip()
    if len(address) <= MAX_URL:
        return address
    bare = address.partition("#")[0].partition("?")[0]
    if len(bare) > MAX_URL:
        adjust("url", AdjustmentKind.LEFT_OUT, f"It is longer than {MAX_URL} characters.")
        return ""
    adjust("url", AdjustmentKind.SHORTENED, f"It is longer than {MAX_URL} characters; its query was left out.")
    return bare


def metadata_of(metadata: object) -> Mapping[str, Any]:
    """Return ``metadata`` as plain JSON without what JSON or a database cannot hold, and of at most 64 KiB.

    Raises ``TypeError`` for what is no mapping.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(metadata).__name__}.")
    text = _as_json(metadata, _PLAIN)
    if text is None or _ODD_JSON.search(text):
        with neutral():  # lazy texts and dates depend on the language and the zone
            text = _as_json(metadata, _AWARE)
            if text is None or _ODD_JSON.search(text):
                text = _as_json(usable(metadata, field="metadata"), _AWARE) or "{}"
    plain: dict[str, Any] = json.loads(text)
    return plain if len(text) <= MAX_METADATA else _largest_left_out(plain)


def moment_of(tracked_at: object) -> datetime:
    """Return when it happened in UTC: now by default; a naive time is local time in ``TIME_ZONE``.

    Raises ``TypeError`` for what is no datetime.
    """
    if tracked_at is None:
        return clock.now()
    if not isinstance(tracked_at, datetime):
        raise TypeError(f"tracked_at must be a datetime, not {type(tracked_at).__name__}.")
    try:
        return clock.make_aware(tracked_at).astimezone(UTC)
    except OverflowError:
        adjust("tracked_at", AdjustmentKind.REPAIRED, "It is out of range; the time of recording is sent.", tracked_at)
        return clock.now()


def _as_text(value: object, name: str) -> str:
    try:
        return str(value)
    except Exception as error:  # a lazy text, or an object of the shop
        adjust(name, AdjustmentKind.ATTRIBUTE_FAILED, f"{type(error).__name__}: it cannot be read as text.")
        return ""


def _readable(text: str, name: str) -> str:
    if not _ODD.search(text):
        return text
    found = _ODD.sub("", storable(text).replace("\n", " "))
    adjust(name, AdjustmentKind.REPAIRED, "Characters that are no text were replaced or removed.", found)
    return found


def _as_json(metadata: Mapping[Any, Any], encoder: json.JSONEncoder) -> str | None:
    """Return the JSON of ``metadata``; ``None`` if an entry is none, or is nested too deeply."""
    if _is_deeper(metadata, MAX_DEPTH):
        return None
    try:
        return encoder.encode(dict(metadata))
    except (TypeError, ValueError, OverflowError):
        return None


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, Mapping | list | tuple):
        return False
    inside = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(entry, levels - 1) for entry in inside)


def _largest_left_out(plain: dict[str, Any]) -> dict[str, Any]:
    """Return ``plain`` without its largest entries: as few as make it fit."""
    sizes = {name: len(json.dumps({name: entry}, ensure_ascii=False)) for name, entry in plain.items()}
    excess = sum(sizes.values()) - MAX_METADATA
    for name in sorted(sizes, key=lambda one: sizes[one], reverse=True):
        if excess <= 0:
            break
        excess -= sizes[name]
        adjust(f"metadata.{name}", AdjustmentKind.LEFT_OUT, "The metadata is longer than 64 KiB.")
        plain.pop(name)
    return plain
