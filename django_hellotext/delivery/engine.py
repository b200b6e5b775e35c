"""The loop: fold, claim, send, finish, until nothing is left or the time is up.

The main thread does all the work on the database; pool threads only talk to Hellotext. No transaction is open
while a request runs (demand C6). Claims and folds of one account are serialised by its row, which takes a few
milliseconds and makes the order of events exact whatever commits when; sending runs side by side.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache

from django.db import transaction

from ..adapters.rendering import neutral
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..models import Account, Event, RemoteObject, Session, State
from ..models.deliverable import new_token
from ..models.fields import UtcNow
from .batch import Batch
from .breaker import Breaker
from .carriage import Carriage
from .claim import Claimer
from .clients import client_from_settings
from .figures import Figures
from .fold import LIMIT, fold
from .looking_first import RemoteProducts
from .presence import CHANGE_PLACES, models_in, occupied
from .report import Report
from .settling import settle_uncertain

logger = logging.getLogger("django_hellotext.delivery")

FOLD_SECONDS = 2.0  # spent on changes before the next rows are claimed

# Columns of an event that its delivery never reads; half of what it costs to load one. An observer who asks for one
# of them has it loaded.
NOT_NEEDED = (
    *("lease_until", "next_attempt_at", "finished_at", "updated_at", "skip_reason", "key", "dedupe"),
    *("error_status", "error_type", "error_parameter", "error_message"),
)


class Drain:
    """One worker's walk over one alias.

    :param seconds: how long it may go on; it ends earlier when nothing is due. It never sleeps.
    :param concurrency: how many requests run at once. :param stop: set from outside, lets what is in hand finish.
    :param feed: asked for more work when nothing is due, in this thread and outside of any transaction; answers
        whether there may be some now. :param remote_products: the products at Hellotext, if a run has read their list.
    """

    def __init__(
        self,
        using: str,
        *,
        concurrency: int | None = None,
        seconds: float | None = None,
        client: HellotextClient | None = None,
        stop: threading.Event | None = None,
        feed: Callable[[], bool] | None = None,
        remote_products: RemoteProducts | None = None,
    ) -> None:
        self.using = using
        self.concurrency = concurrency or hellotext_settings.CONCURRENCY
        self.ends_at = time.monotonic() + seconds if seconds is not None else None
        self.stop = stop or threading.Event()
        self.account = hellotext_settings.account
        self.breaker = Breaker(self.account, using=using)
        self.claimer = Claimer(self.account, using=using, concurrency=self.concurrency)
        self.report = Report()
        self.figures = Figures(self.account, using=using)
        self.feed = feed
        self.remote_products = remote_products
        self._client = client

    def run(self) -> Report:
        """Drain and return what was done. Do nothing while the app is not configured or the account may not send.

        A request may drain, too: the shop's code and the texts of errors do not depend on its language and time zone.
        """
        with neutral():
            return self._run()

    def _run(self) -> Report:
        if not hellotext_settings.active or not self._may_send():
            return self.report
        client = self._client or client_from_settings()
        try:
            with Carriage(client, concurrency=self.concurrency) as carriage:
                self.report.add(
                    carriage.deliver(
                        lambda is_idle: self._next_batch(client, is_idle=is_idle),
                        breaker=self.breaker,
                        figures=self.figures,
                        go_on=self._goes_on,
                    )
                )
        finally:
            self.figures.flush()
            if self._client is None:
                client.close()
        return self.report

    def _fold(self) -> int | None:
        """Fold what waits, for ``FOLD_SECONDS`` at most; return how many changes, ``None`` if the account may not send.

        Many at once, because the events that were recorded after a change wait for it.
        """
        ends, count = time.monotonic() + FOLD_SECONDS, 0
        while True:
            with transaction.atomic(using=self.using):
                if self._lock() is None:
                    return None
                places = occupied(self.account, using=self.using)
                for model in models_in(places, State.SENDING):
                    model.objects.using(self.using).expire_leases(self.account)
                folded = fold(self.account, using=self.using) if places.intersection(CHANGE_PLACES) else 0
            count += folded
            if folded < LIMIT or time.monotonic() > ends or not self._goes_on():
                return count

    def _goes_on(self) -> bool:
        return not self.stop.is_set() and (self.ends_at is None or time.monotonic() < self.ends_at)

    def _may_send(self) -> bool:
        """Whether this database belongs to this environment, and the account's credentials are not refused."""
        accounts = Account.objects.using(self.using)
        business, environment = hellotext_settings.BUSINESS_ID, hellotext_settings.ENVIRONMENT
        token = hashlib.sha256(hellotext_settings.API_TOKEN.encode()).hexdigest()
        owner = accounts.owner(business)
        if owner is not None and owner.environment != environment:
            # A clone of another environment's database (promise 10): its account row says so.
            _warn_of_clone(self.account, owner.key, using=self.using)
            return False
        account, _ = accounts.get_or_create(
            key=self.account,
            defaults={"business_id": business, "environment": environment, "token_fingerprint": token},
        )
        if account.token_fingerprint != token:
            accounts.filter(key=self.account).update(token_fingerprint=token)
            self.breaker.resume()
        if account.halted_reason or account.paused_reason:
            # Nothing is claimed, which would say so: a worker looks after the account all the same.
            accounts.drained(self.account)
        return True

    def _next_batch(self, client: HellotextClient, *, is_idle: bool) -> Batch | None:
        """Fold, find out about the uncertain, claim; ``None`` when there is nothing to send now.

        ``is_idle``: no row is in hand. Else a row that is sent alone is not claimed yet.
        """
        while self._goes_on() and self.breaker.may_go_on(client):
            folded = self._fold()
            if folded is None:
                return None
            self.report.folded += folded
            settled = settle_uncertain(client, self.breaker, using=self.using, now=self._now, figures=self.figures)
            token, leased_at = new_token(), time.monotonic()
            with transaction.atomic(using=self.using):
                account = self._lock()
                if account is None:
                    return None
                now = self._now()
                claimed = self.claimer.claim(token, account=account, now=now, is_idle=is_idle)
            if claimed:
                batch = self._load(token, now=now, leased_at=leased_at)
                if hellotext_settings.RATE is not None and len(batch.works) > claimed:
                    Account.objects.using(self.using).owe(self.account, len(batch.works) - claimed)
                return batch
            if self.claimer.waits:
                return None
            if not folded and not settled and (self.feed is None or not self.feed()):
                return None
        return None

    def _load(self, token: str, *, now: datetime, leased_at: float) -> Batch:
        lease = hellotext_settings.LEASE
        batch = Batch(account=self.account, using=self.using, token=token, lease=lease, now=now)
        batch.is_alone = self.claimer.is_alone
        batch.remote_products = self.remote_products
        # A row is sent only while twice the deadline is left of its lease (step 6 of the walk).
        batch.last_start = leased_at + lease - 2 * hellotext_settings.DEADLINE
        batch.load(
            objects=list(RemoteObject.objects.using(self.using).held(token).order_by("pk")),
            sessions=list(Session.objects.using(self.using).held(token).order_by("pk")),
            events=list(Event.objects.using(self.using).held(token).defer(*NOT_NEEDED).order_by("pk")),
        )
        return batch

    def _lock(self) -> Account | None:
        """Serialise with the other workers of this account; ``None`` while it may not send.

        An UPDATE, not SELECT FOR UPDATE: it takes SQLite's write lock before anything is read, too.
        """
        accounts = Account.objects.using(self.using)
        accounts.drained(self.account)
        account = accounts.get(key=self.account)
        return None if account.halted_reason or account.paused_reason else account

    def _now(self) -> datetime:
        clock: datetime = Account.objects.using(self.using).values_list(UtcNow(), flat=True).get(key=self.account)
        return clock


@cache
def _warn_of_clone(account: str, owner: str, *, using: str) -> None:
    """Say it once in a process, not with every poll."""
    logger.error(
        "drain.environment: this database belongs to %s; nothing is sent for %s. See HELLOTEXT['ENVIRONMENT'].",
        owner,
        account,
        extra={"event": "drain.environment", "using": using},
    )


def drain(
    using: str = "default",
    *,
    concurrency: int | None = None,
    seconds: float | None = None,
    client: HellotextClient | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Send what is due on ``using``; see ``Drain``."""
    return Drain(using, concurrency=concurrency, seconds=seconds, client=client, stop=stop).run()
