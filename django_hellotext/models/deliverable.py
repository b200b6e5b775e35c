"""What every row that travels to Hellotext has in common: its state, its lease and its last error.

Only this module and its subclasses assign a state. A worker claims rows with a random token and a lease; each
later verb names the token, so that a worker whose lease ran out cannot overwrite its successor (demands C4, C5).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from .. import clock
from ..conf import hellotext_settings
from ..redaction import mask
from .accounts import Account
from .fields import CLOCK_STEP, UtcDateTimeField, UtcNow
from .states import Lane, SkipReason, State, sources_of

ERROR_MESSAGE_LENGTH = 500
# The error types of a row whose lease expired: in the hand of a worker with other rows, or of one that had only this.
LEASE_EXPIRED = "lease_expired"
KILLED_WORKER = "killed_worker"
ALONE_AFTER = 3  # counted attempts after which a row whose lease has just expired is sent alone
MOST_ACCOUNTS = 50  # accounts whose rows a filter by state looks through


def new_token() -> str:
    """A lease token: random, so that a worker can never hold another's."""
    return secrets.token_hex(16)


def error_fields(
    *, status: int | None = None, type: str = "", parameter: str = "", message: str = ""
) -> dict[str, Any]:
    """Return the columns of the last error, each masked, on one line and cut to its size."""
    return {
        "error_status": status,
        "error_type": mask(type)[:64],
        "error_parameter": mask(parameter or "")[:100],
        "error_message": mask(message)[:ERROR_MESSAGE_LENGTH],
    }


NO_ERROR = error_fields()

# A failed row with one of these errors may have arrived: it is looked for at Hellotext before it is sent again.
MAY_HAVE_ARRIVED = ("unusable_id", "unwritable", "lookup_failed")


def waits_again() -> Case:
    """Return the state of a row that is sent again. Assign it first: MariaDB assigns in order."""
    return Case(
        When(state=State.FAILED, error_type__in=MAY_HAVE_ARRIVED, then=Value(State.UNCERTAIN)),
        default=Value(State.PENDING),
    )


# No time at all means "at once": a row is due whatever the web server's clock said when it was recorded.
# So is one that was last written later than now: the clock was set back, and the time it waits for means nothing.
WRITTEN_AHEAD = Q(updated_at__gt=UtcNow() + CLOCK_STEP)
IS_DUE = Q(next_attempt_at=None) | Q(next_attempt_at__lte=UtcNow()) | WRITTEN_AHEAD
LEASE_IS_OVER = Q(lease_until__lt=UtcNow()) | Q(attempted_at__gt=UtcNow() + CLOCK_STEP)


def is_suspect(error_type: str, attempts: int) -> bool:
    """Return whether a row that is not in hand may have ended its worker's process several times: it goes alone."""
    return error_type in (LEASE_EXPIRED, KILLED_WORKER) and attempts >= ALONE_AFTER


def waits_at(now: datetime) -> Q:
    """Rows that are not due at ``now``, the negation of ``IS_DUE``."""
    return Q(next_attempt_at__gt=now, updated_at__lte=now + CLOCK_STEP)


# The claim has counted an attempt, and it does not count after all. Never below 0: the row may have been reset.
UNCOUNTED = Greatest(F("attempts"), Value(1)) - Value(1)


def _in(seconds: float) -> CombinedExpression | None:
    return UtcNow() + timedelta(seconds=seconds) if seconds > 0 else None


