"""Times as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta

from .. import clock


def span(age: timedelta) -> str:
    """``age`` in its largest unit: "3 minutes"."""
    seconds = max(0, int(age.total_seconds()))
    if seconds < 90:
        return _many(seconds, "second")
    if seconds < 90 * 60:
        return _many(seconds // 60, "minute")
    if seconds < 48 * 3600:
        return _many(seconds // 3600, "hour")
    return _many(seconds // 86400, "day")


def ago(moment: datetime | None) -> str:
    """How long ago ``moment`` was."""
    return f"{span(clock.now() - moment)} ago" if moment else "never"


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
