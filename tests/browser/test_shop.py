"""The example shop in a real browser under a strict Content Security Policy, with a stand-in for Hellotext.js.

What visitors do is done in both modes: with a nonce, and without any script in the page (demand H1). The fixture ends
it with a look at errors, violations of the policy and requests elsewhere: there must be none.
"""

from __future__ import annotations

from typing import Any

import pytest
from bookshop.models import Book

from django_hellotext.api import HellotextClient
from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator, MemoryBackend
from django_hellotext.models import Event

from .conftest import LIBRARY, STANDIN, Open, Visitor

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("the shop in a browser"),
    pytest.mark.timeout(300),
]

one_mode = pytest.mark.parametrize("mode", ["static"], indirect=True)

START = [["initialize", "books", {"webchat": False, "locale": "en"}], ["initialized"]]


def looks_at(book: Book) -> list[Any]:
    """What the library is asked when somebody looks at ``book``."""
    parameters = {"reference": book.sku, "source": "bookshop", "name": book.title}
    parameters["url"] = f"https://books.example{book.get_absolute_url()}"
    return ["track", "product.viewed", {"object_parameters": parameters}]


def recorded() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def delivered() -> list[str]:
    """What has arrived at a Hellotext once the worker has been at work, in the order of its arrival."""
    # Hellotext knows the sessions: the library has announced them on an earlier visit.
    known = ("of-an-earlier-visit", "from-the-link")
    emulator = Emulator(token="token", business_id="books", known_sessions=known)
    drain("default", client=HellotextClient(token="token", backend=MemoryBackend(emulator)))
    sent = [one.body_json for one in emulator.log if one.path == "/v1/attribution/events" and one.accepted]
    failed = Event.objects.exclude(error_type="").values_list(
        "action", "error_type", "error_parameter", "error_message"
    )
    assert not failed, list(failed)
    return [body["action"] for body in sent if body]


def test_nobody_is_watched_before_saying_yes(visitor: Visitor) -> None:
    """H1, H4: arrive"""
    visitor.go("/books/walden/")
    assert visitor.asked_for_library == []
    visitor.allow_cookies()
    assert visitor.calls(3) == [*START, looks_at(Book.objects.get(slug="walden"))]
    assert visitor.asked_for_library == [LIBRARY]


def test_each_page_starts_the_library_once_and_sends_its_event_after_that(visitor: Visitor) -> None:
    """H1: browse"""
    visitor.go("/")
    visitor.allow_cookies()
    assert visitor.calls(2) == START
    visitor.go("/books/dracula/")
    dracula = looks_at(Book.objects.get(slug="dracula"))
    assert visitor.calls(5) == [*START, *START, dracula]
    visitor.page.reload()
    assert visitor.calls(8) == [*START, *START, dracula, *START, dracula]
    assert recorded() == []


def test_a_short_link_gives_the_library_its_session_and_the_server_the_same(visitor: Visitor) -> None:
    """H1: arrive by a short link, add to cart"""
    visitor.go("/?hello_session=from-the-link")
    visitor.allow_cookies()
    visitor.calls(2)
    visitor.add_to_cart("walden")
    assert Event.objects.get(action="cart.added").session == "from-the-link"


def test_the_cart_is_told_by_the_server_and_the_library_sends_nothing_of_it(visitor: Visitor) -> None:
    """H1, H7: add to cart"""
    visitor.go("/books/walden/")
    visitor.allow_cookies()
    visitor.calls(3)
    visitor.forget_calls()
    visitor.click("Add to cart")
    assert visitor.calls(2) == START
    assert recorded() == ["cart.added"]
    assert Event.objects.get().session == "made-by-the-stand-in"


def test_a_login_is_no_matter_of_the_page_and_a_logout_makes_the_library_forget_once(visitor: Visitor) -> None:
    """H1, G6: login, logout"""
    visitor.go("/")
    visitor.allow_cookies()
    visitor.calls(2)
    visitor.register()
    assert {call[0] for call in visitor.calls(4)} == {"initialize", "initialized"}
    assert "ada@example.com" not in visitor.page.locator("#hellotext-config").inner_text()
    visitor.page.evaluate("document.cookie = 'hello_user_id=ada; path=/'")
    visitor.calls(4)
    visitor.forget_calls()
    visitor.click("Log out")
    assert visitor.calls(3) == [*START, ["forget"]]
    assert "hello_user_id" not in visitor.page.evaluate("document.cookie")
    assert "hellotext_forget" not in visitor.page.evaluate("document.cookie")
    visitor.go("/books/walden/")
    assert [call[0] for call in visitor.calls(6)[3:]] == ["initialize", "initialized", "track"]


