"""Data quality: which fields of which models were adjusted, with examples, and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as default

from django.contrib.admin import AdminSite
from django.db import router
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from django_hellotext.adjustments import Adjustment, Adjustments
from django_hellotext.delivery.data_quality import AdjustedRows, label_of
from django_hellotext.models import PROXIES, Event, RemoteObject
from django_hellotext.models.deliverable import Deliverable
from django_hellotext.sanitize import csv_cell

from .hosts import plain

MOST_EXAMPLES = 5  # rows of a group that are linked
BEYOND = "beyond"  # the kind of an entry that stands for adjustments which a row only counts
HEAD = ("row", "model", "object", "field", "kind", "reason", "original", "time")


@dataclass(frozen=True)
class Entry:
    """One adjustment of a row, or ``count`` of them that it only counts. ``url`` is empty without a page here."""

    row: Deliverable
    model: str
    pk: str
    made: Adjustment
    url: str
    count: int = 1


@dataclass
class Group:
    """The adjustments of one field of a model, of one kind."""

    model: str
    field: str
    kind: str
    count: int = 0
    examples: list[Entry] = default(default_factory=list)


class _Echo:
    """A file for ``csv.writer`` that returns each line."""

    def write(self, line: str) -> str:
        return line


def entries(request: HttpRequest, site: AdminSite, rows: AdjustedRows) -> Iterator[Entry]:
    """Yield the adjustments of those of ``rows`` that the user may view."""
    pages = {str(proxy.KIND): proxy for proxy in PROXIES}
    shown: tuple[type[Model], ...] = (Event, *PROXIES)
    seen = {
        model: site.is_registered(model) and site.get_model_admin(model).has_view_permission(request) for model in shown
    }
    for model in (RemoteObject, Event):
        linked = router.db_for_read(model) == rows.using
        for row in rows.of(model):
            page = pages.get(row.kind) if isinstance(row, RemoteObject) else Event
            if page is None or not seen[page]:
                continue
            name = f"admin:{page._meta.app_label}_{page._meta.model_name}_change"
            url = reverse(name, args=[row.pk], current_app=site.name) if linked else ""
            label, pk = _about(row)
            found = Adjustments.from_json(row.adjustments)
            for made in found:
                yield Entry(row, label, pk, made, url)
            if found.more:
                more = Adjustment("", BEYOND, f"{found.more} more adjustments were counted, not kept.")
                yield Entry(row, label, pk, more, url, count=found.more)


def groups(found: Iterable[Entry]) -> list[Group]:
    """Return ``found`` by model, field and kind, most frequent first; what is only counted comes last."""
    by: dict[tuple[str, str, str], Group] = {}
    for one in found:
        key = (one.model, one.made.field, one.made.kind)
        group = by.setdefault(key, Group(one.model, one.made.field, _kind(one.made.kind)))
        group.count += one.count
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(one)
    return sorted(by.values(), key=lambda group: (not group.field, -group.count))


def csv_lines(found: Iterable[Entry]) -> Iterator[str]:
    """Yield the lines of a CSV file; no cell is a formula."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEAD)
    for one in found:
        cells = (
            f"{one.row._meta.model_name} {one.row.pk}",
            *(one.model, one.pk, one.made.field, one.made.kind, one.made.reason, one.made.original),
            one.row.updated_at.isoformat(),
        )
        yield writer.writerow([csv_cell(cell) for cell in cells])


def _kind(kind: str) -> str:
    return str(gettext("counted, not kept")) if kind == BEYOND else label_of(kind)


def _about(row: Deliverable) -> tuple[str, str]:
    """Return the model and key of the shop's object; of an event without one, its action."""
    if isinstance(row, RemoteObject):
        return plain(row.host_label), row.host_pk
    return (plain(row.object_label) or row.action, row.object_pk) if isinstance(row, Event) else ("", "")
