"""Events of carts and the carts themselves: both change what Hellotext holds, and the cart must have the last word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import models

from ..adapters import Adapter, Link, registry
from ..models import Event, Kind, RemoteObject
from ..savepoints import HostCode, raise_if_lost
from .event_links import items_of, object_of
from .merges import target_of
from .mirrors import hosts_of, identity_for

if TYPE_CHECKING:
    from ..models.deliverable import Deliverable
    from .batch import Work

# Cart events that mean nothing once the cart is empty or gone.
FILLING = frozenset({"cart.added", "cart.abandoned", "cart.viewed", "checkout.started"})
# A merged cart's unsent events of these actions are sent for the cart that it became part of.
CARRIED_OVER = frozenset({"cart.added", "cart.removed", "cart.viewed", "checkout.started"})


def carry_over(events: Sequence[Event], mirrors: Mapping[Link, RemoteObject], *, token: str, using: str) -> set[Link]:
    """Let ``events`` of merged carts name the cart that theirs was merged into; return those carts.

    Call it again with the mirrors of those: they may be merged, too.
    """
    moved: set[Link] = set()
    for event in events:
        mirror = mirrors.get(object_of(event)) if event.action in CARRIED_OVER else None
        target = target_of(mirror) if mirror is not None else None
        if target is None or target == object_of(event):
            continue
        event.object_label, event.object_pk = target.label, target.pk
        Event.objects.using(using).held(token).filter(pk=event.pk).update(
            object_label=target.label, object_pk=target.pk
        )
        moved.add(target)
    return moved


def remember_cart_sessions(events: Iterable[Event], mirrors: Mapping[Link, RemoteObject], *, using: str) -> None:
    """Give a cart without a session the session of its first event."""
    rows = RemoteObject.objects.using(using)
    for event in events:
        mirror = mirrors.get(object_of(event)) if event.object_kind == Kind.CART else None
        if mirror is not None and not mirror.session and event.session:
            mirror.session = event.session
            # Written now: an erasure that comes while the cart is sent keeps the last word.
            rows.filter(pk=mirror.pk, session="").update(session=event.session)


def emptied_carts(events: Iterable[Event], *, using: str) -> set[Link]:
    """Return the carts of events that filled them which are empty or gone by now."""
    filled = {object_of(event) for event in events if event.action in FILLING and event.object_label}
    hosts = hosts_of(filled, using=using)
    adapters = {link: registry.for_label(link.label) for link in filled}
    readable = {link: adapter for link, adapter in adapters.items() if adapter and not hosts.fault_of(link)}
    return {link for link, adapter in readable.items() if _is_empty(adapter, hosts.get(link), using=using)}


def is_repaired_after(row: Deliverable, event: Event) -> bool:
    """Return whether the cart ``row`` is sent after ``event``, which changes the lines of the cart at Hellotext.

    A cart that is not there yet is created first, because its event may name it by ID only.
    """
    return isinstance(row, RemoteObject) and row.kind == Kind.CART and bool(row.remote_id) and _names(event, row)


def stale_cart(work: Work) -> RemoteObject | None:
    """Return the mirror of the cart whose lines the delivered event of ``work`` has changed at Hellotext.

    A cart in hand that is sent after the event is marked here, and ``None`` is returned for it.
    """
    event, batch = work.row, work.batch
    if not isinstance(event, Event) or event.object_kind != Kind.CART or not items_of(event):
        return None
    follower = next((other.row for other in work.unlocks if is_repaired_after(other.row, event)), None)
    if not isinstance(follower, RemoteObject):
        return batch.mirrors.get(object_of(event))
    if follower.payload_hash:
        # Equal content is sent all the same. Written now, because the row may be given back unsent.
        RemoteObject.objects.using(batch.using).doubt([follower.pk])
        follower.payload_hash = ""
    return None


def repeat_carts(events: Iterable[Event], *, using: str) -> None:
    """Send the carts of ``events`` again, which turned out to have arrived and may have changed the carts' lines."""
    named = [event for event in events if event.object_kind == Kind.CART and items_of(event)]
    if named:
        rows = RemoteObject.objects.using(using)
        identities = {identity_for(object_of(event), event.account) for event in named}
        rows.repeat(rows.identified(identities).values_list("pk", flat=True))


def _names(event: Event, row: RemoteObject) -> bool:
    return (event.object_kind, event.object_label, event.object_pk) == (row.kind, row.host_label, row.host_pk)


def _is_empty(adapter: Adapter, cart: models.Model | None, *, using: str) -> bool:
    if cart is None:
        return True
    try:
        with HostCode(using):
            return adapter.payload(cart).get("items") == []
    except Exception as error:
        raise_if_lost(error, using)
        # The same fault shows where the cart itself is rendered, and is written there.
        return False
