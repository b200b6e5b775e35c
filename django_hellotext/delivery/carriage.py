"""Carry the rows of a batch to Hellotext.

Requests run in pool threads, side by side; everything else happens in the thread that called ``deliver``.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from django.db import DatabaseError, InterfaceError

from ..api import HellotextClient
from ..api.tracebacks import clear_locals
from ..conf import hellotext_settings
from ..exceptions import ApiError, AuthenticationError, NotFound, RateLimited
from ..models import Event, Kind, RemoteObject, Session, SkipReason, State
from ..models.deliverable import error_fields
from . import policy
from .batch import Batch, Work
from .breaker import Breaker, probe
from .event_links import profile_of
from .figures import Figures
from .leases import NotBegunError, within
from .looking_first import looks_first
from .mirrors import holder_of, shared_with
from .policy import is_repeatable
from .profiles import holders_of, is_account, place, settle_holders, without_refused
from .readiness import MOMENT, Attributed, Fault, Go, Gone, Skip, Unchanged, Wait, readiness
from .rejected import leave_out, needs_render
from .report import Report
from .results import Results, details_of
from .send import Call, Sent, adoption_call

logger = logging.getLogger("django_hellotext.delivery")

STOCK = 2  # for each thread, so many rows are ready when the next batch is asked for
REFILL = 0.5  # seconds between two looks for more while the last rows are on their way
SESSION_PATIENCE = 24 * 3600.0  # seconds for which a session that Hellotext has not seen is asked for


class Carriage:
    """A pool of threads that talk to Hellotext through one client."""

    def __init__(self, client: HellotextClient, *, concurrency: int) -> None:
        self.client = client
        self.concurrency = concurrency
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="hellotext")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def deliver(
        self,
        source: Callable[[bool], Batch | None],
        *,
        breaker: Breaker,
        figures: Figures,
        go_on: Callable[[], bool],
    ) -> Report:
        """Send the batches that ``source`` hands out, until it has none; answers what was done.

        ``source`` is called with whether no row is in hand.
        A new batch is asked for while the last requests of the one before still run, so that no thread waits.
        What is not begun while ``go_on()`` holds is given back.
        """
        return _Delivery(self, source, breaker=breaker, figures=figures, go_on=go_on).run()

    def submit(self, call: Callable[[HellotextClient], Any], *, finished: SimpleQueue[Future[Any]]) -> Future[Any]:
        """Run ``call`` in a thread; its future is put into ``finished`` when it is done."""
        future = self._pool.submit(call, self.client)
        future.add_done_callback(finished.put)
        return future


class _Delivery:
    """Batches on their way.

    A row that meets trouble, which may be an outage or the row's own, is a suspect: nothing more is begun until a
    probe has told which (promise 6).
    """

    def __init__(
        self,
        carriage: Carriage,
        source: Callable[[bool], Batch | None],
        *,
        breaker: Breaker,
        figures: Figures,
        go_on: Callable[[], bool],
    ) -> None:
        self.carriage = carriage
        self.source = source
        self.breaker = breaker
        self.go_on = go_on
        self.results = Results(using=breaker.using, figures=figures)
        self.ready: deque[Work] = deque()
        # A queue, not concurrent.futures.wait(), which walks over everything in flight for each answer.
        self.finished: SimpleQueue[Future[Any]] = SimpleQueue()
        self.in_flight: dict[Future[Sent], Work] = {}
        self.left: set[Work] = set()
        self.is_alone = False
        self.suspects: list[tuple[Work, ApiError]] = []
        self.probe: Future[ApiError | None] | None = None
        self.closed = False
        self.alarmed = False
        self.dry_at: float | None = None
        self.dry_while_busy = False

    def run(self) -> Report:
        while True:
            self._refill()
            while self.ready and self.probe is None and len(self.in_flight) < self.carriage.concurrency:
                self._start(self.ready.popleft())
            if self.in_flight or self.probe is not None:
                self._complete(self.finished.get())
                while not self.finished.empty():
                    self._complete(self.finished.get())
            elif self.dry_at is not None and self.dry_while_busy:
                # Rows may have become due behind those that were under way.
                self.dry_at = None
            elif not self.ready and not self._wants_more():
                break
        self.results.flush()
        # Only a circle of prerequisites could leave any; they go back rather than wait for their lease.
        self.results.give_back(self.left, after=MOMENT)
        return self.results.report

    def _wants_more(self) -> bool:
        """Whether another batch should be asked for; not again and again while the last rows are on their way."""
        if self.closed or self.probe is not None or self._is_stocked() or not self.go_on():
            return False
        if self.is_alone and self.left:
            return False
        if self.dry_at is None:
            return True
        return bool(self.in_flight) and time.monotonic() - self.dry_at > REFILL

    def _is_stocked(self) -> bool:
        return len(self.ready) >= STOCK * self.carriage.concurrency

    def _refill(self) -> None:
        if not self._wants_more():
            return
        self._hand_out()
        # What has arrived is written before anything else is looked for.
        self.results.flush()
        self.results.figures.flush_if_due()
        batch = self.source(not self.left)
        if batch is None:
            self.dry_at, self.dry_while_busy = time.monotonic(), bool(self.in_flight or self.ready)
            return
        self.dry_at = None
        self.is_alone = batch.is_alone
        self.left.update(batch.works)
        self.ready.extend(work for work in batch.works if not work.needs)

    def _hand_out(self) -> None:
        """Leave what is ready with the threads, so that they have work while this one is with the database.

        Not the events of carts: whether they are overtaken is looked up right before they are sent (demand A2).
        """
        for _ in range(len(self.ready)):
            work = self.ready.popleft()
            if self.probe is not None or (isinstance(work.row, Event) and work.row.object_kind == Kind.CART):
                self.ready.append(work)
            else:
                self._start(work)

    def _may_begin(self, work: Work) -> bool:
        """Whether ``work`` may still leave; asked in its thread, at the last moment."""
        late = time.monotonic() >= work.batch.last_start
        return not (self.closed or self.alarmed or late or self.probe is not None) and self.go_on()

    def _guarded(self, work: Work, call: Call) -> Call:
        def begin(client: HellotextClient) -> Sent:
            if not self._may_begin(work):
                raise NotBegunError
            if isinstance(work.row, RemoteObject) and (work.row.remote_id or looks_first(work.row)):
                # This may take many requests, and each of them has to fit into what is left of the lease.
                client = within(client, last_start=work.batch.last_start + hellotext_settings.DEADLINE)
            try:
                return call(client)
            except ApiError as error:
                if policy.is_trouble(error) or isinstance(error, AuthenticationError | RateLimited):
                    # The other threads need not find out for themselves before anybody has looked at this.
                    self.alarmed = True
                raise

        return begin

    def _start(self, work: Work) -> None:
        if work not in self.left:
            return
        # A row whose predecessor under the same key waits, waits behind it.
        late = time.monotonic() >= work.batch.last_start
        before = work.follows if work.follows is not None and work.follows.held_back else None
        if self.closed or late or not self.go_on() or before is not None:
            after = 0.0
            if before is not None and isinstance(before.row, RemoteObject):
                # A guest would be taken in hand again at once, without the account that it waits for.
                after = policy.backoff(before.earlier_attempts, chance=1.0)
            self.results.give_back([work], after=after)
            self._hold_back(work)
            return
        try:
            answer = readiness(work)
        except (DatabaseError, InterfaceError):
            raise
        except Exception as error:
            self._unexpected(work, error)
            return
        if isinstance(answer, Go):
            call = self._guarded(work, answer.call)
            self.in_flight[self.carriage.submit(call, finished=self.finished)] = work
            return
        if isinstance(answer, Wait):
            self.results.give_back([work], after=answer.after)
            self._hold_back(work)
            return
        if isinstance(answer, Fault):
            self.results.refused(work, **answer.error)
        elif isinstance(answer, Skip):
            self.results.skipped(work, answer.reason)
        elif isinstance(answer, Gone):
            self.results.gone(work)
        elif isinstance(answer, Unchanged):
            self.results.unchanged(work)
        elif isinstance(answer, Attributed):
            self.results.attributed(work, answer.remote_id)
        self._done(work)

    def _complete(self, future: Future[Any]) -> None:
        if future is self.probe:
            self.probe = None
            self._acquit_or_pause(future.result())
            return
        work = self.in_flight.pop(future)
        error = future.exception()
        if error is None:
            self._succeeded(work, future.result())
        elif isinstance(error, ApiError):
            self.alarmed = False
            self._refused(work, error)
        elif isinstance(error, NotBegunError):
            self.ready.appendleft(work)
        elif isinstance(error, TypeError | ValueError):
            # The client refuses before it sends: what the adapter or the row gave is no valid argument.
            self.results.refused(work, **error_fields(type="parameter_invalid", message=str(error)))
            self._done(work)
        else:
            self._unexpected(work, error)

    def _unexpected(self, work: Work, error: BaseException) -> None:
        """A fault of ours, or of a payload: this row waits for a person, and holds up nobody else (demand C7)."""
        clear_locals(error)  # they hold payloads, and error trackers show them
        logger.error("row.unexpected", exc_info=error, extra={"row": work.row.pk})
        message = f"{type(error).__name__}: {error}"
        self.results.refused(work, **error_fields(type="unexpected_error", message=message))
        self._done(work)

    def _succeeded(self, work: Work, sent: Sent) -> None:
        if sent.found is not None:
            place(work, sent.found)
            self.ready.appendleft(work)
            return
        if sent.removed:
            self.results.removed(work, sent)
        elif isinstance(work.row, RemoteObject):
            if not self._write_object(work, work.row, sent):
                return
        elif isinstance(work.row, Session) and not sent.attached:
            message = "Hellotext left the session with another customer."
            self.results.refused(work, **error_fields(type=Session.CONFLICT, parameter="session", message=message))
        elif isinstance(work.row, Session):
            self.results.attached(work)
        elif sent.opted_out:
            self.results.skipped(work, SkipReason.OPTED_OUT)
        else:
            self.results.delivered(work)
        self._done(work)

    def _write_object(self, work: Work, row: RemoteObject, sent: Sent) -> bool:
        """Write what an object is at Hellotext now; answers whether it is out of hand."""
        if row.kind == Kind.PROFILE and work.is_new_profile and is_account(row):
            holders = holders_of([sent.remote_id], but=row)[sent.remote_id]
            owner = next(filter(is_account, holders), None)
            if owner is not None:
                self.results.met_owner(work, owner)
                return True
        holder = holder_of(row, sent.remote_id, using=self.breaker.using) if sent.adopted else None
        if holder is not None:
            # Another object of the shop has the value, such as a SKU, that must be unique: this one goes without it.
            if work.duplicate is not None and self._leave_out(work, work.duplicate):
                return False
            self.results.refused(work, **shared_with(holder))
            return True
        if sent.adopted or sent.unfinished:
            self.results.to_be_updated(work, sent)
        else:
            self.results.synced(work, sent)
        if row.kind == Kind.PROFILE and (work.is_new_profile or not is_account(row)):
            settle_holders(work)
        return True

    def _refused(self, work: Work, error: ApiError) -> None:
        if self._mend(work, error):
            return
        if isinstance(error, AuthenticationError | RateLimited):
            # These speak of the account, not of the row.
            self._close(error)
            self._return_all([work])
            return
        if policy.is_trouble(error):
            self.suspects.append((work, error))
            if self.probe is None and not self.closed:
                self.probe = self.carriage.submit(probe, finished=self.finished)
            elif self.closed:
                self._sentence(account_works=False)
            return
        self._decide(work, error, account_works=True)

    def _acquit_or_pause(self, answer: ApiError | None) -> None:
        """The probe is back: either the account works and the rows answer for themselves, or everything pauses."""
        works = answer is None or not policy.speaks_of_the_account(answer)
        if not works and answer is not None:
            self._close(answer)
        self._sentence(account_works=works)

    def _sentence(self, *, account_works: bool) -> None:
        suspects, self.suspects = self.suspects, []
        for work, error in suspects:
            self._decide(work, error, account_works=account_works)

    def _decide(self, work: Work, error: ApiError, *, account_works: bool) -> None:
        decision = policy.decide(
            error,
            attempts=work.earlier_attempts,
            max_attempts=hellotext_settings.MAX_ATTEMPTS,
            chance=random.random(),  # noqa: S311 - jitter
            repeatable=_is_lookup(work) or (is_repeatable(work.row) and not _is_nameless(work)),
            account_works=account_works,
        )
        if decision.verdict is policy.Verdict.FAIL and not self._waits_to_be_seen(work, error):
            self.results.refused(work, **details_of(error))
            self._done(work)
            return
        if decision.verdict is policy.Verdict.UNCERTAIN:
            self.results.uncertain(work, error, costs=decision.costs)
        else:
            after = decision.after or policy.backoff(work.earlier_attempts, chance=1.0)
            self.results.retry(work, error, after=after if account_works else 0.0, costs=decision.costs)
        self._hold_back(work)

    def _mend(self, work: Work, error: ApiError) -> bool:
        """What makes the refusal good; answers whether ``work`` is dealt with."""
        return self._mend_known(work, error) or self._leave_out(work, error)

    def _leave_out(self, work: Work, error: ApiError) -> bool:
        """Send ``work`` without what Hellotext rejects of it."""
        if not leave_out(work, error):
            return False
        if needs_render(work):
            self.results.rejected(work)
            self._hold_back(work)
        else:
            self.ready.appendleft(work)
        return True

    def _mend_known(self, work: Work, error: ApiError) -> bool:
        """What the operation itself makes good; answers whether ``work`` is dealt with."""
        row = work.row
        if isinstance(row, RemoteObject) and row.remote_id and isinstance(error, NotFound) and not row.recreated:
            self.results.start_anew(work)
            self._hold_back(work)
            return True
        duplicate = error.type == "parameter_not_unique"
        if isinstance(row, RemoteObject) and duplicate and row.kind == Kind.PROFILE:
            if work.looked_up and not without_refused(work, error.parameter or ""):
                return False
            work.is_placed = work.looked_up
            work.looked_up = True
            self.ready.appendleft(work)
            return True
        if isinstance(row, RemoteObject) and duplicate and not row.remote_id and not work.looked_up:
            work.looked_up, work.duplicate = True, error
            call = adoption_call(row.kind, dict(work.payload or {}), error)
            self.in_flight[self.carriage.submit(call, finished=self.finished)] = work
            return True
        if isinstance(row, Event) and error.type == Session.CONFLICT:
            return self._concede(work, row, error)
        return False

    def _concede(self, work: Work, event: Event, error: ApiError) -> bool:
        """The session turns out to be somebody else's: record it, and let the event go with its customer alone."""
        attachment = work.batch.attachments.get((event.session, profile_of(event)))
        if attachment is None or attachment.state != State.SYNCED:
            return False
        Session.objects.using(self.breaker.using).contradict(attachment, **details_of(error))
        attachment.state = State.FAILED
        self.ready.appendleft(work)
        return True

    def _waits_to_be_seen(self, work: Work, error: ApiError) -> bool:
        """Whether the refusal only says that the browser has sent nothing with this session yet."""
        if not isinstance(work.row, Session) or not isinstance(error, NotFound):
            return False
        return (work.batch.now - work.row.created_at).total_seconds() < SESSION_PATIENCE

    def _close(self, error: ApiError) -> None:
        if not self.closed:
            self.closed = True
            self.breaker.judge(error)

    def _return_all(self, works: list[Work]) -> None:
        self.results.give_back(works)
        for work in works:
            self._hold_back(work)

    def _hold_back(self, work: Work) -> None:
        """``work`` goes on waiting, and so does whatever comes after it under its key."""
        work.held_back = True
        self._done(work)

    def _done(self, work: Work) -> None:
        """``work`` is out of hand; whoever only waited for it may go."""
        self.left.discard(work)
        for other in work.unlocks:
            other.needs.discard(work)
            if not other.needs:
                self.ready.append(other)


def _is_lookup(work: Work) -> bool:
    """Whether what failed was only the look-up that goes before a profile."""
    return isinstance(work.row, RemoteObject) and work.row.kind == Kind.PROFILE and not work.is_placed


def _is_nameless(work: Work) -> bool:
    """Whether ``work`` is the event of a customer whom the shop does not want at Hellotext: it goes without them."""
    if not isinstance(work.row, Event) or not work.row.profile_label:
        return False
    mirror = work.batch.mirrors.get(profile_of(work.row))
    return mirror is None or not mirror.remote_id
