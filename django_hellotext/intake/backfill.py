"""Paged history: the objects of a model in the order of their keys, and what is to be noted of each page.

Keyset paging, never OFFSET: a page costs the same at the end of a table as at its beginning, and a key is a
checkpoint (demand F1). A page becomes one multi-row INSERT in the back-fill lane (demand D3).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connections, models

from .. import clock
from ..actions import BUILT_IN
from ..adapters import Adapter, Link
from ..adapters.history import history_of
from ..adapters.rendering import neutral
from ..models import Change, Event, Lane
from ..models.changes import BASELINE
from ..savepoints import HostCode
from . import facts, ledger
from .changes import change_named, change_of, placed
from .subjects import key_of

T = TypeVar("T")

logger = logging.getLogger("django_hellotext.intake")

SIZE = 500  # objects of a page
CHUNK = 200  # events of one INSERT: an event has many columns

# By which field ``--since`` looks when the adapter names none; a user has no other.
JOINED = "date_joined"


def objects_of(adapter: Adapter, *, using: str) -> models.QuerySet[Any]:
    """All objects that ``adapter`` mirrors, prepared by it so that a page takes a constant number of queries."""
    rows = adapter.model._base_manager.using(using)
    try:
        return adapter.queryset(rows.all())
    except Exception as error:
        # The host's own code: its preparation saves queries, the objects are there without.
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        return rows.all()


def read_objects(adapter: Adapter, read: Callable[[models.QuerySet[Any]], T], *, using: str) -> T:
    """Return what ``read`` makes of the objects of ``adapter``, loaded in the shop's default language and in UTC.

    If the adapter's ``queryset()`` fails, also in the database, the objects are read without it; what fails then is
    raised. Libraries such as django-parler bind an object to the language that is active when it is loaded.
    """
    with neutral():
        try:
            with HostCode(using):
                return read(objects_of(adapter, using=using))
        except Exception as error:
            if connections[using].needs_rollback:
                raise  # the database has rolled back the whole transaction, as MySQL does after a deadlock
            logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        return read(adapter.model._base_manager.using(using).all())


def page_of(adapter: Adapter, *, using: str, after: str | None, since: datetime | None = None) -> list[models.Model]:
    """The next ``SIZE`` objects after the primary key ``after`` (text; ``None`` begins), in the order of the keys."""
    wanted = models.Q()
    if since is not None:
        wanted &= models.Q(**{f"{since_field(adapter)}__gte": clock.for_host(since)})
    if after is not None:
        wanted &= models.Q(pk__gt=adapter.model._meta.pk.to_python(after))
    return read_objects(adapter, lambda rows: list(rows.filter(wanted).order_by("pk")[:SIZE]), using=using)


def count_of(adapter: Adapter, *, using: str, since: datetime | None = None) -> int:
    """How many objects there are to look at."""
    wanted = models.Q()
    if since is not None:
        wanted &= models.Q(**{f"{since_field(adapter)}__gte": clock.for_host(since)})
    return read_objects(adapter, lambda rows: _bare(rows).filter(wanted).count(), using=using)


def since_field(adapter: Adapter) -> str | None:
    """The model's field that says when an object last changed, else when it was made; ``None`` without either.

    The adapter's ``changed_at`` wins; then a field with ``auto_now``, one with ``auto_now_add``, a user's
    ``date_joined``.
    """
    if adapter.changed_at:
        return adapter.changed_at
    fields = [field for field in adapter.model._meta.get_fields() if isinstance(field, models.DateTimeField)]
    for sign in ("auto_now", "auto_now_add"):
        for field in fields:
            if getattr(field, sign):
                return field.name
    return next((field.name for field in fields if field.name == JOINED), None)


def has_field(adapter: Adapter, name: str) -> bool:
    """Whether the model has a time field ``name``."""
    try:
        return isinstance(adapter.model._meta.get_field(name), models.DateField)
    except FieldDoesNotExist:
        return False


def existing(adapter: Adapter, pks: Iterable[str], *, using: str) -> set[str]:
    """Which of ``pks`` (text) still name an object."""
    keys = []
    for pk in pks:
        try:
            keys.append(adapter.model._meta.pk.to_python(pk))
        except ValidationError:
            continue
    return read_objects(
        adapter,
        lambda rows: {str(pk) for pk in _bare(rows).filter(pk__in=keys).values_list("pk", flat=True)},
        using=using,
    )


def _bare(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return ``rows`` without their related objects."""
    return rows.select_related(None).prefetch_related(None)


def changes_of(adapter: Adapter, objects: Iterable[models.Model], *, events: bool) -> list[Change]:
    """What says that ``objects`` are to be looked at by the drain; unsaved.

    ``events``: a status that differs from the last one seen becomes its event; else it only becomes the baseline.
    """
    changes = [change_of(obj, adapter) for obj in objects]
    for change in changes:
        change.lane = Lane.BACKFILL
        if not events:
            change.data[BASELINE] = True
    return changes


def deletions_of(adapter: Adapter, pks: Iterable[str]) -> list[Change]:
    """What says that the objects with ``pks`` are gone, although no signal told; unsaved."""
    return [change_named(adapter.label, pk, lane=Lane.BACKFILL, deleted=True) for pk in pks]


def history_events(
    adapter: Adapter, objects: Iterable[models.Model], *, sessions: Mapping[str, str]
) -> tuple[list[Event], int]:
    """The status events that ``objects`` can prove, each with its own time (demand A7); unsaved.

    ``sessions``: the visitor's session that is remembered of an object, by its key. Also answers for how many
    objects the adapter failed.
    """
    events: list[Event] = []
    faulty = 0
    for obj in objects:
        try:
            events += _events_of(adapter, obj, sessions.get(str(obj.pk), ""))
        except Exception as error:
            faulty += 1
            logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
    return sorted(events, key=lambda event: event.tracked_at), faulty


def status_dedupe(adapter: Adapter, obj: models.Model, status: str, action: str) -> str | None:
    """The fingerprint of the event for ``status`` of ``obj``, which the drain gives it as well."""
    return _status_fact(adapter, obj, status, action, clock.now()).row().dedupe


def _status_fact(adapter: Adapter, obj: models.Model, status: str, action: str, moment: datetime) -> facts.Fact:
    spec = BUILT_IN.get(action)
    return facts.Fact(
        action=action,
        object_link=Link(kind=adapter.kind, label=adapter.label, pk=key_of(obj, adapter)),
        # The key that the drain gives to the same change when it sees it happen.
        key="" if spec and spec.once else f"status:{status}",
        tracked_at=moment,
        lane=Lane.BACKFILL,
    )


def write(changes: Sequence[Change], events: Sequence[Event] = (), *, using: str) -> None:
    """Insert the rows of a page; an event that is there already is left out. Raises the database's error."""
    if changes:
        ledger.insert_many(placed(changes), using=using)
    for begin in range(0, len(events), CHUNK):
        ledger.insert_many(events[begin : begin + CHUNK], using=using, unique="dedupe")


def _events_of(adapter: Adapter, obj: models.Model, session: str) -> list[Event]:
    steps = history_of(adapter, obj)
    if not steps or not adapter.should_sync(obj):
        return []
    profile, amount = adapter.profile_link(obj), adapter.amount(obj)
    if profile is None and not session:
        return []
    found = []
    for status, action, moment in steps:
        fact = _status_fact(adapter, obj, status, action, moment)
        fact.profile, fact.session = profile, session
        if amount is not None:
            fact.amount, fact.currency = facts.money(amount, None, fact.faults)
        found.append(fact.row())
    return found
