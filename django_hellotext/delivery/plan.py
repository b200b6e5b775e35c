"""What a run would do, without doing it: counts for each kind, and one masked example of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils.text import Truncator

from ..adapters import Adapter
from ..adapters.history import keeps_history
from ..conf import hellotext_settings
from ..intake import backfill
from ..models import Event
from ..redaction import mask_data
from .buyers import sessions_of
from .drift import Seen, Standing, is_chosen, moved_to, orphans_of
from .mirrors import as_sent
from .survey import Begun, pages
from .syncing import Choice, Looked

LONGEST = 200  # characters of one value in an example


@dataclass
class Planned:
    """The plan for one kind and model, in objects. ``faulty`` are those whose adapter raises.

    ``examples`` holds, masked, one payload that would be sent for each of ``created`` and ``updated``, the key of an
    object for ``deleted``, and the reason of one that is ``faulty``.
    """

    kind: str
    model: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    left_out: int = 0
    faulty: int = 0
    events: int = 0
    examples: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, example: Callable[[], Any]) -> None:
        """Count one as ``name``."""
        setattr(self, name, getattr(self, name) + 1)
        if name not in ("unchanged", "left_out") and name not in self.examples:
            self.examples[name] = example()


def plan(
    choice: Choice,
    *,
    begun: Begun = lambda adapter, using: None,
    looked: Callable[[Looked], None] = lambda page: None,
) -> list[Planned]:
    """What a run with ``choice`` would do now. Writes nothing, asks nobody."""
    found = []
    left = choice.limit
    for adapter in choice.adapters():
        planned = Planned(kind=adapter.kind, model=adapter.model._meta.label)
        for alias in hellotext_settings.DATABASES:
            begun(adapter, alias)
            left = _plan_objects(planned, adapter, alias, choice, left, looked)
            if not choice.is_partial:
                _plan_deletions(planned, adapter, alias)
        found.append(planned)
    return found


def _plan_objects(
    planned: Planned,
    adapter: Adapter,
    using: str,
    choice: Choice,
    left: int | None,
    looked: Callable[[Looked], None],
) -> int | None:
    if left == 0:
        return 0
    for seen in pages(adapter, choice, using=using, looked=looked):
        for one in seen:
            name = name_of(one, full=choice.full)
            if left is not None and name not in ("unchanged", "left_out"):
                if left == 0:
                    return 0
                left -= 1
            planned.add(name, lambda one=one: example_of(one))  # type: ignore[misc]  # bound at once
        if choice.events:
            planned.events += _count_events(adapter, seen, choice, using)
    return left


def _count_events(adapter: Adapter, seen: list[Seen], choice: Choice, using: str) -> int:
    """Return how many events of ``seen`` a run records: their history, and statuses that differ from the last ones."""
    hosts = [one.host for one in seen if one.standing is not Standing.LEFT_OUT]
    history: list[Event] = []
    if keeps_history(adapter):
        sessions = sessions_of(adapter, hosts, using=using)
        history = backfill.history_events(adapter, hosts, sessions=sessions)[0]
    without_key = sum(event.dedupe is None for event in history)
    keys = {event.dedupe for event in history if event.dedupe is not None}
    for one in seen:
        moved = moved_to(adapter, one) if is_chosen(one, full=choice.full) else None
        action = adapter.action_for(moved) if moved is not None else None
        if moved is not None and action is not None:
            keys.add(backfill.status_dedupe(adapter, one.host, moved, action) or "")
    recorded = Event.objects.using(using).filter(dedupe__in=keys).count() if keys else 0
    return without_key + len(keys) - recorded


def _plan_deletions(planned: Planned, adapter: Adapter, using: str) -> None:
    last: int | None = 0
    while last is not None:
        pks, last = orphans_of(adapter, using=using, after=last)
        for pk in pks:
            planned.add("deleted", lambda pk=pk: {"model": planned.model, "pk": pk})  # type: ignore[misc]  # as above


def name_of(one: Seen, *, full: bool = False) -> str:
    """Under which name of the plan ``one`` is counted."""
    if one.work.fault and one.standing is not Standing.LEFT_OUT:
        return "faulty"
    match one.standing:
        case Standing.LEFT_OUT:
            return "left_out"
        case Standing.IN_STEP if not full:
            return "unchanged"
    return "updated" if one.is_known else "created"


def example_of(one: Seen) -> Any:
    """The payload of ``one`` as JSON data, personal values masked; a fault says its reason instead."""
    if one.work.fault:
        return {"pk": one.link.pk, "error": one.work.fault["error_type"], "message": one.work.fault["error_message"]}
    if one.work.payload is None:
        return {"pk": one.link.pk, "is": "no longer to be mirrored"}
    return _short(mask_data(as_sent(one.payload)))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_short(entry) for entry in value]
    return Truncator(value).chars(LONGEST) if isinstance(value, str) else value
