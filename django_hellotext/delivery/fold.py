"""Changes into mirrors: ten saves of an object become one newer version of its row, and one request.

Runs under the account's lock, in one short transaction. The status that each Change carries is compared with the
mirror's baseline, change by change, so that no transition is lost; the first sight of an object only sets the
baseline, unless the object was created just then (promise 11, demand A7).
"""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from .. import clock
from ..adapters import Link, registry
from ..adapters.session_cart import SESSION_CARTS
from ..intake.lines import is_tracked
from ..intake.once import TRANSACTION
from ..intake.related import DEPENDENT
from ..intake.tracking import record_events
from ..models import CHANGES, Change, Kind, Lane, RemoteObject, Removal
from ..models.objects import identity_of
from . import cart_events
from .buyers import remember
from .change_events import events_of
from .expansion import expand
from .folded import Folded, adapter_error
from .merges import is_merged_away, note_merges, target_of
from .mirrors import hosts_of, new_mirror, session_cart
from .unknown_models import unknown_models

logger = logging.getLogger("django_hellotext.delivery")

LIMIT = 500  # changes folded in one transaction
RETRIES = 3  # when others make the same mirrors at the same moment
# In ``RemoteObject.seen``: the baseline is that of an object whose creation no change has reported.
FOUND = "found"


def fold(account: str, *, using: str, limit: int = LIMIT) -> int:
    """Fold the oldest changes of ``account``, live ones first; answers how many. Call inside a transaction."""
    changes = _oldest(account, using=using, limit=limit)
    if not changes:
        return 0
    beyond = _rest_of_transactions(account, changes, using=using) if len(changes) >= limit else []
    related = [change for change in changes if DEPENDENT in change.data]
    folded = _group([change for change in changes if DEPENDENT not in change.data])
    _attach_mirrors(folded, account, using=using)
    remember([(one.mirror, one.changes) for one in folded if one.mirror], account=account, using=using)
    _walk_carts(folded, using=using)
    _write_mirrors(folded, using=using)
    _touch_guests(folded, account, using=using)
    _decide_deletions(folded, using=using)
    facts = events_of(folded, beyond, using=using)
    unfinished = expand(related, account, using=using, limit=limit)
    done = [change.pk for change in changes if change.pk not in unfinished]
    Change.objects.using(using).filter(pk__in=done).delete()
    # The events take the IDs of their changes, which are free now.
    record_events(facts, using=using)
    return len(changes)


def _oldest(account: str, *, using: str, limit: int) -> list[Change]:
    """Return the changes to fold next. Those that may become events go first: the events recorded after them wait."""
    found: list[Change] = []
    waiting = Change.objects.using(using).filter(account=account).order_by("id")
    # Each range by itself is read in the order of an index.
    for lane, state in itertools.product(Lane, CHANGES):
        room = limit - len(found)
        if room > 0:
            rows = unknown_models.take(waiting.filter(state=state, lane=lane), room + 1)
            # A reserve belongs to the change after it.
            found += rows if len(rows) > room and rows[room - 1].is_reserve else rows[:room]
    return found


def _rest_of_transactions(account: str, changes: Sequence[Change], *, using: str) -> list[Change]:
    """Return what the transactions that ``changes`` may cut off saved later of the same objects; a later fold takes it.

    Without it, an order whose total was still to come would have the amount of its first save.
    """
    cut = {(one.label, one.object_pk, one.data[TRANSACTION]) for one in changes if TRANSACTION in one.data}
    if not cut:
        return []
    labels, pks = {label for label, _, _ in cut}, {pk for _, pk, _ in cut}
    later = Change.objects.using(using).filter(account=account, pk__gt=max(one.pk for one in changes))
    later = later.filter(object_label__in=labels, object_pk__in=pks).order_by("id")
    return [one for one in later if (one.label, one.object_pk, one.data.get(TRANSACTION)) in cut]


