"""What waits for a process of another release: which models, how many rows, since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from ..conf import hellotext_settings
from ..models import Change, Event, RemoteObject, Session, State
from .unknown_models import COLUMNS, NEWER_LAYOUT, unknown_labels, unknown_models

LOOKED_AT = 10_000  # rows of each table, the oldest
WAITING = (State.PENDING, State.UNCERTAIN)
TABLES: Mapping[str, type[Model]] = {"events": Event, "objects": RemoteObject, "sessions": Session, "changes": Change}
# The column that says since when a row waits: a mirrored object is older than its newest version.
AGES: Mapping[type[Model], str] = {
    Event: "created_at",
    RemoteObject: "updated_at",
    Session: "created_at",
    Change: "tracked_at",
}


@dataclass(frozen=True)
class LeftRows:
    """Rows that this process leaves because of one ``label``: no adapter is registered for that model.

    The label is empty for events that a newer release recorded in a layout of its own. ``counts`` has the rows of each
    of ``TABLES``; no more than ``LOOKED_AT`` rows of a table are looked at.
    """

    label: str
    counts: Mapping[str, int]
    since: datetime

    @property
    def total(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.counts.values())

    @property
    def why(self) -> str:
        """Return why they are left."""
        return why_left(self.label)


def left_rows(using: str) -> list[LeftRows]:
    """Return what waits on ``using`` for another release. One statement for each table, whatever their size."""
    counts: Counter[tuple[str, str]] = Counter()
    since: dict[str, datetime] = {}
    for name, model in TABLES.items():
        for label, at in _left(model, using):
            counts[label, name] += 1
            since[label] = min(at, since.get(label, at))
    return [
        LeftRows(label, {name: counts[label, name] for name in TABLES if counts[label, name]}, since[label])
        for label in sorted(since)
    ]


def _left(model: type[Model], using: str) -> Iterator[tuple[str, datetime]]:
    rows: Any = model._default_manager.using(using).filter(account=hellotext_settings.account)
    rows = rows if model is Change else rows.filter(state__in=WAITING)
    rows = rows.order_by("state", "lane", "id")  # as in the index of the claim
    seen = list(rows.values_list(AGES[model], *COLUMNS[model])[:LOOKED_AT])
    # This process may count what waits for it: that leaves these rows out from now on.
    unknown_models.meet(model, (values for _, *values in seen))
    for at, *values in seen:
        for label in unknown_labels(model, values):
            yield label, at


def why_left(label: str) -> str:
    """Say why rows are left because of ``label``."""
    if label == NEWER_LAYOUT:
        return _("A newer release recorded it in a layout that this process does not know.")
    return _("No adapter is registered for %(label)s in this process.") % {"label": label}
