"""The dashboard's tables: what a chart is drawn from, what a screen reader reads, and what a CSV file holds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import StringIO
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, localize
from django.utils.translation import gettext as _

from django_hellotext.delivery.inspection import DRIFTS
from django_hellotext.delivery.overview import SESSION, Latency, Overview, Refusal, Span
from django_hellotext.models import Kind
from django_hellotext.sanitize import csv_cell

from .hosts import EMPTY

MOST_ACTIONS = 7  # series of a chart; the others are one more

STACK, LINES = "stack", "lines"


@dataclass(frozen=True)
class Cell:
    """``text`` for people, ``value`` for a chart and a file."""

    text: str
    value: Any

    @property
    def is_count(self) -> bool:
        """Whether it is a number, or the want of one."""
        return self.value is None or isinstance(self.value, int | float)


@dataclass(frozen=True)
class Row:
    """One line of a table. ``label`` is its short name under a chart, ``url`` leads to the rows themselves."""

    head: Cell
    cells: Sequence[Cell]
    label: str = ""
    url: str = ""


@dataclass(frozen=True)
class Column:
    """``tone`` names the colour of its series, ``is_count`` says that its cells are numbers."""

    name: str
    tone: str = ""
    is_count: bool = True


@dataclass(frozen=True)
class Chart:
    """A table that may be drawn: ``drawn`` says how, empty for one that is only read."""

    name: str
    title: str
    head: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    drawn: str = ""
    unit: str = ""
    empty: str = field(default_factory=lambda: _("Nothing yet."))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(cell.value for row in self.rows for cell in row.cells)

    def to_csv(self) -> str:
        """The table as a file that a spreadsheet opens without running anything of it."""
        out = StringIO()
        # Every text in quotes: elsewhere a spreadsheet may split at semicolons or tabs.
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow([_safe(self.head), *(_safe(column.name) for column in self.columns)])
        for row in self.rows:
            writer.writerow([_safe(row.head.value), *(_safe(cell.value) for cell in row.cells)])
        return out.getvalue()


def charts_of(seen: Overview, *, url_of: Callable[[Refusal], str] = lambda refusal: "") -> list[Chart]:
    """All of the dashboard's tables, in their order. ``url_of`` leads to the rows of a refusal."""
    return [_refusals(seen, url_of), _hours(seen), _days(seen), _latency(seen), _actions(seen), _drift(seen)]


def lasted(seconds: float | None) -> str:
    """``seconds`` in the unit that suits them; the units are written alike everywhere."""
    if seconds is None:
        return EMPTY
    size, unit = (1.0, "s") if seconds < 90 else (60.0, "min") if seconds < 5400 else (3600.0, "h")
    number = round(seconds / size, 1)
    return f"{localize(int(number) if number.is_integer() else number)} {unit}"


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return csv_cell(value)


def _count(value: int) -> Cell:
    return Cell(str(localize(value)), value)


def _moment(moment: datetime) -> Cell:
    return Cell(date_format(timezone.localtime(moment), "j M Y, H:i"), timezone.localtime(moment))


def _hours(seen: Overview) -> Chart:
    rows = [
        Row(_moment(span.at), _counts(span), label=date_format(timezone.localtime(span.at), "H:i"))
        for span in seen.hours
        if isinstance(span.at, datetime)
    ]
    return Chart("hours", _("Delivered per hour"), _("hour"), _columns(), rows, drawn=STACK)


def _days(seen: Overview) -> Chart:
    rows = [
        Row(Cell(date_format(span.at, "j M Y"), span.at), _counts(span), label=date_format(span.at, "j M"))
        for span in seen.days
    ]
    return Chart("days", _("Delivered per day"), _("day"), _columns(), rows, drawn=STACK)


def _columns() -> list[Column]:
    return [
        Column(_("events"), "1"),
        Column(_("objects"), "2"),
        Column(_("refused"), "bad"),
        Column(_("not sent"), "quiet"),
    ]


