"""Orders with messy data arrive with the sum that was charged, and say what was adjusted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from bookshop import messy
from bookshop.models import Book, Order
from bookshop.readers import CustomerAdapter
from demo.hellotext_side import HellotextSide
from demo.messy_orders import MessyOrders
from demo.report import messy_orders
from django.contrib.auth.models import User

from django_hellotext.adjustments import AdjustmentKind as Kind
from django_hellotext.adjustments import Adjustments
from django_hellotext.api import HellotextClient
from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator, EmulatorServer, MemoryBackend
from django_hellotext.models import Event, RemoteObject, State
from django_hellotext.testing import assert_conforms
from tests.example.conftest import ACCOUNT, Visitor

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books")]

MARK = "T1"
ORDERS = "/v1/attribution/orders"
KINDS: dict[messy.Maker, set[tuple[str, Kind]]] = {
    messy.deleted_book: {("items.product", Kind.PLACEHOLDER)},
    messy.unpublished_book: {("items.product", Kind.PLACEHOLDER)},
    messy.voucher_as_a_negative_line: {("items", Kind.DISCOUNT_SPREAD)},
    messy.discount_in_no_line: {("items", Kind.DISCOUNT_SPREAD)},
    messy.gift_card_for_everything: {("items", Kind.DISCOUNT_SPREAD)},
    messy.shipping_as_a_line: {("items.product", Kind.PLACEHOLDER)},
    messy.shipping_in_no_line: set(),
    messy.fee_in_no_line: {("items", Kind.FEES_ADDED)},
    messy.three_for_ten: {("items.quantity", Kind.QUANTITY_CHANGED)},
    messy.books_by_the_kilo: {("items.quantity", Kind.QUANTITY_CHANGED)},
    messy.same_book_at_two_prices: {("items", Kind.LINES_MERGED)},
    messy.no_lines: {("items", Kind.PLACEHOLDER)},
    messy.order_of_nobody: {("profile", Kind.PREREQUISITE_MISSING)},
    messy.emoji_and_right_to_left: set(),
    messy.very_long_title: {("name", Kind.SHORTENED)},
    messy.picture_with_a_space: set(),
    messy.phone_in_words: {("phone", Kind.LEFT_OUT)},
    messy.currency_in_small_letters: set(),
    messy.country_as_an_object: set(),
    messy.account_of_an_address: set(),
    messy.second_account_of_that_address: set(),
}


@pytest.fixture
def hellotext(shop: Settings) -> Emulator:
    """An account for the shop."""
    shop.HELLOTEXT = dict(ACCOUNT)
    return Emulator(token="token", business_id="books")


def client_of(emulator: Emulator) -> HellotextClient:
    return HellotextClient(token="token", backend=MemoryBackend(emulator))


def deliver(emulator: Emulator) -> None:
    """Deliver everything, also the events that wait a moment for their order."""
    drain("default", client=client_of(emulator))
    Event.objects.filter(state=State.PENDING).update(next_attempt_at=None)
    drain("default", client=client_of(emulator))


def listed(emulator: Emulator, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(
        iter(client_of(emulator).request("GET", path, params={"limit": 100}).data.values())
    )
    return found


def sum_of(order: dict[str, Any]) -> Decimal:
    return sum((Decimal(item["price"]["amount"]) * item["quantity"] for item in order["items"]), Decimal(0))


def adjusted() -> set[tuple[str, Kind]]:
    """What was adjusted on any row."""
    rows = [*RemoteObject.objects.all(), *Event.objects.all()]
    return {(one.field, Kind(one.kind)) for row in rows for one in Adjustments.from_json(row.adjustments)}


def test_each_messy_order_has_an_expectation() -> None:
    assert set(KINDS) == set(messy.MESSY)


@pytest.mark.parametrize("maker", messy.MESSY, ids=lambda maker: maker.__name__)
def test_a_messy_order_arrives_with_the_sum_that_was_charged(hellotext: Emulator, maker: messy.Maker) -> None:
    order = messy.make(maker, MARK)
    deliver(hellotext)
    [mirrored] = listed(hellotext, ORDERS)
    assert (mirrored["reference"], sum_of(mirrored)) == (order.number, order.total)
    assert Decimal(mirrored["total"]["amount"]) == order.total
    [event] = listed(hellotext, "/v1/attribution/events")
    assert (event["action"]["name"], event["amount"], event["currency"]) == ("order.placed", order.total, "EUR")
    assert event["trackable"]["id"] == mirrored["id"]
    assert event["profile"]
    assert adjusted() == KINDS[maker]
    assert set(Event.objects.values_list("state", flat=True)) == {State.DELIVERED}
    assert not RemoteObject.objects.filter(state=State.FAILED).exists()


@pytest.mark.parametrize(
    ("maker", "metadata"),
    [
        (messy.three_for_ten, {"quantities": {"T1-1": "3.000"}}),
        (messy.books_by_the_kilo, {"quantities": {"T1-1": "0.350"}}),
        (
            messy.voucher_as_a_negative_line,
            {"discount": "5.00", "line_totals": {"LL-009": "15.00", "LL-007": "24.80"}},
        ),
    ],
    ids=["three_for_ten", "books_by_the_kilo", "voucher"],
)
def test_what_the_shop_had_is_in_the_metadata(hellotext: Emulator, maker: messy.Maker, metadata: Any) -> None:
    messy.make(maker, MARK)
    deliver(hellotext)
    sent = next(one.body_json for one in hellotext.log if one.path == ORDERS and one.method == "POST")
    assert sent["metadata"] == metadata


def test_a_sold_book_that_is_not_in_the_shop_is_a_placeholder_with_its_title(hellotext: Emulator) -> None:
    messy.make(messy.unpublished_book, MARK)
    deliver(hellotext)
    products = listed(hellotext, "/v1/attribution/products")
    assert [(product["name"], product["tags"]) for product in products] == [("Signed copy", ["placeholder"])]


def test_a_picture_is_encoded_once(hellotext: Emulator) -> None:
    messy.make(messy.picture_with_a_space, MARK)
    deliver(hellotext)
    [product] = listed(hellotext, "/v1/attribution/products")
    assert product["image_url"] == "https://pictures.example/Sand%C3%ADa%20roja.png?w=400&h=600"


def test_a_country_is_sent_as_its_code() -> None:
    """The shop's own settings register the adapter; here the users are those of the whole test project."""
    order = messy.make(messy.country_as_an_object, MARK)
    address = CustomerAdapter(User).payload(order.customer)["address"]
    assert (address["street"], address["city"], address["country"]) == (
        {"name": "18 de Julio 1234"},
        "Montevideo",
        "UY",
    )


