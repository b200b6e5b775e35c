"""``--events``: the orders' past, each event with its own time, and only what the shop can prove (demands A6, A7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from django_hellotext import adapters, clock
from django_hellotext.adapters import OnChange, registry
from django_hellotext.adapters.history import history_of
from django_hellotext.api.types import Money
from django_hellotext.delivery import claim, drain
from django_hellotext.delivery.buyers import sessions_of
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, Lane, State
from tests.factories import make_customer, placed_order
from tests.testshop.models import Order, Return

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]

SHIPPED = datetime(2025, 3, 4, 5, 6, tzinfo=UTC)
SHIPPED_IN_SHOP = clock.for_host(SHIPPED)  # as the shop's own columns take it


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> type[adapters.OrderAdapter]:
    """The shop keeps a time for placing (which every order has) and for shipping (which may be empty)."""
    adapter = registry.for_model(Order)
    assert isinstance(adapter, adapters.OrderAdapter)
    events = OnChange(
        "status",
        {"placed": "order.placed", "paid": "order.confirmed", "shipped": "order.shipped"},
        at={"placed": "created_at", "shipped": "shipped_at"},
    )
    monkeypatch.setattr(type(adapter), "events", events)
    return type(adapter)


def sent(emulator: Emulator) -> list[tuple[str, int]]:
    bodies = [e.body_json for e in emulator.log if e.path == "/v1/attribution/events" and e.method == "POST"]
    return [(body["action"], body["tracked_at"]) for body in bodies]


def old_order(**values: Any) -> Order:
    order = placed_order(customer=make_customer())
    Order.objects.filter(pk=order.pk).update(created_at=SHIPPED_IN_SHOP - timedelta(days=2), **values)
    Change.objects.all().delete()
    order.refresh_from_db()
    return order


def steps(order: Order) -> list[str]:
    adapter = registry.for_model(Order)
    assert adapter is not None
    return [status for status, _, _ in history_of(adapter, order)]


def test_history_is_off_by_default(declared: Any, hellotext: Emulator, sync: Run) -> None:
    old_order(status="shipped", shipped_at=SHIPPED_IN_SHOP)
    sync()
    assert not Event.objects.exists()


def test_each_event_has_the_time_at_which_it_happened(declared: Any, hellotext: Emulator, sync: Run) -> None:
    old_order(status="shipped", shipped_at=SHIPPED_IN_SHOP)
    ran = sync("--events")
    assert ran.code == 0
    assert sent(hellotext) == [
        ("order.placed", int((SHIPPED - timedelta(days=2)).timestamp())),
        ("order.shipped", int(SHIPPED.timestamp())),
    ]
    assert set(Event.objects.values_list("lane", flat=True)) == {Lane.BACKFILL}
    assert ran.counts("event") == {"looked_at": 2, "sent": 2}


def test_the_same_history_is_sent_once(declared: Any, hellotext: Emulator, sync: Run) -> None:
    """Demand A3."""
    old_order(status="shipped", shipped_at=SHIPPED_IN_SHOP)
    for _ in range(2):
        assert sync("--events").code == 0
    assert len(sent(hellotext)) == 2


def test_what_was_sent_live_is_not_history_again(declared: Any, hellotext: Emulator, sync: Run) -> None:
    order = placed_order(customer=make_customer())
    order.status, order.shipped_at = "shipped", SHIPPED_IN_SHOP
    order.save()
    sync()
    assert [action for action, _ in sent(hellotext)] == ["order.placed", "order.shipped"]
    sync("--events")
    assert len(sent(hellotext)) == 2


def test_a_status_without_a_time_is_not_invented(declared: Any, hellotext: Emulator) -> None:
    assert steps(old_order(status="paid")) == ["placed"]


def test_a_draft_was_never_placed_although_it_has_a_date(declared: Any, hellotext: Emulator) -> None:
    assert steps(old_order(status="draft")) == []


def test_a_status_that_is_not_mapped_proves_nothing_but_times_do(declared: Any, hellotext: Emulator) -> None:
    assert steps(old_order(status="archived")) == []
    assert steps(old_order(status="archived", shipped_at=SHIPPED_IN_SHOP)) == ["placed", "shipped"]


def test_what_lies_in_the_future_has_not_happened(declared: Any, hellotext: Emulator) -> None:
    assert steps(old_order(status="placed", shipped_at=timezone.now() + timedelta(days=1))) == ["placed"]


def test_a_cancellation_does_not_prove_that_there_was_an_order(
    declared: Any, hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = OnChange(
        "status",
        {"placed": "order.placed", "cancelled": "order.cancelled"},
        at={"placed": "created_at", "cancelled": "shipped_at"},
    )
    monkeypatch.setattr(declared, "events", events)
    assert steps(old_order(status="cancelled", shipped_at=SHIPPED_IN_SHOP)) == ["cancelled"]


def test_an_order_of_nobody_has_no_history(declared: Any, hellotext: Emulator, sync: Run) -> None:
    placed_order()
    Change.objects.all().delete()
    sync("--events")
    assert not Event.objects.exists()


@pytest.fixture
def refunds(monkeypatch: pytest.MonkeyPatch) -> adapters.RefundAdapter:
    """The shop keeps no time of a refund; it is asked for when the order is placed."""
    adapter = registry.for_model(Return)
    assert isinstance(adapter, adapters.RefundAdapter)
    events = OnChange("state", {"asked": "refund.requested"}, at={"asked": "order.created_at"})
    monkeypatch.setattr(type(adapter), "events", events)
    return adapter


def unseen_refund(order: Order) -> Return:
    """A refund of which no signal told."""
    [made] = Return.objects.bulk_create([Return(order=order, amount="5.00")])
    return made


def test_a_refund_that_was_never_mirrored_belongs_to_the_visit_of_its_order(
    refunds: adapters.RefundAdapter, hellotext: Emulator, sync: Run
) -> None:
    """Promise 3: a guest's refund would otherwise have no history at all."""
    hellotext.know_session("buyer")
    order = placed_order(email="guest@example.com")
    Change.objects.filter(object_label="testshop.order").update(session="buyer")
    drain()
    unseen_refund(order)
    assert sync("--events", "--dry-run").counts("refund") == {"created": 1, "events": 1}
    assert sync("--events").code == 0
    asked = Event.objects.get(action="refund.requested")
    assert (asked.session, asked.ordering_key, asked.state) == ("buyer", "buyer", State.DELIVERED)


