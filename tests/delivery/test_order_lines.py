"""What an order comes to at Hellotext is what its customer was charged, whatever the shop's lines look like."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_hellotext import sync, track
from django_hellotext.adapters import Items, Money, Value, placeholders, registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_customer, make_order, make_order_line, make_product
from tests.testshop.models import Brand, Order, OrderLine, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Declare = Callable[..., None]

LINE = {"product": "product", "quantity": "quantity", "price": "unit_price"}


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Change the declaration of the lines of the test shop's orders, or another attribute of its adapter."""

    def run(model: type[Any] = Order, /, **attributes: Any) -> None:
        adapter = type(registry.for_model(model))
        for name, value in attributes.items():
            monkeypatch.setattr(adapter, name, value, raising=False)

    return run


def items(**parts: Any) -> Items:
    return Items("lines", **{**LINE, **parts})


def placed(*lines: dict[str, Any], total: str, **values: Any) -> Order:
    """A placed order with ``lines``."""
    order = make_order(customer=make_customer(), status="placed", total=Decimal(total), **values)
    for line in lines:
        make_order_line(order=order, **line)
    return order


def line(sku: str, quantity: str, price: str | None, **values: Any) -> dict[str, Any]:
    amount = Decimal(price) if price is not None else None
    return {"product": make_product(sku=sku), "quantity": Decimal(quantity), "unit_price": amount, "sku": sku, **values}


def without_product(quantity: str, price: str, **values: Any) -> dict[str, Any]:
    return {"product": None, "quantity": Decimal(quantity), "unit_price": Decimal(price), **values}


def mirror(order: Order) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(kind="order", host_pk=str(order.pk))
    assert row.state == State.SYNCED, row.error_message
    return row


def held(hellotext: Emulator, order: Order) -> dict[str, Any]:
    return dict(hellotext.world.store["order"].rows[mirror(order).remote_id])


def lines(hellotext: Emulator, order: Order) -> list[tuple[str, int, str]]:
    """SKU or name, quantity and unit price of each line at Hellotext."""
    found = []
    for item in held(hellotext, order)["items"]:
        product = hellotext.world.store["product"].rows[item["product"]]
        price = f"{Decimal(item['price']['amount']):.2f}"
        found.append((product["sku"] or product["name"], item["quantity"], price))
    return found


def amounts(hellotext: Emulator) -> list[tuple[str, Decimal]]:
    """The amounts of the events that Hellotext received."""
    bodies = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events" and entry.accepted]
    return [(body["action"], Decimal(str(body["amount"]))) for body in bodies if "amount" in body]


def kinds(row: RemoteObject | Event) -> list[str]:
    return [one["kind"] for one in (row.adjustments or {}).get("made", [])]


def placeholder_rows(hellotext: Emulator) -> list[dict[str, Any]]:
    products = hellotext.world.store["product"].rows.values()
    return [row for row in products if row["reference"].startswith("placeholder-")]


# A product that is gone


