"""A value that Hellotext rejects costs neither the row nor what refers to it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import django_hellotext
from django_hellotext.adjustments import Adjustment, Adjustments
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_customer, make_order, make_order_line, make_product, make_voucher, placed_order
from tests.refusals import Body, Refusals
from tests.testshop.hellotext import ProductAdapter
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
PROFILES = "/v1/profiles"
PRODUCTS = "/v1/attribution/products"
ORDERS = "/v1/attribution/orders"
EVENTS = "/v1/attribution/events"


def only(hellotext: Emulator, table: str) -> dict[str, Any]:
    [found] = hellotext.world.store[table].rows.values()
    return dict(found)


def made(row: RemoteObject | Event) -> list[tuple[str, str]]:
    return [(one.field, one.kind) for one in Adjustments.from_json(row.adjustments)]


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products have an image; its address says which."""
    monkeypatch.setattr(
        ProductAdapter, "get_image_url", lambda self, obj: f"https://cdn.example/{obj.slug}.png", raising=False
    )


@pytest.mark.usefixtures("image")
def test_a_product_goes_without_the_image_that_was_rejected_and_it_is_not_tried_again(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, parameter="image_url", when=lambda body: "broken" in body.get("image_url", ""))
    product = make_product(name="Book", slug="broken")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, made(row)) == (State.SYNCED, [("image_url", "rejected_by_hellotext")])
    [adjustment] = Adjustments.from_json(row.adjustments)
    assert adjustment == Adjustment(
        "image_url", "rejected_by_hellotext", "Hellotext: It cannot be taken.", "https://cdn.example/broken.png"
    )

    product.name = "Novel"
    product.save()
    deliver()
    assert (only(hellotext, "product")["name"], refusals.asked) == ("Novel", 1)
    assert made(RemoteObject.objects.get()) == [("image_url", "rejected_by_hellotext")]

    product.slug = "fine"
    product.save()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.adjustments, refusals.asked) == (State.SYNCED, None, 1)
    assert only(hellotext, "product")["image_url"]


@pytest.mark.usefixtures("image")
def test_what_is_unchanged_is_not_sent_again_without_what_was_rejected(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, parameter="image_url", when=lambda body: "image_url" in body)
    product = make_product(slug="broken")
    deliver()
    before = len(hellotext.log)
    product.save()
    assert deliver().unchanged == 1
    assert len(hellotext.log) == before


def test_a_product_whose_name_is_rejected_has_that_of_its_sku(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PRODUCTS, parameter="name", when=lambda body: body.get("name") == "Book")
    make_product(name="Book", sku="B-1")
    deliver()
    assert only(hellotext, "product")["name"] == "B-1"
    assert made(RemoteObject.objects.get()) == [("name", "rejected_by_hellotext")]


def test_several_rejected_values_go_one_after_another(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    for name in ("url", "sku", "price"):

        def holds(body: Body, name: str = name) -> bool:
            return name in body

        refusals.refuse(PRODUCTS, parameter=name, when=holds)
    make_product(name="Book", sku="B-1", slug="book")
    deliver()
    row = RemoteObject.objects.get()
    assert row.state == State.SYNCED
    assert {field for field, _ in made(row)} >= {"sku", "price"}


@pytest.mark.parametrize("parameter", ["reference", "source", ""])
def test_what_tells_a_product_apart_is_never_left_out(deliver: Deliver, refusals: Refusals, parameter: str) -> None:
    refusals.refuse(PRODUCTS, parameter=parameter)
    make_product()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.error_status, row.error_parameter) == (State.FAILED, 422, parameter)
    assert refusals.asked == 1


