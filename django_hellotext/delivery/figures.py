"""Count what a drain writes, for the dashboard: in memory, and now and then into the hour's figures.

The rows are the truth, figures are statistics. A worker that is killed takes its last seconds of them along, and a
table of figures that cannot be written disturbs no delivery: the warning ``figures.lost`` says so once in a process.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import Error, IntegrityError, connections, transaction
from django.db.models import F

from .. import clock
from ..models import Event, Lane, RemoteObject
from ..models.deliverable import Deliverable
from ..models.figures import BOUNDS, UNMEASURED, Ending, Figure, Subject

EVERY = 10.0  # seconds between two looks whether there is something to write
MOST = 500  # different figures kept in memory

logger = logging.getLogger("django_hellotext.delivery")


class _Key(NamedTuple):
    """What one figure counts; the columns of its row in the order in which rows are written."""

    hour: datetime
    subject: str
    what: str
    ending: str
    bucket: int


class Figures:
    """The counts of one drain of ``account`` on ``using``; not to be shared between threads."""

    def __init__(self, account: str, *, using: str) -> None:
        self.account = account
        self.using = using
        self._counts: Counter[_Key] = Counter()
        self._written_at = time.monotonic()

    def add(self, rows: Iterable[Deliverable], ending: Ending) -> None:
        """Count ``rows``, which have just come to ``ending``."""
        now = clock.now()
        hour = hour_of(now)
        for row in rows:
            subject, what = _named(row)
            bucket = bucket_of(row, now=now) if ending is Ending.DELIVERED else UNMEASURED
            self._counts[_Key(hour, subject.value, what, ending.value, bucket)] += 1

    def flush_if_due(self) -> None:
        """Write when the last time is a while ago, or many figures have come together."""
        if time.monotonic() - self._written_at >= EVERY or len(self._counts) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Add what was counted to the rows of its hour; raises nothing of the database's."""
        self._written_at = time.monotonic()
        try:
            # A statement for each, and none of them within a transaction of ours: whoever writes the same figures
            # at this moment waits for one row, and nobody waits in a circle.
            for key in sorted(self._counts):
                self._write(key, self._counts[key])
                del self._counts[key]
        except Error as error:
            _warn(self.using, type(error).__name__)
            self._counts.clear()

    def _write(self, key: _Key, count: int) -> None:
        rows = Figure.objects.using(self.using)
        columns: dict[str, Any] = {"account": self.account, **key._asdict()}
        with self._unharmed():
            if rows.filter(**columns).update(count=F("count") + count):
                return
        try:
            with self._unharmed():
                rows.create(**columns, count=count)
        except IntegrityError:
            # Another worker was first.
            with self._unharmed():
                rows.filter(**columns).update(count=F("count") + count)

    def _unharmed(self) -> AbstractContextManager[Any]:
        """Within a transaction, which only a caller can have opened, an error ends nothing but our statement."""
        is_within = connections[self.using].in_atomic_block
        return transaction.atomic(using=self.using) if is_within else nullcontext()


def hour_of(moment: datetime) -> datetime:
    """Where the hour of ``moment`` begins, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def bucket_of(row: Deliverable, *, now: datetime) -> int:
    """The bucket of the time from when ``row`` was recorded to ``now``; ``UNMEASURED`` where that says nothing.

    An object has been waiting since it changed in the shop, unless it came to an end since. Nobody waits for the
    back-fill.
    """
    since: datetime | None = row.created_at
    if isinstance(row, RemoteObject):
        since = row.changed_at
        if since is not None and row.finished_at is not None and row.finished_at >= since:
            since = None
    if since is None or row.lane != Lane.LIVE:
        return UNMEASURED
    # Clocks differ: what seems to have arrived before it was recorded took no time.
    return bisect_left(BOUNDS, (now - since).total_seconds())


def _named(row: Deliverable) -> tuple[Subject, str]:
    if isinstance(row, Event):
        return Subject.EVENT, row.action
    if isinstance(row, RemoteObject):
        return Subject.OBJECT, row.kind
    return Subject.SESSION, ""


@cache
def _warn(using: str, error: str) -> None:
    """Say it once in a process, not with every drain."""
    logger.warning("figures.lost", extra={"using": using, "error": error})
