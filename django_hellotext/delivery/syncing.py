"""One run of the sync: page after page of the shop's objects, compared, noted, and sent by a drain.

The run's row is its checkpoint: a page's Changes and how far the run has come are written in one transaction, so that
a run that is killed at any moment goes on where it was, without a repeat (demands F1, D6). Payloads are rendered
before that transaction begins: the shop's own code runs outside of it.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from django.db import transaction
from django.utils.dateparse import parse_datetime

from ..adapters import Adapter, registry
from ..adapters.history import keeps_history
from ..adapters.kinds import KIND_ORDER
from ..conf import hellotext_settings
from ..exceptions import ApiError
from ..intake import backfill
from ..models import Account, Change, Event, Kind, Lane, RemoteObject, SyncRun
from ..signals import delivered, failed
from .buyers import sessions_of
from .clients import client_from_settings
from .definitions import Brought, bring_into_being, declared
from .drift import OPEN, Seen, Standing, is_chosen, look_at, orphans_of
from .engine import Drain
from .looking_first import LOOKED_FOR, RemoteProducts
from .obstacles import told
from .report import Report

PAUSE = 0.5  # seconds between two looks at what could not be sent
BEAT = 20.0  # seconds between two signs of life
FEED = 1.0  # seconds for which objects that are in step are passed over before the answers of others are looked at

# What a page's objects are counted as, by their standing.
COUNTED = {
    Standing.IN_STEP: "unchanged",
    Standing.NEW: "created",
    Standing.STALE: "updated",
    Standing.FAILED: "retried",
    Standing.WAITING: "waiting",
    Standing.LEFT_OUT: "left_out",
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a run is about. ``labels`` are those of host models, all registered ones when empty.

    ``full``: also what is unchanged is sent. ``since``: only objects changed since then. ``limit``: no more than so
    many objects are handed to the drain. ``events``: the orders' history as well.
    """

    labels: tuple[str, ...] = ()
    full: bool = False
    since: datetime | None = None
    limit: int | None = None
    events: bool = False

    def adapters(self) -> list[Adapter]:
        """The chosen adapters; what others refer to goes first."""
        found = [one for one in registry.all() if not self.labels or one.label in self.labels]
        return sorted(found, key=lambda one: (*KIND_ORDER, one.kind).index(one.kind))

    @property
    def is_partial(self) -> bool:
        """Whether objects of the chosen models are passed over; then nothing is said about deleted ones."""
        return self.since is not None or self.limit is not None

    def to_json(self) -> dict[str, Any]:
        """As a run's row keeps it."""
        since = self.since.isoformat() if self.since else None
        return {
            "labels": list(self.labels),
            "full": self.full,
            "since": since,
            "limit": self.limit,
            "events": self.events,
        }

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        since = options.get("since")
        return cls(
            labels=tuple(options.get("labels", ())),
            full=bool(options.get("full")),
            since=parse_datetime(since) if since else None,
            limit=options.get("limit"),
            events=bool(options.get("events")),
        )


@dataclass(frozen=True)
class Looked:
    """A page that was looked at: how many objects, and how many of them were handed to the drain.

    ``created`` are those of the latter that were never sent.
    """

    using: str
    adapter: Adapter
    objects: int
    noted: int
    created: int = 0


@dataclass
class _Page:
    """The rows that a page comes to, and where the run stands after it."""

    place: dict[str, Any]
    found: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    doubted: list[int] = field(default_factory=list)
    objects: int = 0


def home() -> str:
    """The alias that keeps the runs."""
    return str(hellotext_settings.DATABASES[0])


def key_of(adapter: Adapter, using: str) -> str:
    """Under which name a run keeps its place in, and counts of, a model."""
    return f"{using}/{adapter.label}"


