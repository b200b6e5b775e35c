"""The orders of the shop, each with what Hellotext has for it: found by its ID, else by its reference and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from ..adapters import Adapter, Link
from ..adapters.rendering import neutral
from ..api.types import Money
from ..conf import hellotext_settings
from ..intake import backfill
from ..models import Kind, RemoteObject, State
from ..redaction import mask
from ..savepoints import HostCode
from .amounts import adapter_fault
from .drift import LOOKED_AT_AGAIN, OPEN
from .listing import Listing
from .mirrors import identity_for

GONE = "it was sent, and Hellotext has it no more"


@dataclass(kw_only=True)
class ShopOrder:
    """An order of the shop. ``total`` is ``None`` if it cannot be read; ``is_left_out`` if it is not mirrored.

    ``remote`` is its remote JSON, ``None`` if Hellotext does not have it; ``reason`` says what is known about a
    difference.
    """

    host: models.Model
    reference: str = ""
    total: Money | None = None
    is_left_out: bool = False
    remote_id: str = ""
    remote: Mapping[str, Any] | None = None
    reason: str = ""


def match(adapter: Adapter, listing: Listing, *, using: str) -> Iterator[list[ShopOrder]]:
    """Yield the orders of ``adapter`` page by page; what they match is claimed in ``listing``, once.

    A page takes a constant number of queries.
    """
    after = None
    while True:
        hosts = backfill.page_of(adapter, using=using, after=after)
        mirrors = _mirrors(adapter, hosts, using=using)
        with neutral():
            page = [_read(adapter, host, mirrors.get(str(host.pk)), using=using) for host in hosts]
        _find(page, adapter, mirrors, listing, using=using)
        yield page
        if len(hosts) < backfill.SIZE:
            return
        after = str(hosts[-1].pk)


def _mirrors(adapter: Adapter, hosts: Sequence[models.Model], *, using: str) -> dict[str, RemoteObject]:
    account = hellotext_settings.account
    identities = {identity_for(Link(Kind.ORDER, adapter.label, str(host.pk)), account): str(host.pk) for host in hosts}
    rows = RemoteObject.objects.using(using).identified(identities).defer("data", "seen")
    return {identities[row.identity]: row for row in rows}


def _read(adapter: Adapter, host: models.Model, mirror: RemoteObject | None, *, using: str) -> ShopOrder:
    order = ShopOrder(host=host, reference=mirror.reference if mirror is not None else "")
    if mirror is not None and _is_taken_out(mirror):
        order.is_left_out = True
        return order
    try:
        with HostCode(using):
            order.is_left_out = not adapter.should_sync(host)
            order.reference = adapter.reference_of(host)
            if not order.is_left_out:
                order.total = adapter.amount(host)
    except Exception as error:
        # The shop's own code: nobody knows what this order is worth, and the others are compared.
        order.reason = mask(adapter_fault(adapter, error, using=using)["error_message"])
        return order
    order.reason = _state_of(mirror) if order.total is not None else "the adapter gives no total"
    return order


def _is_taken_out(mirror: RemoteObject) -> bool:
    """Return whether an erasure or a person has decided that the order is not mirrored."""
    return mirror.is_erased or (mirror.state == State.SKIPPED and mirror.skip_reason not in LOOKED_AT_AGAIN)


def _state_of(mirror: RemoteObject | None) -> str:
    if mirror is None:
        return ""
    if mirror.state in OPEN:
        return "it waits to be sent"
    if mirror.state == State.FAILED:
        return f"failed: {mirror.error_type}: {mask(mirror.error_message)}"
    return "" if mirror.state == State.SYNCED else str(mirror.get_state_display())


def _find(
    page: Sequence[ShopOrder], adapter: Adapter, mirrors: Mapping[str, RemoteObject], listing: Listing, *, using: str
) -> None:
    ids = {pk: mirror.remote_id for pk, mirror in mirrors.items() if mirror.remote_id}
    there = listing.raw(Kind.ORDER, ids.values())
    for order in page:
        _take(order, ids.get(str(order.host.pk), ""), there)
    absent = [order for order in page if order.remote is None and order.reference]
    by_reference = listing.find(Kind.ORDER, "reference", {order.reference for order in absent})
    candidates = {id for found in by_reference.values() for id in found}
    if candidates:
        rows = RemoteObject.objects.using(using).filter(account=hellotext_settings.account, kind=Kind.ORDER)
        held = set(rows.filter(remote_id__in=candidates).values_list("remote_id", flat=True))
        raws = listing.raw(Kind.ORDER, candidates - held - listing.claimed(Kind.ORDER, candidates))
        for order in absent:
            fitting = [id for id in by_reference.get(order.reference, ()) if _is_ours(raws.get(id), adapter)]
            if fitting:
                _take(order, fitting[0], raws)
    listing.claim(Kind.ORDER, [order.remote_id for order in page if order.remote is not None])
    for order in page:
        if order.remote is None and not order.reason:
            order.reason = GONE if ids.get(str(order.host.pk)) else "never sent"


def _take(order: ShopOrder, id: str, raws: dict[str, dict[str, Any]]) -> None:
    """Give ``order`` the remote order ``id``, which no other order gets then."""
    order.remote = raws.pop(id, None)
    order.remote_id = id if order.remote is not None else ""


def _is_ours(raw: Mapping[str, Any] | None, adapter: Adapter) -> bool:
    return raw is not None and raw.get("source") == adapter.source_name
