"""What would be sent of a row now, beside what Hellotext answered last of an object. Reads, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..adapters import Link, links
from ..adapters.contacts import KINDS
from ..adjustments import Adjustment
from ..intake.subjects import OWNED
from ..models import LAST_PAYLOAD, PAYLOAD_VERSION, Event, Kind, RemoteObject, Session, SkipReason, State
from ..models.sessions import attachment_of
from .amounts import lacks_amount, read_amount
from .batch import Batch, Work
from .buyers import utm_of
from .differences import SENT, names_of
from .event_links import event_links, object_of, profile_of
from .mirrors import as_sent, hosts_of, identity_for, link_of, traces_of
from .render import render_one
from .send import event_values


@dataclass(frozen=True, kw_only=True)
class Preview:
    """``now`` is the payload as plain JSON, ``answered`` what Hellotext said last.

    ``differs`` are the names whose value is another than the one that was sent last, new and dropped ones included;
    ``None`` where nothing was sent yet. Of the values that were sent only fingerprints are kept.

    Without a payload ``skip``, ``fault`` (the columns of an error), ``gone`` or ``removal`` says why. ``changed`` says
    whether it is another than the one that Hellotext has. ``left_out`` are the names of contacts that were not sent,
    because another profile has them. ``adjustments`` are those of this rendering: what was repaired, left out, or could
    not be read.
    """

    now: dict[str, Any] | None
    answered: dict[str, Any]
    differs: frozenset[str] | None
    links: tuple[Link, ...] = ()
    changed: bool = False
    skip: SkipReason | None = None
    fault: Mapping[str, Any] = field(default_factory=dict)
    gone: bool = False
    removal: str = ""
    left_out: tuple[str, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()


def preview(row: RemoteObject, *, using: str) -> Preview:
    """Render the object of ``row`` through its adapter, as the next drain would."""
    batch = Batch(account=row.account, using=using, token="", lease=0.0, now=row.updated_at)
    work = Work(row, batch)
    reference = row.reference
    hosts = hosts_of([link_of(row)], using=using)
    render_one(work, row, hosts.get(link_of(row)), fault=hosts.fault_of(link_of(row)))
    row.reference = reference  # what is shown is what the table holds
    data = row.data if isinstance(row.data, Mapping) else {}
    before = data.get(LAST_PAYLOAD)
    return Preview(
        now=as_sent(work.payload) if work.payload is not None else None,
        answered={name: value for name, value in data.items() if not name.startswith("_")},
        differs=_differing(before, traces_of(row, work.payload or {})) if isinstance(before, Mapping) else None,
        links=tuple(links(work.payload or {})),
        changed=bool(work.hash) and work.hash != row.payload_hash,
        skip=work.skip,
        fault=work.fault or {},
        gone=work.gone,
        removal=work.removal,
        left_out=_left_out(row, work.payload or {}),
        adjustments=tuple(work.adjustments),
    )


def _left_out(row: RemoteObject, payload: Mapping[str, Any]) -> tuple[str, ...]:
    if row.kind != Kind.PROFILE or row.attributed or SENT not in row.data:
        return ()
    contacts = names_of({name: value for name, value in payload.items() if name in KINDS})
    return tuple(name for name in contacts if name not in row.data[SENT])


def preview_event(event: Event, *, using: str) -> dict[str, Any] | None:
    """What would be sent of ``event`` now, as plain JSON; what is not at Hellotext yet stands there as a link.

    An event is frozen when it is recorded, so one that was sent was sent like this too, but for what is looked up at
    that moment: IDs, the buyer's campaign, whether its session is its customer's, an amount that was not loaded.
    ``None`` for what is no event at Hellotext: a subscription, a row whose data was erased, and one of a newer layout.
    """
    if event.is_subscription or event.is_erased or event.payload_version > PAYLOAD_VERSION:
        return None
    if event.is_open and lacks_amount(event):
        read_amount(event, hosts_of([object_of(event)], using=using).get(object_of(event)), using=using)
    identities = {identity_for(link, event.account): link for link in event_links(event)}
    rows = RemoteObject.objects.using(using).identified(identities)
    mirrors = {identities[row.identity]: row for row in rows}
    ids = {link: mirrors[link].remote_id or link if link in mirrors else link for link in identities.values()}
    owner, target = mirrors.get(profile_of(event)), mirrors.get(object_of(event))
    # A customer whom the shop does not want there, such as staff.
    is_left_out = owner is not None and not owner.remote_id and owner.state in (State.SKIPPED, State.DELETED)
    return as_sent(
        event_values(
            event,
            ids,
            profile_id="" if is_left_out else ids.get(profile_of(event), ""),
            session="" if _is_somebody_elses(event, owner, using=using) and not is_left_out else event.session,
            reference=target.reference if target is not None else "",
            utm=utm_of(target) if event.object_kind in OWNED else {},
        )
    )


def _is_somebody_elses(event: Event, owner: RemoteObject | None, *, using: str) -> bool:
    """Whether the event goes without its session, because that could not be joined with its customer (demand G6)."""
    if not event.session or not event.profile_label:
        return False
    if owner is not None and owner.attributed:
        return True
    identity = attachment_of(event.account, event.session, event.profile_label, event.profile_pk)
    rows = Session.objects.using(using).filter(identity=identity)
    return bool(rows.filter(state__in=[State.FAILED, State.SKIPPED]).exists())


def _differing(before: Mapping[str, Any], now: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
