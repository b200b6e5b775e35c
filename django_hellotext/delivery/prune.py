"""Retention: what was delivered long ago goes, in small batches and within a time budget (demand C11).

The figures of the dashboard go after 90 days.

Nothing undelivered goes, but for rows that this release leaves to another one: after the retention time nothing waits
for an adapter any more. An event with a key is emptied of everything personal or bulky, but stays with its ID and
its ``dedupe``, so that recording it once more is still recording it twice (promise 2). An emptied row leaves its
account, too: no index that the drain reads leads to it any more.

What a customer said about messages stays, with its evidence: it is what an opt-out is known by, and the proof of a
consent. Only ``forget_customer`` takes it away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from .. import clock
from ..models import (
    CHANGES,
    SUBSCRIPTION,
    Account,
    Event,
    Figure,
    Lane,
    MissingObject,
    MissingTable,
    RemoteObject,
    State,
)
from ..models.events import PERSONAL
from .left_rows import AGES, WAITING
from .presence import PLACES, occupied
from .unknown_models import labels_of

logger = logging.getLogger("django_hellotext.delivery")

BATCH = 500  # rows of one statement; SQLite once allowed 999 parameters

FIGURES_KEPT = timedelta(days=90)

EMPTY: dict[str, Any] = {"account": "", **PERSONAL}


@dataclass(frozen=True)
class Pruned:
    """What a run did: how many events went, how many were emptied, how many figures went, and whether that is all.

    ``dropped`` counts undelivered rows of all tables that had waited for an adapter, or for a newer release.
    """

    deleted: int = 0
    emptied: int = 0
    figures: int = 0
    dropped: int = 0
    complete: bool = True

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(
            deleted=self.deleted + other.deleted,
            emptied=self.emptied + other.emptied,
            figures=self.figures + other.figures,
            dropped=self.dropped + other.dropped,
            complete=self.complete and other.complete,
        )


def prune(using: str = "default", *, days: float, seconds: float | None = None, batch: int = BATCH) -> Pruned:
    """Delete or empty the events of ``using`` that were delivered more than ``days`` days ago.

    :param seconds: stop after about that long; the rest goes next time. :param batch: rows of one statement.
    """
    ends = time.monotonic() + seconds if seconds is not None else None
    before = clock.now() - timedelta(days=days)
    done = Pruned()
    for account in Account.objects.using(using).order_by("key").values_list("key", flat=True):
        for lane in Lane:
            done += _prune_lane(using, account, lane, before=before, ends=ends, batch=batch)
        done += _prune_figures(using, account, ends=ends, batch=batch)
        done += _drop_left(using, account, before=before, ends=ends, batch=batch)
    # The events that were sent without their customer are not looked for any more.
    MissingObject.objects.using(using).filter(table=MissingTable.EVENT, created_at__lt=before).delete()
    if done.dropped:
        logger.warning("prune.dropped", extra={"using": using, "count": done.dropped})
    return done


def _prune_lane(using: str, account: str, lane: Lane, *, before: datetime, ends: float | None, batch: int) -> Pruned:
    """Walk one lane in the order of its IDs, which is the order of recording, as far as it can hold old rows.

    Each window is one short range of the index that claims use: the cost does not grow with what stays.
    """
    done = Pruned()
    last = 0
    while True:
        if ends is not None and time.monotonic() >= ends:
            return done + Pruned(complete=False)
        window = list(
            Event.objects.using(using)
            .filter(account=account, state=State.DELIVERED, lane=lane, pk__gt=last)
            .order_by("pk")
            .values_list("pk", "dedupe", "created_at", "finished_at", "destination")[:batch]
        )
        if not any(created < before for _, _, created, _, _ in window):
            return done
        old = [
            (pk, dedupe)
            for pk, dedupe, _, finished, destination in window
            if finished is not None and finished < before and destination != SUBSCRIPTION
        ]
        done += _remove(using, [pk for pk, dedupe in old if dedupe is None])
        done += _empty(using, [pk for pk, dedupe in old if dedupe is not None])
        last = window[-1][0]


def _drop_left(using: str, account: str, *, before: datetime, ends: float | None, batch: int) -> Pruned:
    """Drop what has waited since ``before`` for an adapter that this process does not have, or for a newer release."""
    done = Pruned()
    found = occupied(account, using=using)
    tables: list[QuerySet[Any]] = []
    for model, state, lane in PLACES:
        if (model, state, lane) in found and state in (*WAITING, *CHANGES):
            tables.append(model.objects.using(using).filter(state=state, lane=lane))
    for rows in tables:
        done += _drop_in(rows.filter(account=account), before=before, ends=ends, batch=batch)
    return done


def _drop_in(rows: QuerySet[Any], *, before: datetime, ends: float | None, batch: int) -> Pruned:
    """Walk ``rows`` in the order of their IDs, as far as it can hold old ones."""
    age = AGES[rows.model]
    done, last = Pruned(), 0
    while True:
        if ends is not None and time.monotonic() >= ends:
            return done + Pruned(complete=False)
        window = list(rows.filter(pk__gt=last).order_by("pk")[:batch])
        if not any(_began(row) < before for row in window):
            return done
        old = [row.pk for row in window if getattr(row, age) < before and labels_of(row)]
        if old and rows.model is RemoteObject:
            done += Pruned(dropped=RemoteObject.objects.using(rows.db).give_up(old))
        elif old:
            done += Pruned(dropped=rows.filter(pk__in=old).delete()[0])
        last = window[-1].pk


def _began(row: Any) -> datetime:
    moment: datetime = row.created_at
    return moment


def _prune_figures(using: str, account: str, *, ends: float | None, batch: int) -> Pruned:
    """Delete the oldest figures of ``account``, found through their own index."""
    done = Pruned()
    old = Figure.objects.using(using).filter(account=account, hour__lt=clock.now() - FIGURES_KEPT)
    while ids := list(old.order_by("hour").values_list("pk", flat=True)[:batch]):
        if ends is not None and time.monotonic() >= ends:
            return done + Pruned(complete=False)
        count, _ = Figure.objects.using(using).filter(pk__in=ids).delete()
        done += Pruned(figures=count)
    return done


def _remove(using: str, ids: Sequence[int]) -> Pruned:
    if not ids:
        return Pruned()
    count, _ = Event.objects.using(using).filter(pk__in=ids, state=State.DELIVERED, dedupe=None).delete()
    return Pruned(deleted=count)


def _empty(using: str, ids: Sequence[int]) -> Pruned:
    if not ids:
        return Pruned()
    return Pruned(emptied=Event.objects.using(using).filter(pk__in=ids, state=State.DELIVERED).update(**EMPTY))
