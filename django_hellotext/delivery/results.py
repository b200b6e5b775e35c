"""Write down what came of each row. Every UPDATE names the token, so that a successor is never overwritten."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.db import transaction

from ..conf import hellotext_settings
from ..exceptions import ApiError
from ..models import (
    FORMER,
    LAST_PAYLOAD,
    MISSING,
    PREREQUISITE_FAILED,
    REJECTED,
    Ending,
    Event,
    Kind,
    MissingObject,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from ..models.deliverable import NO_ERROR, Deliverable, error_fields
from ..models.events import PERSONAL
from ..models.fields import UtcNow
from ..signals import adjusted, delivered, failed
from . import policy
from .batch import Work, by_model
from .cart_rows import stale_cart
from .figures import Figures
from .mirrors import traces_of
from .prerequisites import identities
from .profiles import SHARED, clear_leftovers, data_without_profile, forget_profile, shared_message
from .report import Report
from .send import Sent
from .writing import Unwritable, write

logger = logging.getLogger("django_hellotext.delivery")

FLUSH = 50  # delivered events written with one UPDATE
# What is emptied in a row about a customer who was erased before it was sent.
_EMPTIED: Mapping[type[Deliverable], Mapping[str, Any]] = {
    Event: PERSONAL,
    RemoteObject: {**NO_ERROR, "session": "", "seen": {}, "data": {}, "adjustments": None},
}
UNWRITTEN = 1.0  # seconds after which what has come together is written, so that no lease ends before


_P = ParamSpec("_P")
_Verb = Callable[Concatenate["Results", Work, _P], None]


def _fails_its_row(verb: _Verb[_P]) -> _Verb[_P]:
    """Let the row fail, with its reason, when the database cannot store what ``verb`` writes about it."""

    @wraps(verb)
    def attempt(self: Results, work: Work, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            write(lambda: verb(self, work, *args, **kwargs), using=self.using)
        except Unwritable as error:
            self.unwritable(work, error)

    return attempt


class Results:
    """The pen of one drain; ``report`` counts what it wrote, ``figures`` what is kept of that."""

    def __init__(self, *, using: str, figures: Figures) -> None:
        self.using = using
        self.figures = figures
        self.report = Report()
        self._arrived: list[Work] = []
        self._arrived_at = 0.0
        self._unchanged: list[Work] = []
        self._stale_carts: set[int] = set()

    def delivered(self, work: Work) -> None:
        """The event was received; written together with others."""
        work.row.state = State.DELIVERED
        if (cart := stale_cart(work)) is not None:
            self._stale_carts.add(cart.pk)
        now = time.monotonic()
        if not self._arrived:
            self._arrived_at = now
        self._arrived.append(work)
        if len(self._arrived) >= FLUSH or now - self._arrived_at >= UNWRITTEN:
            self.flush()

    def flush(self) -> None:
        """Write the events that were received, and the objects that were equal, with one statement for many."""
        self._flush_unchanged()
        if not self._arrived:
            return
        works, self._arrived = self._arrived, []
        if self._stale_carts:
            # Before the events are finished: if the worker is killed in between, the carts are sent all the same.
            RemoteObject.objects.using(self.using).repeat(self._stale_carts)
            self._stale_carts.clear()
        for of_token in _by_token(works).values():
            alike: list[Work] = []
            for work in of_token:
                if _adjustments_of(work):
                    self._write_all([work], self._finish_arrived)
                else:
                    alike.append(work)
            self._write_all(alike, self._finish_arrived)

    def _flush_unchanged(self) -> None:
        works, self._unchanged = self._unchanged, []
        alike: dict[tuple[str, int], list[Work]] = defaultdict(list)
        for work in works:
            if _adjustments_of(work):
                self._write_all([work], self._finish_unchanged)
            else:
                alike[work.batch.token, _object(work).version].append(work)
        for same in alike.values():
            self._write_all(same, self._finish_unchanged)

    def _write_all(self, works: list[Work], write_down: Callable[[list[Work]], None]) -> None:
        """Write ``works`` with one statement; one by one when the database cannot store one of them.

        Their adjustments are those of the first.
        """
        if not works:
            return
        try:
            write(lambda: write_down(works), using=self.using)
        except Unwritable as error:
            if len(works) == 1:
                self.unwritable(works[0], error)
                return
            for work in works:
                self._write_all([work], write_down)

    def _finish_arrived(self, works: list[Work]) -> None:
        ids, token = [work.row.pk for work in works], works[0].batch.token
        rows = Event.objects.using(self.using)
        columns = {**NO_ERROR, **_adjustments_of(works[0])}
        for work in works:
            if work.missing:
                self._note_missing(work)
        written = rows.finish(ids, token=token, state=State.DELIVERED, finished_at=UtcNow(), **columns)
        # Rows that another worker has taken over are counted by that worker.
        self.figures.add([work.row for work in works[:written]], Ending.DELIVERED)
        self.report.delivered += len(works)
        for work in works:
            tell_delivered(work.row, using=self.using)
            tell_adjusted(work, using=self.using)

    def _finish_unchanged(self, works: list[Work]) -> None:
        ids, row = [work.row.pk for work in works], _object(works[0])
        rows = RemoteObject.objects.using(self.using)
        columns = _adjustments_of(works[0])
        rows.finish_unchanged(ids, token=works[0].batch.token, version=row.version, **columns)
        self.report.unchanged += len(works)
        for work in works:
            tell_adjusted(work, using=self.using)

    def unwritable(self, work: Work, error: Unwritable) -> None:
        """The database cannot store what Hellotext returned for this row: it fails."""
        message = f"The database cannot store the result: {error}"
        try:
            write(lambda: self._refuse(work, **error_fields(type="unwritable", message=message)), using=self.using)
        except Unwritable:
            # The message itself may quote what cannot be stored.
            self._refuse(work, **error_fields(type="unwritable", message="The database cannot store the result."))

    @_fails_its_row
    def synced(self, work: Work, sent: Sent) -> None:
        """Hellotext has the version of the object that was read."""
        if self._write_object(work, sent):
            self.figures.add([work.row], Ending.DELIVERED)
        self.report.synced += 1
        tell_delivered(work.row, using=self.using)
        tell_adjusted(work, using=self.using)

    @_fails_its_row
    def to_be_updated(self, work: Work, sent: Sent) -> None:
        """It is there, but not as the shop has it: an update follows."""
        row = _object(work)
        with self._noticed(row):
            RemoteObject.objects.using(self.using).finish_found(
                row,
                token=work.batch.token,
                remote_id=sent.remote_id,
                reference=row.reference,
                source=row.source,
                attributed=False,
                data={**sent.data, **_kept(row)},
            )
        row.remote_id, row.payload_hash, row.state = sent.remote_id, "", State.PENDING
        self.report.retried += 1

    @_fails_its_row
    def attributed(self, work: Work, remote_id: str) -> None:
        """The profile is another account's: what this customer or guest does goes there, and nothing else of them."""
        row = _object(work)
        with self._noticed(row):
            RemoteObject.objects.using(self.using).finish_attributed(
                row,
                token=work.batch.token,
                version=row.version,
                remote_id=remote_id,
                payload_hash=work.hash,
                data=row.data if row.remote_id == remote_id else data_without_profile(row),
            )
        row.remote_id, row.payload_hash, row.synced_version = remote_id, work.hash, row.version
        row.state, row.attributed = State.SYNCED, True
        self.report.unchanged += 1

    @_fails_its_row
    def met_owner(self, work: Work, owner: RemoteObject) -> None:
        """Hellotext has joined an account with ``owner``, whose values are sent once more.

        The account looks again who it is. If Hellotext keeps joining the two, that is reported.
        """
        row, rows = _object(work), RemoteObject.objects.using(self.using)
        RemoteObject.objects.using(owner._state.db).repeat([owner.pk])
        row.remote_id = ""
        if row.attempts < hellotext_settings.MAX_ATTEMPTS:
            rows.retry([row.pk], token=work.batch.token, after=policy.backoff(work.earlier_attempts, chance=1.0))
            row.state = State.PENDING
            self.report.retried += 1
        else:
            rows.disown(row, token=work.batch.token)
            self.refused(work, **error_fields(type=SHARED, parameter="profile", message=shared_message(owner)))

    @_fails_its_row
    def removed(self, work: Work, sent: Sent) -> None:
        """It is at Hellotext no more: deleted with its host object, or not syncable any longer (demand E5)."""
        row = _object(work)
        entombed = row.tombstone_at is not None
        # Who was erased stays so, whatever is deleted.
        reason = row.skip_reason if row.is_erased else "" if entombed else SkipReason.NOT_SYNCABLE
        written = RemoteObject.objects.using(self.using).finish_removed(
            row,
            token=work.batch.token,
            version=row.version,
            remote_id=sent.remote_id,
            state=State.DELETED if entombed else State.SKIPPED,
            skip_reason=reason,
        )
        if written:
            self.figures.add([row], Ending.DELIVERED)
        if row.kind == Kind.PROFILE:
            forget_profile(row, row.remote_id)
        row.remote_id, row.payload_hash = sent.remote_id, ""
        row.state = State.DELETED if entombed else State.SKIPPED
        row.skip_reason = reason
        self.report.removed += 1
        tell_delivered(row, using=self.using)

    def unchanged(self, work: Work) -> None:
        """Hellotext had exactly this before; nothing was sent."""
        row = _object(work)
        row.state, row.synced_version = State.SYNCED, row.version
        self._unchanged.append(work)
        if len(self._unchanged) >= FLUSH:
            self.flush()

    @_fails_its_row
    def attached(self, work: Work) -> None:
        """The session belongs to its customer now."""
        if self._finish(work, State.SYNCED, **NO_ERROR):
            self.figures.add([work.row], Ending.DELIVERED)
        self.report.attached += 1

    @_fails_its_row
    def gone(self, work: Work) -> None:
        """The host object does not exist any more; a tombstone stays."""
        row = _object(work)
        RemoteObject.objects.using(self.using).finish_gone(row, token=work.batch.token, version=row.version)
        row.state = State.DELETED

    @_fails_its_row
    def skipped(self, work: Work, reason: SkipReason) -> None:
        """It is not sent, for ``reason``. Of who was erased nothing stays that was recorded since (demand I3)."""
        columns = dict(_EMPTIED.get(type(work.row), NO_ERROR) if reason == SkipReason.ERASED else NO_ERROR)
        if isinstance(work.row, RemoteObject) and work.is_placed:
            # It has left the profile that it had, and has none now.
            columns |= {"remote_id": "", "payload_hash": "", "data": work.row.data, "attributed": False}
        written = self._finish(work, State.SKIPPED, skip_reason=reason, **columns)
        if written:
            self.figures.add([work.row], Ending.SKIPPED)
        if written and reason == SkipReason.ERASED and isinstance(work.row, Session):
            # It says nothing but whose browser this was.
            Session.objects.using(self.using).filter(pk=work.row.pk).delete()
        work.row.skip_reason = reason
        self.report.skipped += 1

    @_fails_its_row
    def refused(self, work: Work, /, **error: Any) -> None:
        """Fail the row with its reason."""
        self._refuse(work, **error)

    def _refuse(self, work: Work, **error: Any) -> None:
        lacks = error.get("error_type") == PREREQUISITE_FAILED and work.missing
        if lacks:
            self._note_missing(work)
        if self._finish(work, State.FAILED, counted=True, **error):
            self.figures.add([work.row], Ending.FAILED)
        if lacks:
            self._look_again(work)
        for name, value in error.items():
            setattr(work.row, name, value)
        self.report.failed += 1
        tell_failed(work.row, using=self.using)

    @_fails_its_row
    def uncertain(self, work: Work, error: ApiError, *, costs: bool) -> None:
        """It was sent, and nobody knows whether it arrived; with ``costs`` the attempt stays counted."""
        # By its reference it is looked for even when the host row is gone by then.
        known = {"reference": work.row.reference} if isinstance(work.row, RemoteObject) else {}
        self._finish(work, State.UNCERTAIN, counted=costs, next_attempt_at=None, **known, **details_of(error))
        self.report.uncertain += 1

    @_fails_its_row
    def retry(self, work: Work, error: ApiError, *, after: float, costs: bool) -> None:
        """Once more, ``after`` seconds."""
        rows: Any = type(work.row)._default_manager.using(self.using)
        rows.retry([work.row.pk], token=work.batch.token, after=after, costs=costs, **details_of(error))
        work.row.state = State.PENDING
        self.report.retried += 1

    @_fails_its_row
    def rejected(self, work: Work) -> None:
        """Hellotext has rejected a product of a line: the row goes at once with what stands in for that."""
        row = _object(work)
        RemoteObject.objects.using(self.using).held(work.batch.token).filter(pk=row.pk).update(data=row.data)
        self.give_back([work])

    @_fails_its_row
    def start_anew(self, work: Work) -> None:
        """Hellotext has lost the object: create it again, once."""
        row = _object(work)
        RemoteObject.objects.using(self.using).start_anew(row, token=work.batch.token)
        if row.kind == Kind.PROFILE:
            forget_profile(row, row.remote_id)
        row.remote_id, row.state = "", State.PENDING
        self.report.retried += 1

    def give_back(self, works: Iterable[Work], *, after: float = 0.0) -> None:
        """Out of hand, untouched, without an attempt."""
        returned = list(works)
        for token, of_token in _by_token(returned).items():
            for model, ids in by_model(of_token).items():
                rows: Any = model._default_manager.using(self.using)
                rows.give_back(ids, token=token, after=after)
        for work in returned:
            work.row.state = State.PENDING
        self.report.given_back += len(returned)

    def _write_object(self, work: Work, sent: Sent) -> int:
        row = _object(work)
        missing = {MISSING: sorted(identities(work.batch, work.missing))} if work.missing else {}
        if missing or MISSING in row.data:
            self._note_missing(work)
        with self._noticed(row):
            written: int = RemoteObject.objects.using(self.using).finish_synced(
                row,
                token=work.batch.token,
                version=row.version,
                remote_id=sent.remote_id,
                reference=row.reference,
                source=row.source,
                payload_hash=work.hash,
                data={**sent.data, **_kept(row), **missing, LAST_PAYLOAD: traces_of(row, work.payload or {})},
                **_adjustments_of(work),
                **({"attributed": False} if work.is_new_profile else {}),
            )
        if missing:
            self._look_again(work)
        row.remote_id, row.synced_version, row.payload_hash = sent.remote_id, row.version, work.hash
        row.state = State.SYNCED
        clear_leftovers(work)
        return written

    def _note_missing(self, work: Work) -> None:
        """Note without what the row is sent, or fails. Before that is written, so that no end of a worker hides it."""
        MissingObject.objects.using(self.using).note(work.row, identities(work.batch, work.missing))

    def _look_again(self, work: Work) -> None:
        """Send the row once more if an object that it lacks has been sent meanwhile by another worker."""
        mirrors = RemoteObject.objects.using(self.using).identified(identities(work.batch, work.missing))
        back = list(mirrors.exclude(remote_id="").values_list("identity", flat=True))
        if back:
            MissingObject.objects.using(self.using).resolve(back)

    @contextmanager
    def _noticed(self, row: RemoteObject) -> Iterator[None]:
        """Run the block, which writes that ``row`` is at Hellotext; what was sent without it is sent once more.

        In one transaction, so that no end of a worker comes between; and once more after it, because a row that was
        noted while the transaction was open is not seen in it.
        """
        if row.remote_id or row.finished_at is None:
            yield
            return
        rows = MissingObject.objects.using(self.using)
        with transaction.atomic(using=self.using):
            yield
            rows.resolve([row.identity])
        rows.resolve([row.identity])

    def _finish(self, work: Work, state: State, **columns: Any) -> int:
        """Answers 0 where the row is a successor's by now."""
        rows: Any = type(work.row)._default_manager.using(self.using)
        columns = {**_adjustments_of(work), **columns}
        written: int = rows.finish([work.row.pk], token=work.batch.token, state=state, finished_at=UtcNow(), **columns)
        work.row.state = state
        return written


