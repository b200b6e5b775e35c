"""Every object of a model, page by page, for those who only look: no checkpoint is kept, and nothing is noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..adapters import Adapter
from ..intake import backfill
from .drift import Seen, look_at
from .syncing import Choice, Looked

Begun = Callable[[Adapter, str], None]
"""Told of each model and database alias before its first page."""


def pages(
    adapter: Adapter, choice: Choice, *, using: str, looked: Callable[[Looked], None] = lambda page: None
) -> Iterator[list[Seen]]:
    """The objects of ``adapter`` that ``choice`` is about; ``looked`` is told of each page once it was used."""
    after = None
    while True:
        hosts = backfill.page_of(adapter, using=using, after=after, since=choice.since)
        yield look_at(adapter, hosts, using=using)
        looked(Looked(using, adapter, len(hosts), 0))
        if len(hosts) < backfill.SIZE:
            return
        after = str(hosts[-1].pk)
