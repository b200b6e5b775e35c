"""Which rows go next: under the account's lock, within its budget, live ones first, in order per key."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.expressions import NegatedExpression
from django.db.models.functions import Coalesce, Concat

from ..conf import hellotext_settings
from ..models import Account, Change, Event, Lane, RemoteObject, Session, State
from ..models.deliverable import DeliverableQuerySet, is_suspect, waits_at
from .presence import Place, Sendable, occupied
from .unknown_models import unknown_models

SIZE = 100  # rows of one claim at the least
ROUNDS = 25  # a claim keeps every thread busy for about so many requests
BACKFILL_SHARE = 10  # one row in so many is the back-fill's, however much is live (demand D3)
FULL_SCAN = 5.0  # seconds after which the rows passed over are looked at again
BIGGEST = 2**63 - 1  # the largest ID
RECOVERY = 60.0  # seconds in which a rate lowered by 429 returns to the configured one


class Claimer:
    """Claims rows of one account on one alias. Call ``claim`` inside a transaction that holds the account's lock.

    Remembers how far it has come: the rows behind have just been claimed by somebody, and their dead index entries
    need not be read again each time (demand C11).

    ``is_alone`` says that the last claim took a single row that may have ended the processes of other workers. Such
    rows take turns with all others. ``waits`` says that one is due and this process has to finish the others first.
    """

    def __init__(self, account: str, *, using: str, concurrency: int) -> None:
        self.account = account
        self.using = using
        self.size = max(SIZE, ROUNDS * concurrency)
        self._floors: dict[tuple[Sendable, Lane], int] = {}
        self._occupied: set[Place] = set()
        self._scanned_at = 0.0
        self._suspects: dict[tuple[Sendable, int], Lane] = {}
        self.is_alone = self.waits = False

    def claim(self, token: str, *, account: Account, now: datetime, is_idle: bool = True) -> int:
        """Put what is due under ``token``; return how many rows. ``is_idle``: no other row is in hand here."""
        self.waits = False
        if time.monotonic() - self._scanned_at > FULL_SCAN:
            self._start_over()
        self._occupied = occupied(self.account, using=self.using)
        allowed = self.size if (budget := self._budget(account, now)) is None else min(self.size, int(budget))
        claimed = self._claim_next(token, allowed, now, is_idle=is_idle) if allowed >= 1 else 0
        if budget is not None:
            # Also where nothing was allowed: what has come in by now is put down, whatever a clock does next.
            Account.objects.using(self.using).spend(self.account, claimed, budget=budget, rate=account.rate, now=now)
        return claimed

    def _start_over(self) -> None:
        self._floors.clear()
        self._scanned_at = time.monotonic()

    def _claim_next(self, token: str, allowed: int, now: datetime, *, is_idle: bool) -> int:
        if self._suspects and not self.is_alone:
            self.waits = not is_idle
            if self.waits or self._claim_suspect(token, now):
                return int(self.is_alone)
        self.is_alone = False
        claimed = self._claim(token, allowed, now)
        if not claimed and self._floors:
            self._start_over()
            claimed = self._claim(token, allowed, now)
        if claimed or not self._suspects:
            return claimed
        self.waits = not is_idle
        return 0 if self.waits else self._claim_suspect(token, now)

    def _claim_suspect(self, token: str, now: datetime) -> int:
        """Claim the first suspect that is still due, and nothing else; return how many rows."""
        while self._suspects:
            (model, pk), lane = next(iter(self._suspects.items()))
            del self._suspects[model, pk]
            ids = [pk for (pk,) in unknown_models.take_values(self.due(model, lane, now, only=pk), 1, "pk")]
            if ids and model.objects.using(self.using).claim(ids, token=token, lease=hellotext_settings.LEASE):
                self.is_alone = True
                return 1
        return 0

    def _claim(self, token: str, allowed: int, now: datetime) -> int:
        live = self._claim_lane(token, Lane.LIVE, max(1, allowed - allowed // BACKFILL_SHARE), now)
        return live + self._claim_lane(token, Lane.BACKFILL, allowed - live, now)

    def _claim_lane(self, token: str, lane: Lane, allowed: int, now: datetime) -> int:
        # Half is for objects as long as there is anything else: what customers do need not wait until a catalogue that
        # was saved anew is through.
        share = (allowed + 1) // 2
        objects = self._claim_rows(RemoteObject, token, lane, share, now)
        claimed = objects
        for model in (Session, Event):
            if claimed < allowed:
                claimed += self._claim_rows(model, token, lane, allowed - claimed, now)
        if objects == share and claimed < allowed:
            claimed += self._claim_rows(RemoteObject, token, lane, allowed - claimed, now)
        return claimed

    def _claim_rows(self, model: Sendable, token: str, lane: Lane, allowed: int, now: datetime) -> int:
        if (model, State.PENDING, lane) not in self._occupied:
            return 0
        names = ("pk", "ordering_key", "error_type", "attempts")
        found = unknown_models.take_values(self.due(model, lane, now), allowed, *names)
        if not found:
            return 0
        self._floors[model, lane] = found[-1][0]
        ids, keys = [], set()
        for pk, key, *error in found:
            if is_suspect(*error):
                self._suspects[model, pk] = lane
                keys.add(key)
            elif model is not Event or key not in keys:
                ids.append(pk)
        return model.objects.using(self.using).claim(ids, token=token, lease=hellotext_settings.LEASE) if ids else 0

    def due(self, model: Sendable, lane: Lane, now: datetime, *, only: int | None = None) -> DeliverableQuerySet:
        """The rows of ``model`` that may go next at ``now``, oldest first; the row ``only``, if it may.

        One moment for the whole query: SQLite's clock goes on while it runs, and a row that is not due yet when it
        is looked at, but is when its follower is, would be overtaken (promise 3).
        """
        rows = model.objects.using(self.using)
        # Every earlier row of its key is passed over for ``only``, so that it waits behind them.
        floor = self._floors.get((model, lane), 0) if only is None else only - 1
        due: DeliverableQuerySet = rows.due(self.account, lane=lane, now=now).filter(pk__gt=floor)
        if only is not None:
            due = due.filter(pk=only)
        if model is Event:
            # By the key, and by the account in a form that no index knows: that leaves a planner with stale statistics
            # no other index to take. Rows of an account that nobody drains any more would hold their key for ever.
            of_account = {"owner": self.account, "ordering_key": OuterRef("ordering_key")}
            same_key = Event.objects.using(self.using).alias(owner=Concat("account", Value(""))).filter(**of_account)
            # Each state by itself: of one among two MariaDB uses no more than the key, and reads its whole history.
            in_hand, in_doubt = (same_key.filter(state=state) for state in (State.SENDING, State.UNCERTAIN))
            # An earlier row of the key that this claim cannot take, because it is not due or behind the floor.
            passed_over = waits_at(now) | Q(pk__lte=floor)
            earlier = same_key.filter(passed_over, state=State.PENDING, lane=lane, pk__lt=OuterRef("pk"))
            earlier = unknown_models.known(earlier)
            due = due.filter(_none_of(in_hand, in_doubt, earlier))
            if lane == Lane.LIVE:
                due = due.filter(pk__lt=self._first_change())
        return due

    def _first_change(self) -> Coalesce:
        """The ID of the first change that may still become an event; events recorded after it wait for the fold.

        A part of the claim's own statement: a change and an event may be committed between two statements.
        """
        changes = Change.objects.using(self.using).filter(account=self.account, lane=Lane.LIVE)
        waiting = unknown_models.known(changes.filter(state=State.CHANGE))
        first = waiting.order_by("id").values("pk")[:1]
        return Coalesce(Subquery(first), Value(BIGGEST))

    def _budget(self, account: Account, now: datetime) -> float | None:
        """How many requests the account may make now; ``None`` when there is no limit (demand D5)."""
        limit = hellotext_settings.RATE
        if limit is None:
            return None
        elapsed = max((now - account.budget_at).total_seconds(), 0.0) if account.budget_at else 1.0
        recovered = limit * min(elapsed, 1.0) / RECOVERY
        account.rate = min(limit, (limit if account.rate is None else account.rate) + recovered)
        # All of the time makes up for what was overdrawn; at most the burst of one second is saved up.
        return min(max(1.0, account.rate), (account.budget or 0.0) + elapsed * account.rate)


def _none_of(*looks: DeliverableQuerySet) -> NegatedExpression[Any]:
    """That none of ``looks`` finds a row, asked for one candidate after the other until there are enough of them.

    Not ``~Exists``, of which PostgreSQL and MariaDB make a join: they read the whole table to save a hundred look-ups.
    And one expression, of which PostgreSQL expects that half of the rows pass: of many, or of ``IS NULL``, it expects
    so few that it looks at every row that waits.
    """
    there = (Subquery(rows.values(there=Value(True))[:1]) for rows in looks)
    return ~Coalesce(*there, Value(False))
