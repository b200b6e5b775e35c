"""Keep erased customers forgotten: what is about to be sent, and what was recorded of them since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.db import models

from ..adapters import Link, registry
from ..adapters.contacts import addresses_of
from ..intake.subjects import OWNED
from ..models import Kind, RemoteObject, SkipReason
from ..models.erasure import erased
from ..savepoints import HostCode
from .amounts import adapter_fault
from .mirrors import identity_for, link_of

if TYPE_CHECKING:
    from .batch import Work


def leave_out_erased(works: Iterable[Work], *, account: str, using: str) -> None:
    """Skip profiles whose e-mail or phone was erased, so that a sync does not create them again. One query."""
    wanted: dict[Work, list[tuple[str, str]]] = {}
    for work in works:
        if isinstance(work.row, RemoteObject) and work.row.kind == Kind.PROFILE and work.payload:
            wanted[work] = addresses_of(work.payload)
    if not any(wanted.values()):
        return
    found = erased(account, {address for addresses in wanted.values() for address in addresses}, using=using)
    for work, addresses in wanted.items():
        if found.intersection(addresses):
            work.payload, work.skip = None, SkipReason.ERASED


def forget_browsers(works: Iterable[Work], hosts: Mapping[Link, models.Model], *, account: str, using: str) -> None:
    """Empty what the carts, orders and refunds of erased customers have recorded of their browsers since."""
    owners: dict[Work, Link] = {}
    addresses: dict[Work, list[tuple[str, str]]] = {}
    for work in works:
        row = work.row
        adapter = registry.for_label(row.host_label) if isinstance(row, RemoteObject) and row.session else None
        if not isinstance(row, RemoteObject) or adapter is None or adapter.kind not in OWNED or work.payload is None:
            continue
        try:
            with HostCode(using):
                owner = adapter.profile_link(hosts[link_of(row)])
                guest = adapter.guest_payload(hosts[link_of(row)])
        except Exception as error:
            work.fault = work.fault or adapter_fault(adapter, error, using=using)
            continue
        if owner is not None:
            owners[work], addresses[work] = owner, addresses_of(guest or {})
    if not owners:
        return
    rows = RemoteObject.objects.using(using)
    by_identity = {identity_for(owner, account): owner for owner in owners.values()}
    gone = rows.identified(by_identity).filter(skip_reason=SkipReason.ERASED).values_list("identity", flat=True)
    erased_owners = {by_identity[identity] for identity in gone}
    erased_addresses = erased(account, {one for some in addresses.values() for one in some}, using=using)
    forgotten = [work for work in owners if owners[work] in erased_owners or erased_addresses & {*addresses[work]}]
    for work in forgotten:
        if isinstance(work.row, RemoteObject):
            work.row.session, work.row.seen = "", {}
    if forgotten:
        rows.filter(pk__in=[work.row.pk for work in forgotten]).update(session="", seen={})
