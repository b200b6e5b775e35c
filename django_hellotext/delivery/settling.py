"""Find out what became of the uncertain rows, and say so on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from django.db.models import F

from ..adapters import links, registry
from ..adapters.reading import rendered
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..exceptions import ApiError, UnusableId
from ..models import Ending, Event, Kind, RemoteObject, SkipReason, State
from ..models.deliverable import KILLED_WORKER, LEASE_EXPIRED, NO_ERROR, Deliverable, error_fields, new_token
from ..models.fields import UtcNow
from ..savepoints import raise_if_lost
from .breaker import Breaker
from .cart_rows import repeat_carts
from .event_links import profile_of
from .figures import Figures
from .mirrors import holder_of, hosts_of, identity_for, link_of, shared_with
from .policy import backoff, is_repeatable, will_not_tell
from .presence import Sendable, models_with
from .reconcile import SURE, arrived_events, find_object, is_settled
from .remote_ids import checked
from .results import details_of, tell_delivered, tell_failed
from .unknown_models import unknown_models, values_of

logger = logging.getLogger("django_hellotext.delivery")

LIMIT = 200  # rows of each table looked for at once
LOOK_AGAIN = 15.0  # seconds
MOST_FAILED_LOOKS = 3  # objects of one pass; each may have taken several timeouts

T = TypeVar("T")


class _LookFailed(Exception):
    """A look failed while the account worked: the attempt counts."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error)
        self.error = error


def settle_uncertain(
    client: HellotextClient, breaker: Breaker, *, using: str, now: Callable[[], datetime], figures: Figures
) -> int:
    """Look for the uncertain rows of the account of ``breaker``; answers how many were settled.

    What may be repeated without harm simply waits again; the rest is looked for at Hellotext first.
    """
    account, look = breaker.account, _Look(client, breaker)
    settled = 0
    for model in models_with(State.UNCERTAIN, account, using=using):
        token = new_token()
        rows = _look_for(model, account, using=using, token=token)
        if not rows:
            continue
        again = [row for row in rows if is_repeatable(row)]
        if model is Event:
            again = _named(again, account, using=using)
        settled += _settle_absent(again, using=using, token=token, figures=figures)
        doubtful = [row for row in rows if row not in again]
        try:
            if model is Event:
                settled += _settle_events(look, doubtful, using=using, token=token, now=now, figures=figures)
            elif model is RemoteObject:
                settled += _settle_objects(look, doubtful, using=using, token=token, now=now, figures=figures)
        except ApiError:
            _settle(doubtful, State.UNCERTAIN, using=using, token=token, after=_soon())
    return settled


def _look_for(model: Sendable, account: str, *, using: str, token: str) -> list[Any]:
    """Take uncertain rows in hand; those about a model that this process does not know go back as they were."""
    while True:
        waiting = unknown_models.known(model.objects.using(using))
        rows = waiting.look_for(account, token=token, lease=hellotext_settings.LEASE, limit=LIMIT)
        if not unknown_models.meet(model, map(values_of, rows)):
            return rows
        _settle(rows, State.UNCERTAIN, using=using, token=token)


def _named(events: Sequence[Event], account: str, *, using: str) -> list[Event]:
    """Those of ``events`` whose customer is at Hellotext, which keeps an event once for nobody else."""
    wanted = {identity_for(profile_of(event), account): event for event in events}
    rows = RemoteObject.objects.using(using).identified(wanted).exclude(remote_id="") if wanted else ()
    known = {row.identity for row in rows}
    return [event for event in events if identity_for(profile_of(event), account) in known]


@dataclass(frozen=True)
class _Look:
    """Asks Hellotext on behalf of the rows."""

    client: HellotextClient
    breaker: Breaker

    def ask(self, question: Callable[[HellotextClient], T], *, untold: T) -> T:
        """What Hellotext answers; ``untold`` where it will never tell.

        Raises ``ApiError`` where the account is to blame, which then pauses; ``_LookFailed`` where the look is, and
        may succeed another time; ``UnusableId`` where what was found has an ID that cannot be stored.
        """
        try:
            return question(self.client)
        except UnusableId:
            raise
        except ApiError as error:
            if self.breaker.hear(error, self.client):
                raise
            names = {"account": self.breaker.account, "error": type(error).__name__}
            logger.warning("reconcile.failed", extra=names)
            if not will_not_tell(error):
                raise _LookFailed(error) from error
            return untold