def test_a_customer_goes_without_the_email_that_was_rejected(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(PROFILES, parameter="email", when=lambda body: "email" in body)
    customer = make_customer(first_name="José", email="jose@ejemplo.com")
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    deliver()
    assert only(hellotext, "profile")["first_name"] == "José"
    row = RemoteObject.objects.get()
    assert (row.state, made(row)) == (State.SYNCED, [("email", "rejected_by_hellotext")])
    assert "jose" not in str(row.adjustments)
    assert Event.objects.get().state == State.DELIVERED


def test_a_coupon_without_its_code_is_none(deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse("/v1/coupons", parameter="code")
    make_voucher()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.error_parameter) == (State.FAILED, "code")


# Orders


def test_a_product_that_is_rejected_on_a_line_is_sold_as_a_placeholder(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    order = make_order(customer=make_customer(), status=Order.Status.PLACED, total=Decimal("28.80"))
    make_order_line(order=order, product=make_product(name="Map"), quantity=1, unit_price=Decimal("3.00"))
    make_order_line(order=order, product=make_product(name="Book"))

    def is_book(body: Body) -> bool:
        names = hellotext.world.store["product"].rows
        return any(names[line["product"]]["name"] == "Book" for line in body.get("items", []))

    refusals.refuse(ORDERS, parameter="items[1][product]", type="not_found", when=is_book)
    deliver()
    RemoteObject.objects.all().send_now()
    Event.objects.all().send_now()
    deliver()
    there, names = only(hellotext, "order"), hellotext.world.store["product"].rows
    assert [(names[line["product"]]["name"], line["quantity"]) for line in there["items"]] == [
        ("Map", 1),
        ("Product no longer sold", 2),
    ]
    row = RemoteObject.objects.get(kind="order")
    assert made(row) == [("items.product", "placeholder")]
    assert (Event.objects.get().state, refusals.asked) == (State.DELIVERED, 1)


def test_a_rejected_price_is_money_and_fails_the_order(deliver: Deliver, refusals: Refusals) -> None:
    refusals.refuse(ORDERS, parameter="items[0][price]")
    placed_order(customer=make_customer())
    deliver()
    row = RemoteObject.objects.get(kind="order")
    assert (row.state, row.error_parameter) == (State.FAILED, "items[0][price]")


def test_an_order_goes_without_its_rejected_metadata_and_with_the_usual_delivery(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.testshop.hellotext import OrderAdapter

    monkeypatch.setattr(OrderAdapter, "get_metadata", lambda self, obj: {"gift": "yes"}, raising=False)
    monkeypatch.setattr(OrderAdapter, "get_delivery", lambda self, obj: "collect", raising=False)
    refusals.refuse(ORDERS, parameter="metadata", when=lambda body: "metadata" in body)
    refusals.refuse(ORDERS, parameter="delivery", when=lambda body: body.get("delivery") != "deliver")
    placed_order(customer=make_customer())
    deliver()
    row = RemoteObject.objects.get(kind="order")
    assert row.state == State.SYNCED
    assert set(made(row)) == {("metadata", "rejected_by_hellotext"), ("delivery", "rejected_by_hellotext")}
    assert only(hellotext, "order")["delivery"] == "deliver"


# Events


def test_an_event_goes_without_its_rejected_metadata_but_with_our_uuid(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(EVENTS, parameter="metadata", when=lambda body: "colour" in body["metadata"])
    django_hellotext.track(
        "page.viewed", profile=make_customer(), url="https://shop.example/", metadata={"colour": "red"}
    )
    deliver()
    event = Event.objects.get()
    assert (event.state, made(event)) == (State.DELIVERED, [("metadata", "rejected_by_hellotext")])
    assert only(hellotext, "event")["metadata"] == {"hellotext_uuid": str(event.uuid)}


def test_an_event_goes_without_its_rejected_url_unless_that_is_what_it_tells(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    refusals.refuse(EVENTS, parameter="url", when=lambda body: "url" in body)
    customer = make_customer()
    django_hellotext.track("product.viewed", make_product(), profile=customer, url="https://shop.example/a")
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/b")
    deliver()
    states = dict(Event.objects.values_list("action", "state"))
    assert states == {"product.viewed": State.DELIVERED, "page.viewed": State.FAILED}


@pytest.mark.parametrize("parameter", ["amount", "currency", "profile", "action", "object"])
def test_who_did_what_to_which_object_and_for_how_much_is_never_left_out(
    deliver: Deliver, refusals: Refusals, parameter: str
) -> None:
    refusals.refuse(EVENTS, parameter=parameter)
    placed_order(customer=make_customer())
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_parameter, refusals.asked) == (State.FAILED, parameter, 1)
