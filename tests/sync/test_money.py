"""``--check --money`` compares the revenue of orders per day and currency, to the minor unit."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bookshop.models import Order as BookOrder
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_hellotext import adapters, clock
from django_hellotext.adapters import Link, registry
from django_hellotext.api.types import Money
from django_hellotext.delivery import revenue
from django_hellotext.delivery.mirrors import identity_for
from django_hellotext.delivery.revenue import remote_money
from django_hellotext.emulator import Emulator
from django_hellotext.intake import backfill
from django_hellotext.models import RemoteObject, State, SyncRun
from tests.factories import make_customer, make_order, make_order_line, placed_order
from tests.testshop.models import Order

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]

# The full suite sets it to 100,000; see .ci.
ORDERS = int(os.environ.get("MONEY_ORDERS", "1000"))

There = Callable[..., str]


@pytest.fixture
def there(hellotext: Emulator) -> There:
    """Put an order into Hellotext's store, as somebody else's request would; returns its ID."""

    def put(reference: str, *prices: str, currency: str = "EUR", source: str = "testshop", **values: Any) -> str:
        world = hellotext.world
        price = [{"amount": amount, "currency": currency} for amount in prices]
        items = [world.new_row(product="product", quantity=1, price=one) for one in price]
        total = {"amount": str(sum(map(Decimal, prices))), "currency": currency}
        empty = dict.fromkeys(("delivery", "name", "payment_method", "sales_channel"))
        row = world.new_row(**empty, reference=reference, source=source, metadata={}, items=items, total=total)
        world.store["order"].put({**row, **values})
        world.store.commit()
        return str(row["id"])

    return put


@pytest.fixture
def adapter(one_shop: Any) -> Any:
    return type(registry.for_model(Order))


def days(ran: Any) -> dict[tuple[str | None, str], tuple[str, str, str]]:
    """What the two sides are for each day and currency, and the difference."""
    return {
        (row["day"], row["currency"]): (row["shop"], row["hellotext"], row["difference"])
        for row in ran.document["days"]
    }


def differing(ran: Any) -> dict[str, tuple[str | None, str | None, str]]:
    """The amounts of each order that differs, and why."""
    return {
        one["reference"]: (
            one["shop"] and f"{one['shop']['amount']} {one['shop']['currency']}",
            one["hellotext"] and f"{one['hellotext']['amount']} {one['hellotext']['currency']}",
            one["reason"],
        )
        for one in ran.document["differences"]["orders"]
    }


def order(number: str, total: str, currency: str = "EUR", *, at: str = "2026-05-04T12:00+00:00") -> Order:
    made: Order = make_order(number=number, total=Decimal(total), currency=currency, status="placed")
    Order.objects.filter(pk=made.pk).update(created_at=clock.for_host(datetime.fromisoformat(at)))
    return made


def test_a_shop_that_was_synced_agrees_and_nothing_is_written(hellotext: Emulator, sync: Run) -> None:
    made = placed_order(customer=make_customer())
    assert sync().code == 0
    writes = [entry for entry in hellotext.log if entry.method != "GET"]
    ran = sync("--check", "--money")
    assert (ran.code, ran.document["mode"], ran.document["code"]) == (0, "money", 0)
    [(day, currency)] = days(ran)
    assert (day, currency) == (made.created_at.date().isoformat(), "EUR")
    assert days(ran)[day, currency] == ("25.80", "25.80", "0.00")
    assert ran.document["differences"] == {"count": 0, "orders": []}
    assert [entry for entry in hellotext.log if entry.method != "GET"] == writes
    assert not SyncRun.objects.checks("test-business/test").exists()
    shown = sync("--check", "--money", text=True)
    assert "Revenue agrees to the minor unit." in shown.out


def test_each_currency_adds_up_in_its_minor_unit(hellotext: Emulator, there: There, sync: Run) -> None:
    order("E1", "0.10")
    order("E2", "0.20")
    order("J1", "3000", "JPY")
    order("K1", "1.23", "KWD")
    there("E1", "0.10")
    there("E2", "0.05", "0.15")
    there("J1", "3000", currency="JPY")
    there("K1", "1.230", currency="KWD")
    ran = sync("--check", "--money")
    assert ran.code == 0
    assert days(ran) == {
        ("2026-05-04", "EUR"): ("0.30", "0.30", "0.00"),
        ("2026-05-04", "JPY"): ("3000", "3000", "0"),
        ("2026-05-04", "KWD"): ("1.230", "1.230", "0.000"),
    }


@pytest.mark.parametrize(
    ("currency", "total", "price", "difference"),
    [
        ("EUR", "10.01", "10.00", "-0.01"),
        ("EUR", "10.00", "10.01", "0.01"),
        ("JPY", "1000", "1001", "1"),
        ("KWD", "1.23", "1.231", "0.001"),
    ],
)
def test_one_minor_unit_is_a_difference(
    there: There, sync: Run, currency: str, total: str, price: str, difference: str
) -> None:
    made = order("A1", total, currency)
    id = there("A1", price, currency=currency)
    ran = sync("--check", "--money")
    assert ran.code == ran.document["code"] == 3
    assert days(ran)["2026-05-04", currency][2] == difference
    assert ran.message == "Revenue does not agree: 1 order differs."
    [found] = ran.document["differences"]["orders"]
    assert (found["reference"], found["model"], found["pk"]) == ("A1", "testshop.Order", str(made.pk))
    assert (found["hellotext_id"], found["day"]) == (id, "2026-05-04")


def test_what_is_less_than_a_minor_unit_is_no_difference(there: There, sync: Run) -> None:
    order("A1", "10.00")
    there("A1", "3.333", "3.333", "3.334")
    order("A2", "20.00")
    there("A2", "20.004")
    assert sync("--check", "--money").code == 0


def test_differences_that_cancel_out_within_a_day_are_found(there: There, sync: Run) -> None:
    for number, total, price in (("A1", "10.00", "11.00"), ("A2", "10.00", "9.00")):
        order(number, total)
        there(number, price)
    ran = sync("--check", "--money")
    assert (ran.code, days(ran)["2026-05-04", "EUR"]) == (3, ("20.00", "20.00", "0.00"))
    assert set(differing(ran)) == {"A1", "A2"}


def test_two_currencies_for_one_order_count_on_both_rows(there: There, sync: Run) -> None:
    order("A1", "10.00", "EUR")
    there("A1", "10.00", currency="USD")
    ran = sync("--check", "--money")
    assert days(ran) == {
        ("2026-05-04", "EUR"): ("10.00", "0.00", "-10.00"),
        ("2026-05-04", "USD"): ("0.00", "10.00", "10.00"),
    }
    assert differing(ran) == {"A1": ("10.00 EUR", "10.00 USD", "")}


def test_an_order_that_is_missing_there_is_a_difference_with_its_reason(
    hellotext: Emulator, sync: Run, there: There
) -> None:
    gone = placed_order(customer=make_customer())
    assert sync().code == 0
    hellotext.world.store["order"].remove(RemoteObject.objects.get(kind="order", host_pk=str(gone.pk)).remote_id)
    waiting = make_order(total=Decimal("3.00"))
    link = Link("order", "testshop.order", str(waiting.pk))
    RemoteObject.objects.create(
        account="test-business/test",
        kind="order",
        host_label="testshop.order",
        host_pk=str(waiting.pk),
        identity=identity_for(link, "test-business/test"),
        source="testshop",
    )
    never = make_order(total=Decimal("5.00"))
    ran = sync("--check", "--money")
    assert ran.code == 3
    assert differing(ran) == {
        gone.number: ("25.80 EUR", None, "it was sent, and Hellotext has it no more"),
        waiting.number: ("3.00 EUR", None, "it waits to be sent"),
        never.number: ("5.00 EUR", None, "never sent"),
    }


def test_an_order_that_failed_says_why(hellotext: Emulator, sync: Run) -> None:
    made = placed_order(customer=make_customer())
    assert sync().code == 0
    RemoteObject.objects.filter(kind="order").update(
        remote_id="", state=State.FAILED, error_type="parameter_invalid", error_message="No such thing."
    )
    hellotext.world.store["order"].remove(next(iter(hellotext.world.store["order"].rows)))
    [(_, _, reason)] = differing(sync("--check", "--money")).values()
    assert reason == "failed: parameter_invalid: No such thing."
    assert made.number in differing(sync("--check", "--money"))


def test_an_order_of_ours_that_no_order_of_the_shop_matches_is_a_difference(there: There, sync: Run) -> None:
    order("A1", "10.00")
    there("A1", "10.00")
    there("A1", "10.00")  # there twice
    there("Z9", "7.00", created_at=datetime(2026, 5, 5, 12, tzinfo=UTC).timestamp())
    there("Z9", "9.00", source="otherapp")
    there("Z9", "9.00", source=None)
    ran = sync("--check", "--money")
    assert ran.code == 3
    assert differing(ran)["Z9"] == (None, "7.00 EUR", "no order of the shop matches")
    assert differing(ran)["A1"] == (None, "10.00 EUR", "no order of the shop matches")
    assert days(ran)["2026-05-05", "EUR"] == ("0.00", "7.00", "7.00")
    assert ran.document["differences"]["count"] == 2


def test_the_remote_id_wins_over_the_reference(hellotext: Emulator, sync: Run, there: There) -> None:
    """An older order of the same number, as after a reset of the shop's numbers, is not taken for it."""
    there("A1", "1.00")
    made = order("A1", "25.80")
    make_order_line(order=made)
    assert sync().code == 0
    ran = sync("--check", "--money")
    assert differing(ran) == {"A1": (None, "1.00 EUR", "no order of the shop matches")}


