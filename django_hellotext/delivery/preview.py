"""What would be sent for a mirrored object now, beside what Hellotext answered last. Reads, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..adapters import Link, links
from ..models import LAST_PAYLOAD, RemoteObject, SkipReason
from .batch import Batch, Work, render_one
from .mirrors import as_sent, hosts_of, link_of, traces_of


@dataclass(frozen=True, kw_only=True)
class Preview:
    """``now`` is the payload as plain JSON, ``answered`` what Hellotext said last.

    ``differs`` are the names whose value is another than the one that was sent last, new and dropped ones included;
    ``None`` where nothing was sent yet. Of the values that were sent only fingerprints are kept.

    Without a payload ``skip``, ``fault`` (the columns of an error), ``gone`` or ``removal`` says why. ``changed`` says
    whether it is another than the one that Hellotext has.
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


def preview(row: RemoteObject, *, using: str) -> Preview:
    """Render the object of ``row`` through its adapter, as the next drain would."""
    batch = Batch(account=row.account, using=using, token="", lease=0.0, now=row.updated_at)
    work = Work(row, batch)
    reference = row.reference
    render_one(work, row, hosts_of([link_of(row)], using=using).get(link_of(row)))
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
    )


def _differing(before: Mapping[str, Any], now: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
