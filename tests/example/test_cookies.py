"""The banner: nobody is watched before saying yes, and a no takes everything back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bookshop.cookies import consent
from config import settings as shop_settings
from django.test import RequestFactory

from django_hellotext.models import Event
from tests.example.conftest import Visitor

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def account(shop: Settings) -> None:
    shop.HELLOTEXT = {
        "BUSINESS_ID": "books",
        "API_TOKEN": "token",
        "ENVIRONMENT": "test",
        "CURRENCY": "EUR",
        "CONSENT": shop_settings.HELLOTEXT["CONSENT"],
        "RAISE_ERRORS": True,
    }


def say(visitor: Visitor, answer: str, *, back: str = "/books/walden/") -> str:
    response = visitor.post("/cookies/", {"answer": answer, "next": back})
    assert response.status_code == 302
    return response.headers["Location"]


def test_a_first_page_asks_and_loads_nothing(visitor: Visitor) -> None:
    """H4"""
    page = visitor.get("/books/walden/").text
    assert "May we leave a bookmark?" in page
    assert "hellotext-" not in page


def test_a_yes_leads_back_and_lets_the_library_in(visitor: Visitor) -> None:
    """H4"""
    back = say(visitor, "yes", back="/books/walden/?hello_session=s1")
    assert back == "/books/walden/?hello_session=s1"
    page = visitor.get(back).text
    assert "May we leave a bookmark?" not in page
    assert "hellotext-config" in page
    assert "hellotext-event-" in page


def test_a_no_lets_nothing_in_and_is_not_asked_again(visitor: Visitor) -> None:
    """H4"""
    say(visitor, "no")
    page = visitor.get("/books/walden/").text
    assert "May we leave a bookmark?" not in page
    assert "hellotext-" not in page


def test_a_yes_can_be_taken_back_with_what_the_library_has_kept(visitor: Visitor) -> None:
    """H4"""
    say(visitor, "yes")
    visitor.cookies["hello_session"] = "s1"
    assert "Take that back" in visitor.get("/").text
    say(visitor, "no")
    assert visitor.cookies["hello_session"].value == ""
    assert "hellotext-" not in visitor.get("/").text


@pytest.mark.parametrize(("answer", "actions"), [("yes", ["cart.added"]), ("no", []), ("", [])])
def test_the_server_asks_the_same(visitor: Visitor, answer: str, actions: list[str]) -> None:
    """I2"""
    if answer:
        say(visitor, answer)
    visitor.cookies["hello_session"] = "s1"
    visitor.add("walden")
    assert [event.action for event in Event.objects.all()] == actions


def test_an_order_is_not_a_matter_of_cookies() -> None:
    assert consent(RequestFactory().get("/"), "transact", None) is None
    assert consent(None, "browse", None) is None


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_the_way_back_leads_nowhere_else(visitor: Visitor, back: str) -> None:
    assert say(visitor, "yes", back=back) == "/"


@pytest.mark.parametrize("answer", ["", "maybe", "yes; no", "\x00"])
def test_a_strange_answer_is_none(visitor: Visitor, answer: str) -> None:
    say(visitor, answer)
    assert "cookies" not in visitor.cookies
    visitor.cookies["cookies"] = "maybe"
    assert "May we leave a bookmark?" in visitor.get("/").text


def test_only_a_form_that_was_sent_is_an_answer(visitor: Visitor) -> None:
    assert visitor.get("/cookies/").status_code == 405