class Walk:
    """The pages of the run ``pk``. Any number of processes may walk it; each page is noted once."""

    def __init__(self, pk: int, choice: Choice) -> None:
        self.pk = pk
        self.choice = choice
        self.adapters = choice.adapters()

    def next_page(self, using: str) -> Looked | None:
        """Note the next page of ``using`` and move the checkpoint behind it; ``None`` when nothing is left there."""
        while True:
            run = SyncRun.objects.using(home()).get(pk=self.pk)
            adapter = self._next_adapter(run, using)
            if adapter is None:
                return None
            place = dict(run.checkpoint.get(key_of(adapter, using), {}))
            page = self._gone(adapter, place, using) if place.get("seen") else self._objects(adapter, place, using, run)
            if self._write(adapter, using, place, page):
                return Looked(using, adapter, page.objects, len(page.changes), page.found.get("created", 0))

    def is_over(self) -> bool:
        """Whether no page is left to be noted, by whomever the others were."""
        run = SyncRun.objects.using(home()).get(pk=self.pk)
        return all(self._next_adapter(run, alias) is None for alias in hellotext_settings.DATABASES)

    def _next_adapter(self, run: SyncRun, using: str) -> Adapter | None:
        if run.finished_at or self._is_full(run):
            return None
        places = ((one, run.checkpoint.get(key_of(one, using), {})) for one in self.adapters)
        return next((one for one, place in places if not place.get("done")), None)

    def _is_full(self, run: SyncRun) -> bool:
        return self.choice.limit is not None and self._noted(run) >= self.choice.limit

    def _noted(self, run: SyncRun) -> int:
        return sum(counts.get("noted", 0) for counts in run.counts.values() if isinstance(counts, Mapping))

    def _objects(self, adapter: Adapter, place: dict[str, Any], using: str, run: SyncRun) -> _Page:
        hosts = backfill.page_of(adapter, using=using, after=place.get("after"), since=self.choice.since)
        is_last = len(hosts) < backfill.SIZE
        page = _Page({**place, "after": str(hosts[-1].pk) if hosts else place.get("after")}, objects=len(hosts))
        if is_last:
            page.place["done" if self.choice.is_partial else "seen"] = True
        seen = look_at(adapter, hosts, using=using)
        chosen = [one for one in seen if is_chosen(one, full=self.choice.full)]
        if self.choice.limit is not None:
            chosen = chosen[: self.choice.limit - self._noted(run)]
        page.changes = backfill.changes_of(adapter, [one.host for one in chosen], events=self.choice.events)
        page.doubted = [one.mirror.pk for one in chosen if self._is_sent_anew(one) and one.mirror is not None]
        began = parse_datetime(run.counts.get("began", ""))
        for one in seen:
            name = "updated" if self._is_sent_anew(one) else COUNTED[one.standing]
            if one.standing is Standing.IN_STEP and began is not None and one.has_settled_since(began):
                name = "arrived"  # by this very run, as what another object refers to, or as a change that waited
            page.found[name] = page.found.get(name, 0) + 1
        page.found.update(looked_at=len(hosts), noted=len(chosen))
        if self.choice.events:
            self._add_history(page, adapter, seen, using)
        return page

    def _is_sent_anew(self, one: Seen) -> bool:
        return self.choice.full and one.standing is Standing.IN_STEP

    def _add_history(self, page: _Page, adapter: Adapter, seen: Sequence[Seen], using: str) -> None:
        if not keeps_history(adapter):
            return
        hosts = [one.host for one in seen if one.standing is not Standing.LEFT_OUT]
        sessions = sessions_of(adapter, hosts, using=using)
        page.events, faulty = backfill.history_events(adapter, hosts, sessions=sessions)
        page.found.update(events=len(page.events), without_history=faulty)

    def _gone(self, adapter: Adapter, place: dict[str, Any], using: str) -> _Page:
        pks, last = orphans_of(adapter, using=using, after=place.get("mirror", 0))
        page = _Page({**place, "done": True} if last is None else {**place, "mirror": last})
        page.changes = backfill.deletions_of(adapter, pks)
        page.found = {"deleted": len(pks), "noted": len(pks)}
        return page

    def _write(self, adapter: Adapter, using: str, place: dict[str, Any], page: _Page) -> bool:
        """Whether the page was still to be noted; another process may have been faster."""
        with transaction.atomic(using=home()):
            run = SyncRun.objects.using(home()).take(self.pk)
            key = key_of(adapter, using)
            if run is None or run.checkpoint.get(key, {}) != place:
                return False
            if page.doubted:
                RemoteObject.objects.using(using).doubt(page.doubted)
            backfill.write(page.changes, page.events, using=using)
            run.checkpoint[key] = page.place
            run.note(key, **page.found)
            SyncRun.objects.using(home()).advance(run)
        return True


