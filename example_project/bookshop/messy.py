"""Orders as real shops have them: one function for each, named by what is wrong with it.

Each is charged correctly, and each arrives at Hellotext with that sum. The demo makes them and lists what had to be
adjusted; try one in ``manage.py shell``: ``messy.make(messy.three_for_ten, "TRY1")``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bookshop.models import Book, Order, OrderLine, Reader

LONG_TITLE = (
    "The Life and Strange Surprizing Adventures of Robinson Crusoe, of York, Mariner: Who lived Eight and Twenty "
    "Years, all alone in an un-inhabited Island on the Coast of America, near the Mouth of the Great River of "
    "Oroonoque; Having been cast on Shore by Shipwreck, wherein all the Men perished but himself. With An Account "
    "how he was at last as strangely deliver'd by Pyrates"
)

Maker = Callable[[str], Order]


def make(maker: Maker, mark: str) -> Order:
    """Make one order. ``mark`` is part of its SKUs and addresses, and must be new each time."""
    with transaction.atomic():
        return maker(mark)


def deleted_book(mark: str) -> Order:
    """Sell a book that is deleted afterwards. Its line keeps the SKU and the title."""
    book = _book(mark, title="Out of print", price="12.00")
    order = _order(mark, _line(book, total="24.00", quantity="2"))
    book.delete()
    return order


def unpublished_book(mark: str) -> Order:
    """Sell a book at the counter that is not in the shop."""
    return _order(mark, _line(_book(mark, title="Signed copy", price="40.00", is_published=False)))


def voucher_as_a_negative_line(mark: str) -> Order:
    """Redeem a voucher as a line of its own, below 0."""
    voucher = OrderLine(sku="VOUCHER", title="Voucher", unit_price=Decimal("-5.00"), total=Decimal("-5.00"))
    return _order(mark, _line(_walden()), _line(_dracula(), total="24.80", quantity="2"), voucher)


def discount_in_no_line(mark: str) -> Order:
    """Take something off the total that no line shows."""
    return _order(mark, _line(_walden()), _line(_dracula()), total="25.55")


def gift_card_for_everything(mark: str) -> Order:
    """Pay the whole order with a gift card."""
    card = OrderLine(sku="GIFTCARD", title="Gift card", unit_price=Decimal("-15.00"), total=Decimal("-15.00"))
    return _order(mark, _line(_walden()), card)


def shipping_as_a_line(mark: str) -> Order:
    """Charge shipping as a line without a product."""
    shipping = OrderLine(unit_price=Decimal("4.90"), total=Decimal("4.90"))
    return _order(mark, _line(_walden()), shipping)


def shipping_in_no_line(mark: str) -> Order:
    """Charge shipping as an amount of the order."""
    return _order(mark, _line(_walden()), shipping=Decimal("4.90"), total="19.90")


def fee_in_no_line(mark: str) -> Order:
    """Charge gift wrap that neither a line nor the shipping shows."""
    return _order(mark, _line(_walden()), total="17.50")


def three_for_ten(mark: str) -> Order:
    """Sell three for 10.00: no price of one copy makes that sum."""
    return _order(mark, _line(_book(mark, title="Bargain", price="3.99"), total="10.00", quantity="3"))


def books_by_the_kilo(mark: str) -> Order:
    """Sell old books by their weight."""
    return _order(mark, _line(_book(mark, title="Old books, per kilo", price="7.00"), total="2.45", quantity="0.350"))


def same_book_at_two_prices(mark: str) -> Order:
    """Sell the second copy at half the price, on a line of its own."""
    book = _book(mark, title="Second copy half price", price="14.00")
    return _order(mark, _line(book), _line(book, total="7.00"))


def no_lines(mark: str) -> Order:
    """Take over an order of which an old system kept the total alone."""
    return _order(mark, total="31.20")


def order_of_nobody(mark: str) -> Order:
    """Sell at the counter, without any contact."""
    return _order(mark, _line(_walden()), first_name="", last_name="", email="")


def emoji_and_right_to_left(mark: str) -> Order:
    """Sell a book with an Arabic title to a buyer with emoji and Hebrew in the name."""
    book = _book(mark, title="أليس في بلاد العجائب", price="11.00", author="لويس كارول")
    return _order(mark, _line(book), first_name="Zoë 📚🌵", last_name="בן־דוד")


def very_long_title(mark: str) -> Order:
    """Sell a book with the full title of 1719."""
    return _order(mark, _line(_book(mark, title=LONG_TITLE, price="18.00")))


def picture_with_a_space(mark: str) -> Order:
    """Sell a book whose picture has an address with a space, an accent and an HTML entity."""
    photo = "https://pictures.example/Sandía roja.png?w=400&amp;h=600"
    return _order(mark, _line(_book(mark, title="Sandía roja", price="9.00", photo=photo)))


def phone_in_words(mark: str) -> Order:
    """Take an order whose phone number is a note to the courier."""
    return _order(mark, _line(_walden()), phone="ask the neighbours")


def currency_in_small_letters(mark: str) -> Order:
    """Take over an order whose currency is in small letters."""
    return _order(mark, _line(_walden()), currency="eur")


def country_as_an_object(mark: str) -> Order:
    """Sell to a customer whose country is an object, not a text."""
    user = _customer(f"country.{mark}@example.com", mark=mark)
    Reader.objects.create(user=user, street="18 de Julio 1234", city="Montevideo", country="UY")
    return _order(mark, _line(_walden()), customer=user, email=user.email)


def account_of_an_address(mark: str) -> Order:
    """Sell to the first of two accounts whose e-mail addresses differ by case."""
    user = _customer(f"vera.{mark}@example.com".lower(), mark=mark)
    return _order(mark, _line(_walden()), customer=user, email=user.email)


def second_account_of_that_address(mark: str) -> Order:
    """Sell to the second of those accounts. Both orders belong to one customer at Hellotext."""
    user = _customer(f"VERA.{mark}@Example.com".upper(), mark=mark)
    return _order(mark, _line(_dracula()), customer=user, email=user.email)


MESSY: tuple[Maker, ...] = (
    deleted_book,
    unpublished_book,
    voucher_as_a_negative_line,
    discount_in_no_line,
    gift_card_for_everything,
    shipping_as_a_line,
    shipping_in_no_line,
    fee_in_no_line,
    three_for_ten,
    books_by_the_kilo,
    same_book_at_two_prices,
    no_lines,
    order_of_nobody,
    emoji_and_right_to_left,
    very_long_title,
    picture_with_a_space,
    phone_in_words,
    currency_in_small_letters,
    country_as_an_object,
    account_of_an_address,
    second_account_of_that_address,
)


def _walden() -> Book:
    return Book.objects.get(slug="walden")


def _dracula() -> Book:
    return Book.objects.get(slug="dracula")


def _book(mark: str, *, title: str, price: str, **more: Any) -> Book:
    number = Book.objects.filter(sku__startswith=f"{mark}-").count() + 1
    given: dict[str, Any] = {
        "author": "Anonymous",
        "subject": Book.Subject.WONDER,
        "year": 1900,
        "pages": 100,
        "cover": _walden().cover,
        **more,
    }
    return Book.objects.create(
        sku=f"{mark}-{number}", slug=f"{mark}-{number}".lower(), title=title, price=Decimal(price), **given
    )


def _customer(email: str, *, mark: str) -> User:
    return User.objects.create(username=email, email=email, first_name="Vera", last_name=f"Núñez {mark}")


def _line(book: Book, *, total: str = "", quantity: str = "1") -> OrderLine:
    """Return a line of ``book`` that is not saved; without a ``total``, at the book's price."""
    price = Decimal(book.price)
    return OrderLine(
        book=book,
        sku=book.sku,
        title=book.title,
        quantity=Decimal(quantity),
        unit_price=price,
        total=Decimal(total) if total else price,
    )


def _order(mark: str, *lines: OrderLine, total: str = "", **more: Any) -> Order:
    """Save an order with its ``lines``; without a ``total``, it is their sum. By default a guest has placed it."""
    order = Order(first_name="Paz", last_name="Quiroga", status=Order.Status.PLACED)
    order.email = f"{order.number}@example.com".lower()
    order.total = Decimal(total) if total else sum((line.total for line in lines), start=Decimal("0.00"))
    for name, value in more.items():
        setattr(order, name, value)
    order.save()
    for line in lines:
        line.order = order
        line.save()
    return order
