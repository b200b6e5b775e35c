"""The rows in hand of one claim, with what they need first.

The main thread alone works here: it loads, claims prerequisites, renders payloads, and knows which row may go next.
A prerequisite is claimed like any row, by the same token (promise 4).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import consent
from ..actions import Purpose, purpose_of
from ..adapters import Link, links
from ..adjustments import Adjustments, collecting
from ..conf import hellotext_settings
from ..exceptions import ApiError
from ..intake.handover import attachment
from ..models import (
    UNSUBSCRIBE,
    Change,
    Event,
    Lane,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from ..models.deliverable import IS_DUE, Deliverable
from .amounts import lacks_amount, read_amount
from .cart_rows import carry_over, emptied_carts, is_repaired_after, remember_cart_sessions
from .completion import complete
from .erased import forget_browsers, leave_out_erased
from .event_links import event_links, object_of, profile_of
from .looking_first import RemoteProducts
from .merges import MOST_MERGES
from .mirrors import hosts_of, link_of, mirrors_for
from .order_products import settle_products
from .prerequisites import StandIn, needs_of, settle_missing
from .profiles import find_leftovers, is_account, note_owners, order_profiles
from .references import settle_shared
from .render import render_one
from .unknown_models import labels_of


@dataclass(eq=False, repr=False)  # its payload must not show in an error report
class Work:
    """One row in hand. ``needs`` are rows in hand that must be finished first, ``unlocks`` those that wait for it.

    ``payload`` is what an object is to look like at Hellotext. ``skip`` or ``fault`` say, before anything is sent,
    that it will not be. ``removal`` says that the object is to be deleted or cleared there, ``cleared`` which
    values are to be taken away from it, ``new_defaults`` which of its values become the default there and leave the
    former one in its place, ``postponed`` that another has to leave first. ``follows`` is the row before it
    under the same ordering key, ``rival`` the customer who had a session before, ``unseen`` that the customer of a
    session refuses to be seen browsing.

    ``adjustments`` are those of this rendering of an object; of an event, the recorded ones and those of this attempt.

    ``missing`` is what the row goes, or fails, without.
    ``lines`` are the products of an order's lines, which are remembered because the shop may delete them.
    ``rejected`` are the places of what Hellotext has rejected of an event, ``rejected_products`` the products that it
    has rejected on the lines of an object.

    ``duplicate`` is the refusal of a value that another object has.

    Of a profile: ``is_placed`` says that ``profiles.place`` has decided which one it is, ``attributed_to`` is the ID
    of another account's, ``is_new_profile`` says that the row did not have it before, ``has_moved`` that it had another
    one, and ``leftovers`` are the rows of guests who had sent something to it.
    """

    row: Deliverable
    batch: Batch
    needs: set[Work] = field(default_factory=set)
    unlocks: list[Work] = field(default_factory=list)
    payload: dict[str, Any] | None = None
    hash: str = ""
    skip: SkipReason | None = None
    fault: dict[str, Any] | None = None
    gone: bool = False
    removal: str = ""
    postponed: bool = False
    cleared: dict[str, Any] = field(default_factory=dict)
    new_defaults: frozenset[str] = frozenset()
    follows: Work | None = None
    held_back: bool = False
    looked_up: bool = False
    duplicate: ApiError | None = None
    rival: Link | None = None
    unseen: bool = False
    is_placed: bool = False
    attributed_to: str = ""
    is_new_profile: bool = False
    has_moved: bool = False
    leftovers: list[RemoteObject] = field(default_factory=list)
    missing: set[Link] = field(default_factory=set)
    lines: dict[str, dict[str, str]] = field(default_factory=dict)
    rejected: set[tuple[str, ...]] = field(default_factory=set)
    rejected_products: set[Link] = field(default_factory=set)
    adjustments: Adjustments = field(default_factory=Adjustments)

    def __post_init__(self) -> None:
        if isinstance(self.row, Event):
            self.adjustments = Adjustments.from_json(self.row.adjustments)

    @property
    def earlier_attempts(self) -> int:
        """The counted attempts before this one, which the claim has counted."""
        return self.row.attempts - 1

    def wait_for(self, other: Work) -> None:
        if other is not self and other not in self.needs:
            self.needs.add(other)
            other.unlocks.append(self)


class Batch:
    """Everything in hand under one token. ``now`` is the database's time of the claim, ``last_start``
    the monotonic time after which too little is left of the lease to begin a request. ``is_alone`` says that it was
    claimed for a single row that may end the process: nothing else is claimed until it is done. ``remote_products``
    are those of Hellotext's list, if the run has read it.
    """

    def __init__(self, *, account: str, using: str, token: str, lease: float, now: datetime) -> None:
        self.account = account
        self.now = now
        self.using = using
        self.token = token
        self.lease = lease
        self.mirrors: dict[Link, RemoteObject] = {}
        self.attachments: dict[tuple[str, Link], Session] = {}
        self.last_start = math.inf
        self.is_alone = False
        self.remote_products: RemoteProducts | None = None
        self.emptied: set[Link] = set()
        self.refused: set[int] = set()
        self.event_faults: dict[int, dict[str, Any]] = {}
        self.missing: set[Link] = set()
        self.stand_ins: dict[int, StandIn] = {}
        self.works: list[Work] = []
        self._mirror_works: dict[Link, Work] = {}
        self._newcomers: list[Work] = []
        self._known_labels: dict[str, bool] = {}
        self._amount_adjustments: dict[int, Adjustments] = {}
        self._attachment_works: dict[tuple[str, Link], Work] = {}

    def load(self, *, objects: Sequence[RemoteObject], sessions: Sequence[Session], events: Sequence[Event]) -> None:
        """Take the claimed rows in hand, claim what they need, and put them in order."""
        events, self.event_faults = complete(events, token=self.token, using=self.using)
        self._take_objects(objects)
        self.follow({link for event in events for link in event_links(event)})
        for _ in range(MOST_MERGES):
            self.follow(carry_over(events, self.mirrors, token=self.token, using=self.using))
        self.follow({profile_of(row) for row in sessions})
        remember_cart_sessions(events, self.mirrors, using=self.using)
        self._ask_consent(events)
        settle_missing(self, events)
        settle_shared(self._mirror_works.values(), account=self.account, using=self.using)
        find_leftovers(self._mirror_works.values(), account=self.account)
        note_owners(self.mirrors.values(), account=self.account)
        self._newcomers = order_profiles(self._mirror_works.values())
        self.emptied = emptied_carts(events, using=self.using)
        self._read_amounts(events)
        self._take_sessions(sessions)
        self._need_attachments(events)
        self._mark_conflicts()
        self._ask_who_may_be_joined()
        self._take_events(events)
        for work in self._mirror_works.values():
            for link in links(work.payload or {}):
                self._order(work, link)

    def _order(self, work: Work, link: Link) -> None:
        """``work`` goes after what ``link`` names; if that is to be removed, before it."""
        needed = self._mirror_works.get(link)
        if needed is not None and needed.removal:
            needed.wait_for(work)
        elif needed is not None:
            work.wait_for(needed)

    def _take_objects(self, rows: Sequence[RemoteObject]) -> None:
        self.mirrors.update({link_of(row): row for row in rows})
        self.follow(self._render(rows))

    def object_works(self) -> list[Work]:
        """Return the objects in hand."""
        return list(self._mirror_works.values())

    def is_skipped(self, link: Link) -> bool:
        """Return whether ``link`` names an object in hand that the shop does not want at Hellotext."""
        work = self._mirror_works.get(link)
        return work is not None and work.skip is not None

    def follow(self, wanted: set[Link]) -> None:
        """Load the mirrors of ``wanted``, claim those that wait, and go on with what those need."""
        while wanted := wanted - self.mirrors.keys():
            found = mirrors_for(wanted, account=self.account, lane=0, using=self.using)
            self.mirrors.update(found)
            wanted = self._render(self._claim(found.values()))

    def _claim(self, mirrors: Iterable[RemoteObject]) -> list[RemoteObject]:
        rows = RemoteObject.objects.using(self.using)
        mirrors = [mirror for mirror in mirrors if not labels_of(mirror)]
        # A suspect goes alone, also before what needs it.
        waiting = [mirror.pk for mirror in mirrors if mirror.state == State.PENDING and not mirror.is_suspect]
        # Their profile is gone, with the account that it was: what happens next needs another one.
        lost = [mirror.pk for mirror in mirrors if mirror.state == State.SYNCED and not mirror.remote_id]
        if lost:
            rows.touch(lost, lane=Lane.LIVE)
            waiting += lost
        if not waiting or not rows.filter(IS_DUE, pk__in=waiting).claim(waiting, token=self.token, lease=self.lease):
            return []
        claimed = list(rows.held(self.token).filter(pk__in=waiting))
        self.mirrors.update({link_of(row): row for row in claimed})
        return claimed

    def _render(self, rows: Sequence[RemoteObject]) -> set[Link]:
        """Make a Work of each mirror in hand; answers what their payloads point to."""
        hosts = hosts_of([link_of(row) for row in rows], using=self.using)
        needed: set[Link] = set()
        rendered: list[Work] = []
        for row in rows:
            work = Work(row, self)
            render_one(work, row, hosts.get(link_of(row)), fault=hosts.fault_of(link_of(row)))
            rendered.append(work)
        settle_products(rendered, account=self.account, using=self.using)
        leave_out_erased(rendered, account=self.account, using=self.using)
        forget_browsers(rendered, hosts, account=self.account, using=self.using)
        for work, row in zip(rendered, rows, strict=True):
            needed.update(links(work.payload or {}))
            self._mirror_works[link_of(row)] = work
            self.works.append(work)
        return needed

    def _ask_consent(self, events: Sequence[Event]) -> None:
        """Who has withdrawn their consent since the event was recorded (demand I2)."""
        if hellotext_settings.CONSENT is None:
            return
        # An opt-out needs nobody's consent.
        asked = [event for event in events if not (event.is_subscription and event.action == UNSUBSCRIBE)]
        subjects = {event.pk: profile_of(event) if event.profile_label else object_of(event) for event in asked}
        hosts = hosts_of({link for link in subjects.values() if link.label}, using=self.using)
        for event in asked:
            if (fault := hosts.fault_of(subjects[event.pk])) is not None:
                self.event_faults.setdefault(event.pk, fault)
                continue
            subject = hosts.get(subjects[event.pk])
            purpose = Purpose.MESSAGE if event.is_subscription else purpose_of(event.action)
            if consent.decide(None, purpose=purpose, subject=subject) is False:
                self.refused.add(event.pk)

    def _read_amounts(self, events: Sequence[Event]) -> None:
        """Read the amounts that were not loaded when their events were recorded, and store them with the events."""
        unknown = [event for event in events if lacks_amount(event)]
        if not unknown:
            return
        hosts = hosts_of({object_of(event) for event in unknown}, using=self.using)
        for event in unknown:
            fault = hosts.fault_of(object_of(event))
            with collecting() as made:
                fault = fault or read_amount(event, hosts.get(object_of(event)), using=self.using)
            self._amount_adjustments[event.pk] = made
            if fault is not None:
                self.event_faults[event.pk] = fault
        found = [event for event in unknown if event.amount is not None]
        if found:
            Event.objects.using(self.using).freeze_amounts(found, token=self.token)

    def _take_sessions(self, rows: Sequence[Session]) -> None:
        for row in rows:
            self._take_attachment(row)

    def _take_attachment(self, row: Session) -> None:
        key = (row.session, profile_of(row))
        work = Work(row, self)
        self.attachments[key] = row
        self._attachment_works[key] = work
        self.works.append(work)
        self._order(work, profile_of(row))
        self._wait_for_newcomers(work, profile_of(row))

    def _need_attachments(self, events: Iterable[Event]) -> None:
        """An event with a customer and a session needs the two joined first."""
        # In the order of the events: whoever was first has the session.
        named = [event for event in sorted(events, key=lambda row: row.pk) if event.session and event.profile_label]
        keys = dict.fromkeys((event.session, profile_of(event)) for event in named)
        keys = {key: None for key in keys if key not in self.attachments and not self.is_erased(key[1])}
        if not keys:
            return
        rows = Session.objects.using(self.using)
        wanted = {attachment(self.account, session, link).identity: (session, link) for session, link in keys}
        found = {wanted[row.identity]: row for row in rows.filter(identity__in=wanted)}
        for key in (key for key in keys if key not in found):
            row, _ = rows.get_or_create(
                identity=attachment(self.account, *key).identity, defaults=_columns(attachment(self.account, *key))
            )
            found[key] = row
        self.attachments.update(found)
        waiting = [row.pk for row in found.values() if row.state == State.PENDING and not row.is_suspect]
        if waiting and rows.filter(IS_DUE, pk__in=waiting).claim(waiting, token=self.token, lease=self.lease):
            for row in rows.held(self.token).filter(pk__in=waiting):
                self._take_attachment(row)

    def knows(self, label: str) -> bool:
        """Return whether any process has mirrored, or is to mirror, an object of the model with ``label``."""
        if label not in self._known_labels:
            mirrors = RemoteObject.objects.using(self.using).filter(host_label=label)
            changes = Change.objects.using(self.using).filter(object_label=label)
            self._known_labels[label] = mirrors.exists() or changes.exists()
        return self._known_labels[label]

    def is_erased(self, link: Link) -> bool:
        """Whether ``link`` names a customer whose data was erased."""
        mirror = self.mirrors.get(link)
        return mirror is not None and mirror.is_erased

    def _wait_for_newcomers(self, work: Work, profile: Link) -> None:
        """What says something about a guest's profile waits for the accounts that it may turn out to be."""
        mirror = self.mirrors.get(profile)
        if mirror is not None and not is_account(mirror):
            for newcomer in self._newcomers:
                work.wait_for(newcomer)

    def mark_attributed(self, guest: RemoteObject) -> None:
        """Note that the profile of ``guest`` is an account's now; if it is in hand, it is looked at again later."""
        mirror, work = self.mirrors.get(link_of(guest)), self._mirror_works.get(link_of(guest))
        if mirror is not None:
            mirror.attributed = True
        if work is not None:
            work.postponed = True

    def is_attributed(self, link: Link) -> bool:
        """Whether the profile of the customer or guest that ``link`` names is another account's."""
        mirror = self.mirrors.get(link)
        return mirror is not None and mirror.attributed

    def _ask_who_may_be_joined(self) -> None:
        """Which customers have refused to be seen browsing since their session was noted (demand I2)."""
        works = [work for work in self.works if isinstance(work.row, Session)]
        if hellotext_settings.CONSENT is None or not works:
            return
        hosts = hosts_of({profile_of(work.row) for work in works if isinstance(work.row, Session)}, using=self.using)
        for work in works:
            if isinstance(work.row, Session):
                work.fault = hosts.fault_of(profile_of(work.row))
                subject = hosts.get(profile_of(work.row))
                work.unseen = consent.decide(None, purpose=Purpose.BROWSE, subject=subject) is False

    def _mark_conflicts(self) -> None:
        """A session that an earlier customer has is never asked for by a later one (demand G6).

        Whether the two are one person at Hellotext, such as a guest who buys twice, shows once both are there.
        """
        works = {work: work.row for work in self.works if isinstance(work.row, Session)}
        taken = {row.session for row in works.values()}
        if not taken:
            return
        rows = Session.objects.using(self.using).filter(account=self.account, session__in=taken)
        first: dict[str, Session] = {}
        for row in rows.exclude(state__in=[State.FAILED, State.SKIPPED]).order_by("pk"):
            first.setdefault(row.session, row)
        for work, row in works.items():
            owner = first.get(row.session)
            if owner is not None and owner.pk < row.pk:
                work.rival = profile_of(owner)
        self.follow({work.rival for work in works if work.rival is not None})
        for work in works:
            rival = self._mirror_works.get(work.rival) if work.rival is not None else None
            # One that is to be removed is there already, and goes after what its own events wait for.
            if rival is not None and not rival.removal:
                work.wait_for(rival)

    def _take_events(self, events: Sequence[Event]) -> None:
        chains: dict[str, Work] = {}
        for event in sorted(events, key=lambda row: row.pk):
            work = Work(event, self, fault=self.event_faults.get(event.pk))
            for one in self._amount_adjustments.get(event.pk, ()):
                work.adjustments.add(one)
            for link in needs_of(event, self):
                cart = self._mirror_works.get(link)
                if cart is not None and is_repaired_after(cart.row, event):
                    cart.wait_for(work)
                else:
                    self._order(work, link)
            joined = self._attachment_works.get((event.session, profile_of(event)))
            if joined is not None:
                work.wait_for(joined)
            elif event.is_subscription:
                self._wait_for_newcomers(work, profile_of(event))
            before = chains.get(event.ordering_key)
            if before is not None:
                work.follows = before
                work.wait_for(before)
            chains[event.ordering_key] = work
            self.works.append(work)


def _columns(row: Session) -> dict[str, Any]:
    names = ("account", "session", "profile_label", "profile_pk", "ordering_key")
    return {name: getattr(row, name) for name in names}


def by_model(works: Iterable[Work]) -> dict[type[Deliverable], list[int]]:
    """The keys of ``works``, by table."""
    found: dict[type[Deliverable], list[int]] = defaultdict(list)
    for work in works:
        found[type(work.row)].append(work.row.pk)
    return found
