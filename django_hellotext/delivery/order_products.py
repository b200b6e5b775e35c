"""The lines of rendered orders: which placeholders stand on them, and whether an update touches them at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..adapters import links
from ..models import LAST_PAYLOAD, MISSING, Kind, RemoteObject
from .mirrors import Unsent, traces_of
from .placeholders import in_place_of
from .prerequisites import with_products

if TYPE_CHECKING:
    from .batch import Work


def settle_products(works: Iterable[Work], *, account: str, using: str) -> None:
    """Put the products on the lines of the orders among ``works`` that they will have at Hellotext."""
    orders = [work for work in works if _is_order(work)]
    wanted = {link for work in orders for link in links(_payload(work)["items"])}
    by = in_place_of(wanted, account=account, using=using)
    for work in orders:
        payload = _payload(work)
        if by and not by.keys().isdisjoint(links(payload["items"])):
            work.payload = {**payload, "items": with_products(payload["items"], by)}
        _leave_as_they_are(work)


def _leave_as_they_are(work: Work) -> None:
    """Let an update leave the lines alone if they are those that were sent last.

    Their products may be gone since. After an error, or when the row is to be sent once more, they are compared.
    """
    row, payload = work.row, _payload(work)
    if not isinstance(row, RemoteObject) or not row.remote_id or not row.payload_hash or row.error_type:
        return
    before: str | None = (row.data.get(LAST_PAYLOAD) or {}).get("items")
    trace = traces_of(row, {"items": payload["items"]})["items"]
    if before == trace and MISSING not in row.data:
        work.payload = {**payload, "items": Unsent(trace)}


def _is_order(work: Work) -> bool:
    return isinstance(work.row, RemoteObject) and work.row.kind == Kind.ORDER and bool(_payload(work).get("items"))


def _payload(work: Work) -> dict[str, Any]:
    return work.payload or {}
