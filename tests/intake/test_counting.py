"""Crawlers, previews and prefetched pages are nobody (demand G8); what they do to the shop is a fact all the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

import django_hellotext
from django_hellotext.emulator import Emulator
from django_hellotext.intake.visits import is_counted, visit_of
from django_hellotext.models import Event
from tests.factories import make_cart, make_customer, make_order, make_product

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"

PEOPLE = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
    # Pages that are opened within Facebook, Instagram and WhatsApp.
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F79 "
    "[FBAN/FBIOS;FBAV/468.0.0.36.107;FBBV/611]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/21F79 Instagram 336.0.0.21.85",
    f"Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) {CHROME} Mobile Safari/537.36",
    # A telephone that is called Cubot.
    f"Mozilla/5.0 (Linux; Android 11; CUBOT X30) {CHROME} Mobile Safari/537.36",
    "",
    "x" * 10_000,
    "\x00\udcff",
]

CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp/2.23.20.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME.replace('Chrome', 'HeadlessChrome')} Safari/537.36",
    "curl/8.5.0",
    "python-requests/2.32.3",
]

IN_ADVANCE = [
    ("Sec-Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("Purpose", "preview"),
    ("X-Purpose", "preview"),
    ("X-Moz", "prefetch"),
    ("X-Moz", "Prefetch"),
]


def a_request(method: str = "GET", path: str = "/", **headers: str) -> Any:
    request: Any = RequestFactory().generic(method, path, headers=headers)
    request.COOKIES["hello_session"] = "visitor"
    return request


@pytest.mark.parametrize("agent", PEOPLE, ids=lambda agent: ascii(agent)[-30:])
def test_a_person_counts(agent: str) -> None:
    assert is_counted(a_request(**{"User-Agent": agent}))


@pytest.mark.parametrize("agent", CRAWLERS, ids=lambda agent: agent[-30:])
def test_a_crawler_does_not(agent: str) -> None:
    """Demand G8."""
    assert not is_counted(a_request(**{"User-Agent": agent}))


@pytest.mark.parametrize(("name", "value"), IN_ADVANCE)
def test_a_page_that_nobody_has_asked_for_does_not(name: str, value: str) -> None:
    """Demand G8."""
    assert not is_counted(a_request(**{name: value}))


@pytest.mark.parametrize("path", ["/?hello_preview", "/?hello_preview=1", "/?a=1&hello_preview=true"])
def test_a_preview_of_a_campaign_does_not(path: str) -> None:
    assert not is_counted(a_request(path=path))


@pytest.mark.parametrize("path", ["/?x=hello_preview", "/?hello_previews=1", "/hello_preview/"])
def test_what_only_looks_like_a_preview_counts(path: str) -> None:
    assert is_counted(a_request(path=path))


@pytest.mark.parametrize(("method", "counts"), [("GET", True), ("POST", True), ("HEAD", False)])
def test_a_head_request_does_not(method: str, counts: bool) -> None:
    assert is_counted(a_request(method)) is counts


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers", [{"User-Agent": CRAWLERS[0]}, {"Sec-Purpose": "prefetch"}], ids=["crawler", "prefetch"]
)
def test_browsing_is_not_recorded_and_facts_of_the_shop_are(hellotext: Emulator, headers: dict[str, str]) -> None:
    """Demand G8, by each surface that takes a request; an order is never lost because of who caused it."""
    request = a_request(**headers)
    customer = make_customer()
    django_hellotext.track("page.viewed", request=request)
    django_hellotext.track("product.viewed", make_product(), profile=customer, request=request)
    django_hellotext.track("cart.viewed", make_cart(owner=customer), request=request)
    visit_of(request).track("page.viewed")
    assert not Event.objects.exists()
    django_hellotext.track("order.placed", make_order(customer=customer), request=request)
    django_hellotext.track("cart.added", make_cart(owner=customer), request=request, items=[(make_product(), 1)])
    assert list(Event.objects.order_by("id").values_list("action", flat=True)) == ["order.placed", "cart.added"]


@pytest.mark.parametrize(("answer", "counts"), [(True, True), (False, False), (None, False), ("yes", False)])
def test_the_shop_has_the_last_word(settings: Any, answer: Any, counts: bool) -> None:
    settings.HELLOTEXT = {"SHOULD_TRACK": lambda request: answer}
    assert is_counted(a_request(**{"User-Agent": CRAWLERS[0]})) is counts
    assert is_counted(a_request()) is (answer is not False)


def test_a_request_without_a_query_string_counts() -> None:
    request = HttpRequest()
    request.method = "GET"
    request.META["HTTP_USER_AGENT"] = "Mozilla/5.0"
    assert is_counted(request)


def raises(request: HttpRequest) -> bool:
    raise LookupError("the host's own mistake")


def test_a_hook_that_raises_leaves_the_usual_rules(settings: Any) -> None:
    settings.HELLOTEXT = {"SHOULD_TRACK": "tests.intake.test_counting.raises"}
    assert is_counted(a_request())
    assert not is_counted(a_request("HEAD"))
