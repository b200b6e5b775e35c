"""What ``hellotext_sync --check`` says of adjusted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.data_quality import Tally, label_of, tally
from django_hellotext.management.showing import wrapped


def as_json() -> list[dict[str, Any]]:
    """Return for each database its adjusted rows by kind, and the flagged rows with the largest gap."""
    return [_as_json(alias, tally(alias)) for alias in hellotext_settings.DATABASES]


def _as_json(alias: str, found: Tally) -> dict[str, Any]:
    return {
        "database": alias,
        "rows": found.rows,
        "flagged": found.flagged,
        "kinds": dict(found.kinds),
        "worst": [asdict(one) for one in found.worst],
        "complete": found.complete,
    }


def adjusted_lines(*, width: int) -> Iterator[str]:
    """Yield the counts by kind, and the flagged rows with the largest gap; nothing where no row was adjusted."""
    for alias in hellotext_settings.DATABASES:
        found = tally(alias)
        if not found.rows:
            continue
        more = "" if found.complete else "+"
        yield from ("", f"Adjusted rows on {alias}: {found.rows:,}{more}")
        for kind, count in found.kinds.most_common():
            yield f"  {count:,} {label_of(kind)}"
        for one in found.worst:
            gap = f" ({one.size} %)" if one.size else ""
            yield from wrapped(f"{one.row}: {one.reason}{gap}", width=width, indent=2)
