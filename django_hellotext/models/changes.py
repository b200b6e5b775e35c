"""Changes: "this object changed". They are rows of the event table, so that changes and events have one order.

The fold of the worker processes a change. If it becomes an event, the event takes the ID of the change, and therefore
its place among the events that were recorded before and after it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .events import Event
from .states import CHANGES, Lane, State

# In ``Change.data``: the status only becomes the baseline, and no event.
BASELINE = "baseline"
# In ``Change.metadata``: this row only reserves an ID for a second event of the change that follows it.
_RESERVED = "reserved"

_removals = 0


def removals() -> int:
    """A number that grows whenever this process removes changes, for whoever remembers having recorded them."""
    return _removals


class ChangeQuerySet(models.QuerySet["Change"]):
    """Queries of changes."""

    def of(self, label: str, pk: str) -> ChangeQuerySet:
        """Return the changes of one object, oldest first."""
        return self.filter(object_label=label, object_pk=pk).order_by("pk")

    def without_reserves(self) -> ChangeQuerySet:
        """Leave out the rows that only reserve an ID."""
        return self.exclude(metadata__has_key=_RESERVED)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove what was folded. Within the very transaction that recorded it this happens in tests only."""
        global _removals
        _removals += 1
        return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django marks its own
    delete.queryset_only = True  # type: ignore[attr-defined]  # as above


_Manager = models.Manager.from_queryset(ChangeQuerySet)


class ChangeManager(_Manager["Change"]):
    """The rows of the event table that are changes."""

    def get_queryset(self) -> ChangeQuerySet:
        """Leave out the events."""
        return ChangeQuerySet(self.model, using=self._db).filter(state__in=CHANGES)


class Change(Event):
    """One save or deletion of a host object, with what is known of it only at that moment.

    ``state`` is ``CHANGE`` if it may become events, ``TOUCH`` if only the object may have to be sent again. The names
    of an event's columns are given other meanings: ``object_label`` and ``object_pk`` name the object, ``tracked_at``
    is when it happened, ``object_parameters`` holds ``data`` and ``metadata`` the rest.

    ``overtaken_at`` is when a cart became an order. Its unsent events up to then are dropped: a customer who has
    ordered must not be reminded of the cart. With ``BASELINE`` in ``data`` the status was found by a sync: it is noted
    and sends no event.
    """

    # The columns of the INSERT; the database has defaults for the others.
    INSERTED = (
        *("account", "lane", "state", "ordering_key", "uuid", "source", "action", "session", "payload_version"),
        *("object_label", "object_pk", "object_parameters", "metadata", "tracked_at", "created_at", "updated_at"),
    )

    objects: ClassVar[ChangeManager] = ChangeManager()  # type: ignore[assignment]  # other rows than an event's

    class Meta:
        proxy = True
        verbose_name = _("unsent change")
        verbose_name_plural = _("unsent changes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not args:
            kwargs = {"state": State.CHANGE, "uuid": uuid.uuid4(), **kwargs}
        super().__init__(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.object_label} {self.object_pk}"

    @classmethod
    def about(
        cls,
        label: str,
        pk: str,
        *,
        account: str,
        happened_at: datetime,
        lane: int = Lane.LIVE,
        created: bool = False,
        deleted: bool = False,
        status: str | None = None,
        status_at: datetime | None = None,
        overtaken_at: datetime | None = None,
        session: str = "",
        data: dict[str, Any] | None = None,
    ) -> Change:
        """Return an unsaved change of the object that ``label`` and ``pk`` name."""
        change = cls(account=account, lane=lane, object_label=label, object_pk=pk, session=session)
        change.happened_at, change.data = happened_at, data or {}
        change.created, change.deleted = created, deleted
        change.status, change.status_at, change.overtaken_at = status, status_at, overtaken_at
        return change

    @property
    def label(self) -> str:
        """The label of the object's model."""
        return self.object_label

    @property
    def happened_at(self) -> datetime:
        """When the object changed."""
        return self.tracked_at

    @happened_at.setter
    def happened_at(self, moment: datetime) -> None:
        self.tracked_at = self.created_at = self.updated_at = moment

    @property
    def data(self) -> dict[str, Any]:
        """What was frozen with the change; may be changed in place."""
        if self.object_parameters is None:
            self.object_parameters = {}
        found: dict[str, Any] = self.object_parameters
        return found

    @data.setter
    def data(self, data: dict[str, Any]) -> None:
        self.object_parameters = data

    @property
    def created(self) -> bool:
        """Return whether the object was created just then."""
        return bool(self.metadata.get("created"))

    @created.setter
    def created(self, created: bool) -> None:
        self._note("created", created or None)

    @property
    def deleted(self) -> bool:
        """Return whether the object was deleted."""
        return bool(self.metadata.get("deleted"))

    @deleted.setter
    def deleted(self, deleted: bool) -> None:
        self._note("deleted", deleted or None)

    @property
    def status(self) -> str | None:
        """The status that the adapter watches; ``None`` if it is not known."""
        found: str | None = self.metadata.get("status")
        return found

    @status.setter
    def status(self, status: str | None) -> None:
        self._note("status", status)

    @property
    def status_at(self) -> datetime | None:
        """Since when the object has ``status``."""
        return _moment(self.metadata.get("status_at"))

    @status_at.setter
    def status_at(self, moment: datetime | None) -> None:
        self._note("status_at", _text(moment))

    @property
    def overtaken_at(self) -> datetime | None:
        """When a cart became an order."""
        return _moment(self.metadata.get("overtaken_at"))

    @overtaken_at.setter
    def overtaken_at(self, moment: datetime | None) -> None:
        self._note("overtaken_at", _text(moment))

    @property
    def is_reserve(self) -> bool:
        """Return whether this row only reserves an ID for the change that follows it."""
        return _RESERVED in self.metadata

    @property
    def is_baseline(self) -> bool:
        """Return whether the status is only noted and sends no event."""
        return BASELINE in self.data

    @property
    def is_found(self) -> bool:
        """Return whether a sync read the object; otherwise the shop reported that it had just changed."""
        return self.is_baseline or self.lane == Lane.BACKFILL

    def reserve(self) -> Change:
        """Return an unsaved row to insert before this one: an ID for a second event of the same change."""
        row = Change.about(
            self.label, self.object_pk, account=self.account, lane=self.lane, happened_at=self.happened_at
        )
        row.state, row.metadata = self.state, {_RESERVED: True}
        return row

    def _note(self, name: str, value: bool | str | None) -> None:
        self.metadata.pop(name, None)
        if value is not None:
            self.metadata[name] = value


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