def test_a_product_deleted_before_the_first_sync_is_a_placeholder_by_its_sku(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku"))
    order = placed(without_product("1", "10.00", sku="OLD-1"), line("A", "2", "5.00"), total="20.00")
    deliver()
    assert lines(hellotext, order) == [("OLD-1", 1, "10.00"), ("A", 2, "5.00")]
    assert amounts(hellotext) == [("order.placed", Decimal("20.00"))]
    assert kinds(mirror(order)) == ["placeholder"]
    [made] = placeholder_rows(hellotext)
    assert (made["name"], made["source"], made["tags"]) == ("OLD-1", "testshop", ["placeholder"])
    assert [made[name] for name in ("sku", "price", "url", "image_url")] == [None] * 4


def test_orders_of_one_lost_product_share_its_placeholder(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku", title="title"))
    for _ in range(2):
        placed(without_product("1", "10.00", sku="OLD-1", title="An old vase"), total="10.00")
    deliver()
    assert [row["name"] for row in placeholder_rows(hellotext)] == ["An old vase"]


def test_a_lost_product_that_nothing_names_is_the_generic_placeholder(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(without_product("1", "10.00"), without_product("2", "3.00"), total="16.00")
    deliver()
    assert lines(hellotext, order) == [("Product no longer sold", 1, "16.00")]
    assert [row["name"] for row in placeholder_rows(hellotext)] == ["Product no longer sold"]


def test_a_lost_product_is_named_by_its_title_only_if_that_is_declared(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(title="title"))
    order = placed(without_product("1", "10.00", title="An old vase"), total="10.00")
    deliver()
    assert lines(hellotext, order) == [("An old vase", 1, "10.00")]


def test_a_deleted_product_that_hellotext_keeps_stays_on_the_lines(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(Product, on_delete="keep")
    declare(items=items(sku="sku"))
    product = make_product(sku="OLD-1")
    deliver()
    product.delete()
    deliver()
    order = placed(without_product("1", "10.00", sku="OLD-1"), total="10.00")
    deliver()
    assert lines(hellotext, order) == [("OLD-1", 1, "10.00")]
    assert placeholder_rows(hellotext) == []


@pytest.mark.parametrize("on_delete", ["keep", "delete"])
def test_a_change_of_an_order_leaves_the_lines_of_a_deleted_product_alone(
    hellotext: Emulator, deliver: Deliver, declare: Declare, on_delete: str
) -> None:
    declare(Product, on_delete=on_delete)
    order = placed(line("A", "2", "5.00"), line("B", "1", "7.00"), total="17.00")
    deliver()
    before = held(hellotext, order)["items"]
    Product.objects.get(sku="A").delete()
    deliver()
    sent = len(hellotext.log)
    order.refresh_from_db()
    order.status, order.method = "shipped", "card"
    order.save()
    deliver()
    assert held(hellotext, order)["items"] == before
    assert held(hellotext, order)["payment_method"] == "card"
    requests = [f"{entry.method} {entry.path.split('/')[3]}" for entry in hellotext.log[sent:]]
    assert sorted(requests) == ["PATCH orders", "POST events"]
    assert placeholder_rows(hellotext) == []


def test_a_line_that_changes_after_its_product_was_deleted_still_names_it(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(Product, on_delete="keep")
    order = placed(line("A", "2", "5.00"), total="10.00")
    deliver()
    Product.objects.get(sku="A").delete()
    deliver()
    OrderLine.objects.update(quantity=3)
    order.refresh_from_db()
    order.total = Decimal("15.00")
    order.save()
    deliver()
    assert lines(hellotext, order) == [("A", 3, "5.00")]


def test_an_order_that_is_to_be_sent_once_more_brings_its_lines_into_step(
    hellotext: Emulator, deliver: Deliver
) -> None:
    order = placed(line("A", "2", "5.00"), total="10.00")
    deliver()
    row = mirror(order)
    hellotext.world.store["order"].put({**held(hellotext, order), "items": []})
    RemoteObject.objects.repeat([row.pk])
    deliver()
    assert lines(hellotext, order) == [("A", 2, "5.00")]


def test_a_product_whose_model_nobody_mirrors_is_a_placeholder(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(product=lambda one: Brand(pk=7), title="title"))
    order = placed(without_product("1", "10.00", title="A lamp"), total="10.00")
    deliver()
    assert lines(hellotext, order) == [("A lamp", 1, "10.00")]
    assert not RemoteObject.objects.filter(host_label="testshop.brand").exists()


def test_placeholders_beyond_the_limit_are_the_generic_one(
    hellotext: Emulator, deliver: Deliver, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_hellotext.delivery.placeholders.MOST_PLACEHOLDERS", 1)
    declare(items=items(sku="sku"))
    first = placed(without_product("1", "10.00", sku="OLD-1"), total="10.00")
    deliver()
    second = placed(
        without_product("1", "4.00", sku="OLD-1"),
        without_product("1", "10.00", sku="OLD-2"),
        without_product("2", "3.00", sku="OLD-3"),
        total="20.00",
    )
    deliver()
    assert lines(hellotext, first) == [("OLD-1", 1, "10.00")]
    assert lines(hellotext, second) == [("OLD-1", 1, "4.00"), ("Product no longer sold", 1, "16.00")]


def test_a_placeholder_that_is_at_hellotext_already_is_adopted(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku"))
    placed(without_product("1", "10.00", sku="OLD-1"), total="10.00")
    deliver()
    RemoteObject.objects.all().delete()
    placed(without_product("1", "10.00", sku="OLD-1"), total="10.00")
    deliver()
    assert len(placeholder_rows(hellotext)) == 1


def test_a_product_that_is_not_published_is_sold_as_the_placeholder_of_its_line(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku", title="title"))
    hidden = make_product(sku="A", is_published=False)
    deliver()
    order = placed({**line("B", "1", "10.00"), "product": hidden, "sku": "A", "title": "A lamp"}, total="10.00")
    deliver()
    assert lines(hellotext, order) == [("A lamp", 1, "10.00")]
    assert amounts(hellotext) == [("order.placed", Decimal("10.00"))]
    assert RemoteObject.objects.get(host_label=placeholders.PLACEHOLDERS).host_pk == "sku:A"


# Shipping and fees


def test_a_line_without_product_and_sku_is_shipping(hellotext: Emulator, deliver: Deliver, declare: Declare) -> None:
    declare(items=items(sku="sku"))
    order = placed(line("A", "2", "5.00"), without_product("1", "4.90"), total="14.90")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "5.00"), ("Shipping and fees", 1, "4.90")]


def test_shipping_in_no_line_makes_up_the_total(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(line("A", "2", "10.00"), total="24.90")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "10.00"), ("Shipping and fees", 1, "4.90")]
    assert kinds(mirror(order)) == ["fees_added"]


def test_declared_extras_are_lines_of_their_own_however_large(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(extra=[("shipping_total", "Shipping"), (lambda order: Decimal("1.50"), "Gift wrap")]))
    order = placed(line("A", "2", "5.00"), total="31.50", shipping_total=Decimal("20.00"))
    deliver()
    assert lines(hellotext, order) == [("A", 2, "5.00"), ("Shipping", 1, "20.00"), ("Gift wrap", 1, "1.50")]
    assert mirror(order).adjustments is None


def test_an_extra_below_zero_is_a_discount(hellotext: Emulator, deliver: Deliver, declare: Declare) -> None:
    declare(items=items(extra=[(lambda order: Decimal("-5.00"), "Gift card")]))
    order = placed(line("A", "1", "10.00"), total="5.00")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "5.00")]


def test_a_change_of_an_extra_alone_corrects_the_order(hellotext: Emulator, deliver: Deliver, declare: Declare) -> None:
    declare(items=items(extra=[("shipping_total", "Shipping")]), total=None)
    order = placed(line("A", "1", "10.00"), total="0")
    deliver()
    order.shipping_total = Decimal("4.90")
    order.save()
    sync(order)
    deliver()
    assert lines(hellotext, order) == [("A", 1, "10.00"), ("Shipping", 1, "4.90")]


# Discounts


def test_a_voucher_is_spread_and_the_original_prices_stay_in_the_metadata(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku"))
    order = placed(line("A", "2", "10.00"), line("B", "1", "30.00"), without_product("1", "-10.00"), total="40.00")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "8.00"), ("B", 1, "24.00")]
    metadata = held(hellotext, order)["metadata"]
    assert metadata == {"discount": "10.00", "line_totals": {"A": "20.00", "B": "30.00"}}
    assert kinds(mirror(order)) == ["discount_spread"]


def test_a_discount_in_no_line_is_spread(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(line("A", "1", "10.00"), line("B", "1", "5.00"), total="13.33")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "8.89"), ("B", 1, "4.44")]
    novel = Product.objects.get(sku="A")
    assert held(hellotext, order)["metadata"]["line_totals"][f"testshop.product:{novel.pk}"] == "10.00"


@pytest.mark.parametrize("voucher", ["-10.00", "-15.00"])
def test_a_voucher_of_the_whole_order_leaves_nothing_and_never_less(
    hellotext: Emulator, deliver: Deliver, voucher: str
) -> None:
    order = placed(line("A", "1", "10.00"), without_product("1", voucher), total=str(10 + Decimal(voucher)))
    deliver()
    assert lines(hellotext, order) == [("A", 1, "0.00")]
    assert amounts(hellotext) == [("order.placed", Decimal(0))]


def test_the_shops_own_metadata_wins_and_ours_goes_with_the_discount(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(metadata=lambda order: {"discount": "ours", "note": "x"})
    order = placed(line("A", "1", "10.00"), without_product("1", "-1.00"), total="9.00")
    deliver()
    assert held(hellotext, order)["metadata"]["discount"] == "ours"
    declare(metadata=None)
    order.lines.filter(product=None).delete()
    order.total = Decimal("10.00")
    order.save()
    deliver()
    assert held(hellotext, order)["metadata"] == {}


# Quantities


def test_three_for_ten_keeps_the_quantity_where_a_line_takes_the_rest(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=Items("lines", product="product", total="line_total", sku="sku"))
    order = placed(
        line("A", "3", None, line_total=Decimal("10.00")),
        line("B", "1", None, line_total=Decimal("5.00")),
        total="15.00",
    )
    deliver()
    assert lines(hellotext, order) == [("A", 3, "3.33"), ("B", 1, "5.01")]
    assert held(hellotext, order)["metadata"] == {"line_totals": {"A": "10.00", "B": "5.00"}}


def test_three_for_ten_alone_is_one_piece_with_the_quantity_in_the_metadata(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=Items("lines", product="product", total="line_total", sku="sku"))
    order = placed(line("A", "3", None, line_total=Decimal("10.00")), total="10.00")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "10.00")]
    assert held(hellotext, order)["metadata"] == {"quantities": {"A": "3.000"}}
    assert kinds(mirror(order)) == ["quantity_changed"]


