"""Which rows were adjusted: counts by kind, and the rows whose total and lines differ.

JSON look-ups differ among databases, so rows are read in order of their keys and grouped in Python, within bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Max
from django.utils.translation import gettext as _

from ..adjustments import FLAGS, Adjustment, AdjustmentKind, Adjustments
from ..conf import hellotext_settings
from ..models import Event, RemoteObject
from ..models.deliverable import Deliverable
from .obstacles import Line, named

NEWEST_EVENTS = 100_000  # by primary key
MOST_ROWS = 20_000  # adjusted rows of each table that are read
WORST = 10


@dataclass(frozen=True)
class Flagged:
    """A row whose total and lines differ. ``size``: in percent of the total; 0 where it is not known."""

    row: str
    reason: str
    size: int


@dataclass
class Tally:
    """Adjusted rows by kind of adjustment. ``complete`` is false where ``MOST_ROWS`` of a table were read."""

    rows: int = 0
    flagged: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    worst: list[Flagged] = field(default_factory=list)
    complete: bool = True


def adjusted_rows(model: type[Event | RemoteObject], *, using: str) -> Iterator[Deliverable]:
    """Yield the account's adjusted rows of ``model``, newest first, at most ``MOST_ROWS``."""
    rows = model._default_manager.using(using).filter(account=hellotext_settings.account, adjustments__isnull=False)
    if model is Event:
        newest = Event.objects.using(using).aggregate(newest=Max("pk"))["newest"] or 0
        rows = rows.filter(pk__gt=newest - NEWEST_EVENTS)
    yield from rows.order_by("-pk")[:MOST_ROWS].iterator(chunk_size=1_000)


def tally(using: str) -> Tally:
    """Count the adjusted objects, and those of the newest ``NEWEST_EVENTS`` events."""
    found = Tally()
    for model in (RemoteObject, Event):
        read = 0
        for row in adjusted_rows(model, using=using):
            read += 1
            made = Adjustments.from_json(row.adjustments)
            found.rows += 1
            found.kinds.update({one.kind for one in made})
            flags = [one for one in made if one.kind in FLAGS]
            if flags:
                found.flagged += 1
                largest = max(flags, key=lambda one: one.size)
                found.worst.append(Flagged(named(row), largest.reason, largest.size))
                found.worst.sort(key=lambda one: -one.size)
                del found.worst[WORST:]
        found.complete = found.complete and read < MOST_ROWS
    return found


def label_of(kind: str) -> str:
    """Return the label of ``kind``; one of a newer release is shown as it is stored."""
    return str(AdjustmentKind(kind).label) if kind in AdjustmentKind.values else kind


def text_of(one: Adjustment) -> str:
    """Return ``one`` as a line of text."""
    return f"{one.field}: {label_of(one.kind)} · {one.reason}" + (f" ({one.original})" if one.original else "")


def adjustment_lines(row: Deliverable) -> Iterator[Line]:
    """Yield what was adjusted in ``row``."""
    made = Adjustments.from_json(row.adjustments)
    for one in made:
        yield Line("adjusted", _("Adjusted: %(what)s") % {"what": text_of(one)})
    if made.more:
        yield Line("adjusted_more", _("And %(count)d more adjustments.") % {"count": made.more})