def _group(changes: Sequence[Change]) -> list[Folded]:
    found: dict[tuple[str, str], Folded] = {}
    # Live ones were taken first; of one object each is told in its turn.
    for change in sorted(changes, key=lambda change: change.pk):
        if change.is_reserve:
            continue
        adapter = registry.for_label(change.label)
        if adapter is None:
            raise LookupError(f"No adapter is registered for {change.label}")  # such changes are not taken
        found.setdefault((change.label, change.object_pk), Folded(adapter)).changes.append(change)
    for change in changes:
        one = found.get((change.label, change.object_pk)) if change.is_reserve else None
        if one is not None:
            one.reserves.add(change.pk)
    return list(found.values())


def _attach_mirrors(folded: Sequence[Folded], account: str, *, using: str, retries: int = RETRIES) -> None:
    identities = {id(one): identity_of(account, one.adapter.kind, one.link.label, one.link.pk) for one in folded}
    known = {row.identity: row for row in RemoteObject.objects.using(using).identified(identities.values())}
    fresh = []
    for one in folded:
        one.mirror = known.get(identities[id(one)])
        if one.mirror is None:
            one.mirror = new_mirror(one.link, lane=min(change.lane for change in one.changes))
            fresh.append(one.mirror)
        one.known_at = one.mirror.changed_at
    try:
        with transaction.atomic(using=using):
            RemoteObject.objects.using(using).bulk_create(fresh)
    except IntegrityError:
        # A worker that needs one of them for a row in hand has made it meanwhile: it is there to be touched now.
        if retries < 1:
            raise
        _attach_mirrors(folded, account, using=using, retries=retries - 1)
        return
    by_lane: dict[int, list[int]] = defaultdict(list)
    for one in folded:
        if one.mirror is not None and one.mirror.identity in known:
            by_lane[min(change.lane for change in one.changes)].append(one.mirror.pk)
    for lane, ids in by_lane.items():
        RemoteObject.objects.using(using).touch(ids, lane=lane)


def _touch_guests(folded: Sequence[Folded], account: str, *, using: str) -> None:
    """Let the profiles of guests follow the orders and carts that hold their e-mail, phone and name."""
    by_lane: dict[int, list[str]] = defaultdict(list)
    for one in folded:
        if one.adapter.has_guests and not one.is_deleted:
            lane = min(change.lane for change in one.changes)
            by_lane[lane].append(identity_of(account, Kind.PROFILE, one.link.label, one.link.pk))
    rows = RemoteObject.objects.using(using)
    for lane, identities in by_lane.items():
        rows.touch(list(rows.identified(identities).values_list("pk", flat=True)), lane=lane)


def _walk_carts(folded: Sequence[Folded], *, using: str) -> None:
    """What customers did with the carts whose adapters track their items."""
    note_merges((one.link, one.changes, one.mirror) for one in folded if one.mirror and one.adapter.kind == Kind.CART)
    tracked = [one for one in folded if is_tracked(one.adapter) and one.mirror is not None]
    targets = [target for one in tracked if one.mirror and (target := target_of(one.mirror))]
    hosts = hosts_of([*(one.link for one in tracked), *targets], using=using)
    for one in tracked:
        mirror = one.mirror
        if mirror is None:
            continue
        target = target_of(mirror)
        one.target = (target, hosts.get(target)) if target is not None else None
        for change in one.changes:
            if cart_events.CONTENT in change.data:
                mirror.seen = {**mirror.seen, cart_events.CONTENT: change.data[cart_events.CONTENT]}
        # A cart of the Django session is what it was told, which is not written down yet.
        one.host = session_cart(mirror) if one.link.label == SESSION_CARTS else hosts.get(one.link)
        current = None
        if cart_events.needs_a_look(mirror, one.changes):
            current = cart_events.current_lines(one.adapter, one.host, using=using)
        one.steps = cart_events.steps_of(mirror, one.changes, current=current)