def test_the_session_of_an_order_counts_before_its_change_is_folded(
    refunds: adapters.RefundAdapter, hellotext: Emulator, django_assert_num_queries: Any
) -> None:
    known, unknown = (unseen_refund(placed_order(customer=make_customer())) for _ in range(2))
    drain()
    order, account = str(known.order_id), Event.objects.get(action="order.placed", object_pk=known.order_id).account
    Change.about("testshop.order", order, account=account, session="buyer", happened_at=clock.now()).save()
    hosts = list(refunds.queryset(Return.objects.all()))
    with django_assert_num_queries(2):
        assert sessions_of(refunds, hosts, using="default") == {str(known.pk): "buyer"}
    assert unknown in hosts


def test_a_plan_shows_how_many_events_there_would_be(declared: Any, hellotext: Emulator, sync: Run) -> None:
    """They cannot be taken back; whoever looks first has to see them."""
    Order.objects.bulk_create([Order(number="H-1", customer=make_customer(), status="placed")])
    Order.objects.update(created_at=SHIPPED_IN_SHOP)
    head, *rows = sync("--events", "--dry-run", "order", text=True).out.splitlines()
    assert head.split()[-1] == "events"
    assert "order  testshop.Order       1       1" in rows
    assert "events" not in sync("--dry-run", "order", text=True).out.splitlines()[0]


def test_many_old_orders_keep_their_dates(
    declared: Any, hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several pages of orders, several INSERTs of events for each, and several claims."""
    monkeypatch.setattr(backfill, "SIZE", 20)
    monkeypatch.setattr(backfill, "CHUNK", 8)
    monkeypatch.setattr(claim, "SIZE", 10)
    monkeypatch.setattr(claim, "ROUNDS", 1)
    customer = make_customer()
    Order.objects.bulk_create(Order(number=f"H-{n}", customer=customer, status="placed") for n in range(50))
    Order.objects.update(created_at=SHIPPED_IN_SHOP)
    assert sync("--events", "--dry-run").counts("order") == {"created": 50, "events": 50}
    ran = sync("--events")
    assert ran.counts("event") == {"looked_at": 50, "sent": 50}
    assert {tracked_at for _, tracked_at in sent(hellotext)} == {int(SHIPPED.timestamp())}
    assert set(Event.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_a_total_that_no_column_holds_is_said_on_its_event(
    hellotext: Emulator, sync: Run, declared: type[adapters.OrderAdapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the page is sent."""
    fine, odd = old_order(status="placed"), old_order(status="placed")
    totals = {fine.pk: Decimal("25.80"), odd.pk: Decimal("9e15")}
    monkeypatch.setattr(declared, "amount", lambda self, obj: Money(totals[obj.pk], "EUR"))
    sync("--events")
    states = dict(Event.objects.filter(action="order.placed").values_list("object_pk", "state"))
    assert states == {str(fine.pk): State.DELIVERED, str(odd.pk): State.FAILED}


@pytest.mark.parametrize("at", [lambda order: order.shipped_at, "order_time"])
def test_a_time_that_the_shop_works_out_proves_no_status(
    declared: Any, hellotext: Emulator, monkeypatch: pytest.MonkeyPatch, at: Any
) -> None:
    monkeypatch.setattr(Order, "order_time", property(lambda self: self.shipped_at), raising=False)
    events = adapters.OnChange("status", {"placed": "order.placed", "shipped": "order.shipped"}, at={"shipped": at})
    monkeypatch.setattr(declared, "events", events)
    assert steps(old_order(status="placed", shipped_at=SHIPPED_IN_SHOP)) == []
    assert steps(old_order(status="shipped", shipped_at=SHIPPED_IN_SHOP)) == ["shipped"]


def test_an_order_whose_history_raises_keeps_no_other_waiting(
    declared: Any, hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    bad, good = old_order(), old_order()

    def at(order: Order) -> Any:
        return order.created_at if order.pk == good.pk else 1 / 0

    monkeypatch.setattr(declared, "events", adapters.OnChange("status", {"placed": "order.placed"}, at={"placed": at}))
    sync("--events")
    assert [event.object_pk for event in Event.objects.all()] == [str(good.pk)]
    assert bad.pk != good.pk


def test_statuses_without_times_have_no_history(
    declared: Any, hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declared, "events", adapters.OnChange("status", {"placed": "order.placed"}))
    assert steps(old_order(status="placed")) == []
