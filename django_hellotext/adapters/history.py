"""What an object's past can be proven by: the statuses that it has reached, each with the time that the shop keeps.

Nothing is inferred (demands A6, A7; ``hellotext-facts`` §5): a status without a time is left out.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field

from .. import clock
from . import values
from .base import Adapter
from .fields import OnChange
from .paths import concrete

# It says nothing of what came before: what was never placed may be cancelled, too.
PROVES_ITSELF_ONLY = frozenset({"order.cancelled"})

Step = tuple[str, str, datetime.datetime]


def keeps_history(adapter: Adapter) -> bool:
    """Whether ``adapter`` declares which times of its objects tell when a status was reached."""
    declared = adapter.spec("events")
    return isinstance(declared, OnChange) and bool(declared.at)


def history_of(adapter: Adapter, obj: Any) -> list[Step]:
    """Status, action and time of each declared status that ``obj`` is known to have reached, oldest first.

    The statuses count in the order in which ``OnChange`` declares them. One is known when its ``at`` gives a time
    that has passed, and it is the present one, or that time may be empty (``paid_at``) and so proves itself, or a
    later one is known. A time that every object has (``created_at``) thus never makes an order of a draft.

    Raises whatever the adapter raises.
    """
    declared = adapter.spec("events")
    if not isinstance(declared, OnChange) or not declared.at:
        return []
    where = adapter.where("events")
    now = clock.now()
    current = values.status_text(adapter.read(obj, declared.field, where=where))
    moments: dict[str, datetime.datetime] = {}
    certain = {current}
    for key, spec in declared.at.items():
        status = values.status_text(key)
        at = f"{where}.at[{status!r}]"
        moment = values.moment(adapter.read(obj, spec, where=at), where=at)
        if moment is not None and moment <= now:
            moments[status] = moment
            if _may_be_empty(adapter, spec):
                certain.add(status)
    steps = [(values.status_text(key), action) for key, action in declared.actions.items()]
    places = [
        place for place, (status, action) in enumerate(steps) if status in certain and action not in PROVES_ITSELF_ONLY
    ]
    reached = max(places, default=-1)
    known = [
        (status, action, moments[status])
        for place, (status, action) in enumerate(steps)
        if status in moments and (status in certain or place < reached)
    ]
    return sorted(known, key=lambda step: step[2])


def _may_be_empty(adapter: Adapter, spec: Any) -> bool:
    """Whether ``spec`` is a path to a field that objects may leave empty; a callable is not looked into."""
    if not isinstance(spec, str):
        return False
    model, empty = concrete(adapter.model), False
    for name in spec.split("."):
        try:
            field: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        # What leads back to a relation from its other side may find nothing there.
        empty = empty or not isinstance(field, Field) or field.null
        model = field.related_model or model
    return empty
