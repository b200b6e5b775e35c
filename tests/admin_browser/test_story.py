"""A new operator, with the admin alone: why three orders did not arrive as they should, and the one that can be helped.

Nobody has a consent to send of the first, the price of the second is in no currency that there is, and the third was
placed at a browser whose session is another customer's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bookshop.models import Book, Order
from django.contrib.auth.models import User
from django.db import transaction

from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, Session, State
from tests.example.conftest import Visitor

from .conftest import Operator

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("the admin in a browser"),
    pytest.mark.timeout(300),
]

EVENTS, ORDERS = "/v1/attribution/events", "/v1/attribution/orders"


def consent(request: Any, purpose: str, subject: Any) -> bool | None:
    """Nora has objected to all that is told of her."""
    return False if getattr(subject, "email", "") == "nora@example.com" and purpose == "transact" else None


def buys(name: str, book: str, *, session: str = "") -> tuple[Visitor, Order]:
    """Come in, make an account, buy a book."""
    visitor = Visitor()
    visitor.cookies["cookies"] = "yes"
    visitor.get("/", {"hello_session": session} if session else {})
    email = f"{name}@example.com"
    visitor.register(email=email)
    visitor.add(book)
    return visitor, visitor.check_out(email=email)


def imports(name: str, book: str, *, currency: str) -> Order:
    """Take over an order from another shop, as that one left it."""
    user = User.objects.create(username=name, email=f"{name}@example.com")
    sold = Book.objects.get(slug=book)
    with transaction.atomic():
        buyer = {"customer": user, "email": user.email, "first_name": name, "last_name": "Byron"}
        order = Order.objects.create(**buyer, currency=currency, total=sold.price)
        price = {"unit_price": sold.price, "total": sold.price}
        order.lines.create(book=sold, sku=sold.sku, title=sold.title, **price)
    return order


def placed_at_hellotext(hellotext: Emulator) -> int:
    """How many orders Hellotext was told of as placed."""
    sent = [one.body_json or {} for one in hellotext.log if one.path == EVENTS and one.accepted]
    return sum(body.get("action") == "order.placed" for body in sent)


@pytest.fixture
def orders(shop: Any, settings: Any, hellotext: Emulator, deliver: Callable[[], Report]) -> dict[str, Order]:
    """The three orders that customers call about, a day after, and one that nobody calls about."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": consent}
    _, of_nora = buys("nora", "walden")
    of_paul = imports("paul", "dracula", currency="€")
    browser, of_ada = buys("ada", "emma", session="of-ada")
    deliver()
    browser.post("/account/logout/")
    _, of_grace = buys("grace", "kim", session="of-ada")
    deliver()
    assert placed_at_hellotext(hellotext) == 2
    return {"nora": of_nora, "paul": of_paul, "ada": of_ada, "grace": of_grace}


def test_an_operator_finds_why_three_orders_did_not_arrive_and_repairs_one(
    operator: Operator, orders: dict[str, Order], hellotext: Emulator, deliver: Callable[[], Report]
) -> None:
    # The shop's own list of orders: one of four is marked.
    operator.go("/admin/bookshop/order/")
    operator.shoot("story-1-orders")
    marked = operator.page.locator("tr:has(.hellotext-state-bad)")
    assert marked.count() == 1
    assert orders["paul"].number in marked.inner_text()

    # Why did the first not arrive? Its customer does not want it.
    operator.follow(orders["nora"].number)
    operator.shoot("story-2-no-consent")
    assert "It is not sent: consent was refused." in operator.text()
    assert "Your consent hook refuses “transact” for it now." in operator.text()

    # The third has arrived, without the visit that led to it: the browser's session is Ada's for good.
    operator.go("/admin/bookshop/order/")
    operator.follow(orders["grace"].number)
    operator.shoot("story-3-conflict")
    assert "Hellotext received it at" in operator.text()
    assert "its session belongs to another customer at Hellotext" in operator.text()
    operator.go("/admin/django_hellotext/dashboard/")
    operator.shoot("story-3-dashboard")
    operator.follow("session conflicts: 1, nothing to do")
    operator.shoot("story-3-sessions")
    operator.act("Release a session conflict", Session.objects.get(state=State.FAILED).pk)
    assert "Hellotext gives a session to one profile for good" in operator.text()
    operator.press("Yes, do it")
    assert "there was nothing to do for these rows" in operator.page.inner_text(".messagelist")

    # The second was refused for its price, and says what to do: correct it, save it, send again what waited for it.
    operator.go("/admin/bookshop/order/")
    operator.follow(orders["paul"].number)
    operator.shoot("story-4-price")
    assert "currency_invalid" in operator.text()
    assert (
        "Correct the currency that the message names and save the object, then send its events again."
        in operator.text()
    )
    operator.page.fill("input[name=currency]", "EUR")
    operator.press("Save")
    deliver()
    operator.go("/admin/django_hellotext/event/?state=problems")
    operator.act("Send again (refused and skipped rows)", Event.objects.get(state=State.FAILED).pk)
    operator.shoot("story-5-confirm")
    operator.press("Yes, do it")
    deliver()

    operator.go("/admin/bookshop/order/")
    operator.follow(orders["paul"].number)
    operator.shoot("story-6-repaired")
    assert "Hellotext received it at" in operator.text()
    assert placed_at_hellotext(hellotext) == 3
    mirror = RemoteObject.objects.get(kind="order", host_pk=str(orders["paul"].pk))
    assert mirror.state == State.SYNCED
