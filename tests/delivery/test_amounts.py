"""The amount of an event is what the customer was charged when it happened, on every path."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils.functional import SimpleLazyObject

import django_hellotext
from django_hellotext.adapters import Adapter, registry
from django_hellotext.api.types import Money
from django_hellotext.delivery import Report, fold
from django_hellotext.delivery.preview import preview_event
from django_hellotext.emulator import Emulator
from django_hellotext.exceptions import TrackingError
from django_hellotext.intake import once
from django_hellotext.models import Change, Event, State
from tests.factories import make_customer, make_order, make_product, make_return, make_voucher, placed_order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def sent(emulator: Emulator) -> dict[str, tuple[Decimal, str]]:
    """The amounts that Hellotext received, by action."""
    bodies = [entry.body_json for entry in emulator.log if entry.path == "/v1/attribution/events" and entry.accepted]
    return {body["action"]: (Decimal(str(body["amount"])), body["currency"]) for body in bodies if "amount" in body}


def reads_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shop compute the total in code of its own, which no request may run."""
    monkeypatch.setattr(
        type(registry.for_model(Order)), "get_total", lambda self, order: order.total + 1, raising=False
    )


# track()


@pytest.mark.parametrize("action", ["order.placed", "order.confirmed", "order.cancelled", "order.shipped"])
def test_an_orders_event_carries_its_total(hellotext: Emulator, deliver: Deliver, action: str) -> None:
    django_hellotext.track(action, make_order(customer=make_customer(), total=Decimal("31.40")))
    deliver()
    assert sent(hellotext) == {action: (Decimal("31.40"), "EUR")}


def test_a_loaded_total_is_read_at_once_and_costs_no_query(
    hellotext: Emulator, deliver: Deliver, django_assert_num_queries: Any
) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    with django_assert_num_queries(1):
        django_hellotext.track("order.placed", order)
    assert Event.objects.get().amount == Decimal("31.40")
    Order.objects.update(total=Decimal("99.00"))
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


def test_an_amount_that_the_caller_gives_wins(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("order.placed", make_order(customer=make_customer()), amount=5, currency="USD")
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal(5), "USD")}


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("fields", [("total",), ("currency",)])
def test_a_deferred_field_is_not_loaded_in_the_request(django_assert_num_queries: Any, fields: tuple[str, ...]) -> None:
    make_order(customer=make_customer())
    order = Order.objects.defer(*fields).get()
    with django_assert_num_queries(1):
        django_hellotext.track("order.cancelled", order)
    assert Event.objects.get().amount is None


def test_what_was_not_loaded_is_read_by_the_worker_and_stored(hellotext: Emulator, deliver: Deliver) -> None:
    make_order(customer=make_customer(), total=Decimal("31.40"))
    django_hellotext.track("order.cancelled", Order.objects.defer("total").get())
    deliver()
    assert sent(hellotext) == {"order.cancelled": (Decimal("31.40"), "EUR")}
    event = Event.objects.get()
    assert (event.amount, event.currency, event.state) == (Decimal("31.40"), "EUR", State.DELIVERED)