def test_what_is_not_mirrored_is_left_out_and_not_unknown_there(
    there: There, sync: Run, adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order("A1", "10.00")
    order("DRAFT", "99.00")
    there("A1", "10.00")
    there("DRAFT", "99.00")  # it was mirrored before
    monkeypatch.setattr(adapter, "should_sync", lambda self, obj: obj.number != "DRAFT")
    ran = sync("--check", "--money")
    assert (ran.code, ran.document["orders"], ran.document["left_out"]) == (0, 1, 1)
    assert "Left out: 1 order of the shop." in sync("--check", "--money", text=True).out


def test_both_sides_count_on_the_shops_day(there: There, sync: Run, settings: Any) -> None:
    """Shortly before midnight in Montevideo it is the next day in UTC, and there it was created days later."""
    settings.TIME_ZONE = "America/Montevideo"
    order("A1", "10.00", at="2026-05-05T02:30+00:00")
    there("A1", "10.00", created_at=datetime(2026, 5, 9, tzinfo=UTC).timestamp())
    ran = sync("--check", "--money")
    assert (ran.code, days(ran)) == (0, {("2026-05-04", "EUR"): ("10.00", "10.00", "0.00")})


def test_the_day_is_that_of_ordered_at_or_of_the_placed_status(
    there: There, sync: Run, adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = order("A1", "10.00")
    there("A1", "10.00")
    Order.objects.filter(pk=made.pk).update(
        shipped_at=clock.for_host(datetime(2026, 6, 1, 12, tzinfo=UTC)), shipped_on=date(2026, 7, 1)
    )
    placed = adapters.OnChange("status", {"placed": "order.placed"}, at={"placed": "shipped_at"})
    monkeypatch.setattr(adapter, "events", placed)
    assert list(days(sync("--check", "--money"))) == [("2026-06-01", "EUR")]
    monkeypatch.setattr(adapter, "ordered_at", "shipped_on")
    assert list(days(sync("--check", "--money"))) == [("2026-07-01", "EUR")]
    Order.objects.filter(pk=made.pk).update(shipped_on=None)
    assert list(days(sync("--check", "--money"))) == [(None, "EUR")]
    monkeypatch.setattr(adapter, "ordered_at", "number")
    ran = sync("--check", "--money")
    assert ran.code == 4
    assert "testshop.Order has no time field 'number'. Name one as ordered_at on OrderAdapter." in ran.message


def test_since_compares_orders_placed_since_then(there: There, sync: Run) -> None:
    order("OLD", "10.00", at="2026-05-01T12:00+00:00")
    order("NEW", "20.00", at="2026-05-03T12:00+00:00")
    there("OLD", "11.00", created_at=datetime(2026, 5, 9, tzinfo=UTC).timestamp())
    there("NEW", "20.00")
    there("GONE", "5.00", created_at=datetime(2026, 5, 1, tzinfo=UTC).timestamp())
    ran = sync("--check", "--money", "--since", "2026-05-02")
    assert (ran.code, days(ran)) == (0, {("2026-05-03", "EUR"): ("20.00", "20.00", "0.00")})
    assert sync("--check", "--money").document["differences"]["count"] == 2


def test_an_order_placed_while_the_lists_are_read_is_not_compared(
    there: There, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    order("NEW", "20.00", at=(clock.now() + timedelta(seconds=1)).isoformat())
    ran = sync("--check", "--money")
    assert (ran.code, ran.document["left_out"]) == (0, 1)


def test_a_total_that_cannot_be_read_is_a_difference_and_stops_nothing(
    there: There, sync: Run, adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("A1", "A2", "A3"):
        order(number, "10.00")
        there(number, "10.00")

    def total(self: Any, obj: Order) -> Decimal | None:
        if obj.number == "A1":
            raise ZeroDivisionError("no such rate")
        return None if obj.number == "A2" else obj.total

    monkeypatch.setattr(adapter, "get_total", total, raising=False)
    ran = sync("--check", "--money")
    assert ran.code == 3
    assert days(ran)["2026-05-04", "EUR"] == ("10.00", "30.00", "20.00")
    found = differing(ran)
    assert found["A1"] == (None, "10.00 EUR", "OrderAdapter raised ZeroDivisionError: no such rate")
    assert found["A2"] == (None, "10.00 EUR", "the adapter gives no total")
    shown = sync("--check", "--money", text=True).out
    assert "shop unknown, Hellotext 10.00 EUR" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--money"], "--money says what --check compares: write --check --money."),
        (["--repair", "--money"], "--money says what --check compares"),
        (["--check", "--money", "product"], "--money compares orders only; leave out testshop.Product."),
        (["--check", "--money", "--limit", "5"], "--check looks at everything; leave out --limit."),
        (["--check", "--money", "--since", "soon"], "--since 'soon' is no date"),
    ],
)
def test_options_that_do_not_go_with_money_are_refused(
    hellotext: Emulator, sync: Run, arguments: list[str], message: str
) -> None:
    ran = sync(*arguments)
    assert ran.code == 4
    assert message in ran.message
    assert not hellotext.log


def test_an_adapter_without_a_total_is_refused(
    hellotext: Emulator, sync: Run, adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "total", None)
    monkeypatch.setattr(registry.registry, "_adapters", {Order: adapter(Order, registry=registry.registry)})
    ran = sync("--check", "--money")
    assert ran.code == 4
    assert "--money: OrderAdapter declares no total" in ran.message
    monkeypatch.setattr(registry.registry, "_adapters", {})
    assert "no model of orders is registered" in sync("--check", "--money").message


def test_a_hellotext_that_cannot_be_read_ends_with_1(hellotext: Emulator, sync: Run) -> None:
    hellotext.revoke_token()
    assert sync("--check", "--money").code == 1


@pytest.mark.usefixtures("both_shops")
def test_the_orders_of_another_model_are_not_unknown(there: There, sync: Run) -> None:
    """Hellotext's list does not say which model an order is of."""
    BookOrder.objects.create(number="LL-1")
    there("LL-1", "8.00", source="testshop")
    order("A1", "10.00")
    there("A1", "10.00")
    ran = sync("--check", "--money", "testshop.Order")
    assert (ran.code, ran.document["orders"]) == (0, 1)


def test_the_table_names_the_largest_differences(there: There, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revenue, "LISTED", 2)
    for place in range(4):
        order(f"A{place}", f"{1000 + place}.00")
        there(f"A{place}", "1000.00")
    shown = sync("--check", "--money", text=True)
    assert shown.code == 3
    assert "Orders that differ (the 2 largest of 3):" in shown.out
    assert "2026-05-04  EUR       4,006.00   4,000.00       -6.00       4          3" in shown.out
    assert "  2026-05-04 A3 (testshop.Order " in shown.out
    assert "shop 1,003.00 EUR, Hellotext 1,000.00 EUR" in shown.out
    assert " A1 " not in shown.out


def test_a_long_history_shows_the_days_that_differ(there: There, sync: Run) -> None:
    for place in range(40):
        moment = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=place)
        order(f"A{place}", "10.00", at=moment.isoformat())
        there(f"A{place}", "10.00" if place != 7 else "9.99")
    shown = sync("--check", "--money", text=True).out
    assert "2026-01-08" in shown
    assert "2026-01-09" not in shown
    assert "39 more rows agree to the minor unit; --json lists all." in shown
    assert len(sync("--check", "--money").document["days"]) == 40


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"items": [{"quantity": 3, "price": {"amount": "0.10", "currency": "EUR"}}]}, Money(Decimal("0.30"), "EUR")),
        ({"items": [{"quantity": "0.5", "price": {"amount": 3, "currency": "EUR"}}]}, Money(Decimal("1.50"), "EUR")),
        ({"items": [], "total": {"amount": "2.00", "currency": "EUR"}}, Money(Decimal("2.00"), "EUR")),
        ({"items": [{"quantity": 1}], "total": {"amount": "2", "currency": "JPY"}}, Money(Decimal(2), "JPY")),
        ({"items": [{"price": {"amount": "2", "currency": "JPY"}}]}, Money(Decimal(2), "JPY")),
        ({}, None),
        ({"items": None, "total": None}, None),
        ({"items": [{"quantity": "many", "price": {"amount": "2", "currency": "JPY"}}]}, None),
        ({"total": {"amount": "NaN", "currency": "EUR"}}, None),
        (
            {
                "items": [
                    {"quantity": 1, "price": {"amount": "2", "currency": "JPY"}},
                    {"quantity": 1, "price": {"amount": "2", "currency": "EUR"}},
                ]
            },
            None,
        ),
    ],
)
def test_what_hellotext_has_is_the_sum_of_its_lines(raw: dict[str, Any], expected: Money | None) -> None:
    assert remote_money(raw) == expected


