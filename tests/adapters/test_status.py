"""The status that an adapter watches."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from django_hellotext.adapters import OnChange, Value
from django_hellotext.exceptions import ConfigurationError
from django_hellotext.models import RemoteObject
from tests.testshop.models import Order

from .shop import order_adapter, product_adapter

EVENTS = OnChange(
    "status", {Order.Status.PLACED: "order.placed", "shipped": "order.shipped"}, at={"shipped": "shipped_at"}
)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


def test_a_status_comes_with_the_time_the_host_keeps() -> None:
    adapter = order_adapter(events=EVENTS)
    assert adapter.status(Order(status="shipped", shipped_at=NOON)) == ("shipped", NOON)
    assert adapter.status(Order(status="shipped")) == ("shipped", None)
    assert adapter.status(Order(status=Order.Status.PLACED)) == ("placed", None)


def test_an_empty_status_differs_from_an_unwatched_one() -> None:
    assert order_adapter(events=EVENTS).status(Order(status="")) == ("", None)
    assert order_adapter().status(Order(status="shipped")) is None
    assert product_adapter().status(Order()) is None


def test_only_a_mapped_status_has_an_action() -> None:
    """Demand A6."""
    adapter = order_adapter(events=EVENTS)
    assert adapter.action_for("placed") == "order.placed"
    assert adapter.action_for("paid") is None
    assert adapter.action_for("") is None
    assert order_adapter().action_for("placed") is None


def test_a_status_may_be_a_flag_or_a_number() -> None:
    flagged = order_adapter(events=OnChange(lambda obj: obj.pk == 1, {True: "order.confirmed"}))
    assert flagged.status(Order(pk=1)) == ("True", None)
    assert flagged.action_for("True") == "order.confirmed"
    numbered = order_adapter(events=OnChange("pk", {3: "order.placed"}))
    assert numbered.status(Order(pk=3)) == ("3", None)
    assert numbered.action_for("3") == "order.placed"


def test_a_status_is_remembered_as_far_as_its_column_goes() -> None:
    """A longer one would be refused by the database, and with it all that is told in the same statement (demand F2)."""
    long = "x" * 150
    adapter = order_adapter(events=OnChange("status", {long: "order.placed"}, at={long: "shipped_at"}))
    found = adapter.status(Order(status=long, shipped_at=NOON))
    assert found == (long[:100], NOON)
    assert adapter.action_for(long[:100]) == "order.placed"
    assert len(long[:100]) == RemoteObject._meta.get_field("baseline").max_length


def test_a_status_that_the_database_works_out_is_not_known_yet() -> None:
    """Its text would be taken for a status, and the next save for a change of it (demand A6)."""
    adapter = order_adapter(events=EVENTS)
    assert adapter.status(Order(status=F("method"))) is None


def test_a_time_without_a_zone_is_in_the_default_one() -> None:
    adapter = order_adapter(
        events=OnChange("status", {"a": "order.placed"}, at={"a": Value(NOON.replace(tzinfo=None))})
    )
    seen = adapter.status(Order(status="a"))
    assert seen is not None
    assert seen[1] == timezone.make_aware(NOON.replace(tzinfo=None), timezone.get_default_timezone())


def test_a_time_just_assigned_as_text_counts_as_its_column_will_hold_it() -> None:
    order: Any = Order(status="shipped")
    order.shipped_at = "2026-01-02T12:00:00+00:00"
    assert order_adapter(events=EVENTS).status(order) == ("shipped", NOON)


def test_a_date_without_a_time_is_refused_by_name() -> None:
    adapter = order_adapter(events=OnChange("status", {"a": "order.placed"}, at={"a": "shipped_on"}))
    with pytest.raises(ConfigurationError, match=r"ShopOrder\.events.*\.at\['a'\].*date"):
        adapter.status(Order(status="a", shipped_on=NOON.date()))
