"""From changes to the events that they come to: statuses that an adapter watches, and what happened to a cart."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction

from ..actions import BUILT_IN
from ..adapters import Adapter, OnChange, registry
from ..adapters.values import status_text
from ..intake.facts import Fact, money
from ..intake.once import AMOUNT, TRANSACTION
from ..models import Change
from ..redaction import mask
from . import cart_events
from .folded import Folded, adapter_error
from .mirrors import hosts_of

logger = logging.getLogger("django_hellotext.delivery")


def events_of(folded: Sequence[Folded], beyond: Sequence[Change], *, using: str) -> list[tuple[int | None, Fact]]:
    """Return the events that ``folded`` come to, each with its ID: that of its change, or of one in reserve."""
    moved = [one for one in folded if one.transitions]
    hosts = hosts_of([one.link for one in moved], using=using)
    found: list[tuple[int | None, Fact]] = []
    for one in folded:
        facts: list[tuple[int, Fact]] = []
        place = 0
        for change in one.transitions:
            place = max(place, change.pk)  # a creation that was recorded late still comes first
            action = one.adapter.action_for(change.status or "")
            if action is None:
                notice_unknown(one.adapter, change.status or "")
                continue
            amount = _frozen_amount(change, [*one.changes, *beyond])
            fact = _status_fact(action, change, one, hosts.get(one.link), amount, using=using)
            if fact is not None and (error := hosts.errors.get(one.link.label)) is not None:
                fact.adapter_faults.append(adapter_error(one.adapter, error))
            facts += [(place, fact)] if fact is not None else []
        for step in one.steps:
            fact = _cart_fact(step, one, using=using)
            facts += [(step.change.pk, fact)] if fact is not None else []
        found += _with_ids(facts, one)
    return found


def _with_ids(facts: list[tuple[int, Fact]], one: Folded) -> list[tuple[int | None, Fact]]:
    """Give each of ``facts`` the first free ID that its change has; a change without one left borrows a later one."""
    first: dict[int, int] = {}
    reserved = None
    free = sorted([*one.reserves, *(change.pk for change in one.changes)])
    for pk in free:
        if pk in one.reserves:
            reserved = pk
        else:
            first[pk], reserved = reserved or pk, None
    ids = free
    found: list[tuple[int | None, Fact]] = []
    for place, fact in sorted(facts, key=lambda entry: entry[0]):
        free = [pk for pk in free if pk >= first[place]]
        found.append((free.pop(0) if free else None, fact))
    if len(ids) >= len(found) and any(pk is None for pk, _ in found):
        # A creation that was recorded late: its status may stand in the place of an earlier change.
        return [(pk, fact) for pk, (_, fact) in zip(ids[len(ids) - len(found) :], found, strict=True)]
    return found


def _cart_fact(step: cart_events.Step, one: Folded, *, using: str) -> Fact | None:
    if one.mirror is None:
        return None
    link, host = one.target or (one.link, one.host)
    adapter = registry.for_label(link.label) or one.adapter
    try:
        with transaction.atomic(using=using):
            return cart_events.fact_of(step, link, one.mirror, adapter, host)
    except Exception as error:
        # The host's own code: the fact is kept, refused, with the adapter's name.
        return cart_events.unread_fact(step, link, one.mirror, adapter_error(one.adapter, error))


def _status_fact(
    action: str,
    change: Change,
    one: Folded,
    host: models.Model | None,
    frozen: tuple[str, str] | None,
    *,
    using: str,
) -> Fact | None:
    fact = Fact(
        action=action,
        object_link=one.link,
        session=one.mirror.session if one.mirror else "",
        key=f"status:{change.status}" if _repeats(action) else "",
        tracked_at=change.status_at or change.happened_at,
        recorded_at=change.happened_at,
        lane=change.lane,
    )
    if frozen is not None:
        fact.amount, fact.currency = money(*frozen, fact.adapter_faults)
    if host is None:
        return fact
    try:
        # A query of the host's own that fails must not end the fold.
        with transaction.atomic(using=using):
            if not one.adapter.should_sync(host):
                return None
            fact.profile = one.adapter.profile_link(host)
            if frozen is None:
                fact.amount, fact.currency = money(one.adapter.amount(host), None, fact.adapter_faults)
    except Exception as error:
        # The host's own code: the fact is kept, refused, with the adapter's name.
        fact.adapter_faults.append(adapter_error(one.adapter, error))
    return fact


def _frozen_amount(change: Change, changes: Sequence[Change]) -> tuple[str, str] | None:
    """Return amount and currency as they were saved with ``change``, ``None`` if the worker has to read them.

    What the same transaction saved later, before the next status, replaces them: the shop was still putting the order
    together.
    """
    if AMOUNT not in change.data:
        return None
    found = change
    for one in changes:
        if one.pk <= change.pk or (one.label, one.object_pk) != (change.label, change.object_pk):
            continue
        if one.status not in (None, change.status):
            break
        if TRANSACTION in change.data and one.data.get(TRANSACTION) == change.data[TRANSACTION]:
            found = one
    amount, currency = found.data[AMOUNT]
    return amount, currency


def _repeats(action: str) -> bool:
    """Return whether a status that is reached again is another event. The built-in order actions happen once."""
    spec = BUILT_IN.get(action)
    return not (spec and spec.once)


@cache
def notice_unknown(adapter: Adapter, status: str) -> None:
    """Log a status that neither the adapter nor the model knows, once for each; it sends nothing."""
    declared = adapter.spec("events")
    if not status or not isinstance(declared, OnChange) or not isinstance(declared.field, str):
        return
    try:
        choices = adapter.model._meta.get_field(declared.field).flatchoices  # type: ignore[union-attr]  # a column's
    except (FieldDoesNotExist, AttributeError):
        return  # over a relation, or a property: nobody says what it may be
    if choices and status not in {status_text(value) for value, _ in choices}:
        logger.warning("status.unknown", extra={"adapter": type(adapter).__name__, "status": mask(status)})