def test_an_order_whose_amount_hellotext_does_not_show_is_a_difference(there: There, sync: Run) -> None:
    order("A1", "10.00")
    there("A1", "10.00", total={"amount": "0", "currency": "?"}, items=[])
    assert differing(sync("--check", "--money")) == {"A1": ("10.00 EUR", None, "Hellotext shows no amount for it")}


def test_a_free_order_agrees_in_any_currency(there: There, sync: Run) -> None:
    order("A1", "0.00", "JPY")
    there("A1", currency="EUR")
    assert sync("--check", "--money").code == 0


def test_a_page_takes_a_constant_number_of_queries(there: There, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def queries(count: int) -> int:
        Order.objects.all().delete()
        for place in range(count):
            make_order_line(order=order(f"A{place}", "25.80"))
        with CaptureQueriesContext(
            connection,
        ) as found:
            sync("--check", "--money")
        return len(found)

    queries(1)
    assert queries(12) == queries(4)
    monkeypatch.setattr(backfill, "SIZE", 4)
    assert queries(12) < 3 * queries(3) + 12


@pytest.mark.timeout(1800)
def test_a_cent_among_many_orders_is_found(hellotext: Emulator, there: There, sync: Run, settings: Any) -> None:
    settings.DEBUG = False
    start = clock.for_host(datetime(2026, 1, 1, 12, tzinfo=UTC))
    Order.objects.bulk_create(
        (Order(number=f"M-{n}", total=Decimal("19.99"), status="placed") for n in range(ORDERS)), batch_size=1000
    )
    Order.objects.update(created_at=start)
    for number in range(ORDERS):
        there(f"M-{number}", "10.00", "9.99" if number != ORDERS // 3 else "9.98")
    ran = sync("--check", "--money")
    assert ran.code == 3
    assert ran.document["orders"] == ORDERS
    assert differing(ran) == {f"M-{ORDERS // 3}": ("19.99 EUR", "19.98 EUR", "")}
    total = ORDERS * Decimal("19.99")
    assert days(ran) == {("2026-01-01", "EUR"): (str(total), str(total - Decimal("0.01")), "-0.01")}
    requests = [entry for entry in hellotext.log if entry.path.startswith("/v1/attribution/orders")]
    assert len(requests) == ORDERS // 100 + 1
