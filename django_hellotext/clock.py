"""The time of this process, always aware, whether or not the project sets ``USE_TZ``.

Call ``clock.now()`` through the module: tests stop the clock there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone


def now() -> datetime:
    """Return the current time in UTC; ``django.utils.timezone.now()`` is naive under ``USE_TZ=False``."""
    return datetime.now(UTC)


def make_aware(moment: datetime) -> datetime:
    """Return ``moment`` with a time zone; a naive value is local time in ``TIME_ZONE``.

    A local time that a DST change repeats is the first of the two, unless its ``fold`` is 1. One that a DST change
    skips is read with the offset before the change.
    """
    if timezone.is_aware(moment):
        return moment
    return moment.replace(tzinfo=timezone.get_default_timezone())


class AwareJSONEncoder(DjangoJSONEncoder):
    """Django's encoder, which gives every datetime an offset; a naive value is local time in ``TIME_ZONE``."""

    def default(self, o: Any) -> Any:
        return super().default(make_aware(o) if isinstance(o, datetime) else o)


def for_host(moment: datetime) -> datetime:
    """Return ``moment`` as the project's own fields take it: naive local time under ``USE_TZ=False``."""
    moment = make_aware(moment)
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())
