"""Make text from outside safe to show: on one line of a terminal or a log, and in a cell of a CSV file.

Pure Python; imports nothing of this package.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

# Control characters, line and paragraph separators, what reorders the text around it, and half characters. Joiners and
# direction marks stay: emoji, Persian and Hebrew need them.
_UNSAFE = ((0x00, 0x20), (0x7F, 0xA0), (0x2028, 0x202F), (0x2066, 0x2070), (0xD800, 0xE000), (0xFFF9, 0xFFFC))
_ESCAPES = {code: json.dumps(chr(code))[1:-1] for span in _UNSAFE for code in range(*span)}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
"""What stands where a character was replaced."""
MAX_DEPTH = 25
"""Deepest nesting of JSON data that is kept: MariaDB takes 32 levels, and what it is stored in has some."""
_FORMULA = ("=", "+", "-", "@")


def one_line(text: object) -> str:
    """Return ``text`` with its unsafe characters as JSON escapes, such as ``\\n``; line breaks at its ends are dropped.

    A line of a JSON document keeps its meaning: there, these characters can stand only inside strings.
    """
    return str(text).strip("\r\n").translate(_ESCAPES)


def csv_cell(value: object) -> object:
    """Return ``value`` for a cell: a text is one line, with an apostrophe before what a spreadsheet would execute."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Skip what spreadsheets skip: white space, invisible characters and marks. NFKC covers full-width signs."""
    first = next((char for char in text if unicodedata.category(char)[0] not in "ZCM"), "")
    return unicodedata.normalize("NFKC", first).startswith(_FORMULA)


def storable(value: Any, *, depth: int = 0) -> Any:
    """Return JSON data from outside as each database takes it.

    Lone surrogates and NULs become ``\ufffd``. Lists and objects nested deeper than ``MAX_DEPTH`` become ``None``.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if not isinstance(value, dict | list):
        return value
    if depth >= MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [storable(item, depth=depth + 1) for item in value]
    return {storable(key): storable(item, depth=depth + 1) for key, item in value.items()}
