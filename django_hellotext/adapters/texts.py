"""Texts as Hellotext takes them: without control characters and half characters, and no longer than their limit."""

from __future__ import annotations

import html
import re
import unicodedata

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.sanitize import storable

LONGEST = 255  # characters of a name, SKU, brand, category …
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f]")
_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x85]+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_JOINERS = "\u200d\ufe0e\ufe0f"  # zero width joiner and variation selectors, which belong to what is before them


def readable(text: str, *, field: str) -> str:
    """Return ``text`` with NUL and lone surrogates replaced by U+FFFD; two halves of a pair become one character."""
    if not _UNREADABLE.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    found: str = storable(joined)
    adjust(field, AdjustmentKind.REPAIRED, "Characters that are no text were replaced.", found)
    return found


def cleaned(text: str, *, field: str, lines: bool = False) -> str:
    """Return ``text`` without control characters; a line break becomes a space unless ``lines`` may stay."""
    text = readable(text, field=field)
    odd = _IN_LINES if lines else _IN_A_LINE
    if not odd.search(text):
        return text
    found = odd.sub("", text if lines else _BREAKS.sub(" ", text).strip(" "))
    adjust(field, AdjustmentKind.REPAIRED, "Control characters were removed.", found)
    return found


def decoded(text: str) -> str:
    """Return ``text`` with its HTML entities decoded once: ``&#8211;`` becomes a dash, ``&amp;amp;`` ``&amp;``."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def shortened(text: str, *, field: str, longest: int = LONGEST) -> str:
    """Return ``text`` cut at ``longest`` characters, never inside of what is shown as one character."""
    if len(text) <= longest:
        return text
    end = longest
    while end and _continues(text, end):
        end -= 1
    adjust(field, AdjustmentKind.SHORTENED, f"It is longer than {longest} characters.", text)
    return text[: end or longest].rstrip()


def _continues(text: str, place: int) -> bool:
    """Return whether what stands at ``place`` belongs to the character before it."""
    return text[place] in _JOINERS or text[place - 1] == "\u200d" or unicodedata.combining(text[place]) != 0
