"""Statuses that mean nothing to the adapter."""

from __future__ import annotations

import logging
from functools import cache

from django.core.exceptions import FieldDoesNotExist

from ..adapters import Adapter, OnChange
from ..adapters.values import status_text
from ..redaction import mask

logger = logging.getLogger("django_hellotext.delivery")


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