def test_the_next_events_come_after_what_was_forgotten(visitor: Visitor) -> None:
    """G6"""
    visitor.go("/")
    visitor.allow_cookies()
    visitor.calls(2)
    visitor.page.evaluate("document.cookie = 'hellotext_forget=1; path=/'")
    visitor.forget_calls()
    visitor.go("/books/walden/")
    assert [call[0] for call in visitor.calls(4)] == ["initialize", "initialized", "forget", "track"]


def test_a_yes_that_is_taken_back_ends_it_at_once(visitor: Visitor) -> None:
    """H4: consent given and withdrawn"""
    visitor.go("/books/walden/")
    visitor.allow_cookies()
    visitor.calls(3)
    visitor.forget_calls()
    visitor.click("Take that back")
    visitor.go("/books/dracula/")
    assert visitor.calls(0) == []
    assert visitor.asked_for_library == [LIBRARY]
    assert "hello_session" not in visitor.page.evaluate("document.cookie")
    visitor.click("Allow it")
    assert visitor.calls(3) == [*START, looks_at(Book.objects.get(slug="dracula"))]


# Whatever becomes of the library


def blocked(route: Any) -> None:
    """As a content blocker does."""
    route.abort("blockedbyclient")


def failing(route: Any) -> None:
    """A server in trouble."""
    route.fulfill(status=500, body="<h1>Sorry</h1>", content_type="text/html")


def silent(route: Any) -> None:
    """No answer at all, for as long as the test takes: what 30 s are for a visitor."""


def empty(route: Any) -> None:
    """Something else than the library."""
    route.fulfill(body="", content_type="text/javascript")


@one_mode
@pytest.mark.parametrize("answer", [blocked, failing, silent, empty])
def test_a_purchase_needs_no_library(opened: Open, answer: Any) -> None:
    """H5, H6: blocked, answering 500, taking 30 s"""
    visitor = opened(answer=answer)
    visitor.go("/")
    visitor.allow_cookies()
    visitor.page.evaluate("document.cookie = 'hello_session=of-an-earlier-visit; path=/'")
    visitor.add_to_cart("walden")
    visitor.register()
    visitor.check_out()
    assert "order.placed" in delivered()
    assert visitor.asked_for_library
    assert visitor.calls(0) == []


@one_mode
def test_a_library_that_arrives_late_is_started_late(opened: Open) -> None:
    """H5"""
    waiting: list[Any] = []
    visitor = opened(answer=lambda route: waiting.append(route))
    visitor.go("/")
    visitor.allow_cookies()
    visitor.go("/books/walden/")
    visitor.page.wait_for_timeout(1000)
    assert visitor.page.locator("text=Add to cart").is_enabled()
    assert visitor.calls(0) == []
    waiting[-1].fulfill(body=STANDIN, content_type="text/javascript")
    assert visitor.calls(3) == [*START, looks_at(Book.objects.get(slug="walden"))]


SPOILT = {
    "initialize = function () { throw new Error('no') }": ["track"],
    "initialize = function () { return Promise.reject(new Error('no')) }": ["track"],
    "track = function () { throw new Error('no') }": ["initialize", "initialized"],
    "track = function () { return Promise.reject(new Error('no')) }": ["initialize", "initialized"],
    "initialize = null": ["track"],
}


@one_mode
def test_a_library_that_fails_keeps_it_to_itself(opened: Open) -> None:
    """H5"""
    body = ""
    visitor = opened(answer=lambda route: route.fulfill(body=body, content_type="text/javascript"))
    visitor.go("/")
    visitor.allow_cookies()
    for spoilt, asked in SPOILT.items():
        body = f"{STANDIN}\nwindow.Hellotext.{spoilt};"
        visitor.forget_calls()
        visitor.go("/books/walden/")
        assert [call[0] for call in visitor.calls(len(asked))] == asked