def test_the_shops_own_code_runs_in_the_worker_only(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_in_the_worker(monkeypatch)
    django_hellotext.track("order.cancelled", make_order(customer=make_customer(), total=Decimal("31.40")))
    assert Event.objects.get().amount is None
    deliver()
    assert sent(hellotext) == {"order.cancelled": (Decimal("32.40"), "EUR")}


@pytest.mark.usefixtures("hellotext")
def test_an_operator_sees_the_amount_that_the_worker_will_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reads_in_the_worker(monkeypatch)
    django_hellotext.track("order.cancelled", make_order(customer=make_customer(), total=Decimal("31.40")))
    shown = preview_event(Event.objects.get(), using="default")
    assert shown is not None
    assert (shown["amount"], shown["currency"]) == ("32.40", "EUR")


def test_a_total_that_the_database_works_out_is_read_by_the_worker(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    order.total = F("total") + 1
    order.save()
    # Django 6 reads it back where the database returns it; before, the object still holds the expression.
    is_expression = hasattr(order.total, "resolve_expression")
    django_hellotext.track("order.cancelled", order)
    assert (Event.objects.get().amount is None) == is_expression
    deliver()
    assert sent(hellotext) == {"order.cancelled": (Decimal("32.40"), "EUR")}


def test_a_total_in_the_shops_code_that_fails_stops_the_event_and_says_so(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, order: Order) -> Decimal:
        raise ZeroDivisionError

    monkeypatch.setattr(type(registry.for_model(Order)), "get_total", broken, raising=False)
    django_hellotext.track("order.cancelled", make_order(customer=make_customer()))
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_type) == (State.FAILED, "adapter_failed")
    assert "ZeroDivisionError" in event.error_message
    monkeypatch.undo()
    Event.objects.requeue()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert sent(hellotext) == {"order.cancelled": (Decimal("25.80"), "EUR")}


def test_an_event_whose_order_is_gone_goes_without_an_amount(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(customer=make_customer())
    deliver()
    reads_in_the_worker(monkeypatch)
    django_hellotext.track("order.cancelled", order)
    order.delete()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert sent(hellotext) == {}


def test_a_refunds_event_carries_its_total_too(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    django_hellotext.track("refund.requested", make_return(order=order, amount=Decimal("7.25"), state="new"))
    deliver()
    assert sent(hellotext) == {"refund.requested": (Decimal("7.25"), "EUR")}


@pytest.mark.usefixtures("hellotext")
def test_a_products_price_is_no_amount() -> None:
    django_hellotext.track("product.viewed", make_product(), profile=make_customer())
    assert Event.objects.get().amount is None


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize(
    ("given", "currency", "stored"),
    [
        (Decimal(10) / 3, "EUR", "3.33"),
        (Decimal("1.23456"), "EUR", "1.23"),
        ("0.005", "EUR", "0.01"),
        (Decimal("1200.5"), "CLP", "1201"),
        (Decimal("1.2345"), "KWD", "1.235"),
        (Money(Decimal("9.999"), "USD"), None, "10.00"),
    ],
)
def test_an_amount_is_rounded_to_its_currencys_minor_unit(given: Any, currency: str | None, stored: str) -> None:
    django_hellotext.track("order.placed", make_order(customer=make_customer()), amount=given, currency=currency)
    assert Event.objects.get().amount == Decimal(stored)


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("name", ["total", "currency"])
def test_a_property_before_the_column_is_the_shops_own_code(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    order = make_order(customer=make_customer())

    def fail(self: Order) -> Any:
        raise AssertionError("The shop's code runs in the request.")

    values = dict(vars(order))
    monkeypatch.setattr(Order, name, property(fail, lambda self, value: None))
    vars(order).update(values)
    django_hellotext.track("order.cancelled", order)
    assert Event.objects.get().amount is None


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("name", ["amount", "currency_of", "get_total", "get_currency"])
def test_what_the_adapter_computes_is_not_read_in_the_request(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def fail(self: Any, obj: Any) -> Any:
        raise AssertionError("The shop's code runs in the request.")

    order = make_order(customer=make_customer())
    monkeypatch.setattr(type(registry.for_model(Order)), name, fail, raising=False)
    django_hellotext.track("order.cancelled", order)
    assert Event.objects.get().amount is None


@pytest.mark.usefixtures("hellotext")
def test_an_unexpected_error_while_a_total_is_read_does_not_lose_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, obj: Any, name: str) -> Any:
        return 1 / 0 if name == "total" else Adapter.shaped(self, obj, name)

    order = make_order(customer=make_customer())
    monkeypatch.setattr(type(registry.for_model(Order)), "shaped", fail)
    django_hellotext.track("order.cancelled", order)
    order.status = Order.Status.PLACED
    order.save()
    assert Event.objects.get().amount is None
    assert Change.objects.filter(object_label="testshop.order", metadata__status="placed").exists()


def test_a_lazy_order_is_an_order(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    lazy: Any = SimpleLazyObject(lambda: order)
    django_hellotext.track("order.cancelled", lazy)
    order.status = Order.Status.PAID
    assert django_hellotext.sync(lazy) == 1
    order.save()
    deliver()
    assert sent(hellotext) == {
        "order.cancelled": (Decimal("31.40"), "EUR"),
        "order.confirmed": (Decimal("31.40"), "EUR"),
    }


def test_an_amount_that_the_database_will_round_is_read_by_the_worker(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("10.125"))
    django_hellotext.track("order.cancelled", order)
    assert Event.objects.get().amount is None
    deliver()
    assert sent(hellotext) == {"order.cancelled": (Order.objects.get().total, "EUR")}


def test_only_the_worker_that_holds_an_event_stores_its_amount(hellotext: Emulator) -> None:
    django_hellotext.track("order.cancelled", make_order(customer=make_customer(), total=Decimal(0)))
    event = Event.objects.get()
    Event.objects.update(state=State.SENDING, token="successor")
    event.amount, event.currency = Decimal(5), "EUR"
    Event.objects.freeze_amounts([event], token="predecessor")
    assert Event.objects.get().amount is None
    Event.objects.freeze_amounts([event], token="successor")
    assert Event.objects.get().amount == Decimal(5)


# OnChange


def test_a_status_keeps_the_amount_of_its_own_save(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    deliver()
    order.status = Order.Status.PAID
    order.save()
    Order.objects.update(total=Decimal("99.00"))
    deliver()
    assert sent(hellotext) == {"order.confirmed": (Decimal("31.40"), "EUR")}


def test_each_status_keeps_its_own_amount(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer(), total=Decimal("31.40"))
    deliver()
    with transaction.atomic():
        order.status, order.total = Order.Status.PAID, Decimal("30.00")
        order.save()
    Order.objects.update(total=Decimal("99.00"))
    deliver()
    amounts = {action: amount for action, (amount, _) in sent(hellotext).items()}
    assert amounts == {"order.placed": Decimal("31.40"), "order.confirmed": Decimal("30.00")}


def test_a_status_of_an_order_that_is_gone_keeps_its_amount(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer(), total=Decimal("31.40"))
    order.delete()
    deliver()
    event = Event.objects.get(action="order.placed")
    assert (event.amount, event.currency) == (Decimal("31.40"), "EUR")


def test_a_status_whose_total_is_the_shops_own_code_is_read_by_the_worker(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_in_the_worker(monkeypatch)
    placed_order(customer=make_customer(), total=Decimal("31.40"))
    assert not Change.objects.filter(object_parameters__has_key="amount").exists()
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("32.40"), "EUR")}


def put_together(*, first: str = "20.00") -> Order:
    """An order that a checkout saves once before its total is complete, and once after."""
    order: Order = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal(first))
    order.total = Decimal("31.40")
    order.save()
    return order


@pytest.mark.parametrize("first", ["0.00", "20.00"])
def test_an_order_put_together_in_a_transaction_has_the_total_of_its_last_save(
    hellotext: Emulator, deliver: Deliver, first: str
) -> None:
    with transaction.atomic():
        put_together(first=first)
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


def test_a_new_order_whose_total_an_update_fills_in_has_that_total(hellotext: Emulator, deliver: Deliver) -> None:
    with transaction.atomic():
        make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal(0))
        Order.objects.update(total=Decimal("31.40"))
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


def test_a_sync_in_the_transaction_reports_a_total_that_an_update_corrected(
    hellotext: Emulator, deliver: Deliver
) -> None:
    with transaction.atomic():
        order = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("20.00"))
        Order.objects.update(total=Decimal("31.40"))
        order.refresh_from_db()
        django_hellotext.sync(order)
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


def test_a_free_order_has_an_amount_of_zero(hellotext: Emulator, deliver: Deliver) -> None:
    make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal(0))
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal(0), "EUR")}