def test_a_part_of_something_is_one_piece(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(line("CHEESE", "0.350", "19.90"), total="6.97")
    deliver()
    assert lines(hellotext, order) == [("CHEESE", 1, "6.97")]
    assert list(held(hellotext, order)["metadata"]["quantities"].values()) == ["0.350"]


def test_a_product_on_two_lines_stands_on_one(hellotext: Emulator, deliver: Deliver) -> None:
    first = line("A", "1", "14.00")
    order = placed(first, {**first, "unit_price": Decimal("7.00")}, total="21.00")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "10.50")]
    assert kinds(mirror(order)) == ["lines_merged"]


def test_a_line_that_does_not_count_is_left_out(hellotext: Emulator, deliver: Deliver, declare: Declare) -> None:
    declare(items=items(where=lambda one: not one.is_cancelled))
    order = placed(line("A", "1", "10.00"), line("B", "1", "99.00", is_cancelled=True), total="10.00")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "10.00")]


# No lines, and many


def test_an_order_without_lines_is_one_line_of_its_total(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(total="31.40")
    deliver()
    assert lines(hellotext, order) == [("Other items", 1, "31.40")]
    assert amounts(hellotext) == [("order.placed", Decimal("31.40"))]


def test_an_order_without_lines_and_total_stays_empty(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(total="0")
    deliver()
    assert lines(hellotext, order) == []


@pytest.mark.usefixtures("hellotext")
def test_the_smallest_lines_beyond_what_hellotext_takes_are_one(declare: Declare) -> None:
    def many(self: Any, order: Order) -> list[dict[str, Any]]:
        return [{"product": f"SKU-{number}", "price": Decimal(number)} for number in range(1, 1_202)]

    declare(get_items=many)
    order = make_order(customer=make_customer(), total=Decimal(sum(range(1, 1_202))))
    adapter = registry.for_model(Order)
    assert adapter is not None
    payload = adapter.payload(order)
    assert len(payload["items"]) == 1_000
    combined = payload["items"][-1]
    assert (combined["product"].title, combined["price"].amount) == ("Other items", Decimal(sum(range(1, 203))))
    assert sum(one["price"].amount * one["quantity"] for one in payload["items"]) == order.total
    assert len(payload["metadata"]["line_totals"]) == 202


def test_three_hundred_lines_are_sent(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(total="300.00")
    products = Product.objects.bulk_create([Product(name=f"P{n}", sku=f"P{n}", price=Decimal(1)) for n in range(300)])
    rows = [OrderLine(order=order, product=product, unit_price=Decimal(1)) for product in products]
    OrderLine.objects.bulk_create(rows)
    deliver()
    assert len(lines(hellotext, order)) == 300
    assert Decimal(held(hellotext, order)["total"]["amount"]) == 300


# Where lines and total do not belong together


def test_lines_in_another_currency_stay_as_they_are_and_the_row_is_flagged(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(price=Money("unit_price", currency=Value("USD"))))
    order = placed(line("A", "2", "10.00"), total="18.00")
    deliver()
    assert [(item["quantity"], item["price"]) for item in held(hellotext, order)["items"]] == [
        (2, {"amount": "10.00", "currency": "USD"})
    ]
    assert kinds(mirror(order)) == ["total_differs"]
    assert [one.size for one in Adjustments.from_json(mirror(order).adjustments)] == [100]
    assert amounts(hellotext) == [("order.placed", Decimal("18.00"))]


@pytest.mark.parametrize(("total", "size"), [("2000.00", 99), ("14.00", 43)])
def test_a_total_far_from_the_lines_leaves_them_and_flags_the_row(
    hellotext: Emulator, deliver: Deliver, total: str, size: int
) -> None:
    order = placed(line("A", "2", "10.00"), total=total)
    deliver()
    assert lines(hellotext, order) == [("A", 2, "10.00")]
    assert kinds(mirror(order)) == ["total_differs"]
    assert [one.size for one in Adjustments.from_json(mirror(order).adjustments)] == [size]
    assert amounts(hellotext) == [("order.placed", Decimal(total))]


def test_lines_that_are_not_to_be_reconciled_stay_as_they_are(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(reconcile=False))
    order = placed(line("A", "2", "10.00"), total="19.00")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "10.00")]
    assert mirror(order).adjustments is None


# Amounts that cannot be read


def test_a_total_that_cannot_be_read_is_the_sum_of_the_lines(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(get_total=lambda self, order: "1.234,56")
    order = placed(line("A", "2", "10.00"), line("B", "1", "5.00"), total="0")
    deliver()
    assert lines(hellotext, order) == [("A", 2, "10.00"), ("B", 1, "5.00")]
    assert amounts(hellotext) == [("order.placed", Decimal("25.00"))]
    assert kinds(mirror(order)) == ["total_from_lines"]


def test_an_event_says_that_its_amount_is_the_sum_of_the_lines(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(get_total=lambda self, order: "1.234,56", items=items(sku="sku"))
    order = make_order(customer=make_customer())
    for one in (line("A", "2", "10.00"), without_product("1", "4.90")):
        make_order_line(order=order, **one)
    track("order.confirmed", order)
    deliver()
    assert amounts(hellotext) == [("order.confirmed", Decimal("24.90"))]
    assert kinds(Event.objects.get()) == ["total_from_lines"]


def test_a_total_that_cannot_be_read_fails_an_order_without_lines(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(get_total=lambda self, order: "1.234,56")
    placed(total="0")
    deliver()
    assert RemoteObject.objects.get(kind="order").state == State.FAILED
    assert amounts(hellotext) == []


def test_the_one_price_that_cannot_be_read_is_the_rest_of_the_total(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(price=lambda one: "9,90" if one.sku == "A" else one.unit_price))
    order = placed(line("A", "1", "9.90"), line("B", "2", "5.00"), total="19.90")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "9.90"), ("B", 2, "5.00")]


def test_prices_that_cannot_be_read_share_the_rest_of_the_total_by_quantity(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(price=lambda one: one.unit_price if one.sku == "C" else "9,90"))
    order = placed(line("A", "1", "9.90"), line("B", "2", "5.00"), line("C", "1", "4.90"), total="19.90")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "5.00"), ("B", 2, "5.00"), ("C", 1, "4.90")]
    assert kinds(mirror(order)) == ["repaired"]