class Sync:
    """Walks a run and sends what it finds, until both sides are in step.

    :param concurrency: requests at once. :param patience: seconds to wait, without progress, for rows that cannot be
        sent now. :param looked: told of each page. :param arrived: told of each row that was sent or refused.
        :param stop: set from outside, ends it early.
    """

    def __init__(
        self,
        run: SyncRun,
        *,
        concurrency: int | None = None,
        patience: float = 0.0,
        looked: Callable[[Looked], None] | None = None,
        arrived: Callable[[], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.run = run
        self.choice = Choice.from_json(run.options)
        self.report = Report()
        self._walk = Walk(run.pk, self.choice)
        self._concurrency = concurrency
        self._patience = patience
        self._looked = looked or (lambda page: None)
        self._arrived = arrived or (lambda: None)
        self._stop = stop or threading.Event()
        self.brought = Brought()
        self.define_error = ""
        self._walked: set[str] = set()
        self._products = RemoteProducts()
        self._beat_at = time.monotonic()

    def go(self) -> bool:
        """Bring the definitions and every database level; answers whether the run has come to its end."""
        delivered.connect(self._beat)
        failed.connect(self._beat)
        try:
            self.define()
            for alias in hellotext_settings.DATABASES:
                self._level(alias)
        finally:
            self._products.close()
            delivered.disconnect(self._beat)
            failed.disconnect(self._beat)
        at_end = all(alias in self._walked for alias in hellotext_settings.DATABASES)
        if at_end and not self.define_error and not any(self._is_open(alias) for alias in hellotext_settings.DATABASES):
            SyncRun.objects.using(home()).finish([self.run.pk])
        self.run.refresh_from_db(using=home())
        return self.run.finished_at is not None

    def _is_open(self, using: str) -> bool:
        """Whether rows of the chosen models wait for something, or a change that nobody has looked at."""
        labels = [one.label for one in self.choice.adapters()]
        account = hellotext_settings.account
        objects = RemoteObject.objects.using(using).filter(account=account, host_label__in=labels, state__in=OPEN)
        changes = Change.objects.using(using).filter(account=account, object_label__in=labels)
        events = Event.objects.using(using).filter(account=account, lane=Lane.BACKFILL, state__in=OPEN)
        return objects.exists() or changes.exists() or (self.choice.events and events.exists())

    def define(self) -> None:
        """Create what the settings name and Hellotext does not have.

        A run for chosen models defines nothing, and neither does one whose account is paused or halted.
        """
        if self.choice.labels or not declared() or what_holds(home()):
            return
        client = client_from_settings()
        try:
            self.brought = bring_into_being(client)
        except ApiError as error:
            # The drain meets the same and pauses or halts the account by it.
            self.define_error = str(error)
        finally:
            client.close()

    def _beat(self, **kwargs: Any) -> None:
        """Say now and then that the run goes on, also while one page takes long."""
        self._arrived()
        if time.monotonic() - self._beat_at > BEAT:
            self._beat_at = time.monotonic()
            SyncRun.objects.using(home()).take(self.run.pk)

    def take_pages(self, seconds: float) -> bool:
        """Note pages until one has something to send or ``seconds`` are over; answers whether there may be more."""
        ends = time.monotonic() + seconds
        for alias in hellotext_settings.DATABASES:
            while page := self._walk.next_page(alias):
                if page.noted or time.monotonic() > ends:
                    return True
        return False

    def conclude(self) -> bool:
        """Call the run finished if all pages are noted, and nothing of it is open any more."""
        if not self._walk.is_over() or any(self._is_open(alias) for alias in hellotext_settings.DATABASES):
            return False
        return bool(SyncRun.objects.using(home()).finish([self.run.pk]))

    def _level(self, using: str) -> None:
        moved_at = time.monotonic()
        while not self._stop.is_set():
            feed = functools.partial(self._feed, using)
            report = Drain(
                using,
                concurrency=self._concurrency,
                stop=self._stop,
                feed=feed,
                remote_products=self._products,
            ).run()
            self.report.add(report)
            if using in self._walked and not self._is_open(using):
                return
            now = time.monotonic()
            if report.settled:
                moved_at = now
            if now - moved_at >= self._patience or is_halted(using):
                return
            self._stop.wait(min(PAUSE, self._patience))

    def _feed(self, using: str) -> bool:
        ends = time.monotonic() + FEED
        while not self._stop.is_set():
            page = self._walk.next_page(using)
            if page is None:
                self._walked.add(using)
                return False
            self._looked(page)
            self._look_first(page)
            if page.noted or time.monotonic() > ends:
                return True
        return False

    def _look_first(self, page: Looked) -> None:
        """Look which products of ``page`` a browser has created already."""
        if page.adapter.kind in LOOKED_FOR and page.created and not what_holds(page.using):
            rows = RemoteObject.objects.using(page.using).filter(account=hellotext_settings.account, kind=Kind.PRODUCT)
            self._products.look(expected=page.created, known=rows.exclude(remote_id="").count())


def is_halted(using: str) -> bool:
    """Return whether Hellotext rejects the credentials; the next probe may be up to an hour away."""
    rows = Account.objects.using(using).filter(key=hellotext_settings.account)
    return rows.exclude(halted_reason="").exists()


def what_holds(using: str) -> str:
    """Why nothing can be sent now, in words; empty when nothing is known to stand in the way."""
    owner = Account.objects.using(using).owner(hellotext_settings.BUSINESS_ID)
    if owner is not None and owner.environment != hellotext_settings.ENVIRONMENT:
        return f"this database belongs to {owner.key}; see HELLOTEXT['ENVIRONMENT']"
    account = Account.objects.using(using).filter(key=hellotext_settings.account).first()
    if account is None:
        return ""
    if account.halted_reason:
        return f"{account.halted_reason} Next try {told(account.halted_until)}"
    return f"the account pauses after {account.paused_reason}" if account.paused_reason else ""