def test_a_save_that_does_not_write_the_total_does_not_replace_it(hellotext: Emulator, deliver: Deliver) -> None:
    with transaction.atomic():
        stale = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("20.00"))
        other = Order.objects.get()
        other.total = Decimal("31.40")
        other.save(update_fields=["total"])
        stale.method = "card"
        stale.save(update_fields=["method"])
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


def test_what_a_transaction_saves_after_the_next_status_belongs_to_that(hellotext: Emulator, deliver: Deliver) -> None:
    with transaction.atomic():
        order = put_together()
        order.status = Order.Status.PAID
        order.save(update_fields=["status"])
        order.total = Decimal("30.00")
        order.save(update_fields=["total"])
    deliver()
    amounts = {action: amount for action, (amount, _) in sent(hellotext).items()}
    assert amounts == {"order.placed": Decimal("31.40"), "order.confirmed": Decimal("31.40")}


def test_a_savepoint_that_is_rolled_back_does_not_separate_an_order_from_its_total(
    hellotext: Emulator, deliver: Deliver
) -> None:
    with transaction.atomic():
        order = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("20.00"))
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        order.total = Decimal("31.40")
        order.save(update_fields=["total"])
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


@transaction.atomic
def save(order: Order, *, total: str) -> None:
    """Save in a transaction of its own; Django keeps one ``Atomic`` for all calls of a decorated function."""
    order.total = Decimal(total)
    order.save()


