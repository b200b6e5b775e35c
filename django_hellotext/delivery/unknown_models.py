"""Rows about models without an adapter in this process; they are left to the processes of another release.

While a release is deployed, processes of two releases share the tables. What one of them records, the other may not
know: a model whose adapter is new or was removed, or an event in a newer layout. Such a row stays as it is.

Queries do not change until a process meets such a row. From then on they leave out rows like it, so that these rows
fill no claim and no fold, and a drain ends when nothing else is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from ..adapters import registry
from ..intake.related import DEPENDENT
from ..models import PAYLOAD_VERSION, Change, Event, RemoteObject, Session

# The label of the doctor's test profile, which has no model.
TEST_PROFILE = "django_hellotext.doctor"
NEWER_LAYOUT = ""  # in place of a label: the event was recorded in a layout that is newer than this process
WAIT = 20.0  # seconds until a row that needs an object of an unknown model is looked at again

# What tells whether a row is to be left.
COLUMNS: Mapping[type[Model], tuple[str, ...]] = {
    Change: ("object_label", "object_parameters", "payload_version"),
    Event: ("object_label", "profile_label", "payload_version"),
    RemoteObject: ("host_label", "tombstone_at", "removal"),
    Session: ("profile_label",),
}

Row = TypeVar("Row", bound=Model)
Rows = TypeVar("Rows", bound="QuerySet[Any]")


def is_known(label: str) -> bool:
    """Return whether this process can handle objects of the model with ``label``; no label at all is known, too."""
    return label in ("", TEST_PROFILE) or registry.for_label(label) is not None


def unknown_labels(model: type[Model], values: Sequence[Any]) -> Iterator[str]:
    """Yield why a row of ``model`` with these values of its ``COLUMNS`` is left: unknown labels, ``NEWER_LAYOUT``."""
    labels: Iterable[str] = values[:1]
    if model is Change:
        label, data, layout = values
        if layout > PAYLOAD_VERSION:
            yield NEWER_LAYOUT
        # The model of a related object need not have an adapter; the one that depends on it must.
        labels = [(data or {}).get(DEPENDENT, label)]
    elif model is Event:
        labels = dict.fromkeys(values[:2])
        if values[2] > PAYLOAD_VERSION:
            yield NEWER_LAYOUT
    elif model is RemoteObject and values[1] is not None and values[2]:
        labels = ()  # deleted in the shop, and decided what becomes of it: that needs no adapter
    yield from (label for label in labels if not is_known(label))


def labels_of(row: Model) -> list[str]:
    """Return why ``row`` is left by this process; empty for a row that is not."""
    return list(unknown_labels(_table_of(type(row)), values_of(row)))


def values_of(row: Model) -> list[Any]:
    """Return the values of ``row`` that tell whether it is to be left."""
    return [getattr(row, name) for name in COLUMNS[_table_of(type(row))]]


def _table_of(model: type[Model]) -> type[Model]:
    return next(table for table in COLUMNS if issubclass(model, table))


class UnknownModels:
    """What this process has met and does not know. A label counts no longer once its adapter is registered."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def meet(self, model: type[Model], rows: Iterable[Sequence[Any]]) -> bool:
        """Note what is unknown in ``rows``, values of the ``COLUMNS`` of ``model``; return whether anything is.

        Then the query of the rows is to be made again: ``known`` leaves them out.
        """
        found = {label for values in rows for label in unknown_labels(model, values)}
        self._met |= found
        return bool(found)

    def known(self, rows: Rows) -> Rows:
        """Return ``rows`` without those that this process is known to leave."""
        if not self._met:
            return rows
        labels = sorted(label for label in self._met if label == NEWER_LAYOUT or not is_known(label))
        return rows.filter(~_about(rows.model, labels)) if labels else rows

    def take(self, rows: QuerySet[Row], limit: int) -> list[Row]:
        """Return the first ``limit`` of ``rows`` that are not to be left."""
        while True:
            found = list(self.known(rows)[:limit])
            if not self.meet(_table_of(rows.model), map(values_of, found)):
                return found

    def take_values(self, rows: QuerySet[Any], limit: int, *names: str) -> list[tuple[Any, ...]]:
        """Return the columns ``names`` of what ``take`` returns."""
        table = _table_of(rows.model)
        columns = COLUMNS[table]
        while True:
            found = list(self.known(rows).values_list(*columns, *names)[:limit])
            # Most rows of a claim are about the same few models.
            if not self.meet(table, {row[: len(columns)] for row in found}):
                return [row[len(columns) :] for row in found]


def _about(model: type[Model], labels: Sequence[str]) -> Q:
    """The rows of ``model`` that are left because of ``labels``."""
    named = [label for label in labels if label != NEWER_LAYOUT]
    if issubclass(model, Change):
        depends = Q(object_parameters__has_key=DEPENDENT)
        of_dependents = depends & Q(**{f"object_parameters__{DEPENDENT}__in": named})
        about = (Q(object_label__in=named) & ~depends) | of_dependents
        return about | Q(payload_version__gt=PAYLOAD_VERSION) if NEWER_LAYOUT in labels else about
    if issubclass(model, Event):
        about = Q(object_label__in=named) | Q(profile_label__in=named)
        return about | Q(payload_version__gt=PAYLOAD_VERSION) if NEWER_LAYOUT in labels else about
    if issubclass(model, RemoteObject):
        return Q(host_label__in=named) & (Q(tombstone_at=None) | Q(removal=""))
    return Q(profile_label__in=named)


unknown_models = UnknownModels()
