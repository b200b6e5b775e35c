"""How the shop's objects stand with Hellotext, as far as our own tables tell: a page of objects at a time.

Payloads are rendered as the drain renders them, and compared by their hash with what was sent last. Nothing is
written and nobody is asked here; ``listing`` and ``comparing`` look at the other side.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import models

from .. import clock
from ..adapters import Adapter, Link
from ..conf import hellotext_settings
from ..intake import backfill
from ..models import Kind, Lane, RemoteObject, SkipReason, State
from .batch import Batch, Work
from .mirrors import identity_for, new_mirror
from .render import render_one

OPEN = frozenset({State.PENDING, State.SENDING, State.UNCERTAIN})
# Objects that the shop itself kept back; they are looked at again. What a person or an erasure said stays said.
LOOKED_AT_AGAIN = frozenset({SkipReason.NOT_SYNCABLE, SkipReason.ANONYMOUS})

logger = logging.getLogger("django_hellotext.delivery")


class Standing(StrEnum):
    """How one object stands."""

    IN_STEP = "in_step"
    NEW = "never_sent"
    STALE = "stale"
    FAILED = "failed"
    WAITING = "waiting"
    LEFT_OUT = "left_out"


# What a run hands to the drain. A row that waits is there already.
TO_SEND = frozenset({Standing.NEW, Standing.STALE, Standing.FAILED})


@dataclass(frozen=True, eq=False)
class Seen:
    """One object, its mirror if there is one, and what it would look like at Hellotext now.

    ``work`` holds the payload and its hash, or the fault of the adapter.
    """

    host: models.Model
    link: Link
    mirror: RemoteObject | None
    work: Work
    standing: Standing

    @property
    def payload(self) -> Mapping[str, Any]:
        """What would be sent; empty where nothing would."""
        return self.work.payload or {}

    @property
    def is_known(self) -> bool:
        """Whether Hellotext has it."""
        return self.mirror is not None and bool(self.mirror.remote_id)

    def has_settled_since(self, moment: datetime) -> bool:
        """Whether it was sent, or found to be equal, at ``moment`` or later."""
        return bool(self.mirror and self.mirror.finished_at and self.mirror.finished_at >= moment)


def look_at(adapter: Adapter, hosts: Sequence[models.Model], *, using: str) -> list[Seen]:
    """How each of ``hosts`` stands; one query for all their mirrors."""
    account = hellotext_settings.account
    batch = Batch(account=account, using=using, token="", lease=0.0, now=clock.now())
    links = [Link(kind=adapter.kind, label=adapter.label, pk=str(host.pk)) for host in hosts]
    identities = {identity_for(link, account): link for link in links}
    rows = RemoteObject.objects.using(using).identified(identities).defer("data")
    mirrors = {identities[row.identity]: row for row in rows}
    works = [_render(batch, link, mirrors.get(link), host) for link, host in zip(links, hosts, strict=True)]
    nobodys = _nobodys(works, using=using)
    outdated = _with_outdated_guests(adapter, hosts, batch)
    return [
        Seen(
            host=host,
            link=link,
            mirror=mirrors.get(link),
            work=work,
            standing=Standing.LEFT_OUT
            if work in nobodys
            else _standing(adapter, host, work, mirrors.get(link), is_guest_outdated=link.pk in outdated),
        )
        for link, host, work in zip(links, hosts, works, strict=True)
    ]


def _render(batch: Batch, link: Link, mirror: RemoteObject | None, host: models.Model) -> Work:
    row = mirror or new_mirror(link, lane=Lane.BACKFILL)
    # The object is there, whatever was noted when it was gone.
    row.tombstone_at, row.removal = None, ""
    work = Work(row, batch)
    render_one(work, row, host)
    return work


def _with_outdated_guests(adapter: Adapter, hosts: Sequence[models.Model], batch: Batch) -> set[str]:
    """Return the keys of the objects whose guest has another profile by now than the one that was sent."""
    if not adapter.has_guests:
        return set()
    by_key = {str(host.pk): host for host in hosts}
    guests = {identity_for(Link(Kind.PROFILE, adapter.label, pk), batch.account): pk for pk in by_key}
    outdated = set()
    for row in RemoteObject.objects.using(batch.using).identified(guests).filter(state=State.SYNCED):
        work = Work(row, batch)
        render_one(work, row, by_key[guests[row.identity]])
        if work.hash and work.hash != row.payload_hash:
            outdated.add(guests[row.identity])
    return outdated


def _standing(
    adapter: Adapter, host: models.Model, work: Work, mirror: RemoteObject | None, *, is_guest_outdated: bool
) -> Standing:
    if mirror is None:
        return Standing.LEFT_OUT if work.skip else Standing.NEW
    if mirror.is_erased:
        return Standing.LEFT_OUT
    if mirror.state in OPEN:
        return Standing.WAITING
    if mirror.state == State.SKIPPED and mirror.skip_reason not in LOOKED_AT_AGAIN:
        return Standing.LEFT_OUT
    if work.skip:
        there = mirror.remote_id and mirror.state not in (State.SKIPPED, State.DELETED)
        return Standing.STALE if there else Standing.LEFT_OUT
    if mirror.state == State.FAILED:
        return Standing.FAILED
    if not mirror.remote_id:
        return Standing.NEW
    same = mirror.state == State.SYNCED and mirror.payload_hash == work.hash and not work.fault
    same = same and not is_guest_outdated
    return Standing.IN_STEP if same and _same_status(adapter, host, mirror) else Standing.STALE


def _same_status(adapter: Adapter, host: models.Model, mirror: RemoteObject) -> bool:
    """Whether the watched status, which is in no payload, is the one last seen."""
    try:
        seen = adapter.status(host)
    except Exception as error:
        # The shop's own code: the payload is in step, and nothing can be said of the status.
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        return True
    return seen is None or seen[0] == mirror.baseline


def is_chosen(one: Seen, *, full: bool) -> bool:
    """Return whether a run hands ``one`` to the drain."""
    return one.standing in TO_SEND or (full and one.standing is Standing.IN_STEP)


def moved_to(adapter: Adapter, one: Seen) -> str | None:
    """Return the status of ``one`` if it differs from the last one seen; ``None`` otherwise, and at first sight."""
    if one.mirror is None or one.mirror.baseline is None:
        return None
    try:
        seen = adapter.status(one.host)
    except Exception as error:
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        return None
    return seen[0] if seen is not None and seen[0] != one.mirror.baseline else None


def _nobodys(works: Sequence[Work], *, using: str) -> set[Work]:
    """Carts that belong to nobody whom Hellotext may know: without a session they are not sent."""
    carts = [work for work in works if _row(work).kind == Kind.CART and work.payload is not None]
    carts = [work for work in carts if not _row(work).session and not _row(work).remote_id]
    owners = {work: (work.payload or {}).get("profile") for work in carts}
    wanted = [owner for owner in owners.values() if isinstance(owner, Link)]
    account = hellotext_settings.account
    rows = RemoteObject.objects.using(using).identified([identity_for(owner, account) for owner in wanted])
    absent = [State.SKIPPED, State.DELETED]
    kept_back = set(rows.filter(state__in=absent).values_list("identity", flat=True)) if wanted else set()
    return {
        work
        for work, owner in owners.items()
        if not isinstance(owner, Link) or identity_for(owner, account) in kept_back
    }


def _row(work: Work) -> RemoteObject:
    if not isinstance(work.row, RemoteObject):
        raise TypeError(f"{type(work.row).__name__} is no object")
    return work.row


def orphans_of(adapter: Adapter, *, using: str, after: int) -> tuple[list[str], int | None]:
    """Mirrors of objects that are gone without a signal: their keys, and the last mirror looked at.

    ``None`` instead of the mirror's key when there are no further ones.
    """
    rows = RemoteObject.objects.using(using).filter(
        account=hellotext_settings.account, host_label=adapter.label, kind=adapter.kind, pk__gt=after
    )
    rows = rows.exclude(state=State.DELETED).exclude(state=State.SKIPPED, remote_id="")
    # Somebody has noted it already, and its deletion is on its way.
    rows = rows.exclude(state__in=OPEN, tombstone_at__isnull=False)
    page = list(rows.order_by("pk").values_list("pk", "host_pk")[: backfill.SIZE])
    if not page:
        return [], None
    there = backfill.existing(adapter, [host_pk for _, host_pk in page], using=using)
    last = page[-1][0] if len(page) == backfill.SIZE else None
    return [host_pk for _, host_pk in page if host_pk not in there], last
