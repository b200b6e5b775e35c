"""Whether what the settings define exists on the side of Hellotext."""

from __future__ import annotations

from collections.abc import Iterator

from ..api import HellotextClient
from ..delivery.definitions import clashes, declared, missing
from .findings import Finding, error, ok, warning


def examine_definitions(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Raises ``ApiError`` when Hellotext cannot be asked."""
    wanted = declared()
    if client is None:
        return
    if not wanted:
        yield ok("definitions.none", "The settings define no property, list or action")
        return
    absent, different = missing(client), clashes(client)
    if absent:
        yield error(
            "definitions.missing",
            f"Not defined at Hellotext: {', '.join(str(one) for one in absent)}",
            "What names them is refused: events of such an action, customers with such a property.",
            "Run manage.py hellotext_sync, which brings them into being.",
        )
    for clash in different:
        yield warning(
            "definitions.different",
            f"Hellotext has {clash.definition} otherwise than the settings",
            clash.message,
            "Make HELLOTEXT agree with what is there, or change it at Hellotext. Nothing was touched.",
        )
    if not absent and not different:
        yield ok("definitions.there", f"All {len(wanted)} definitions are at Hellotext")