def tell_delivered(row: Deliverable, *, using: str) -> None:
    """Whoever listens hears that ``row`` has arrived."""
    delivered.send_robust(sender=type(row), instance=row, using=using)


def tell_failed(row: Deliverable, *, using: str) -> None:
    """The log and whoever listens hear that ``row`` waits for a person; it carries its reason already."""
    names = {"model": type(row).__name__, "row": row.pk}
    logger.warning("row.failed", extra={**names, "status": row.error_status, "type": row.error_type})
    failed.send_robust(sender=type(row), instance=row, using=using)


def tell_adjusted(work: Work, *, using: str) -> None:
    """Whoever listens hears that values of the row were adjusted; of an object, only when that is new."""
    made = work.adjustments.as_json()
    if made and (isinstance(work.row, Event) or made != work.row.adjustments):
        adjusted.send_robust(sender=type(work.row), instance=work.row, adjustments=work.adjustments, using=using)
    work.row.adjustments = made


def _adjustments_of(work: Work) -> dict[str, Any]:
    """Return the column of the adjustments if it is to be written: not where it stays as it is."""
    made = work.adjustments.as_json()
    return {} if made == work.row.adjustments else {"adjustments": made}


def details_of(error: ApiError) -> dict[str, Any]:
    """The columns of the last error for ``error``."""
    return error_fields(
        status=error.status,
        type=error.type or type(error).__name__,
        parameter=error.parameter or "",
        message=error.message or str(error),
    )


def _kept(row: RemoteObject) -> dict[str, Any]:
    """Return what is kept of ``row.data`` when the object is sent again."""
    return {name: row.data[name] for name in (FORMER, REJECTED) if name in row.data}


def _by_token(works: Iterable[Work]) -> dict[str, list[Work]]:
    found: dict[str, list[Work]] = defaultdict(list)
    for work in works:
        found[work.batch.token].append(work)
    return found


def _object(work: Work) -> RemoteObject:
    if not isinstance(work.row, RemoteObject):
        raise TypeError(f"{type(work.row).__name__} is no object")
    return work.row