def test_two_accounts_of_one_address_are_one_customer_with_both_orders(hellotext: Emulator) -> None:
    for maker in (messy.account_of_an_address, messy.second_account_of_that_address):
        messy.make(maker, MARK)
    deliver(hellotext)
    [profile] = listed(hellotext, "/v1/profiles")
    events = listed(hellotext, "/v1/attribution/events")
    assert {event["profile"] for event in events} == {profile["id"]}
    assert sorted(event["amount"] for event in events) == [Decimal("12.40"), Decimal("15.00")]


def test_a_book_that_is_deleted_later_stays_on_the_order(hellotext: Emulator, visitor: Visitor) -> None:
    visitor.add("walden", quantity=2)
    order = visitor.check_out()
    deliver(hellotext)
    Book.objects.get(slug="walden").delete()
    order.refresh_from_db()
    order.move_to(Order.Status.PAID)
    order.save()
    deliver(hellotext)
    [mirrored] = listed(hellotext, ORDERS)
    assert sum_of(mirrored) == order.total == Decimal("30.00")
    assert "Walden" in visitor.get(order.get_absolute_url()).text


@pytest.mark.parametrize("maker", messy.MESSY, ids=lambda maker: maker.__name__)
def test_a_messy_order_has_a_page(visitor: Visitor, maker: messy.Maker) -> None:
    order = messy.make(maker, MARK)
    if order.customer is not None:
        visitor.force_login(order.customer)
        assert order.number in visitor.get("/account/").text
    assert f"{order.total} " in visitor.get(order.get_absolute_url()).text


def test_messy_orders_conform(hellotext: Emulator) -> None:
    assert_conforms(*[messy.make(maker, MARK) for maker in messy.MESSY])


@pytest.fixture
def delivered(hellotext: Emulator) -> Iterator[MessyOrders]:
    """The demo's part about messy orders, with everything delivered and not compared yet."""
    with EmulatorServer(hellotext) as server:
        orders = MessyOrders(hellotext=HellotextSide(server.url, token="token"))
        assert orders.arrive(seconds=60, meanwhile=lambda: deliver(hellotext))
        yield orders


def test_the_demo_finds_all_of_them_delivered(delivered: MessyOrders) -> None:
    orders = delivered.verify()
    assert (delivered.verdict.complaints, len(orders)) == ([], len(messy.MESSY))
    number = len(messy.MESSY)
    assert delivered.verdict.line == f"{number} events recorded, {number} delivered, 0 failed, 0 duplicated"
    shown = messy_orders(orders)
    assert "Three for ten" in shown
    assert "items.quantity:" in shown


def test_the_demo_complains_about_a_cent(hellotext: Emulator, delivered: MessyOrders) -> None:
    [order] = [one for one in listed(hellotext, ORDERS) if sum_of(one) == Decimal("2.45")]
    path = f"{ORDERS}/{order['id']}/items/{order['items'][0]['id']}"
    client_of(hellotext).request("PATCH", path, json={"price": {"amount": "2.46", "currency": "EUR"}})
    orders = delivered.verify()
    assert delivered.verdict.complaints == ["Books by the kilo: Its lines come to 2.46 instead of 2.45."]
    assert "✗ 2.46" in messy_orders(orders)


def test_the_demo_complains_about_an_order_that_did_not_arrive(delivered: MessyOrders) -> None:
    order = Order.objects.get(total=Decimal("2.45"))
    RemoteObject.objects.filter(host_label="bookshop.order", host_pk=str(order.pk), kind="order").update(
        state=State.FAILED, remote_id=""
    )
    Event.objects.filter(object_label="bookshop.order", object_pk=str(order.pk)).update(state=State.FAILED)
    orders = delivered.verify()
    assert "Books by the kilo: The order is failed in the shop." in delivered.verdict.complaints
    assert "✗ missing" in messy_orders(orders)