def _counts(span: Span) -> list[Cell]:
    return [_count(value) for value in (span.events, span.objects, span.refused, span.skipped)]


def _latency(seen: Overview) -> Chart:
    rows = [
        Row(_moment(one.at), [_seconds(one.p50), _seconds(one.p95), _count(one.count)], label=_clock(one))
        for one in seen.latencies
        if one.at is not None
    ]
    columns = [
        Column(_("half within (s)"), "1"),
        Column(_("95 of 100 within (s)"), "3"),
        Column(_("rows"), ""),
    ]
    note = _("From when it was recorded to when Hellotext had it; about, and without the back-fill.")
    return Chart("latency", _("Latency"), _("hour"), columns, rows, note=note, drawn=LINES, unit="s")


def _clock(one: Latency) -> str:
    return date_format(timezone.localtime(one.at), "H:i") if one.at else ""


def _seconds(value: float | None) -> Cell:
    return Cell(EMPTY, None) if value is None else Cell(str(localize(round(value, 1))), round(value, 1))


def _actions(seen: Overview) -> Chart:
    shown, others = seen.actions[:MOST_ACTIONS], seen.actions[MOST_ACTIONS:]
    columns = [Column(one.action, str(place + 1)) for place, one in enumerate(shown)]
    counts = [one.counts for one in shown]
    if others:
        columns.append(Column(_("others"), "quiet"))
        counts.append([sum(of_day) for of_day in zip(*(one.counts for one in others), strict=True)])
    rows = [
        Row(
            Cell(date_format(span.at, "j M Y"), span.at),
            [_count(of_action[place]) for of_action in counts],
            label=date_format(span.at, "j M"),
        )
        for place, span in enumerate(seen.days)
    ]
    return Chart("actions", _("Events by action"), _("day"), columns, rows, drawn=STACK)


def _refusals(seen: Overview, url_of: Callable[[Refusal], str]) -> Chart:
    columns = [
        Column(_("error type"), is_count=False),
        Column(_("rows")),
        Column(_("what to do"), is_count=False),
    ]
    rows = [
        Row(
            Cell(_named(one), one.of),
            [Cell(one.type or EMPTY, one.type), _count(one.count), Cell(one.advice, one.advice)],
            url=url_of(one),
        )
        for one in seen.refusals
    ]
    note = _("There are more than were counted.") if seen.refusals_capped else ""
    empty = _("Nothing is refused.")
    return Chart("refusals", _("Refused, waiting for a person"), _("of"), columns, rows, note=note, empty=empty)


def _named(one: Refusal) -> str:
    if one.of in Kind.values:
        return str(Kind(one.of).label)
    return _("session") if one.of == SESSION else _("event")


def _drift(seen: Overview) -> Chart:
    columns = [Column(_("looked at")), Column(_("in step")), *(Column(_drifts()[name]) for name in DRIFTS)]
    found = seen.last_check
    empty = _("Both sides were never compared. Do it with: manage.py hellotext_sync --check")
    title = _("Drift")
    if found is None:
        return Chart("drift", title, _("model"), columns, [], empty=empty)
    rows = [
        Row(
            Cell(one.model, one.model),
            [_count(getattr(one, name)) for name in ("looked_at", "in_step", *DRIFTS)],
        )
        for one in found.kinds
    ]
    when = date_format(timezone.localtime(found.at), "j M Y, H:i")
    said = [_("Compared on %(when)s.") % {"when": when}]
    said.append(_("Both sides were in step.") if not found.total else "")
    if found.undefined:
        said.append(_("Definitions that were missing there: %(count)d.") % {"count": found.undefined})
    empty = _("No model is registered.")
    return Chart("drift", title, _("model"), columns, rows, note=" ".join(filter(None, said)), empty=empty)


def _drifts() -> dict[str, str]:
    return {
        "never_sent": _("never sent"),
        "stale": _("stale"),
        "failed": _("refused"),
        "orphaned_here": _("gone here"),
        "missing_there": _("missing there"),
        "changed_there": _("changed there"),
    }