def test_prices_that_cannot_be_read_fail_an_order_without_a_total(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(price=lambda one: "9,90"), total=None)
    placed(line("A", "1", "9.90"), line("B", "2", "5.00"), total="19.90")
    deliver()
    assert RemoteObject.objects.get(kind="order").state == State.FAILED


def test_a_line_without_a_price_is_charged_at_that_of_its_product(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=Items("lines", product="product"))
    first, second = line("A", "2", None), line("B", "1", None)
    order = placed(first, second, total=str(3 * first["product"].price))
    deliver()
    assert lines(hellotext, order) == [("A", 2, "12.90"), ("B", 1, "12.90")]


@pytest.mark.usefixtures("hellotext")
def test_prices_of_products_take_as_many_queries_for_many_orders_as_for_one(declare: Declare) -> None:
    declare(items=Items("lines", product="product"))
    adapter = registry.for_model(Order)
    assert adapter is not None

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            for one in adapter.queryset(Order.objects.all()):
                adapter.payload(one)
        return len(made)

    placed(line("A", "2", None), total="25.80")
    once = queries()
    placed(line("B", "2", None), line("C", "1", None), total="38.70")
    assert queries() == once


def test_a_total_below_zero_counts_as_nothing(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed(line("A", "1", "10.00"), without_product("1", "-12.00"), total="-2.00")
    deliver()
    assert Decimal(held(hellotext, order)["total"]["amount"]) == 0
    assert amounts(hellotext) == [("order.placed", Decimal(0))]


def test_the_reference_of_a_placeholder_is_its_own() -> None:
    long = "A" * 300
    references = {
        placeholders.reference_of(placeholders.placeholder("", sku=sku).pk) for sku in ("A/B", "A-B", "a b", long)
    }
    assert len(references) == 4
    assert all(len(reference) < 100 for reference in references)
    assert len(placeholders.placeholder("", sku=long).pk) < 255


def test_a_gift_card_that_pays_for_a_part_is_spread(hellotext: Emulator, deliver: Deliver, declare: Declare) -> None:
    declare(items=items(extra=[(lambda order: -Decimal("60.00"), "Gift card")]))
    order = placed(line("A", "1", "50.00"), line("B", "1", "50.00"), total="40.00")
    deliver()
    assert lines(hellotext, order) == [("A", 1, "20.00"), ("B", 1, "20.00")]
    assert amounts(hellotext) == [("order.placed", Decimal("40.00"))]


def test_the_name_of_a_lost_product_that_raises_does_not_lose_the_order(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(title=lambda one: one.product.name, sku=lambda one: one.product.sku))
    order = placed(without_product("1", "10.00"), line("A", "2", "5.00"), total="20.00")
    deliver()
    assert sum(Decimal(price) * quantity for _, quantity, price in lines(hellotext, order)) == Decimal("20.00")
    assert amounts(hellotext) == [("order.placed", Decimal("20.00"))]
    assert "attribute_failed" in kinds(mirror(order))


def test_an_order_of_right_to_left_and_emoji_text_arrives_as_it_is(
    hellotext: Emulator, deliver: Deliver, declare: Declare
) -> None:
    declare(items=items(sku="sku"))
    order = placed(without_product("2", "3.50", sku="كتاب-👩‍👩‍👧"), total="7.00")
    deliver()
    assert lines(hellotext, order) == [("كتاب-👩‍👩‍👧", 2, "3.50")]


@pytest.mark.parametrize(("title", "name"), [("Bike\x01\nred", "Bike red"), ("t" * 3000, "t" * 255)])
def test_the_name_of_a_placeholder_is_cleaned_and_cut(
    hellotext: Emulator, deliver: Deliver, declare: Declare, title: str, name: str
) -> None:
    declare(items=items(title=lambda one: title))
    placed(without_product("1", "7.00"), total="7.00")
    deliver()
    assert [row["name"] for row in placeholder_rows(hellotext)] == [name]
