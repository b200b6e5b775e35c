"""ASCII fingerprints of what a row stands for.

A plain UNIQUE column of hexadecimal digits behaves alike on every database; text columns do not: MariaDB's
collations ignore case and trailing spaces.
"""

from __future__ import annotations

import hashlib
import json


def fingerprint(*parts: str) -> str:
    """SHA-256 of ``parts`` as 64 hexadecimal digits; no two different lists of parts are written alike."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode("ascii")).hexdigest()


def ordering_key(*, session: str = "", label: str = "", pk: str = "") -> str:
    """The key whose rows are sent one after another: the visitor's session, else the customer or object.

    A session holds no colon, so that the two forms cannot be mistaken for each other.
    """
    if session:
        return session
    key = f"{label}:{pk}"
    return key if len(key) <= 100 else f"#:{fingerprint(label, pk)}"