class DeliverableQuerySet(models.QuerySet[Any]):
    """The verbs of delivery. Each is one UPDATE, conditional on the state (and the token) it starts from."""

    def waiting(self, account: str) -> Self:
        """Rows of ``account`` that wait to be sent, due or not."""
        return self.filter(account=account, state=State.PENDING)

    def in_states(self, *states: State) -> Self:
        """Rows in one of ``states``, of every account: with the account named, the index of the claim finds them."""
        keys = Account.objects.using(self.db).values_list("key", flat=True)[:MOST_ACCOUNTS]
        return self.filter(account__in={hellotext_settings.account, *keys}, state__in=states)

    def due(self, account: str, *, lane: Lane | None = None, now: datetime | None = None) -> Self:
        """Rows of ``account`` that may be sent now, oldest first; within one lane where it is given.

        ``now`` is the database's time where a query compares with it more than once.
        """
        is_due = IS_DUE
        if now is not None:
            is_due = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now) | Q(updated_at__gt=now + CLOCK_STEP)
        rows = self.waiting(account).filter(is_due)
        if lane is not None:
            rows = rows.filter(lane=lane)
        return rows.order_by("id")

    def claim(self, ids: Collection[int], *, token: str, lease: float) -> int:
        """Put ``ids`` that still wait under ``token`` for ``lease`` seconds; return how many.

        The attempt is counted here, so that one whose process ends is counted, too. A row that was loaded after the
        claim has it in ``attempts``.
        """
        return self.filter(pk__in=ids, state=State.PENDING).update(
            state=State.SENDING,
            token=token,
            lease_until=UtcNow() + timedelta(seconds=lease),
            attempts=F("attempts") + 1,
            attempted_at=UtcNow(),
            updated_at=UtcNow(),
        )

    def held(self, token: str) -> Self:
        """Rows that are in hand under ``token``."""
        return self.filter(state=State.SENDING, token=token)

    def finish(self, ids: Collection[int], *, token: str, state: State, counted: bool = False, **columns: Any) -> int:
        """Write the result of ``ids``; return how many were still held under ``token`` (the rest have a successor).

        ``counted``: the attempt stays counted, because it failed.
        """
        if State.SENDING not in sources_of(state):
            raise ValueError(f"a row cannot go from sending to {state}")
        attempts = {} if counted else {"attempts": UNCOUNTED}
        return self.held(token).filter(pk__in=ids).update(state=state, **attempts, **_LET_GO, **columns)

    def give_back(self, ids: Collection[int], *, token: str, after: float = 0.0) -> int:
        """Return ``ids`` untouched: the attempt does not count; due again ``after`` seconds."""
        return self.retry(ids, token=token, after=after, costs=False)

    def retry(self, ids: Collection[int], *, token: str, after: float, costs: bool = True, **error: Any) -> int:
        """Try ``ids`` again ``after`` seconds; with ``costs`` the attempt stays counted."""
        return (
            self.held(token)
            .filter(pk__in=ids)
            .update(
                state=State.PENDING,
                attempts=F("attempts") if costs else UNCOUNTED,
                next_attempt_at=_in(after),
                **_LET_GO,
                **error,
            )
        )

    def expire_leases(self, account: str) -> int:
        """Make rows whose worker is gone ``uncertain``: it is not known whether they were sent.

        It may have sent them until now: their last attempt counts as ended at this moment.
        """
        return self.filter(LEASE_IS_OVER, account=account, state=State.SENDING).update(
            state=State.UNCERTAIN,
            finished_at=UtcNow(),
            next_attempt_at=None,
            **_LET_GO,
            **_lease_expired(alone_after=ALONE_AFTER + 1),  # the claim has counted this attempt
        )

    def look_for(self, account: str, *, token: str, lease: float, limit: int) -> list[Any]:
        """Take uncertain rows of ``account`` that are due in hand, to find out whether they arrived.

        A suspect is taken alone, because objects are rendered to be looked for. An earlier look whose process ended
        counts as an attempt.
        """
        rows = self.filter(IS_DUE, account=account, state=State.UNCERTAIN).filter(
            Q(lease_until=None) | Q(lease_until__lt=UtcNow()) | WRITTEN_AHEAD
        )
        found = list(rows.order_by("id").values_list("pk", "error_type", "attempts")[:limit])
        ids = [pk for pk, *error in found if not is_suspect(*error)] or [pk for pk, *_ in found[:1]]
        if not ids:
            return []
        rows.filter(pk__in=ids, lease_until__isnull=False).update(
            **_lease_expired(alone_after=ALONE_AFTER), attempts=F("attempts") + 1
        )
        # An attempt that ended later than now, because the clock was set back, counts as ended now: an absence at
        # Hellotext is believed only some time after the attempt.
        ended = Case(When(finished_at__gt=UtcNow() + CLOCK_STEP, then=UtcNow()), default=F("finished_at"))
        rows.filter(pk__in=ids).update(
            token=token, lease_until=UtcNow() + timedelta(seconds=lease), finished_at=ended, updated_at=UtcNow()
        )
        return list(self.filter(state=State.UNCERTAIN, token=token).order_by("id"))

    def settle(
        self, ids: Collection[int], *, token: str, state: State = State.UNCERTAIN, after: float = 0.0, **columns: Any
    ) -> int:
        """Say what became of uncertain ``ids`` in hand under ``token``; by default they stay so ``after`` seconds."""
        if state != State.UNCERTAIN and State.UNCERTAIN not in sources_of(state):
            raise ValueError(f"a row cannot go from uncertain to {state}")
        return self.filter(pk__in=ids, state=State.UNCERTAIN, token=token).update(
            state=state, next_attempt_at=_in(after), **_LET_GO, **columns
        )

    def requeue(self) -> int:
        """Send failed and skipped rows again, from the first attempt: the only way back (demand J3)."""
        rows = self.filter(state__in=[State.FAILED, State.SKIPPED])
        # Who was erased stays so. A deletion at Hellotext that was refused may be asked for again.
        return rows.exclude(state=State.SKIPPED, skip_reason=SkipReason.ERASED).update(
            state=waits_again(),
            attempts=0,
            next_attempt_at=None,
            skip_reason=Case(When(skip_reason=SkipReason.ERASED, then=F("skip_reason")), default=Value("")),
            updated_at=UtcNow(),
            **NO_ERROR,
        )

    def replay(self, error_types: Collection[str]) -> int:
        """Send failed rows with one of these error types again, from the first attempt."""
        return self.filter(state=State.FAILED, error_type__in=error_types).requeue()

    def send_now(self) -> int:
        """Do not wait for the next attempt of these waiting rows: they are due at once."""
        return self.filter(state=State.PENDING, next_attempt_at__isnull=False).update(
            next_attempt_at=None, updated_at=UtcNow()
        )

    def look_now(self) -> int:
        """Do not wait to find out what became of these uncertain rows: the next drain looks for them."""
        return self.filter(state=State.UNCERTAIN).update(next_attempt_at=None, updated_at=UtcNow())

    def skip(self, reason: SkipReason, *, note: str = "") -> int:
        """Never send these waiting or refused rows; ``reason`` is kept, and what a person says of it in ``note``."""
        said = error_fields(message=note) if note else {}
        return self.filter(state__in=[State.PENDING, State.FAILED]).update(
            state=State.SKIPPED, skip_reason=reason, updated_at=UtcNow(), **said
        )


