"""When an order of the shop was placed, and on which day of the shop that was."""

from __future__ import annotations

from datetime import date, datetime, time

from django.db import models
from django.utils import timezone

from .. import clock
from ..adapters import Adapter, OnChange
from ..adapters.values import status_text
from ..intake import backfill

PLACED = "order.placed"
NOW = timezone.now  # noqa: TID251 - compared with a default, never called


class OrderTimes:
    """Reads when orders of ``adapter`` were placed; the first of ``fields`` that is set counts.

    ``ordered_at`` of the adapter wins. Else it is the field that ``events`` names for ``order.placed``, then the first
    that is set when the order is made: with ``auto_now_add``, or ``timezone.now`` as its default.
    """

    def __init__(self, adapter: Adapter) -> None:
        declared = getattr(adapter, "ordered_at", None)
        self.fields = (str(declared),) if declared else (*_placed_at(adapter), *_made_at(adapter))

    def moment(self, order: models.Model) -> datetime | None:
        """Return when ``order`` was placed, aware; the beginning of the day for a date. ``None`` if it is not known."""
        for name in self.fields:
            found = getattr(order, name)
            if isinstance(found, datetime):
                return clock.make_aware(found)
            if isinstance(found, date):
                return clock.make_aware(datetime.combine(found, time.min))
        return None


def day_of(moment: datetime) -> date:
    """Return the day of ``moment`` in the shop's ``TIME_ZONE``."""
    return moment.astimezone(timezone.get_default_timezone()).date()


def _placed_at(adapter: Adapter) -> list[str]:
    declared = adapter.spec("events")
    if not isinstance(declared, OnChange):
        return []
    placed = {status_text(status) for status, action in declared.actions.items() if action == PLACED}
    paths = [path for status, path in declared.at.items() if status_text(status) in placed]
    return [path for path in paths if isinstance(path, str) and backfill.has_field(adapter, path)]


def _made_at(adapter: Adapter) -> list[str]:
    fields = [field for field in adapter.model._meta.get_fields() if isinstance(field, models.DateField)]
    return [field.name for field in fields if field.auto_now_add or field.default == NOW][:1]