def _soon() -> float:
    return min(LOOK_AGAIN, hellotext_settings.SETTLE_TIME)


def _settle(
    rows: Sequence[Deliverable], state: State, *, using: str, token: str, after: float = 0.0, **columns: Any
) -> int:
    if not rows:
        return 0
    manager: Any = type(rows[0])._default_manager.using(using)
    if state == State.DELIVERED:
        repeat_carts([row for row in rows if isinstance(row, Event)], using=using)
    count: int = manager.settle([row.pk for row in rows], token=token, state=state, after=after, **columns)
    for row in rows:
        row.state = state
    if state == State.DELIVERED:
        for row in rows:
            tell_delivered(row, using=using)
    elif state == State.FAILED:
        for row in rows:
            for name, value in columns.items():
                setattr(row, name, value)
            tell_failed(row, using=using)
    return 0 if state == State.UNCERTAIN else count


def _settle_absent(rows: Sequence[Deliverable], *, using: str, token: str, figures: Figures) -> int:
    """What never arrived is sent again. What Hellotext has lost too often, while it worked, waits for a person."""
    again, refused = [row for row in rows if not _is_spent(row)], 0
    for row in filter(_is_spent, rows):
        columns = _killed_worker(row) if row.error_type == KILLED_WORKER else {}
        written = _settle([row], State.FAILED, using=using, token=token, **columns)
        figures.add([row][:written], Ending.FAILED)
        refused += written
    return refused + _settle(again, State.PENDING, using=using, token=token)


def _settle_unknown(rows: Sequence[Deliverable], error: ApiError, *, using: str, token: str, figures: Figures) -> int:
    """A look failed although the account works: look again later, at most ``MAX_ATTEMPTS`` times.

    What never could be looked for is not sent again, because it may have arrived: a person decides.
    """
    last = hellotext_settings.MAX_ATTEMPTS - 1
    for attempts in {row.attempts for row in rows if row.attempts < last}:
        again = [row for row in rows if row.attempts == attempts]
        after = max(2 * _soon(), backoff(attempts, chance=1.0))
        _settle(again, State.UNCERTAIN, using=using, token=token, after=after, attempts=attempts + 1)
    spent = [row for row in rows if row.attempts >= last]
    risky = [row for row in spent if isinstance(row, Event) and row.action in hellotext_settings.AT_MOST_ONCE]
    skipped = _settle(risky, State.SKIPPED, using=using, token=token, skip_reason=SkipReason.UNKNOWN)
    figures.add(risky[:skipped], Ending.SKIPPED)
    failing = [row for row in spent if row not in risky]
    message = f"It was sent, and Hellotext could not say whether it arrived: {error}"
    fields = error_fields(status=error.status, type="lookup_failed", message=message)
    failed = _settle(failing, State.FAILED, using=using, token=token, attempts=F("attempts") + 1, **fields)
    figures.add(failing[:failed], Ending.FAILED)
    return skipped + failed


def _is_spent(row: Deliverable) -> bool:
    """Return whether an absent row is given up; a row that went with others is not to blame for their process."""
    return row.error_type != LEASE_EXPIRED and row.attempts >= hellotext_settings.MAX_ATTEMPTS


def _killed_worker(row: Deliverable) -> dict[str, Any]:
    message = (
        f"The worker process ended while it had only this row in hand; attempts: {row.attempts}. Look for the cause in "
        "the log of the worker (memory, crash of a library, time limit), then send the row again."
    )
    return error_fields(type=KILLED_WORKER, message=message)


