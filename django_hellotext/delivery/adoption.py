"""Adopt what Hellotext has already, for a shop that comes from another integration: by reference, SKU, code, name,
e-mail or phone. Nothing is sent; what differs is sent by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from ..adapters import Adapter
from ..conf import hellotext_settings
from ..models import RemoteObject
from .comparing import differences
from .drift import Seen, Standing
from .listing import Listing, keys_of
from .remote_ids import is_storable
from .survey import Begun, pages
from .syncing import Choice, Looked


@dataclass
class Pulled:
    """What was adopted for one kind and model, in objects.

    ``known``: adopted or sent before; ``adopted``: found and taken over now, ``differing`` of them hold something
    else there; ``here_only``: Hellotext has nothing like it; ``unclear``: several there are known by the same key,
    another object of the shop has it, or its ID cannot be stored; ``there_only``: no object of the shop matches.
    ``sources`` counts objects that would fit but have the name of another shop or integration as their source.
    """

    kind: str
    model: str
    looked_at: int = 0
    known: int = 0
    adopted: int = 0
    differing: int = 0
    here_only: int = 0
    unclear: int = 0
    there_only: int = 0
    sources: dict[str, int] = field(default_factory=dict)


def pull(
    choice: Choice,
    listing: Listing,
    *,
    sources: Sequence[str] = (),
    begun: Begun = lambda adapter, using: None,
    looked: Callable[[Looked], None] = lambda page: None,
) -> list[Pulled]:
    """Adopt. An object with a source is only taken when that is the shop's own or one of ``sources``.

    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    adapters = choice.adapters()
    for adapter in adapters:
        listing.read(adapter.kind)
    found = []
    for adapter in adapters:
        pulled = Pulled(kind=adapter.kind, model=adapter.model._meta.label)
        for alias in hellotext_settings.DATABASES:
            begun(adapter, alias)
            for seen in pages(adapter, choice, using=alias, looked=looked):
                _look_through(pulled, adapter, seen, alias, listing, {adapter.source_name, *sources})
        found.append(pulled)
    for pulled in found:
        pulled.there_only = listing.unclaimed(pulled.kind)
    return found


def _look_through(
    pulled: Pulled, adapter: Adapter, seen: Sequence[Seen], using: str, listing: Listing, sources: set[str]
) -> None:
    pulled.looked_at += len(seen)
    known = [one.mirror.remote_id for one in seen if one.mirror is not None and one.mirror.remote_id]
    pulled.known += len(known)
    listing.claim(pulled.kind, known)
    fresh = [one for one in seen if not one.is_known and one.work.payload and one.standing in _TAKEN]
    _adopt(pulled, adapter, fresh, using, listing, sources)


# What a person or an erasure said stays said.
_TAKEN = frozenset({Standing.NEW, Standing.FAILED, Standing.WAITING})


def _adopt(
    pulled: Pulled, adapter: Adapter, seen: Sequence[Seen], using: str, listing: Listing, sources: set[str]
) -> None:
    candidates = _candidates(pulled.kind, seen, listing)
    every = {id for by_key in candidates.values() for _, ids in by_key for id in ids}
    there = listing.raw(pulled.kind, every)
    rows = RemoteObject.objects.using(using).filter(account=hellotext_settings.account, kind=pulled.kind)
    taken = set(rows.filter(remote_id__in=every).values_list("remote_id", flat=True)) if every else set()
    for one in seen:
        by_key = candidates[one]
        ours = ((by, [id for id in ids if _is_ours(there[id].get("source"), sources)]) for by, ids in by_key)
        by, fitting = next(((by, ids) for by, ids in ours if ids), ("", []))
        if not fitting:
            foreign = {str(there[id].get("source")) for _, ids in by_key for id in ids}
            for name in foreign:
                pulled.sources[name] = pulled.sources.get(name, 0) + 1
            pulled.here_only += 1
        elif len(fitting) > 1 or fitting[0] in taken or not _may_be(fitting[0], by, there):
            pulled.unclear += 1
        else:
            [id] = fitting
            differs = bool(differences(one.payload, there[id], {}))
            if not _write(one, adapter, id, there[id], hash="" if differs else one.work.hash, using=using):
                pulled.unclear += 1
                continue
            taken.add(id)
            listing.claim(pulled.kind, [id])
            pulled.adopted += 1
            pulled.differing += differs


def _candidates(kind: str, seen: Sequence[Seen], listing: Listing) -> dict[Seen, list[tuple[str, list[str]]]]:
    """What each may be, with each key that finds anything; the surest key first."""
    keys = {one: keys_of(kind, one.payload) for one in seen}
    names = {by for pairs in keys.values() for by, _ in pairs}
    found = {
        by: listing.find(kind, by, {value for pairs in keys.values() for name, value in pairs if name == by})
        for by in names
    }
    return {one: [(by, found[by][value]) for by, value in pairs if value in found[by]] for one, pairs in keys.items()}


def _is_ours(source: object, sources: set[str]) -> bool:
    """Whether ``source`` may be the shop's: references of another system mean other things."""
    return not source or source in sources


def _is_by_phone(profile: Mapping[str, object]) -> bool:
    """A phone may be that of two people: it has to be verified, and an e-mail would tell who else it is."""
    return hellotext_settings.VERIFIED is not None and not profile.get("emails")


def _may_be(id: str, by: str, there: Mapping[str, Mapping[str, object]]) -> bool:
    """Return whether the object with ``id``, which was found by the key ``by``, can be adopted."""
    return is_storable(id) and (by != "phone" or _is_by_phone(there[id]))


def _write(one: Seen, adapter: Adapter, id: str, there: dict[str, object], *, hash: str, using: str) -> bool:
    """Write the remote ID down; answers ``False`` where a worker has the row in hand."""
    rows = RemoteObject.objects.using(using)
    columns = {"remote_id": id, "payload_hash": hash, "data": there}
    if one.mirror is not None:
        return bool(rows.adopt(one.mirror.pk, **columns))
    row = one.work.row
    if not isinstance(row, RemoteObject):
        return False
    try:
        status = adapter.status(one.host)
        with transaction.atomic(using=using):
            rows.create_adopted(row, baseline=status[0] if status else None, **columns)
    except IntegrityError:
        # A worker was faster; the next pull looks at it again.
        return False
    return True
