"""Rows of ours to be shown on a page or in a terminal."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.db import models

from django_hellotext import clock
from django_hellotext.models import Account, Change, Event, Session, State
from django_hellotext.models.identity import fingerprint


def make(model: type[models.Model], number: int, **values: Any) -> Any:
    """A row of ``model``, filled in every column that a page shows."""
    row = build(model, number, **values)
    row.save(force_insert=True)
    return row


def build(model: type[models.Model], number: int, **values: Any) -> Any:
    """The same, not saved yet."""
    unique = fingerprint(model.__name__, str(number))
    now = clock.now()
    rows: dict[type[models.Model], dict[str, Any]] = {
        Event: {
            "uuid": f"00000000-0000-4000-8000-{number:012}",
            "account": "test-business/test",
            "action": "product.viewed",
            "ordering_key": f"auth.user:{number}",
            "profile_label": "auth.user",
            "profile_pk": str(number),
            "object_kind": "product",
            "object_label": "testshop.product",
            "object_pk": str(number),
            "amount": Decimal("12.5000"),
            "currency": "EUR",
            "metadata": {"number": number},
            "tracked_at": now,
        },
        Session: {
            "account": "test-business/test",
            "identity": unique,
            "session": f"session-{number}",
            "profile_label": "auth.user",
            "profile_pk": str(number),
        },
        Change: {
            "account": "test-business/test",
            "object_label": "testshop.product",
            "object_pk": str(number),
            "tracked_at": now,
        },
        Account: {"key": f"business/{number}", "business_id": "business", "environment": str(number)},
    }
    of_an_object = {
        "account": "test-business/test",
        "identity": unique,
        "kind": getattr(model, "KIND", None),
        "host_label": "testshop.product",
        "host_pk": str(number),
        "reference": f"R-{number}",
        "remote_id": f"remote{number}",
        "data": {"name": "A"},
    }
    return model(**{**rows.get(model, of_an_object), **values})


def refused_events(error_type: str, count: int = 1) -> None:
    """Events of nobody that wait for a person."""
    for _ in range(count):
        Event.objects.create(
            account="test-business/test",
            uuid=uuid.uuid4(),
            action="page.viewed",
            ordering_key="k",
            tracked_at=clock.now(),
            state=State.FAILED,
            error_type=error_type,
        )
