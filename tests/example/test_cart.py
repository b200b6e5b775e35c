"""The cart of a visitor."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from bookshop.models import Cart

from tests.example.conftest import Visitor

if TYPE_CHECKING:
    from bookshop.models import Book

pytestmark = pytest.mark.django_db


def contents(cart: Cart) -> dict[str, int]:
    return {line.book.slug: line.quantity for line in cart.lines.all()}


def test_looking_around_makes_no_cart(visitor: Visitor) -> None:
    visitor.get("/")
    visitor.get("/books/walden/")
    visitor.get("/cart/")
    assert not Cart.objects.exists()


def test_a_book_that_is_added_twice_is_one_line_of_two(visitor: Visitor) -> None:
    visitor.add("walden")
    visitor.add("walden")
    cart = Cart.objects.get()
    assert contents(cart) == {"walden": 2}
    assert cart.total == Decimal("30.00")


def test_the_cart_page_shows_lines_and_total(visitor: Visitor) -> None:
    visitor.add("walden", quantity=2)
    visitor.add("dracula")
    page = visitor.get("/cart/").text
    assert "30.00 EUR" in page
    assert "42.40 EUR" in page


def test_an_edition_is_a_line_of_its_own_at_its_own_price(visitor: Visitor) -> None:
    visitor.add("moby-dick")
    visitor.post("/cart/add/moby-dick/", {"quantity": 2, "edition": "LL-001-P"})
    cart = Cart.objects.get()
    assert {str(line.article): (line.quantity, line.total) for line in cart.lines.all()} == {
        "Moby-Dick": (1, Decimal("18.50")),
        "Moby-Dick, Paperback": (2, Decimal("21.80")),
    }
    assert "Paperback, 10.90 EUR each" in visitor.get("/cart/").text
    visitor.post("/cart/set/moby-dick/", {"quantity": 3, "edition": "LL-001-P"})
    visitor.post("/cart/remove/moby-dick/")
    assert [(line.sku, line.quantity) for line in cart.lines.all()] == [("LL-001-P", 3)]


@pytest.mark.parametrize("sku", ["LL-002-P", "LL-001", "\x00", "nonsense"])
def test_an_edition_that_the_book_does_not_have_is_not_sold(visitor: Visitor, sku: str) -> None:
    visitor.post("/cart/add/moby-dick/", {"quantity": 1, "edition": sku})
    assert not any(line.edition for cart in Cart.objects.all() for line in cart.lines.all())


def test_the_number_of_copies_can_be_changed(visitor: Visitor) -> None:
    visitor.add("walden", quantity=2)
    visitor.post("/cart/set/walden/", {"quantity": 5})
    assert contents(Cart.objects.get()) == {"walden": 5}
    visitor.post("/cart/set/walden/", {"quantity": 0})
    assert contents(Cart.objects.get()) == {}


def test_a_book_can_be_taken_out(visitor: Visitor) -> None:
    visitor.add("walden")
    visitor.add("dracula")
    visitor.post("/cart/remove/walden/")
    assert contents(Cart.objects.get()) == {"dracula": 1}


def test_there_is_a_limit_to_the_copies_of_one_book(visitor: Visitor) -> None:
    visitor.add("walden", quantity=19)
    visitor.add("walden", quantity=19)
    assert contents(Cart.objects.get()) == {"walden": 20}


@pytest.mark.parametrize("quantity", ["", "-1", "0.5", "many", "99999999999999999999"])
def test_a_number_that_is_none_is_refused_in_words(visitor: Visitor, quantity: str) -> None:
    page = visitor.post("/cart/add/walden/", {"quantity": quantity}, follow=True)
    assert "Please choose between 1 and 20 copies." in page.text
    assert not Cart.objects.exists()


@pytest.mark.parametrize("path", ["/cart/add/walden/", "/cart/set/walden/", "/cart/remove/walden/"])
def test_a_link_cannot_change_the_cart(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 405


@pytest.mark.parametrize("path", ["/cart/set/walden/", "/cart/remove/walden/"])
def test_changing_a_cart_that_is_not_there_does_no_harm(visitor: Visitor, path: str) -> None:
    assert visitor.post(path, {"quantity": 1}).status_code == 302
    assert not Cart.objects.exists()


def test_another_site_cannot_fill_the_cart(books: dict[str, Book]) -> None:
    strict = Visitor(enforce_csrf_checks=True)
    assert strict.post("/cart/add/walden/", {"quantity": 1}).status_code == 403


def test_two_visitors_have_two_carts(visitor: Visitor) -> None:
    other = Visitor()
    visitor.add("walden")
    other.add("dracula")
    assert [contents(cart) for cart in Cart.objects.order_by("pk")] == [{"walden": 1}, {"dracula": 1}]


def test_the_cart_comes_along_when_somebody_registers(visitor: Visitor) -> None:
    visitor.add("walden")
    visitor.register()
    cart = Cart.objects.get()
    assert cart.customer is not None
    assert cart.customer.email == "ada@example.com"
    assert visitor.get("/cart/").context["cart"] == cart


def test_a_cart_left_open_is_there_again_after_the_next_login(visitor: Visitor) -> None:
    visitor.register()
    visitor.add("walden")
    visitor.post("/account/logout/")
    assert visitor.get("/cart/").context["cart"] is None
    elsewhere = Visitor()
    elsewhere.post("/account/login/", {"username": "Ada@Example.com", "password": "correct-horse-9"})
    assert contents(elsewhere.get("/cart/").context["cart"]) == {"walden": 1}