def _lease_expired(*, alone_after: int) -> dict[str, Any]:
    """Return the columns of the last error of rows whose lease expired; a suspect was in hand alone."""
    was_alone = Q(error_type__in=[LEASE_EXPIRED, KILLED_WORKER], attempts__gte=alone_after)
    error_type = Case(When(was_alone, then=Value(KILLED_WORKER)), default=Value(LEASE_EXPIRED))
    return {**error_fields(message="The worker that held this row did not finish."), "error_type": error_type}


_LET_GO: dict[str, Any] = {"token": "", "lease_until": None, "updated_at": UtcNow()}


class Deliverable(models.Model):
    """A row on its way to Hellotext."""

    account = models.CharField(_("account"), max_length=130, editable=False)
    lane = models.PositiveSmallIntegerField(_("lane"), choices=Lane, default=Lane.LIVE)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    ordering_key = models.CharField(_("ordering key"), max_length=100, editable=False)
    token = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    lease_until = UtcDateTimeField(_("lease until"), null=True, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0, db_default=0)
    next_attempt_at = UtcDateTimeField(_("next attempt"), null=True)
    attempted_at = UtcDateTimeField(_("last attempt"), null=True)
    finished_at = UtcDateTimeField(_("finished"), null=True)
    skip_reason = models.CharField(
        _("why it was not sent"), max_length=16, choices=SkipReason, blank=True, default="", db_default=""
    )
    error_status = models.PositiveSmallIntegerField(_("error status"), null=True)
    error_type = models.CharField(_("error type"), max_length=64, blank=True, default="", db_default="")
    error_parameter = models.CharField(_("error parameter"), max_length=100, blank=True, default="", db_default="")
    error_message = models.CharField(
        _("error message"), max_length=ERROR_MESSAGE_LENGTH, blank=True, default="", db_default=""
    )
    # As ``Adjustments.as_json`` writes them; null without any.
    adjustments = models.JSONField(_("adjustments"), null=True, editable=False)
    created_at = UtcDateTimeField(_("created"), default=clock.now)
    updated_at = UtcDateTimeField(_("updated"), default=clock.now)

    class Meta:
        abstract = True

    @property
    def lane_name(self) -> str:
        """The lane in lower case: ``live`` or ``backfill``."""
        return Lane(self.lane).name.lower()

    @property
    def why(self) -> str:
        """Why the row was not sent, or what Hellotext said last; empty for a row of which there is nothing to say."""
        if self.skip_reason:
            note = (
                f": {mask(self.error_message)}" if self.skip_reason == SkipReason.PERSON and self.error_message else ""
            )
            return f"{self.get_skip_reason_display()}{note}"
        parts = [str(self.error_status or ""), self.error_type, self.error_parameter, mask(self.error_message)]
        return " · ".join(part for part in parts if part)

    @property
    def is_suspect(self) -> bool:
        """Return whether this row goes alone, because it may be what ended its worker's process several times."""
        return is_suspect(self.error_type, self.attempts)

    @property
    def is_erased(self) -> bool:
        """Whether this row is of a customer whose data was erased."""
        return self.skip_reason == SkipReason.ERASED

    def waits(self, now: datetime) -> bool:
        """Return whether the next attempt is later than ``now``; see ``IS_DUE``."""
        later = self.next_attempt_at
        return later is not None and later > now and self.updated_at <= now + CLOCK_STEP

    @property
    def is_open(self) -> bool:
        """Whether this row still waits for something."""
        return self.state in (State.PENDING, State.SENDING, State.UNCERTAIN)
