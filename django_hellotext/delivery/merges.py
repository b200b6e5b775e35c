"""Which carts became part of another one, as ``merging()`` has marked their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from ..adapters import Link
from ..intake.lines import LINE, LINES
from ..intake.merges import INTO, QUIET
from ..models import Change, RemoteObject

# In ``RemoteObject.seen``: kind, label and key of the cart that this one was merged into.
MERGED_INTO = "merged_into"
MOST_MERGES = 3  # carts that are followed one into the other

Touched = tuple[Link, Sequence[Change]]


def note_merges(carts: Iterable[tuple[Link, Sequence[Change], RemoteObject]]) -> None:
    """Note on the unsaved mirrors of merged carts which cart they are part of now."""
    touched = list(carts)
    into = _targets([(link, changes) for link, changes, _ in touched])
    for link, changes, mirror in touched:
        if link in into:
            target = into[link]
            mirror.seen = {**mirror.seen, MERGED_INTO: [target.kind, target.label, target.pk]}
        elif MERGED_INTO in mirror.seen and (link in into.values() or any(map(_fills, changes))):
            # The cart is used again.
            mirror.seen = {name: value for name, value in mirror.seen.items() if name != MERGED_INTO}


def target_of(mirror: RemoteObject) -> Link | None:
    """Return the cart that the cart of ``mirror`` was merged into."""
    found = mirror.seen.get(MERGED_INTO)
    return Link(*found) if found else None


def is_merged_away(changes: Iterable[Change]) -> bool:
    """Return whether ``changes`` delete a cart within ``merging()``."""
    return any(change.deleted and isinstance(change.data.get(QUIET), str) for change in changes)


def _targets(carts: Sequence[Touched]) -> dict[Link, Link]:
    """Return the target of each merged cart: the one that the shop named, else the only cart that was not a source."""
    found: dict[Link, Link] = {}
    merges: dict[str, dict[Link, list[Change]]] = defaultdict(dict)
    for link, changes in carts:
        for change in changes:
            if INTO in change.data:
                found[link] = Link(**change.data[INTO])
            elif isinstance(merge := change.data.get(QUIET), str):
                merges[merge].setdefault(link, []).append(change)
    for merged in merges.values():
        sources = [link for link, changes in merged.items() if _is_source(changes)]
        targets = [link for link in merged if link not in sources]
        if len(targets) == 1:
            found.update({source: targets[0] for source in sources if source not in found})
    return {source: target for source, target in found.items() if source != target}


def _is_source(changes: Sequence[Change]) -> bool:
    """Return whether a cart was deleted, or only lost lines."""
    if any(change.deleted for change in changes):
        return True
    quantities = [Decimal(fact["quantity"]) for change in changes for fact in _facts(change)]
    says_lines = any(LINE in change.data or LINES in change.data for change in changes)
    return says_lines and not any(quantities)


def _fills(change: Change) -> bool:
    return not change.data.get(QUIET) and any(Decimal(fact["quantity"]) > 0 for fact in _facts(change))


def _facts(change: Change) -> list[dict[str, str]]:
    if LINES in change.data:
        return list(change.data[LINES])
    return [change.data[LINE]] if LINE in change.data else []
