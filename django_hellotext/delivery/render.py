"""What an object is to look like at Hellotext, as its adapter says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models

from ..adapters import Adapter, ProfileAdapter, links, registry
from ..adapters.placeholders import fallback_for
from ..adapters.reading import rendered
from ..adapters.rendering import neutral
from ..adapters.sold import remembering
from ..adjustments import collecting
from ..models import LAST_PAYLOAD, LINES, Kind, RemoteObject, SkipReason
from ..models.deliverable import error_fields
from .adjusted import keep_later, without_unread
from .amounts import adapter_fault
from .differences import SENT, cleared
from .mirrors import payload_hash, traces_of
from .placeholders import unmirrored
from .prerequisites import with_products
from .references import take_reference

if TYPE_CHECKING:
    from .batch import Work


@neutral()
def render_one(
    work: Work, row: RemoteObject, host: models.Model | None, *, fault: dict[str, Any] | None = None
) -> None:
    """Note in ``work`` what ``host`` is to look like at Hellotext, or why nothing is sent of it.

    ``fault``: the error with which ``host`` could not be read.
    """
    adapter = registry.for_label(row.host_label)
    if row.is_kept:
        work.gone = True
        return
    if row.tombstone_at is not None and row.remote_id and row.removal and not row.attributed:
        # Decided when the deletion was folded; the host row, and even its adapter, may be gone.
        work.removal = row.removal
        return
    if row.is_erased:
        work.skip = SkipReason.ERASED
        return
    if adapter is None and (row.tombstone_at is None or not row.removal):
        # For previews: delivery leaves such a row to a process that has the adapter.
        work.fault = error_fields(type="unregistered", message=f"No adapter is registered for {row.host_label}.")
        return
    if fault is not None:
        work.fault = fault
        return
    if host is None or adapter is None:
        work.gone = True
        return
    try:
        with collecting(work.adjustments):
            rendered(partial(_render, work, row, host, adapter), using=work.batch.using)
    except Exception as error:
        # The shop's own code: this row fails, and the others go on.
        work.fault = adapter_fault(adapter, error, using=work.batch.using)


def _render(work: Work, row: RemoteObject, host: models.Model, adapter: Adapter) -> None:
    if not adapter.should_sync(host):
        work.skip = SkipReason.NOT_SYNCABLE
        if row.remote_id and not row.attributed and row.kind == adapter.kind and adapter.on_unsyncable != "keep":
            work.removal = adapter.on_unsyncable
        return
    work.payload = _payload(work, adapter, host, row)
    if work.payload is None:
        work.skip = SkipReason.ANONYMOUS
        return
    products = links(work.payload.get("items", []))
    if strangers := unmirrored(products, work.batch):
        by = {link: fallback_for(link) if row.kind == Kind.ORDER else None for link in strangers}
        work.payload = {**work.payload, "items": with_products(work.payload["items"], by)}
    work.hash = payload_hash(work.payload)
    sent = without_unread(row.data.get(SENT, []), work.adjustments, kind=row.kind)
    work.cleared = cleared(row.kind, sent, work.payload, declares=adapter.declares)
    if row.remote_id and row.payload_hash == work.hash:
        keep_later(row, work.adjustments)
    if isinstance(adapter, ProfileAdapter):
        work.new_defaults = _new_defaults(adapter, row, work.payload)
    if row.kind == adapter.kind:
        work.fault = take_reference(row, adapter, work.payload)


def _payload(work: Work, adapter: Adapter, host: models.Model, row: RemoteObject) -> dict[str, Any] | None:
    if row.kind == Kind.PROFILE and adapter.kind != Kind.PROFILE:
        return adapter.guest_payload(host)
    with remembering(lambda: row.data.get(LINES, {})) as memory:
        payload = adapter.payload(host)
    work.lines = memory.now
    if row.kind == Kind.PROFILE and not payload:
        # Nothing is known or verified yet: no profile can be created.
        return None
    if row.kind == Kind.CART:
        owner = adapter.profile_link(host)
        if owner is not None:
            payload["profile"] = owner
    return payload


def _new_defaults(adapter: ProfileAdapter, row: RemoteObject, payload: Mapping[str, Any]) -> frozenset[str]:
    """Those of the adapter's ``keeps_former`` that differ from what was sent last."""
    before, now = row.data.get(LAST_PAYLOAD) or {}, traces_of(row, payload)
    return frozenset(name for name in adapter.keeps_former if name in now and before.get(name) != now[name])
