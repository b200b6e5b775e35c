"""What ``hellotext_sync --check`` says of adjusted rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.data_quality import label_of, tally
from django_hellotext.management.showing import wrapped


def as_json() -> list[dict[str, Any]]:
    """Return for each database its adjusted rows by kind, and the flagged rows with the largest gap."""
    return [{"database": alias, **asdict(tally(alias))} for alias in hellotext_settings.DATABASES]


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
