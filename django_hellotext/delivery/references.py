"""References: what never changes, and belongs to one object of the shop alone.

Hellotext tells objects apart by their reference and source (a coupon by its code, a form by its name). Two objects of
the shop under one reference would overwrite each other there; a changed one would make a duplicate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..adapters import Adapter
from ..models import Kind, RemoteObject, State
from ..models.deliverable import error_fields

if TYPE_CHECKING:
    from .batch import Work

LENGTH = 255  # characters of the column


def take_reference(row: RemoteObject, adapter: Adapter, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Note on ``row`` by what the object is known; the error when that is not what it was sent with."""
    found = str(payload.get(adapter.natural_key, ""))[:LENGTH]
    source = str(payload.get("source", row.source))
    if row.remote_id and adapter.natural_key == "reference" and row.reference not in ("", found):
        message = (
            f"The reference of {row.host_label} {row.host_pk} was {row.reference!r} and is {found!r} now. It must "
            "never change: let the adapter's reference lead to something permanent."
        )
        return error_fields(type="reference_changed", parameter="reference", message=message)
    if row.remote_id and source != row.source:
        message = (
            f"The source of {row.host_label} {row.host_pk} was {row.source!r} and is {source!r} now. It must never "
            "change: set HELLOTEXT['SOURCE'], or the adapter's source, to what it was."
        )
        return error_fields(type="source_changed", parameter="source", message=message)
    row.reference, row.source = found, source
    return None


def settle_shared(works: Iterable[Work], *, account: str, using: str) -> None:
    """Refuse what is new and has the reference of another object of the shop, naming both.

    A reference whose object the shop has deleted is free: what was kept at Hellotext is taken over, and what is being
    deleted there is waited for.
    """
    by_key: dict[tuple[str, str, str], list[Work]] = defaultdict(list)
    for work in works:
        row = work.row
        counts = (work.payload is not None and not work.fault) or work.removal
        if isinstance(row, RemoteObject) and row.kind != Kind.PROFILE and row.reference and counts:
            by_key[row.kind, row.source, row.reference].append(work)
    fresh = {key: [work for work in group if _is_new(work)] for key, group in by_key.items()}
    fresh = {key: group for key, group in fresh.items() if group}
    if not fresh:
        return
    held = RemoteObject.objects.using(using).filter(
        account=account, kind__in={kind for kind, _, _ in fresh}, reference__in={reference for _, _, reference in fresh}
    )
    holders: dict[tuple[str, str, str], list[RemoteObject]] = defaultdict(list)
    for row in held.exclude(remote_id="").order_by("pk"):
        holders[row.kind, row.source, row.reference].append(row)
    for key, group in fresh.items():
        in_hand = {work.row.pk: work for work in by_key[key]}
        _settle(sorted(group, key=lambda work: work.row.pk), holders[key], in_hand)


def _is_new(work: Work) -> bool:
    return isinstance(work.row, RemoteObject) and not work.row.remote_id and not work.removal


def _settle(group: list[Work], holders: list[RemoteObject], in_hand: Mapping[int, Work]) -> None:
    """``group`` is new under one reference; ``holders`` are at Hellotext under it."""
    living = next((row for row in holders if row.tombstone_at is None and row.state != State.DELETED), None)
    if living is not None:
        for work in group:
            work.fault = _shared(work, living)
        return
    first, *others = group
    for work in others:
        work.fault = _shared(work, first.row)
    for row in holders:
        if row.state in (State.DELETED, State.SKIPPED):
            # Kept at Hellotext when the shop deleted its own: the same thing has come back under another key.
            if isinstance(first.row, RemoteObject):
                first.row.remote_id = row.remote_id
        elif row.pk in in_hand:
            first.wait_for(in_hand[row.pk])
        elif row.state == State.FAILED:
            first.fault = _shared(first, row, "That one was deleted in the shop, and Hellotext refused to delete it.")
        else:
            first.postponed = True


def _shared(work: Work, other: Any, why: str = "Each object needs its own.") -> dict[str, Any]:
    row: Any = work.row
    message = (
        f"{row.host_label} {row.host_pk} has the reference {row.reference!r} of {other.host_label} {other.host_pk}. "
        f"{why}"
    )
    return error_fields(type="reference_shared", parameter="reference", message=message)
