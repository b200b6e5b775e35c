"""Which rows were adjusted: counts by kind, and the rows whose total and lines differ.

JSON look-ups differ among databases, so rows are read in order of their keys and grouped in Python, within bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Max, Min, Model
from django.utils.translation import gettext as _

from ..adjustments import FLAGS, Adjustment, AdjustmentKind, Adjustments
from ..conf import hellotext_settings
from ..models import Event, RemoteObject
from ..models.deliverable import Deliverable
from .obstacles import Line, named

NEWEST = 100_000  # rows of each table that are looked through, by primary key
MOST_ROWS = 20_000  # adjusted rows of each table that are read
WORST = 10

# What a line about an adjusted row needs.
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    RemoteObject: ("kind", "host_label", "host_pk", "reference", "adjustments", "updated_at"),
    Event: ("action", "object_label", "object_pk", "tracked_at", "adjustments", "updated_at"),
}


@dataclass(frozen=True)
class Flagged:
    """A row whose total and lines differ. ``size``: in percent of the total; 0 where it is not known."""

    row: str
    reason: str
    size: int


@dataclass
class Tally:
    """Adjusted rows by kind of adjustment. ``complete`` is false where there are rows that were not read."""

    rows: int = 0
    flagged: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    worst: list[Flagged] = field(default_factory=list)
    complete: bool = True


class AdjustedRows:
    """The account's adjusted rows of one database: of each table at most ``MOST_ROWS`` of the ``NEWEST`` rows.

    ``complete`` becomes false once a table has rows beyond these bounds.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self.complete = True

    def of(self, model: type[Event | RemoteObject]) -> Iterator[Event | RemoteObject]:
        """Yield the adjusted rows of ``model``, newest first, in two queries. Other columns than shown are deferred."""
        rows = model._default_manager.using(self.using)
        ends = rows.aggregate(oldest=Min("pk"), newest=Max("pk"))
        if ends["newest"] is None:
            return
        after = ends["newest"] - NEWEST
        self.complete = self.complete and ends["oldest"] > after
        found = rows.filter(account=hellotext_settings.account, adjustments__isnull=False, pk__gt=after)
        found = found.only(*COLUMNS[model]).order_by("-pk")
        for number, row in enumerate(found[: MOST_ROWS + 1].iterator(chunk_size=1_000)):
            if number == MOST_ROWS:
                self.complete = False
                return
            yield row


def tally(using: str) -> Tally:
    """Count the adjusted rows within the bounds of ``AdjustedRows``; the worst are objects, not their events."""
    found = Tally()
    rows = AdjustedRows(using)
    for model in (RemoteObject, Event):
        for row in rows.of(model):
            made = Adjustments.from_json(row.adjustments)
            found.rows += 1
            found.kinds.update({one.kind for one in made})
            flags = [one for one in made if one.kind in FLAGS]
            found.flagged += bool(flags)
            if flags and model is RemoteObject:
                largest = max(flags, key=lambda one: one.size)
                found.worst.append(Flagged(named(row), largest.reason, largest.size))
                found.worst.sort(key=lambda one: -one.size)
                del found.worst[WORST:]
    found.complete = rows.complete
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
