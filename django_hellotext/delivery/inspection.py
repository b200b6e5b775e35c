"""The drift between the shop and Hellotext (demand F3): what our own tables tell, and what Hellotext's lists tell.

Looking changes nothing. To mend is to mark what is missing or changed there, so that an ordinary run sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..adapters import Adapter
from ..conf import hellotext_settings
from ..models import Kind, RemoteObject
from ..redaction import mask
from .comparing import differences
from .differences import SENT, sent_part
from .drift import Seen, Standing, orphans_of
from .listing import Listing
from .profiles import forget_profile
from .survey import Begun, pages
from .syncing import Choice, Looked

# The types of drift, in the order in which they are shown.
DRIFTS = ("never_sent", "stale", "failed", "orphaned_here", "missing_there", "changed_there")


@dataclass
class Drift:
    """What is not in step for one kind and model, in objects; ``examples`` name one of each type.

    ``never_sent``: Hellotext does not have it; ``stale``: it has an older version; ``failed``: it was refused;
    ``orphaned_here``: it is gone in the shop, and no signal told; ``missing_there``: it was sent, and Hellotext has
    it no more; ``changed_there``: Hellotext holds something else than was sent.
    """

    kind: str
    model: str
    looked_at: int = 0
    in_step: int = 0
    left_out: int = 0
    never_sent: int = 0
    stale: int = 0
    failed: int = 0
    orphaned_here: int = 0
    missing_there: int = 0
    changed_there: int = 0
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many objects are not in step."""
        return sum(getattr(self, name) for name in DRIFTS)

    def add(self, name: str, pk: str, why: str = "") -> None:
        """Count the object ``pk`` as ``name``."""
        setattr(self, name, getattr(self, name) + 1)
        if name in DRIFTS:
            self.examples.setdefault(name, f"{self.model} {pk}{f': {why}' if why else ''}")


def inspect(
    choice: Choice,
    listing: Listing,
    *,
    mend: bool = False,
    begun: Begun = lambda adapter, using: None,
    looked: Callable[[Looked], None] = lambda page: None,
) -> list[Drift]:
    """Look for drift. With ``mend``, what is missing or changed there is marked for the next run.

    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    adapters = choice.adapters()
    for adapter in adapters:
        listing.read(adapter.kind)
    found = []
    for adapter in adapters:
        drift = Drift(kind=adapter.kind, model=adapter.model._meta.label)
        for alias in hellotext_settings.DATABASES:
            begun(adapter, alias)
            for seen in pages(adapter, choice, using=alias, looked=looked):
                _objects(drift, seen, alias, listing, mend=mend)
            if not choice.is_partial:
                _orphans(drift, adapter, alias)
        found.append(drift)
    return found


def _objects(drift: Drift, seen: Sequence[Seen], using: str, listing: Listing, *, mend: bool) -> None:
    for one in seen:
        _by_our_tables(drift, one)
    _by_their_lists(drift, [one for one in seen if one.standing is Standing.IN_STEP], using, listing, mend=mend)
    if mend:
        # It may be refused because it is there no more; it would be refused again.
        refused = {one: one.mirror.remote_id for one in seen if one.standing is Standing.FAILED and one.mirror}
        _lose(_gone(drift.kind, refused, listing), using)
    drift.looked_at += len(seen)


def _by_our_tables(drift: Drift, one: Seen) -> None:
    match one.standing:
        case Standing.LEFT_OUT:
            drift.add("left_out", one.link.pk)
        case Standing.NEW | Standing.WAITING if not one.is_known:
            drift.add("never_sent", one.link.pk, _fault(one) or _waits(one))
        case Standing.STALE | Standing.WAITING:
            drift.add("stale", one.link.pk, _fault(one) or _waits(one))
        case Standing.FAILED if one.mirror is not None:
            drift.add("failed", one.link.pk, f"{one.mirror.error_type}: {one.mirror.error_message}")


def _by_their_lists(drift: Drift, seen: Sequence[Seen], using: str, listing: Listing, *, mend: bool) -> None:
    ids = {one: one.mirror.remote_id for one in seen if one.mirror is not None}
    there = listing.raw(drift.kind, ids.values())
    absent = [one for one, id in ids.items() if id not in there]
    # A list that moves while it is read may have hidden somebody; and nothing is created anew by mistake.
    missing = [
        one for one in absent if not (mend or drift.kind == Kind.PROFILE) or listing.is_gone(drift.kind, ids[one])
    ]
    # The profile of another account holds nothing of an attributed row.
    compared = [one for one in ids if one not in absent and not (one.mirror is not None and one.mirror.attributed)]
    otherwise = {one: differences(one.payload, there[ids[one]], {}) for one in compared}
    otherwise = {one: fields for one, fields in otherwise.items() if fields}
    changed = _confirmed(otherwise, there, using)
    for one in ids:
        if one in missing:
            drift.add("missing_there", one.link.pk, ids[one])
        elif one in changed:
            drift.add("changed_there", one.link.pk, ", ".join(changed[one]))
        else:
            drift.add("in_step", one.link.pk)
    if mend:
        _lose(missing, using)
        RemoteObject.objects.using(using).doubt([one.mirror.pk for one in changed if one.mirror is not None])


def _gone(kind: str, ids: Mapping[Seen, str], listing: Listing) -> list[Seen]:
    """Those of ``ids`` that are not listed, and of which Hellotext says itself that they are not there."""
    there = listing.raw(kind, ids.values())
    return [one for one, id in ids.items() if id and id not in there and listing.is_gone(kind, id)]


def _lose(seen: Sequence[Seen], using: str) -> None:
    rows = [one.mirror for one in seen if one.mirror is not None]
    RemoteObject.objects.using(using).lose([row.pk for row in rows])
    for row in rows:
        if row.kind == Kind.PROFILE:
            forget_profile(row, row.remote_id)


def _confirmed(otherwise: dict[Seen, list[str]], there: dict[str, dict[str, Any]], using: str) -> dict[Seen, list[str]]:
    """Those that differ from Hellotext's own answer to our last write as well."""
    pks = [one.mirror.pk for one in otherwise if one.mirror is not None]
    answers = dict(RemoteObject.objects.using(using).filter(pk__in=pks).values_list("pk", "data")) if pks else {}
    found = {}
    for one in otherwise:
        if one.mirror is not None:
            answer = answers.get(one.mirror.pk) or {}
            is_profile = one.mirror.kind == Kind.PROFILE and SENT in answer
            payload = sent_part(one.payload, answer[SENT]) if is_profile else one.payload
            fields = differences(payload, there[one.mirror.remote_id], answer)
            if fields:
                found[one] = fields
    return found


def _orphans(drift: Drift, adapter: Adapter, using: str) -> None:
    last: int | None = 0
    while last is not None:
        pks, last = orphans_of(adapter, using=using, after=last)
        for pk in pks:
            drift.add("orphaned_here", pk)


def _fault(one: Seen) -> str:
    return mask(one.work.fault["error_message"]) if one.work.fault else ""


def _waits(one: Seen) -> str:
    return "it waits to be sent" if one.standing is Standing.WAITING else ""
