"""The demo counts what arrived at a Hellotext over HTTP, and notices what came twice or from somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests
from bookshop.models import Cart
from demo.browser import Browser, HellotextJs
from demo.hellotext_side import EVENTS, HellotextSide
from demo.shop_side import ShopSide
from demo.sightings import Sighting
from demo.story import Customer, Expected
from demo.verification import verify

from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator, EmulatorServer
from tests.example.conftest import Visitor

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SESSION = "visitor-session"
ADA = Customer("Ada", "Lindqvist", "")


@pytest.fixture
def server(shop: Settings) -> Iterator[EmulatorServer]:
    """A Hellotext on this machine, which the shop sends to."""
    emulator = Emulator(token="token", business_id="books", known_sessions=(SESSION,))
    with EmulatorServer(emulator) as server:
        shop.HELLOTEXT = {
            "BUSINESS_ID": "books",
            "API_TOKEN": "token",
            "ENVIRONMENT": "test",
            "SOURCE": "bookshop",
            "CURRENCY": "EUR",
            "BASE_URL": server.url,
        }
        yield server


@pytest.fixture
def shop_side(server: EmulatorServer, visitor: Visitor) -> ShopSide:
    """Somebody has put a book into the cart since this object was made, and it has arrived."""
    side = ShopSide()
    visitor.get("/", {"hello_session": SESSION})
    visitor.add("walden")
    drain()
    return side


def test_an_event_that_arrives_once_is_counted_once(shop_side: ShopSide, server: EmulatorServer) -> None:
    verdict = verify([], shop=shop_side, hellotext=HellotextSide(server.url, token="token"), strangers=["staff"])
    assert verdict.line == "1 events recorded, 1 delivered, 0 failed, 0 duplicated"
    assert verdict.complaints == [
        f"cart.added (cart {Cart.objects.get().token}, session {SESSION}) was recorded in the shop, "
        "but nothing of the kind happened."
    ]


def test_an_event_that_arrives_twice_is_counted_and_said(shop_side: ShopSide, server: EmulatorServer) -> None:
    (sent,) = [one for one in server.emulator.log if one.method == "POST" and one.path == EVENTS]
    headers = {"Authorization": "Bearer token"}
    answer = requests.post(f"{server.url}{EVENTS}", json=sent.body_json, headers=headers, timeout=60)
    assert answer.ok
    verdict = verify([], shop=shop_side, hellotext=HellotextSide(server.url, token="token"), strangers=[])
    assert verdict.line == "1 events recorded, 1 delivered, 0 failed, 1 duplicated"
    assert any("was accepted 2 times instead of once." in complaint for complaint in verdict.complaints)


def test_what_a_browser_sent_is_found_by_its_session_and_counted(server: EmulatorServer, books: object) -> None:
    side = HellotextSide(server.url, token="token")
    script = HellotextJs(server.url, "books")
    browser = Browser("http://shop.example", script)
    browser.session = SESSION
    now = datetime.now(UTC)
    looked = Expected("page.viewed", ADA, SESSION, "", "", now, now, known=False, by_browser=True)
    missing = verify([looked], shop=ShopSide(), hellotext=Impatient(side), strangers=[])
    assert "page.viewed of Ada ( ) was not listed by Hellotext." in missing.complaints
    for _ in range(2):
        script.track(browser, {"action": "page.viewed", "parameters": {}})
    twice = verify([looked], shop=ShopSide(), hellotext=side, strangers=[])
    assert [complaint for complaint in twice.complaints if "was listed by Hellotext, but nothing" in complaint]


class Impatient(HellotextSide):
    """Looks once."""

    def __init__(self, side: HellotextSide) -> None:
        self.__dict__.update(vars(side))

    def sent_by_browsers(self, sessions: Iterable[str], *, number: int, seconds: float) -> list[Sighting]:
        return super().sent_by_browsers(sessions, number=number, seconds=0)


def test_a_session_that_must_not_be_there_is_said(shop_side: ShopSide, server: EmulatorServer) -> None:
    side = HellotextSide(server.url, token="token")
    known = verify([], shop=shop_side, hellotext=side, strangers=[SESSION])
    assert "A staff member's session was written down in the shop." in known.complaints
    requests.patch(
        f"{server.url}/v1/sessions/staff",
        json={"profile": "none"},
        headers={"Authorization": "Bearer token"},
        timeout=60,
    )
    sent = verify([], shop=shop_side, hellotext=side, strangers=["staff"])
    assert "A staff member's session was sent to Hellotext." in sent.complaints
    unproven = verify([], shop=shop_side, hellotext=side, strangers=[""])
    assert any("nothing is proven" in complaint for complaint in unproven.complaints)