def _settle_events(
    look: _Look,
    events: Sequence[Event],
    *,
    using: str,
    token: str,
    now: Callable[[], datetime],
    figures: Figures,
) -> int:
    if not events:
        return 0
    # The clock before the look: what has settled by then was looked for late enough.
    moment = now()
    wait = hellotext_settings.SETTLE_TIME
    is_last_look = any(is_settled(event.finished_at, now=moment, settle_time=wait) for event in events)
    least = SURE if is_last_look else 0
    nothing: tuple[set[str], bool] = (set(), False)
    try:
        arrived, complete = look.ask(lambda client: arrived_events(client, events, at_least=least), untold=nothing)
    except _LookFailed as failed:
        return _settle_unknown(events, failed.error, using=using, token=token, figures=figures)
    there = [event for event in events if str(event.uuid) in arrived]
    missing = [event for event in events if str(event.uuid) not in arrived]
    settled = [row for row in missing if is_settled(row.finished_at, now=moment, settle_time=wait)]
    unsure = [row for row in missing if row not in settled]
    # The listing was too long to be read to its end, or is refused: that will not get better, so each action's policy
    # decides.
    risky = [] if complete else [row for row in settled if row.action in hellotext_settings.AT_MOST_ONCE]
    absent = [row for row in settled if row not in risky]
    found = _settle(there, State.DELIVERED, using=using, token=token, finished_at=UtcNow(), **NO_ERROR)
    figures.add(there[:found], Ending.DELIVERED)
    given_up = _settle(risky, State.SKIPPED, using=using, token=token, skip_reason=SkipReason.UNKNOWN)
    figures.add(risky[:given_up], Ending.SKIPPED)
    count = found + given_up + _settle_absent(absent, using=using, token=token, figures=figures)
    return count + _settle(unsure, State.UNCERTAIN, using=using, token=token, after=_soon())


def _settle_objects(
    look: _Look,
    rows: Sequence[RemoteObject],
    *,
    using: str,
    token: str,
    now: Callable[[], datetime],
    figures: Figures,
) -> int:
    count = failures = 0
    hosts = hosts_of([link_of(row) for row in rows], using=using)
    for place, row in enumerate(rows):
        moment = now()
        # What ended every worker that rendered it is not rendered once more.
        values = _known_by(row, None if _is_spent(row) else hosts.get(link_of(row)), using=using)
        try:
            remote_id = look.ask(_finder(row.kind, values), untold="") if values else ""
        except UnusableId as error:
            refused = _settle([row], State.FAILED, using=using, token=token, **details_of(error))
            figures.add([row][:refused], Ending.FAILED)
            count += refused
            continue
        except _LookFailed as failed:
            count += _settle_unknown([row], failed.error, using=using, token=token, figures=figures)
            failures += 1
            if failures == MOST_FAILED_LOOKS:
                _settle(rows[place + 1 :], State.UNCERTAIN, using=using, token=token, after=_soon())
                return count
            continue
        holder = holder_of(row, remote_id, using=using) if remote_id else None
        if holder is not None:
            refused = _settle([row], State.FAILED, using=using, token=token, **shared_with(holder))
            figures.add([row][:refused], Ending.FAILED)
            count += refused
        elif remote_id:
            # Adopted as it stands there; the newest version follows as an update.
            # Whether a profile is really this one, the next look-up tells.
            columns: dict[str, Any] = {"remote_id": remote_id, **({"data": {}} if row.kind == Kind.PROFILE else {})}
            count += _settle([row], State.PENDING, using=using, token=token, **columns)
        elif is_settled(row.finished_at, now=moment, settle_time=hellotext_settings.SETTLE_TIME):
            count += _settle_absent([row], using=using, token=token, figures=figures)
        else:
            _settle([row], State.UNCERTAIN, using=using, token=token, after=_soon())
    return count


def _finder(kind: str, values: dict[str, Any]) -> Callable[[HellotextClient], str]:
    return lambda client: checked(find_object(client, kind, values))


def _known_by(row: RemoteObject, host: Any, *, using: str) -> dict[str, Any]:
    """What the object may be found by at Hellotext: plain values of its payload, or what the row remembers."""
    adapter = registry.for_label(row.host_label)
    if host is not None and adapter is not None:
        try:
            of_guest = row.kind == Kind.PROFILE and adapter.kind != Kind.PROFILE
            payload = rendered(partial(adapter.guest_payload if of_guest else adapter.payload, host), using=using)
            return {name: value for name, value in (payload or {}).items() if not links(value)}
        except Exception as error:
            raise_if_lost(error, using)
            # The host's own code holds up nobody else; once the row is sent again, this becomes its reason.
            logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
    key = adapter.natural_key if adapter is not None else "reference"
    return {key: row.reference, "source": row.source} if row.reference else {}
