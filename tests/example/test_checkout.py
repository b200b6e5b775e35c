"""From a cart to an order."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from bookshop.models import Book, Cart, Order
from django.contrib.auth.models import User

from tests.example.conftest import ADDRESS, BUYER, Visitor

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_edition_is_bought_at_its_own_price(visitor: Visitor) -> None:
    visitor.post("/cart/add/moby-dick/", {"quantity": 2, "edition": "LL-001-P"})
    order = visitor.check_out()
    line = order.lines.get()
    assert (line.title, str(line.article), order.total) == (
        "Moby-Dick, Paperback",
        "Moby-Dick, Paperback",
        Decimal("21.80"),
    )
    assert "Moby-Dick, Paperback" in visitor.get(order.get_absolute_url()).text


def test_a_customer_buys(visitor: Visitor) -> None:
    visitor.add("walden", quantity=2)
    visitor.add("dracula")
    visitor.register()
    order = visitor.check_out()
    assert order.customer == User.objects.get(email="ada@example.com")
    assert order.status == Order.Status.PLACED
    assert [(line.title, line.sku, line.pieces, line.unit_price, line.total) for line in order.lines.all()] == [
        ("Walden", "LL-009", "2", Decimal("15.00"), Decimal("30.00")),
        ("Dracula", "LL-007", "1", Decimal("12.40"), Decimal("12.40")),
    ]
    assert (order.total, order.currency) == (Decimal("42.40"), "EUR")


def test_a_guest_buys(visitor: Visitor) -> None:
    visitor.add("walden")
    order = visitor.check_out(email="guest@example.com", phone="+4930901820")
    assert order.customer is None
    assert (order.email, order.phone, order.name) == ("guest@example.com", "+4930901820", "Ada Byron")


def test_the_form_knows_a_customer(visitor: Visitor) -> None:
    visitor.register()
    visitor.add("walden")
    visitor.check_out()
    visitor.add("dracula")
    form = visitor.get("/checkout/").context["form"]
    assert form["email"].value() == "ada@example.com"
    assert form["city"].value() == "Berlin"


def test_the_cart_is_closed_by_the_order(visitor: Visitor) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    cart = Cart.objects.get()
    assert order.cart == cart
    assert cart.ordered_at == order.placed_at
    assert visitor.get("/cart/").context["cart"] is None
    visitor.add("dracula")
    assert Cart.objects.count() == 2


def test_a_second_click_makes_no_second_order(visitor: Visitor) -> None:
    visitor.add("walden")
    session = dict(visitor.session)
    visitor.check_out()
    stored = visitor.session
    stored.update(session)
    stored.save()
    answer = visitor.post("/checkout/", {**BUYER, **ADDRESS, "delivery": "deliver"})
    assert answer.headers["Location"] == "/cart/"
    assert Order.objects.count() == 1


@pytest.mark.parametrize("emptied", [False, True])
def test_an_empty_cart_cannot_be_bought(visitor: Visitor, emptied: bool) -> None:
    if emptied:
        visitor.add("walden")
        visitor.post("/cart/remove/walden/")
    answer = visitor.post("/checkout/", {**BUYER, **ADDRESS, "delivery": "deliver"})
    assert answer.headers["Location"] == "/cart/"
    assert not Order.objects.exists()


def test_books_are_not_sent_without_an_address(visitor: Visitor) -> None:
    visitor.add("walden")
    page = visitor.post("/checkout/", {**BUYER, "delivery": "deliver"})
    assert page.status_code == 200
    assert set(page.context["form"].errors) == {"street", "postcode", "city", "country"}
    assert not Order.objects.exists()


def test_books_that_are_collected_need_no_address(visitor: Visitor) -> None:
    visitor.add("walden")
    visitor.post("/checkout/", {**BUYER, "delivery": "collect"})
    assert Order.objects.get().delivery == Order.Delivery.COLLECT


@pytest.mark.parametrize("phone", ["0301234567", "+0301234567", "call me", "+49 30 901820"])
def test_a_phone_without_its_country_is_asked_for_again(visitor: Visitor, phone: str) -> None:
    visitor.add("walden")
    page = visitor.post("/checkout/", {**BUYER, **ADDRESS, "delivery": "deliver", "phone": phone})
    assert "phone" in page.context["form"].errors


def test_a_buyer_cannot_choose_status_or_price(visitor: Visitor) -> None:
    visitor.add("walden")
    order = visitor.check_out(status="delivered", unit_price="0.01", currency="JPY")
    assert (order.status, order.total, order.currency) == ("placed", Decimal("15.00"), "EUR")


def test_what_was_charged_stays_when_the_price_changes(visitor: Visitor) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    Book.objects.filter(slug="walden").update(price=Decimal("99.00"))
    assert Order.objects.get(pk=order.pk).total == Decimal("15.00")


def test_a_guest_finds_the_order_by_its_address(visitor: Visitor, client: Client) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    assert order.number in client.get(order.get_absolute_url()).text
    assert client.get(f"/orders/{order.number}/").status_code == 404
    assert len(order.token) >= 32


def test_a_customers_order_is_for_the_customer_and_for_staff(visitor: Visitor, client: Client) -> None:
    visitor.add("walden")
    visitor.register()
    path = visitor.check_out().get_absolute_url()
    assert visitor.get(path).status_code == 200
    assert client.get(path).headers["Location"].startswith("/account/login/")
    stranger = Visitor()
    stranger.register(email="stranger@example.com")
    assert stranger.get(path).status_code == 404
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(path).status_code == 200
