"""How delivery stands on one database: what waits and since when, whether anything may be sent, who drained last.

For monitoring, so it is as cheap with a million rows as with ten: open states are counted through the index of the
claim and no further than ``COUNTED_TO``; delivered rows are never counted (demands J1, J4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Min, QuerySet

from .. import clock
from ..conf import hellotext_settings
from ..models import CHANGES, Account, Change, Event, Lane, RemoteObject, Session, State
from ..models.deliverable import Deliverable
from .left_rows import LeftRows, left_rows
from .unknown_models import unknown_models

COUNTED_TO = 10_000  # a count of this many means "this many or more"
SAMPLE = 1_000  # mirrored objects that are asked since when they wait, those next to be claimed
PATIENCE = timedelta(minutes=5)  # live rows that wait longer while no worker looks after them mean that none runs

OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN, State.FAILED)
TABLES: Mapping[str, type[Deliverable]] = {"events": Event, "objects": RemoteObject, "sessions": Session}


class Condition(StrEnum):
    """One word for the whole, worst first."""

    INACTIVE = "inactive"  # not configured, or a setting is wrong
    FOREIGN = "foreign"  # the database belongs to another environment (demand A8)
    HALTED = "halted"  # Hellotext does not accept the credentials; a probe goes out at least every hour
    STALLED = "stalled"  # rows wait, and no worker looks after them
    PAUSED = "paused"  # Hellotext is down, or asks for fewer requests; goes on by itself
    OK = "ok"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One database. ``waiting_since`` has the oldest live row that waits, ``backfill_since`` the oldest of the rest.

    ``left`` are rows that this release leaves to another one; neither of the two counts them.
    """

    using: str
    condition: Condition
    counts: Mapping[str, Mapping[str, int]]
    changes: int
    waiting_since: datetime | None
    backfill_since: datetime | None
    drained_at: datetime | None
    paused_until: datetime | None
    paused_reason: str
    halted_at: datetime | None
    halted_until: datetime | None
    halted_reason: str
    left: Sequence[LeftRows] = ()


def standing(using: str) -> Standing:
    """Look at ``using``. The number of statements is fixed; each reads a bounded part of an index."""
    key = hellotext_settings.account
    accounts = list(Account.objects.using(using).filter(business_id=hellotext_settings.BUSINESS_ID).order_by("pk"))
    own = next((account for account in accounts if account.key == key), None)
    is_foreign = bool(accounts) and accounts[0].key != key
    left = left_rows(using)
    live, backfill = (_oldest(key, lane, using=using) for lane in (Lane.LIVE, Lane.BACKFILL))
    return Standing(
        using=using,
        condition=_condition(own, is_foreign=is_foreign, waiting_since=live),
        counts={
            name: {state.value: _capped(_rows(model, using, account=key, state=state)) for state in OPEN}
            for name, model in TABLES.items()
        },
        changes=_capped(Change.objects.using(using).filter(account=key).without_reserves()),
        waiting_since=live,
        backfill_since=backfill,
        drained_at=own.drained_at if own else None,
        paused_until=own.paused_until if own else None,
        paused_reason=own.paused_reason if own else "",
        halted_at=own.halted_at if own else None,
        halted_until=own.halted_until if own else None,
        halted_reason=own.halted_reason if own else "",
        left=left,
    )


def _rows(model: type[Deliverable], using: str, **wanted: object) -> QuerySet[Deliverable]:
    return model._default_manager.using(using).filter(**wanted)


def _known_rows(model: type[Deliverable], using: str, **wanted: object) -> QuerySet[Deliverable]:
    """Without what is left to another release, which ``left_rows`` has looked for."""
    return unknown_models.known(_rows(model, using, **wanted))


def _capped(rows: QuerySet[Deliverable] | QuerySet[Change]) -> int:
    return rows.order_by()[:COUNTED_TO].count()


def _oldest(account: str, lane: Lane, *, using: str) -> datetime | None:
    """Since when the oldest row of ``lane`` waits.

    Events, sessions and changes are claimed in the order in which they were made, so the first one is the oldest.
    A mirrored object is older than its newest version: those next in turn are asked when they last moved.
    """
    waiting = {"account": account, "lane": lane, "state": State.PENDING}
    found = [_known_rows(model, using, **waiting).order_by("id").values_list("created_at", flat=True).first()
             for model in (Event, Session)]  # fmt: skip
    changes = unknown_models.known(Change.objects.using(using).filter(account=account, lane=lane)).order_by("id")
    found += [changes.filter(state=state).values_list("tracked_at", flat=True).first() for state in CHANGES]
    sample = _known_rows(RemoteObject, using, **waiting).order_by("id")[:SAMPLE]
    found.append(sample.aggregate(oldest=Min("updated_at"))["oldest"])
    return min((moment for moment in found if moment is not None), default=None)


def _condition(own: Account | None, *, is_foreign: bool, waiting_since: datetime | None) -> Condition:
    if not hellotext_settings.active:
        return Condition.INACTIVE
    if is_foreign:
        return Condition.FOREIGN
    if own is not None and own.halted_reason:
        return Condition.HALTED
    limit = clock.now() - PATIENCE
    drained_at = own.drained_at if own else None
    if waiting_since is not None and waiting_since < limit and (drained_at is None or drained_at < limit):
        return Condition.STALLED
    if own is not None and own.paused_reason:
        return Condition.PAUSED
    return Condition.OK


def worst(conditions: list[Condition]) -> Condition:
    """The condition of several databases together."""
    order = list(Condition)
    return min(conditions, key=order.index, default=Condition.OK)
