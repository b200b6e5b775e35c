"""From a related object to the mirrors that depend on it, a page at a time.

A category that 10,000 products name is one Change. Each fold takes a page of its products and notes where it stopped,
so that no transaction grows with the catalogue. Only what Hellotext knows already is touched: the new name of a
category is no reason to send a product that was never sent.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from ..adapters import Adapter, registry
from ..adapters.dependencies import Dependency
from ..intake.related import DEPENDENT, KEYS
from ..models import Change, RemoteObject
from ..models.objects import identity_of

logger = logging.getLogger("django_hellotext.delivery")

WAY, AFTER = "way", "after"  # where the next page begins: the place of the dependency, and the last key of the page


def expand(related: Sequence[Change], account: str, *, using: str, limit: int) -> set[int]:
    """Touch up to ``limit`` dependents of ``related``; answers the changes that are not finished."""
    unfinished: set[int] = set()
    met: set[tuple[str, str, str]] = set()
    left = limit
    for change in related:
        name = (change.label, change.object_pk, change.data[DEPENDENT])
        if KEYS not in change.data and AFTER not in change.data:
            if name in met:
                continue  # changed twice: one walk sees both
            met.add(name)
        if left <= 0:
            unfinished.add(change.pk)
            continue
        taken, is_done = _expand_one(change, account, using=using, limit=left)
        left -= taken
        if not is_done:
            unfinished.add(change.pk)
    return unfinished


def _expand_one(change: Change, account: str, *, using: str, limit: int) -> tuple[int, bool]:
    adapter = registry.for_label(change.data[DEPENDENT])
    if adapter is None:
        raise LookupError(f"No adapter is registered for {change.data[DEPENDENT]}.")  # such changes are not taken
    if KEYS in change.data:
        keys = change.data[KEYS]
        _touch(adapter, keys[:limit], change, account, using=using)
        return min(limit, len(keys)), _go_on(change, {KEYS: keys[limit:]}, using=using, over=len(keys) <= limit)
    ways = [way for way in adapter.dependencies.related if way.label == change.label and way.column is None]
    taken, place, after = 0, change.data.get(WAY, 0), change.data.get(AFTER)
    while place < len(ways) and taken < limit:
        keys = _page(ways[place], change.object_pk, after=after, using=using, limit=limit - taken)
        _touch(adapter, keys, change, account, using=using)
        if len(keys) == limit - taken:
            return limit, _go_on(change, {WAY: place, AFTER: str(keys[-1])}, using=using, over=False)
        taken, place, after = taken + len(keys), place + 1, None
    return taken, _go_on(change, {WAY: place}, using=using, over=place >= len(ways))


def _page(way: Dependency, pk: str, *, after: str | None, using: str, limit: int) -> list[Any]:
    try:
        # A query of the host's own that fails must not end the fold.
        with transaction.atomic(using=using):
            rows = way.touched(way.model._meta.pk.to_python(pk), using=using).order_by("pk")
            if after is not None:
                rows = rows.filter(pk__gt=after)
            return list(rows.values_list("pk", flat=True).distinct()[:limit])
    except Exception as error:
        logger.warning("adapter.failed", extra={"adapter": type(way.adapter).__name__, "error": type(error).__name__})
        return []


def _touch(adapter: Adapter, keys: Sequence[Any], change: Change, account: str, *, using: str) -> None:
    rows = RemoteObject.objects.using(using)
    identities = [identity_of(account, adapter.kind, adapter.label, str(key)) for key in keys]
    # A deleted object has nothing to render.
    there = rows.identified(identities).filter(tombstone_at=None)
    ids = list(there.values_list("pk", flat=True)) if identities else []
    if ids:
        rows.touch(ids, lane=change.lane)


def _go_on(change: Change, place: dict[str, Any], *, using: str, over: bool) -> bool:
    """Write down where the next page begins, unless this was the last; answers whether it was."""
    if not over:
        Change.objects.using(using).filter(pk=change.pk).update(object_parameters={**change.data, **place})
    return over
