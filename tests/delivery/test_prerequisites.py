"""No order and no event is lost because something that it refers to could not be sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report, drain
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.relinking import relink_events
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, MissingObject, RemoteObject, Session, State
from django_hellotext.signals import delivered
from tests.factories import (
    make_cart,
    make_cart_line,
    make_customer,
    make_order,
    make_order_line,
    make_product,
    make_return,
    make_variant,
    make_voucher,
    placed_order,
)
from tests.refusals import Refusals
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
PROFILES = "/v1/profiles"
PRODUCTS = "/v1/attribution/products"
ORDERS = "/v1/attribution/orders"
CARTS = "/v1/attribution/carts"
COUPONS = "/v1/coupons"
SESSION = "0f0f0f0f-aaaa-4bbb-8ccc-123456789012"


@pytest.fixture
def deliver(hellotext: Emulator) -> Deliver:
    """Drain until nothing is left that waits only for something else."""

    def run(**options: Any) -> Report:
        report = drain(**options)
        for _ in range(4):
            if not sum(table.objects.all().send_now() for table in (Event, RemoteObject, Session)):
                break
            report = drain(**options)
        return report

    return run


def rows(hellotext: Emulator, table: str) -> list[dict[str, Any]]:
    return list(hellotext.world.store[table].rows.values())


def row_of(obj: Any, kind: str) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(kind=kind, host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return row


def kinds_of(row: RemoteObject | Event) -> set[str]:
    return {one.kind for one in Adjustments.from_json(row.adjustments)}


def repair(obj: Any, kind: str, deliver: Deliver, refusals: Refusals) -> None:
    """What a person does: the cause is gone, and the row is sent again."""
    refusals.stop()
    assert RemoteObject.objects.filter(pk=row_of(obj, kind).pk).requeue() == 1
    deliver()


def named(body: dict[str, Any], name: str) -> bool:
    return bool(body.get("name") == name)


def lines(hellotext: Emulator) -> list[tuple[str, Decimal, Decimal]]:
    """The lines of the only order: the product's name, the quantity and the price."""
    [order] = rows(hellotext, "order")
    products = {row["id"]: row["name"] for row in rows(hellotext, "product")}
    return [
        (products[line["product"]], Decimal(line["quantity"]), Decimal(line["price"]["amount"]))
        for line in order["items"]
    ]


def customers(hellotext: Emulator) -> dict[str, str]:
    """The profile of each event, by our UUID."""
    return {there["metadata"]["hellotext_uuid"]: there["profile"] for there in rows(hellotext, "event")}


# Products


def test_an_order_of_a_refused_product_arrives_with_a_placeholder(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, when=lambda body: named(body, "Book"))
    book = make_product(name="Book")
    order = make_order(customer=make_customer(), status=Order.Status.PLACED)
    make_order_line(order=order, product=book)
    deliver()
    assert row_of(book, "product").state == State.FAILED
    assert lines(hellotext) == [("Product no longer sold", Decimal(2), Decimal("12.90"))]
    assert Event.objects.get().state == State.DELIVERED
    assert kinds_of(row_of(order, "order")) == {"placeholder"}

    repair(book, "product", deliver, refusals)
    assert lines(hellotext) == [("Book", Decimal(2), Decimal("12.90"))]
    assert kinds_of(row_of(order, "order")) == set()
    assert len(rows(hellotext, "event")) == 1
    assert not MissingObject.objects.exists()


def test_what_the_shop_does_not_show_can_be_sold(hellotext: Emulator, deliver: Deliver) -> None:
    book = make_product(name="Book", is_published=False)
    order = make_order(customer=make_customer(), status=Order.Status.PLACED)
    make_order_line(order=order, product=book)
    deliver()
    assert lines(hellotext) == [("Product no longer sold", Decimal(2), Decimal("12.90"))]
    assert (row_of(order, "order").state, Event.objects.get().state) == (State.SYNCED, State.DELIVERED)
    book.is_published = True
    book.save()
    deliver()
    assert lines(hellotext) == [("Book", Decimal(2), Decimal("12.90"))]