@pytest.mark.django_db(transaction=True)
def test_two_transactions_do_not_share_an_amount(hellotext: Emulator, deliver: Deliver) -> None:
    order = Order(number="A-1", customer=make_customer(), status=Order.Status.PLACED)
    save(order, total="100.00")
    save(order, total="60.00")
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("100.00"), "EUR")}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_was_rolled_back_does_not_lend_its_id_to_the_next(
    hellotext: Emulator, deliver: Deliver
) -> None:
    ids = []
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            ids.append(once.transaction_id("default"))
            raise ZeroDivisionError
    assert len(set(ids)) == 2
    assert once.transaction_id("default") == ""


def folded_by(limit: int) -> list[tuple[str, str, Decimal | None]]:
    """Fold all changes, ``limit`` at a time; return the events in the order in which they were recorded."""
    while Change.objects.exists():
        with transaction.atomic():
            fold.fold(Change.objects.earliest("id").account, using="default", limit=limit)
    return [(event.action, event.object_pk, event.amount) for event in Event.objects.order_by("id")]


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_a_fold_that_ends_inside_of_a_transaction_knows_its_amount_and_keeps_the_order(limit: int) -> None:
    customer = make_customer()
    with transaction.atomic():
        first = make_order(customer=customer, status=Order.Status.PLACED, total=Decimal("20.00"))
        first.total = Decimal("31.40")
        first.save()
    second = make_order(customer=customer, status=Order.Status.PLACED, total=Decimal("7.00"))
    first.status = Order.Status.PAID
    first.save()
    assert folded_by(limit) == [
        ("order.placed", str(first.pk), Decimal("31.40")),
        ("order.placed", str(second.pk), Decimal("7.00")),
        ("order.confirmed", str(first.pk), Decimal("31.40")),
    ]


@pytest.mark.django_db(transaction=True)
def test_an_order_put_together_without_a_transaction_is_read_by_the_worker(
    hellotext: Emulator, deliver: Deliver
) -> None:
    put_together()
    assert not Change.objects.filter(metadata__created=True, object_parameters__has_key="amount").exists()
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}


@pytest.mark.django_db(transaction=True)
def test_a_later_status_without_a_transaction_keeps_its_amount(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    deliver()
    order.status = Order.Status.PAID
    order.save()
    order.total = Decimal("99.00")
    order.save()
    deliver()
    assert sent(hellotext) == {"order.confirmed": (Decimal("31.40"), "EUR")}


@pytest.mark.usefixtures("hellotext")
def test_a_deletion_keeps_no_amount() -> None:
    order = make_order(status=Order.Status.PLACED)
    Change.objects.all().delete()
    order.delete()
    assert Change.objects.get(metadata__deleted=True).data == {}


@pytest.mark.usefixtures("hellotext")
def test_an_edit_that_changes_neither_status_nor_amount_is_one_change() -> None:
    order = make_order(customer=make_customer(), status=Order.Status.PLACED)
    order.first_name = "Bea"
    order.save()
    order.save()
    assert Change.objects.filter(object_label="testshop.order").count() == 1


# An unrounded price costs neither the order nor its event


def test_an_order_with_a_price_that_was_divided_out_arrives(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"product": make_product(), "quantity": 3, "price": Decimal(10) / 3}
    monkeypatch.setattr(type(registry.for_model(Order)), "get_items", lambda self, order: [line], raising=False)
    make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("10.00"))
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("10.00"), "EUR")}
    [order] = hellotext.world.store["order"].rows.values()
    assert [(item["quantity"], item["price"]["amount"]) for item in order["items"]] == [(1, "10.00")]


@pytest.mark.usefixtures("hellotext")
def test_an_amount_out_of_range_is_a_fault_of_a_row_that_has_no_other() -> None:
    with pytest.raises(TrackingError, match="below 10"):
        django_hellotext.track("coupon.redeemed", make_voucher(), profile=make_customer(), amount="1e20")


def test_an_order_whose_amount_is_out_of_range_has_its_own_total(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer(), total=Decimal("31.40"))
    django_hellotext.track("order.placed", order, amount="1e20")
    deliver()
    assert sent(hellotext) == {"order.placed": (Decimal("31.40"), "EUR")}
