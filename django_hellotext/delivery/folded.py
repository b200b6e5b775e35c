"""The changes of one object of the shop, as the fold gathers them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..adapters import Adapter, Link
from ..exceptions import TrackingError
from ..models import Change, Lane, RemoteObject
from .cart_events import Step

logger = logging.getLogger("django_hellotext.delivery")


@dataclass
class Folded:
    """All changes of one host object in their order, and what they come to."""

    adapter: Adapter
    changes: list[Change] = field(default_factory=list)
    reserves: set[int] = field(default_factory=set)  # IDs for second events
    transitions: list[Change] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    host: Any = None
    target: tuple[Link, Any] | None = None  # the cart that this one was merged into
    mirror: RemoteObject | None = None
    known_at: datetime | None = None  # how new what the mirror knew before these changes is

    @property
    def link(self) -> Link:
        first = self.changes[0]
        return Link(kind=self.adapter.kind, label=first.label, pk=first.object_pk)

    @property
    def is_deleted(self) -> bool:
        """Return whether one of the changes is a deletion."""
        return any(change.deleted for change in self.current)

    @property
    def may_be_back(self) -> bool:
        """Return whether the object, or only an object that it depends on, was saved again after its deletion."""
        was_deleted = self.is_deleted or (self.mirror is not None and self.mirror.tombstone_at is not None)
        return was_deleted and bool(self.current) and not self.current[-1].deleted

    @property
    def needs_status(self) -> bool:
        """Return whether a sync found a status that may differ from the one that other changes know."""
        known = {change.status for change in self.current if change.status is not None}
        if self.mirror is not None and self.mirror.baseline is not None:
            known.add(self.mirror.baseline)
        return len(known) > 1 and any(change.is_found and change.status is not None for change in self.current)

    @property
    def current(self) -> list[Change]:
        """The changes that say how the object is, without what the back-fill noted before that which is known.

        The back-fill's are folded last. An order that has moved on, or is gone, since it was noted does not go back.
        """
        known_at = self.known_at
        return [one for one in self.changes if one.lane == Lane.LIVE or not known_at or one.happened_at >= known_at]


def adapter_error(adapter: Any, error: Exception) -> TrackingError:
    """Return the fault of an event for what an adapter raised: wrong data, or an error in the shop's code."""
    if isinstance(error, TrackingError):
        return error  # it names what is wrong with the data
    logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
    return TrackingError(
        f"{type(adapter).__name__} raised {type(error).__name__}: {error}", reason="adapter_failed", parameter=""
    )
