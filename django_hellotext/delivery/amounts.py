"""The amount of an event that could not be read in the host's request: the worker asks the adapter for it."""

from __future__ import annotations

from typing import Any

from django.db import models

from ..adapters import Adapter, registry
from ..exceptions import TrackingError
from ..intake.facts import money
from ..models import PAYLOAD_VERSION, Event
from ..models.deliverable import error_fields
from ..savepoints import HostCode, raise_if_lost


def lacks_amount(event: Event) -> bool:
    """Return whether the worker has to ask the object of ``event`` for its amount."""
    if event.amount is not None or not event.object_label or event.payload_version > PAYLOAD_VERSION:
        return False
    adapter = registry.for_label(event.object_label)
    return adapter is not None and adapter.kind == event.object_kind and adapter.has_amount


def read_amount(event: Event, host: models.Model | None, *, using: str) -> dict[str, Any] | None:
    """Set the amount of ``event`` from its object; return the error if the adapter fails or its value is no amount.

    Without the object, which may be deleted by now, the event goes without an amount.
    """
    adapter = registry.for_label(event.object_label)
    if adapter is None or host is None:
        return None
    faults: list[TrackingError] = []
    try:
        with HostCode(using):
            event.amount, event.currency = money(adapter.amount(host), None, faults)
    except Exception as error:
        return adapter_fault(adapter, error, using=using)
    return adapter_fault(adapter, faults[0], using=using) if faults else None


def adapter_fault(adapter: Adapter, error: Exception, *, using: str) -> dict[str, Any]:
    """Return the error of a row whose object the adapter could not read: wrong data, or a fault in the shop's code.

    Raises ``OperationalError`` if the connection to the database is lost: then the row is not to blame.
    """
    raise_if_lost(error, using)
    if isinstance(error, TrackingError):
        return error_fields(type=error.reason, parameter=error.parameter, message=str(error))
    message = f"{type(adapter).__name__} raised {type(error).__name__}: {error}"
    return error_fields(type="adapter_failed", message=message)
