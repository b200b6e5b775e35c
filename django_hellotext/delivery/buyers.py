"""What a cart, order or refund remembers of its buyer, whoever touches it later: session, campaign (A5, G4, G5).

Runs within the fold. What a Change carries was judged when it was recorded; here it only finds its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import models

from ..adapters import Adapter, Link
from ..conf import hellotext_settings
from ..intake.handover import attachment
from ..intake.subjects import key_of, places_of
from ..models import Change, Kind, RemoteObject, Session
from .mirrors import identity_for

UTM = "utm"  # the key of the campaign in RemoteObject.seen, and in the metadata of an event that is sent

Remembering = tuple[RemoteObject, Sequence[Change]]


def remember(made: Sequence[Remembering], *, account: str, using: str) -> None:
    """Put sessions and campaigns on the mirrors, let orders and refunds inherit, and hand sessions over."""
    changed = [mirror for mirror, changes in made if _take(mirror, changes)]
    changed += _inherit(made, account=account, using=using)
    RemoteObject.objects.using(using).bulk_update(changed, ["session", "seen"])
    _hand_over([change for _, changes in made for change in changes], account=account, using=using)


def sessions_of(adapter: Adapter, hosts: Iterable[models.Model], *, using: str) -> dict[str, str]:
    """The buyer's session of each of ``hosts`` that has one, by its key, as a live event finds it. Two queries.

    It is kept on the object or on what that was made of; an unfolded Change is newer than the mirror.
    """
    account = hellotext_settings.account
    places = {key_of(host, adapter): places_of(host, adapter) for host in hosts}
    links = {identity_for(link, account): link for found in places.values() for link in found}
    kept = {(row.host_label, row.host_pk): row.session for row in _others(links, using=using)}
    named = {
        "object_label__in": {link.label for link in links.values()},
        "object_pk__in": {link.pk for link in links.values()},
    }
    changes = Change.objects.using(using).filter(account=account, **named).exclude(session="")
    kept.update({(change.label, change.object_pk): change.session for change in changes.order_by("pk")})
    sessions = {key: [kept.get((link.label, link.pk), "") for link in found] for key, found in places.items()}
    return {key: session for key, found in sessions.items() if (session := next(filter(None, found), ""))}


def utm_of(mirror: RemoteObject | None) -> Mapping[str, str]:
    """The campaign that the buyer of an object came by."""
    found = mirror.seen.get(UTM) if mirror is not None else None
    return found if isinstance(found, Mapping) else {}


def _take(mirror: RemoteObject, changes: Iterable[Change]) -> bool:
    before = (mirror.session, utm_of(mirror))
    for change in changes:
        mirror.session = change.session or mirror.session
        if change.data.get(UTM):
            mirror.seen = {**mirror.seen, UTM: change.data[UTM]}
    return (mirror.session, utm_of(mirror)) != before


def _inherit(made: Sequence[Remembering], *, account: str, using: str) -> list[RemoteObject]:
    """Orders that somebody else than the buyer made, such as a payment webhook, of a cart that knows its buyer.

    Refunds likewise, each of its order, whoever asked for it: events of one buyer have one ordering key (promise 3).
    """
    orders: list[tuple[RemoteObject, str]] = []
    refunds: list[tuple[RemoteObject, str]] = []
    for mirror, changes in made:
        origin = next((change.data["origin"] for change in changes if change.data.get("origin")), None)
        if origin is None:
            continue
        named = (mirror, identity_for(Link(**origin), account))
        if mirror.kind == Kind.REFUND:
            refunds.append(named)
        elif not mirror.session:
            orders.append(named)
    known = {mirror.identity: mirror for mirror, _ in made}
    # An order may have to ask its cart before a refund can ask the order.
    return [heir for heirs in (orders, refunds) for heir in _heirs(heirs, known, using=using)]


def _heirs(
    named: Sequence[tuple[RemoteObject, str]], known: Mapping[str, RemoteObject], *, using: str
) -> Iterable[RemoteObject]:
    """Those of ``named`` whose origin, given by its fingerprint, knows more of the buyer than they do."""
    missing = {identity for _, identity in named} - known.keys()
    origins = {**known, **{row.identity: row for row in _others(missing, using=using)}}
    for mirror, identity in named:
        origin = origins.get(identity)
        if origin is None:
            continue
        before = (mirror.session, utm_of(mirror))
        mirror.session = origin.session or mirror.session
        if utm_of(origin) and not utm_of(mirror):
            mirror.seen = {**mirror.seen, UTM: dict(utm_of(origin))}
        if (mirror.session, utm_of(mirror)) != before:
            yield mirror


def _others(identities: Iterable[str], *, using: str) -> Iterable[RemoteObject]:
    wanted = list(identities)
    return RemoteObject.objects.using(using).identified(wanted) if wanted else ()


def _hand_over(changes: Iterable[Change], *, account: str, using: str) -> None:
    """A logged-in customer who makes an order is as well known as one who logs in: attach the session, once."""
    wanted = {}
    for change in changes:
        buyer = change.data.get("buyer")
        if buyer and change.session:
            row = attachment(account, change.session, Link(Kind.PROFILE.value, buyer["label"], buyer["pk"]))
            wanted[row.identity] = row
    if not wanted:
        return
    rows = Session.objects.using(using)
    known = set(rows.filter(identity__in=wanted).values_list("identity", flat=True))
    for identity in wanted.keys() - known:
        # A login may be recording the very same at this moment.
        rows.get_or_create(identity=identity, defaults=_columns(wanted[identity]))


def _columns(row: Session) -> dict[str, Any]:
    names = ("account", "session", "profile_label", "profile_pk", "ordering_key")
    return {name: getattr(row, name) for name in names}