@one_mode
def test_a_file_with_another_hash_is_refused_by_the_browser(opened: Open, settings: Any) -> None:
    """H5"""
    settings.HELLOTEXT["JS"]["integrity"] = "sha384-" + "A" * 64
    visitor = opened()
    visitor.go("/")
    visitor.allow_cookies()
    visitor.go("/books/walden/")
    assert visitor.asked_for_library
    assert visitor.calls(0) == []


@one_mode
def test_the_shop_works_without_any_script(opened: Open) -> None:
    """H5, H6"""
    visitor = opened(script=False)
    visitor.go("/books/walden/?hello_session=from-the-link")
    visitor.allow_cookies()
    visitor.click("Add to cart")
    visitor.register()
    visitor.check_out()
    visitor.go("/")
    visitor.click("Take that back")
    assert visitor.page.locator("text=We do not watch").is_visible()
    assert "cart.added" in recorded()
    assert "order.placed" in delivered()
    assert set(Event.objects.values_list("session", flat=True)) == {"from-the-link"}
    assert visitor.asked_for_library == [LIBRARY] * len(visitor.asked_for_library)


# Never twice, and nothing breaks out


@one_mode
def test_an_event_is_sent_once_however_often_it_stands_in_the_page(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.allow_cookies()
    visitor.calls(2)
    visitor.forget_calls()
    visitor.go("/books/walden/")
    assert len(visitor.calls(3)) == 3
    visitor.page.evaluate(
        """() => {
          const event = document.querySelector("[id^=hellotext-event-]");
          document.body.append(event.cloneNode(true));
          window.hellotextPage.look();
          window.hellotextPage.look();
        }"""
    )
    assert len(visitor.calls(3)) == 3


@one_mode
def test_a_page_that_changes_by_itself_has_its_new_events_sent(visitor: Visitor) -> None:
    """As a single-page application, or one with exchanged fragments, does."""
    visitor.go("/books/walden/")
    visitor.allow_cookies()
    visitor.calls(3)
    visitor.page.evaluate(
        """() => {
          const event = document.querySelector("[id^=hellotext-event-]").cloneNode(true);
          history.pushState({}, "", "/books/walden/?again=1");
          document.body.append(event);
          window.hellotextPage.look();
        }"""
    )
    assert [call[0] for call in visitor.calls(4)] == ["initialize", "initialized", "track", "track"]


@one_mode
def test_a_page_that_is_prepared_in_advance_waits_until_it_is_looked_at(opened: Open) -> None:
    """G8"""
    visitor = opened()
    visitor.go("/")
    visitor.allow_cookies()
    visitor.calls(2)
    visitor.forget_calls()
    visitor.page.add_init_script("Object.defineProperty(document, 'prerendering', {value: true, configurable: true})")
    visitor.go("/books/walden/")
    visitor.page.wait_for_timeout(400)
    assert visitor.calls(0) == []
    visitor.page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    assert [call[0] for call in visitor.calls(3)] == ["initialize", "initialized", "track"]


HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<!--<script>window.hacked = 1</script>-->",
    "<img src=x onerror=window.hacked=1>",
    "\"'`\\\N{LINE SEPARATOR}${window.hacked=1}",
)


@one_mode
def test_a_title_stays_a_title(visitor: Visitor) -> None:
    """H3"""
    visitor.go("/")
    visitor.allow_cookies()
    visitor.calls(2)
    for title in HOSTILE:
        Book.objects.filter(slug="walden").update(title=title)
        visitor.forget_calls()
        visitor.go("/books/walden/")
        assert visitor.calls(3)[2][2]["object_parameters"]["name"] == title
        assert visitor.page.evaluate("window.hacked") is None


@one_mode
def test_two_visitors_of_one_cached_page_have_sessions_of_their_own(opened: Open) -> None:
    """H2"""
    first, second = opened(), opened()
    first.go("/?hello_session=first")
    second.go("/?hello_session=second")
    for one in (first, second):
        one.allow_cookies()
        one.calls(2)
    configurations = {one.page.locator("#hellotext-config").inner_text() for one in (first, second)}
    assert len(configurations) == 1
    assert [one.page.evaluate("document.cookie.match(/hello_session=([^;]+)/)[1]") for one in (first, second)] == [
        "first",
        "second",
    ]