def _write_mirrors(folded: Sequence[Folded], *, using: str) -> None:
    """Write the baselines."""
    changed: list[RemoteObject] = []
    statuses = _statuses_of([one for one in folded if one.needs_status], using=using)
    for one in folded:
        mirror = one.mirror
        if mirror is None:
            continue
        current = one.current
        for change in one.changes:
            mirror.overtaken_at = change.overtaken_at or mirror.overtaken_at
        _follow_status(one, mirror, status_now=statuses.get(one.link))
        # A sync that reads a cart is no activity of the customer.
        used = [change for change in current if not (change.is_found and one.adapter.kind == Kind.CART)]
        if used and not is_tracked(one.adapter):
            mirror.changed_at = used[-1].happened_at
        if used:
            mirror.seen = {name: value for name, value in mirror.seen.items() if name != cart_events.IDLE}
        changed.append(mirror)
    RemoteObject.objects.using(using).bulk_update(changed, ["baseline", "overtaken_at", "changed_at", "seen"])


def _follow_status(one: Folded, mirror: RemoteObject, *, status_now: str | None) -> None:
    """Compare the status of each change with the baseline of ``mirror``, and note the transitions on ``one``.

    In autocommit a sync, or another process, may read and report a new object before the receiver has recorded its
    creation, even in an earlier fold. The creation still sends its event: it replaces such a baseline.
    """
    changes = [change for change in one.current if change.status is not None]
    is_created = False
    if (mirror.baseline is None or FOUND in mirror.seen) and not one.is_deleted:
        is_created = any(change.created for change in changes)
    if is_created:
        mirror.baseline = None
    if FOUND in mirror.seen and (is_created or not all(change.is_found for change in changes)):
        mirror.seen = {name: value for name, value in mirror.seen.items() if name != FOUND}
    # A reported change goes first: a sync that has found the same status must not take its event away.
    finds_go_last = is_created or mirror.baseline is not None
    changes.sort(key=lambda change: (is_created and not change.created, finds_go_last and change.is_found))
    for change in changes:
        if change.status == mirror.baseline:
            continue
        if change.is_found and mirror.baseline is not None and status_now != change.status:
            continue  # the sync read the object before a save that was not committed yet
        if mirror.baseline is None and not change.created:
            mirror.seen = {**mirror.seen, FOUND: True}
        elif not change.is_baseline:
            one.transitions.append(change)
        mirror.baseline = change.status


def _statuses_of(folded: Sequence[Folded], *, using: str) -> dict[Link, str]:
    """Return the status that each object has now; an object that is gone, or cannot be read, is left out."""
    found: dict[Link, str] = {}
    hosts = hosts_of([one.link for one in folded], using=using)
    for one in folded:
        host = hosts.get(one.link)
        try:
            # A query of the host's own that fails must not end the fold.
            with transaction.atomic(using=using):
                status = one.adapter.status(host) if host is not None else None
        except Exception as error:
            adapter_error(one.adapter, error)
            continue
        if status is not None:
            found[one.link] = status[0]
    return found


def _decide_deletions(folded: Sequence[Folded], *, using: str) -> None:
    """Decide what becomes of the remote objects of those that were deleted, and revive those that came back.

    The adapter's ``on_delete`` is read here only. What an erasure has decided stays.
    """
    decided: dict[Removal, list[int]] = defaultdict(list)
    revived: list[int] = []
    doubtful = [one.link for one in folded if one.may_be_back]
    there = hosts_of(doubtful, using=using)
    unreadable = there.errors
    for one in folded:
        mirror = one.mirror
        if mirror is None or mirror.is_erased or not one.current:
            continue
        # An object that cannot be read is kept, because it may be there.
        is_back = one.link in there or one.link.label in (SESSION_CARTS, *unreadable)
        if one.may_be_back and is_back:
            revived.append(mirror.pk)
        elif one.is_deleted and not (mirror.removal and one.current[-1].lane == Lane.BACKFILL):
            # A sync that misses an object knows no more than the deletion that was folded before it.
            how = Removal(one.adapter.on_delete) if one.adapter.on_delete in Removal.values else Removal.KEEP
            if how is Removal.KEEP and is_merged_away(one.changes):
                how = Removal.CLEAR  # its lines are in another cart now
            decided[how].append(mirror.pk)
    rows, now = RemoteObject.objects.using(using), clock.now()
    for how, ids in decided.items():
        if how is Removal.KEEP:
            rows.bury(ids, at=now)
        else:
            rows.entomb(ids, at=now, how=how)
    if revived:
        rows.revive(revived)
