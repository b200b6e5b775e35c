"""Rows that were sent, or have failed, without an object that could not be sent: they are corrected once it can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import clock
from .deliverable import Deliverable
from .events import Event
from .fields import UtcDateTimeField
from .objects import RemoteObject
from .sessions import Session
from .states import State

PREREQUISITE_FAILED = "prerequisite_failed"
"""The error type of a row that cannot be sent without an object that could not be sent."""


class MissingTable(models.IntegerChoices):
    """The tables of the rows."""

    OBJECT = 0, "object"
    EVENT = 1, "event"
    SESSION = 2, "session"


_MODELS: Mapping[MissingTable, type[Deliverable]] = {
    MissingTable.OBJECT: RemoteObject,
    MissingTable.EVENT: Event,
    MissingTable.SESSION: Session,
}
_TABLES: Mapping[type[Deliverable], MissingTable] = {model: table for table, model in _MODELS.items()}


class MissingObjectQuerySet(models.QuerySet["MissingObject"]):
    """The verbs of the table."""

    def note(self, row: Deliverable, identities: Iterable[str]) -> None:
        """Note that ``row`` lacks the objects with these identities, and no others."""
        wanted = set(identities)
        table = next(table for model, table in _TABLES.items() if isinstance(row, model))
        noted = self.filter(table=table, row=row.pk)
        known = set(noted.values_list("identity", flat=True))
        if known - wanted:
            noted.exclude(identity__in=wanted).delete()
        self.bulk_create(
            [MissingObject(identity=one, table=table, row=row.pk) for one in sorted(wanted - known)],
            ignore_conflicts=True,
        )

    def resolve(self, identities: Collection[str]) -> int:
        """The objects with these identities are at Hellotext now: send the rows once more that lack them.

        An event that was delivered stays noted, see ``delivered_events``. Answers how many rows wait.
        """
        noted: dict[int, list[int]] = {}
        for table, row in self.filter(identity__in=identities).values_list("table", "row"):
            noted.setdefault(table, []).append(row)
        waiting = 0
        if objects := noted.get(MissingTable.OBJECT):
            waiting += RemoteObject.objects.using(self.db).repeat(objects)
        for table in (MissingTable.EVENT, MissingTable.SESSION):
            if rows := noted.get(table):
                manager: Any = _MODELS[table]._default_manager.using(self.db)
                waiting += manager.filter(pk__in=rows).replay([PREREQUISITE_FAILED])
        if noted:
            delivered = Event.objects.using(self.db).filter(
                pk__in=noted.get(MissingTable.EVENT, []), state=State.DELIVERED
            )
            kept = list(delivered.values_list("pk", flat=True))
            self.filter(identity__in=identities).exclude(table=MissingTable.EVENT, row__in=kept).delete()
        return waiting


class MissingObject(models.Model):
    """One row, and one object that it lacks. ``identity`` is that of the object's ``RemoteObject``."""

    identity = models.CharField(max_length=64, db_index=True)
    table = models.PositiveSmallIntegerField(choices=MissingTable)
    row = models.BigIntegerField()
    created_at = UtcDateTimeField(default=clock.now)

    objects = MissingObjectQuerySet.as_manager()

    class Meta:
        verbose_name = _("missing object")
        verbose_name_plural = _("missing objects")
        constraints = [
            models.UniqueConstraint(fields=["table", "row", "identity"], name="hellotext_missing_object_unique")
        ]

    def __str__(self) -> str:
        return f"{self.get_table_display()} {self.row}"
