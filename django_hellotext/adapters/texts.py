"""Short texts about people: without control characters, on one line, and not too long."""

from __future__ import annotations

import re
import unicodedata

from django_hellotext.adjustments import AdjustmentKind, adjust

MOST_CHARACTERS = 255  # of a name; what Hellotext takes is not documented

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def short_text(field: str, text: str, *, most: int = MOST_CHARACTERS) -> str:
    """Return ``text`` as one line of at most ``most`` characters; ``field`` names it in the adjustments."""
    found = text
    if _CONTROL.search(found):
        found = _CONTROL.sub(" ", found).strip()
        if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\r\n\t" for one in text):
            adjust(field, AdjustmentKind.REPAIRED, "Control characters were removed.", found)
    if len(found) > most:
        adjust(field, AdjustmentKind.SHORTENED, f"Cut to {most} characters.", found)
        found = found[:most].rstrip()
    return found
