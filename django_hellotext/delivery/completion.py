"""Complete events whose adapter failed when they were recorded: read what is missing when they are sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction

from ..adapters import Adapter, Link, registry
from ..intake.subjects import OWNED
from ..models import PAYLOAD_VERSION, Event, State
from ..models.identity import ordering_key
from .amounts import adapter_fault, lacks_amount, read_amount
from .buyers import sessions_of
from .event_links import object_of
from .mirrors import hosts_of

MOMENT = 1.0  # seconds until an event that was given back is looked at again

Faults = dict[int, dict[str, Any]]


def complete(events: Sequence[Event], *, token: str, using: str) -> tuple[list[Event], Faults]:
    """Complete ``events`` in hand; return those that may be sent now, and the errors of those that still fail.

    A completed event may have another ordering key now. If earlier events of that key are elsewhere, it is given back
    with those that follow it, so that a later claim keeps their order.
    """
    lacking = [event for event in events if event.incomplete and event.payload_version <= PAYLOAD_VERSION]
    if not lacking:
        return list(events), {}
    hosts = hosts_of({object_of(event) for event in lacking if event.object_label}, using=using)
    faults: Faults = {}
    completed: list[Event] = []
    for event in lacking:
        fault = hosts.fault_of(object_of(event)) or _complete(event, hosts, using=using)
        if fault is None:
            completed.append(event)
        else:
            faults[event.pk] = fault
    rows = Event.objects.using(using)
    rows.complete(completed, token=token)
    early = {event.ordering_key: event.pk for event in completed if _is_early(event, token=token, using=using)}
    back = {event.pk for event in events if event.pk >= early.get(event.ordering_key, event.pk + 1)}
    if back:
        rows.give_back(back, token=token, after=MOMENT)
    return [event for event in events if event.pk not in back], faults


def _is_early(event: Event, *, token: str, using: str) -> bool:
    """Return whether earlier events with the ordering key of ``event`` are not in hand under ``token``."""
    rows = Event.objects.using(using).filter(account=event.account, ordering_key=event.ordering_key)
    waiting = rows.filter(state=State.PENDING, lane=event.lane, pk__lt=event.pk)
    elsewhere = rows.filter(state__in=[State.SENDING, State.UNCERTAIN]).exclude(token=token)
    return waiting.exists() or elsewhere.exists()


def _complete(event: Event, hosts: Mapping[Link, models.Model], *, using: str) -> dict[str, Any] | None:
    """Set what ``event`` lacks; return the error if its adapter still fails."""
    host, adapter = hosts.get(object_of(event)), registry.for_label(event.object_label)
    if host is not None and adapter is not None and event.object_kind in OWNED:
        try:
            # If a query of the shop's code fails, only this block is rolled back.
            with transaction.atomic(using=using):
                _identify(event, host, adapter, using=using)
        except Exception as error:
            return adapter_fault(adapter, error, using=using)
    if not event.currency:
        event.amount = None
    if lacks_amount(event) and (fault := read_amount(event, host, using=using)) is not None:
        return fault
    label, pk = (
        (event.profile_label, event.profile_pk) if event.profile_label else (event.object_label, event.object_pk)
    )
    event.ordering_key = ordering_key(session=event.session, label=label, pk=pk)
    event.incomplete = False
    return None


def _identify(event: Event, host: models.Model, adapter: Adapter, *, using: str) -> None:
    if not event.profile_label and (profile := adapter.profile_link(host)) is not None:
        event.profile_label, event.profile_pk = profile.label, profile.pk
    if not event.session:
        event.session = sessions_of(adapter, [host], using=using).get(event.object_pk, "")