def test_two_refused_products_stand_on_one_line_at_their_sum(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, when=lambda body: body.get("name") in ("Book", "Map"))
    order = make_order(customer=make_customer(), total=Decimal("21.00"))
    make_order_line(order=order, product=make_product(name="Book"), quantity=1, unit_price=Decimal("14.00"))
    make_order_line(order=order, product=make_product(name="Map"), quantity=1, unit_price=Decimal("7.00"))
    deliver()
    assert lines(hellotext) == [("Product no longer sold", Decimal(1), Decimal("21.00"))]


def test_an_order_whose_placeholder_is_refused_too_goes_without_the_line(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    order = make_order(customer=make_customer(), status=Order.Status.PLACED)
    make_order_line(order=order, product=make_product(name="Map"), quantity=1)
    make_order_line(order=order, product=make_product(name="Book"))
    refusals.refuse(PRODUCTS, when=lambda body: not named(body, "Map"))
    deliver()
    assert [name for name, _, _ in lines(hellotext)] == ["Map"]
    assert Event.objects.get().state == State.DELIVERED
    assert "prerequisite_missing" in kinds_of(row_of(order, "order"))


def test_a_product_that_waits_is_waited_for(hellotext: Emulator, settings: Any) -> None:
    order = make_order(customer=make_customer(), status=Order.Status.PLACED)
    make_order_line(order=order, product=make_product(name="Book"))
    hellotext.add_fault(Fault(kind="error", status=500, path=PRODUCTS, method="POST", times=1))
    drain()
    assert RemoteObject.objects.get(kind="product").state == State.PENDING
    assert RemoteObject.objects.get(kind="order").state == State.PENDING
    for table in (RemoteObject, Event):
        table.objects.all().send_now()
        drain()
    assert [name for name, _, _ in lines(hellotext)] == ["Book"]


def test_an_event_of_a_refused_product_makes_the_product_that_is_adopted_later(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS)
    book = make_product(name="Book")
    django_hellotext.track("product.viewed", book, profile=make_customer())
    deliver()
    event = Event.objects.get()
    assert (event.state, kinds_of(event)) == (State.DELIVERED, {"prerequisite_missing"})
    [product] = rows(hellotext, "product")
    assert (product["reference"], product["source"], product["name"]) == (str(book.pk), "testshop", "Book")

    repair(book, "product", deliver, refusals)
    [product] = rows(hellotext, "product")
    assert row_of(book, "product").remote_id == product["id"]
    assert len(rows(hellotext, "event")) == 1


def test_a_cart_goes_without_a_refused_product(hellotext: Emulator, deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(PRODUCTS, when=lambda body: named(body, "Book"))
    cart = make_cart(owner=make_customer())
    make_cart_line(cart=cart, product=make_product(name="Book"))
    make_cart_line(cart=cart, product=make_product(name="Map"))
    deliver()
    [there] = rows(hellotext, "cart")
    names = {row["id"]: row["name"] for row in rows(hellotext, "product")}
    assert [names[line["product"]] for line in there["items"]] == ["Map"]
    assert not Event.objects.exclude(state=State.DELIVERED).exists()


def test_a_cart_event_of_a_refused_product_alone_goes_with_a_placeholder(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, when=lambda body: named(body, "Book"))
    cart, book = make_cart(owner=make_customer()), make_product(name="Book")
    make_cart_line(cart=cart, product=book)
    django_hellotext.track("cart.added", cart, items=[(book, 1)])
    deliver()
    event = Event.objects.get(action="cart.added")
    assert (event.state, kinds_of(event)) == (State.DELIVERED, {"prerequisite_missing"})


def test_a_variant_whose_product_was_refused_stands_as_a_placeholder(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, when=lambda body: named(body, "Shirt"))
    variant = make_variant(product=make_product(name="Shirt"))
    deliver()
    assert row_of(variant, "product_variant").error_type == "prerequisite_failed"
    repair(variant.product, "product", deliver, refusals)
    assert row_of(variant, "product_variant").state == State.SYNCED


# Orders


def test_an_order_that_was_refused_is_made_by_its_event_and_adopted_later(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(ORDERS)
    order = placed_order(customer=make_customer())
    deliver()
    assert row_of(order, "order").state == State.FAILED
    [there] = rows(hellotext, "order")
    assert (there["reference"], there["source"], there["delivery"]) == (order.number, "testshop", "deliver")
    assert [(qty, price) for _, qty, price in lines(hellotext)] == [(Decimal(2), Decimal("12.90"))]
    event = Event.objects.get()
    assert (event.state, event.amount, kinds_of(event)) == (
        State.DELIVERED,
        Decimal("25.80"),
        {"prerequisite_missing"},
    )

    repair(order, "order", deliver, refusals)
    [there] = rows(hellotext, "order")
    assert row_of(order, "order").remote_id == there["id"]
    assert len(rows(hellotext, "event")) == 1


def test_an_order_whose_lines_cannot_be_read_still_sends_its_event(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.testshop.hellotext import OrderAdapter

    def broken(self: OrderAdapter, obj: Order) -> Any:
        raise LookupError("no lines today")

    monkeypatch.setattr(OrderAdapter, "get_items", broken, raising=False)
    order = placed_order(customer=make_customer())
    deliver()
    assert row_of(order, "order").error_type == "adapter_failed"
    [there] = rows(hellotext, "order")
    assert (there["reference"], there["items"]) == (order.number, [])
    assert Event.objects.get().state == State.DELIVERED


def test_a_refund_of_a_refused_order_waits_for_it_and_its_event_does_not(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(ORDERS)
    order = placed_order(customer=make_customer())
    refund = make_return(order=order)
    deliver()
    assert row_of(refund, "refund").error_type == "prerequisite_failed"
    assert not Event.objects.exclude(state=State.DELIVERED).exists()
    [there] = rows(hellotext, "refund")
    assert (there["reference"], there["total"]["amount"]) == (str(refund.pk), "5.00")

    repair(order, "order", deliver, refusals)
    [there] = rows(hellotext, "refund")
    assert row_of(refund, "refund").state == State.SYNCED
    assert there["refundable"] == {"kind": "order", "id": row_of(order, "order").remote_id}


def test_a_refused_coupon_is_made_by_its_event(hellotext: Emulator, deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(COUPONS)
    voucher = make_voucher(code="TEN")
    django_hellotext.track("coupon.redeemed", voucher, profile=make_customer())
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert [row["code"] for row in rows(hellotext, "coupon")] == ["TEN"]


def test_a_refused_cart_is_made_by_its_event(hellotext: Emulator, deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(CARTS)
    line = make_cart_line(cart=make_cart(owner=make_customer()), quantity=3)
    cart = line.cart
    django_hellotext.track("cart.added", cart, items=[(line.product, 3)])
    deliver()
    assert row_of(cart, "cart").state == State.FAILED
    [there] = rows(hellotext, "cart")
    assert (there["reference"], [line["quantity"] for line in there["items"]]) == (str(cart.pk), [3])
    assert Event.objects.get().state == State.DELIVERED


# Customers


def test_an_event_of_a_refused_customer_goes_with_the_session(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PROFILES)
    customer = make_customer()
    hellotext.know_session(SESSION)
    django_hellotext.track("page.viewed", profile=customer, session=SESSION, url="https://shop.example/")
    deliver()
    event = Event.objects.get()
    assert (event.state, kinds_of(event)) == (State.DELIVERED, {"prerequisite_missing"})
    [there] = rows(hellotext, "event")
    assert (there["session"], there["profile"]) == (SESSION, None)
    assert Session.objects.get().error_type == "prerequisite_failed"

    repair(customer, "profile", deliver, refusals)
    assert Session.objects.get().state == State.SYNCED
    assert len(rows(hellotext, "event")) == 1


def test_an_event_of_a_refused_customer_without_a_session_is_given_to_them_later(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PROFILES, when=lambda body: "email" in body)
    customer, other = make_customer(), make_customer()
    for one in (customer, other):
        django_hellotext.track("page.viewed", profile=one, url="https://shop.example/")
    deliver()
    assert set(Event.objects.values_list("state", flat=True)) == {State.DELIVERED}
    before = customers(hellotext)
    assert len(set(before.values())) == 2
    assert {row["first_name"] for row in rows(hellotext, "profile")} == {"Guest"}

    repair(customer, "profile", deliver, refusals)
    assert relink_events(client_from_settings(), using="default") == (1, 0)
    theirs = Event.objects.get(profile_pk=str(customer.pk))
    assert customers(hellotext) == {**before, str(theirs.uuid): row_of(customer, "profile").remote_id}
    assert relink_events(client_from_settings(), using="default") == (0, 0)


def test_an_order_of_nobody_arrives_with_its_event(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order()
    deliver()
    event = Event.objects.get()
    assert (row_of(order, "order").state, event.state) == (State.SYNCED, State.DELIVERED)
    assert kinds_of(event) == {"prerequisite_missing"}
    [profile] = rows(hellotext, "profile")
    assert profile["first_name"] == "Guest"


def test_an_order_that_the_shop_does_not_want_there_makes_nobody(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.testshop.hellotext import OrderAdapter

    order = placed_order()
    monkeypatch.setattr(OrderAdapter, "should_sync", lambda self, obj: False)
    django_hellotext.track("order.confirmed", order)
    deliver()
    assert Event.objects.get().state == State.SKIPPED
    assert rows(hellotext, "profile") == []


def test_a_cart_of_a_refused_customer_is_nobodys_in_particular(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PROFILES, when=lambda body: "email" in body)
    customer = make_customer()
    cart = make_cart(owner=customer)
    make_cart_line(cart=cart)
    deliver()
    assert row_of(cart, "cart").state == State.SYNCED
    repair(customer, "profile", deliver, refusals)
    [there] = rows(hellotext, "cart")
    assert there["profile"] == row_of(customer, "profile").remote_id


# What tells nobody and nothing apart


def test_an_event_of_an_object_without_an_identity_waits_for_it(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.testshop.hellotext import ProductAdapter

    with monkeypatch.context() as patch:
        patch.setattr(ProductAdapter, "reference", "brand.name")
        book = make_product()
        django_hellotext.track("product.viewed", book, profile=make_customer())
        deliver()
        assert row_of(book, "product").error_type == "reference_empty"
        event = Event.objects.get()
        assert (event.state, event.error_type, event.error_parameter) == (
            State.FAILED,
            "prerequisite_failed",
            "product",
        )
        assert f"testshop.product {book.pk}" in event.error_message
    RemoteObject.objects.filter(kind="product").requeue()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert len(rows(hellotext, "event")) == 1


def test_an_abandoned_cart_has_to_be_there(hellotext: Emulator, deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(CARTS)
    cart = make_cart(owner=make_customer())
    make_cart_line(cart=cart)
    django_hellotext.track("cart.abandoned", cart)
    deliver()
    assert Event.objects.get(action="cart.abandoned").error_type == "prerequisite_failed"
    repair(cart, "cart", deliver, refusals)
    assert Event.objects.get(action="cart.abandoned").state == State.DELIVERED


def test_an_event_of_a_refused_variant_names_its_product(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    variant = make_variant(product=make_product(name="Shirt"))
    refusals.refuse(f"{PRODUCTS}/", method="POST")
    django_hellotext.track("product.viewed", variant, profile=make_customer())
    deliver()
    assert row_of(variant, "product_variant").state == State.FAILED
    [event] = rows(hellotext, "event")
    assert event["object"] == {"kind": "product", "id": row_of(variant.product, "product").remote_id}


def test_a_subscription_waits_for_its_profile_and_then_goes_by_itself(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PROFILES, when=lambda body: "email" in body)
    customer = make_customer()
    django_hellotext.subscribe(
        customer, evidence=django_hellotext.Evidence(source="checkout", text="Yes.", at=clock.now())
    )
    deliver()
    assert Event.objects.get().error_type == "prerequisite_failed"
    repair(customer, "profile", deliver, refusals)
    assert Event.objects.get().state == State.DELIVERED


def test_what_is_repaired_while_the_order_is_sent_corrects_it_all_the_same(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker sends the product after the order was read, and before the order's result is written."""
    refusals.refuse(PRODUCTS, when=lambda body: named(body, "Book"))
    book = make_product(name="Book")
    deliver()
    order = make_order(customer=make_customer())
    make_order_line(order=order, product=book)

    def meanwhile(sender: Any, instance: Any, **kwargs: Any) -> None:
        if instance.kind == "product" and instance.host_label != "testshop.product":
            refusals.stop()
            made = client_from_settings().products.create(name="Book", reference=str(book.pk), source="testshop")
            RemoteObject.objects.filter(pk=row_of(book, "product").pk).update(remote_id=made.id, state=State.SYNCED)

    delivered.connect(meanwhile)
    try:
        deliver()
    finally:
        delivered.disconnect(meanwhile)
    assert not MissingObject.objects.exists()
    assert lines(hellotext) == [("Book", Decimal(2), Decimal("12.90"))]
