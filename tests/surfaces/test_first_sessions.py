"""A short link begins a Django session for a person who gets a page, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as DjangoSession
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from django_hellotext.emulator import Emulator
from django_hellotext.intake.sessions import SESSION_KEY
from django_hellotext.intake.utm import UTM_KEY
from django_hellotext.models import Event
from tests.factories import make_customer, make_product

pytestmark = pytest.mark.django_db

SESSION = "short-link-77"
LINK = f"hello_session={SESSION}&utm_source=hellotext&utm_medium=sms"
COOKIE = django_settings.SESSION_COOKIE_NAME
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

Get = Callable[..., Any]


@pytest.fixture(params=["wsgi", "asgi"])
def visit(request: pytest.FixtureRequest, hellotext: Emulator) -> Get:
    """Send the request of a browser that keeps no cookies, through either half of the middleware."""

    def send(method: str, path: str, query: str = LINK, **options: Any) -> Any:
        if request.param == "wsgi":
            return getattr(Client(raise_request_exception=False), method)(path, QUERY_STRING=query, **options)
        client = AsyncClient(raise_request_exception=False)
        return async_to_sync(getattr(client, method))(path, QUERY_STRING=query, **options)

    return send


def left_a_session(response: Any) -> bool:
    """Return whether the response began a Django session; its row and its cookie must agree."""
    has_row = DjangoSession.objects.exists()
    assert (COOKIE in response.cookies) == has_row
    return has_row


@pytest.mark.parametrize(
    ("path", "query", "status"), [("/plain/", LINK, 200), ("/streaming/", LINK, 200), ("/moved/", LINK, 302)]
)
def test_a_page_or_a_redirect_begins_a_session(visit: Get, path: str, query: str, status: int) -> None:
    response = visit("get", path, query)
    assert response.status_code == status
    assert left_a_session(response)
    stored = DjangoSession.objects.get().get_decoded()
    assert (stored[SESSION_KEY], stored[UTM_KEY]) == (SESSION, {"source": "hellotext", "medium": "sms"})


@pytest.mark.parametrize("method", ["head", "post", "put", "patch", "delete", "options"])
def test_methods_other_than_get_begin_none(visit: Get, method: str) -> None:
    assert not left_a_session(visit(method, "/plain/"))


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
def test_error_responses_begin_none(visit: Get, status: int) -> None:
    response = visit("get", f"/products/{make_product().pk}/", f"{LINK}&status={status}")
    assert response.status_code == status
    assert not left_a_session(response)


def test_an_unknown_address_begins_none(visit: Get) -> None:
    response = visit("get", "/wp-login.php")
    assert response.status_code == 404
    assert not left_a_session(response)


def test_a_view_that_raises_begins_none(visit: Get) -> None:
    response = visit("get", f"/products/{make_product().pk}/broken/")
    assert response.status_code == 500
    assert not left_a_session(response)


@pytest.mark.parametrize(
    "headers",
    [{"User-Agent": CRAWLER}, {"User-Agent": "curl/8.5.0"}, {"Sec-Purpose": "prefetch"}, {"X-Moz": "prefetch"}],
    ids=["crawler", "library", "prefetch", "old prefetch"],
)
def test_crawlers_and_prefetched_pages_begin_none(visit: Get, headers: dict[str, str]) -> None:
    assert not left_a_session(visit("get", "/plain/", headers=headers))


def test_a_preview_of_a_campaign_begins_none(visit: Get) -> None:
    assert not left_a_session(visit("get", "/plain/", f"{LINK}&hello_preview=1"))


@pytest.mark.parametrize("answer", [True, False])
def test_the_shops_own_rule_decides_who_is_a_visitor(visit: Get, settings: Any, answer: bool) -> None:
    """Its hook may look into the database, also under ASGI."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SHOULD_TRACK": lambda request: answer and not User.objects.exists()}
    agent = CRAWLER if answer else "Mozilla/5.0"
    assert left_a_session(visit("get", "/plain/", headers={"User-Agent": agent})) is answer


@pytest.mark.parametrize("method", ["head", "get"])
def test_nothing_is_saved_either_where_every_request_saves_the_session(visit: Get, settings: Any, method: str) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert not left_a_session(visit(method, "/wp-login.php"))


def test_an_invented_session_cookie_does_not_help(hellotext: Emulator, session_store: str) -> None:
    """A scanner that sends any cookie: there is no session that could be updated."""
    client = Client(headers={"User-Agent": CRAWLER})
    client.cookies[COOKIE] = "x" * 32
    response = client.get("/plain/", QUERY_STRING=LINK)
    # Django answers a cookie without a session by deleting it; where the cookie is the session, nothing is stored.
    assert session_store == "signed_cookies" or response.cookies[COOKIE].value == ""
    assert not DjangoSession.objects.exists()


@pytest.mark.parametrize("browser", [Client, AsyncClient], ids=["wsgi", "asgi"])
def test_a_session_that_exists_is_updated_whatever_the_response_is(hellotext: Emulator, browser: Any) -> None:
    client = browser(raise_request_exception=False)
    get, head = client.get, client.head
    if browser is AsyncClient:
        get, head = async_to_sync(get), async_to_sync(head)
    get("/plain/", QUERY_STRING="hello_session=first")
    get("/wp-login.php", QUERY_STRING="hello_session=second")
    assert DjangoSession.objects.get().get_decoded()[SESSION_KEY] == "second"
    head("/plain/", QUERY_STRING="hello_session=third")
    assert DjangoSession.objects.get().get_decoded()[SESSION_KEY] == "third"


# In the same request


def test_the_request_that_stores_nothing_knows_its_session_all_the_same(visit: Get) -> None:
    response = visit("get", "/told/", f"{LINK}&status=404")
    assert response.content.decode() == f"{SESSION} hellotext {SESSION}"
    event = Event.objects.get()
    assert event.session == SESSION
    assert not left_a_session(response)


def test_a_session_that_the_view_begins_takes_the_captured_one_along(visit: Get) -> None:
    """The row is written anyway; without it the next page would not know the visitor."""
    response = visit("post", "/begins/", f"{LINK}&status=404")
    assert left_a_session(response)
    stored = DjangoSession.objects.get().get_decoded()
    assert (stored["basket"], stored[SESSION_KEY]) == (7, SESSION)


def test_a_login_at_the_first_request_keeps_the_session(hellotext: Emulator, session_store: str) -> None:
    user = make_customer(username="wile")
    user.set_password("secret")
    user.save()
    client = Client()
    client.post("/enter/", {"username": "wile"}, QUERY_STRING=LINK)
    assert client.session[SESSION_KEY] == SESSION


def test_a_response_that_stores_nothing_is_not_cached_for_others(visit: Get) -> None:
    """Otherwise the preview that a messenger fetches first would be served to the visitor, who would get no session."""
    response = visit("get", "/public/", headers={"User-Agent": CRAWLER})
    directives = {part.strip() for part in response.headers["Cache-Control"].split(",")}
    assert "private" in directives
    assert "public" not in directives


# With CLEAN_URLS, where the redirect comes before the view


@pytest.mark.parametrize(
    ("path", "agent", "begins"),
    [
        ("/plain/", "Mozilla/5.0", True),
        ("/plain", "Mozilla/5.0", True),
        ("/wp-login.php", "Mozilla/5.0", False),
        ("/plain/", CRAWLER, False),
    ],
    ids=["visitor", "without its slash", "unknown address", "crawler"],
)
def test_the_redirect_begins_a_session_for_a_visitor_of_a_page(
    visit: Get, settings: Any, path: str, agent: str, begins: bool
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CLEAN_URLS": True}
    response = visit("get", path, headers={"User-Agent": agent})
    assert (response.status_code, response.cookies["hello_session"].value) == (302, SESSION)
    assert left_a_session(response) is begins


def without_a_session(request: HttpRequest) -> HttpResponse:
    del request.session
    return HttpResponse("without")


urlpatterns = [
    path("without/", without_a_session),
    *i18n_patterns(path("shop/", lambda request: HttpResponse("shop"))),
]


@pytest.mark.parametrize("address", ["/en/shop/", "/es/shop/", "/shop/"])
def test_the_redirect_begins_a_session_for_a_page_of_another_language(visit: Get, settings: Any, address: str) -> None:
    """Django decides on the language after our middleware."""
    settings.ROOT_URLCONF = __name__
    settings.LANGUAGES = [("en", "English"), ("es", "Spanish")]
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CLEAN_URLS": True}
    assert left_a_session(visit("get", address))


def test_a_view_may_take_the_session_away(visit: Get, settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    assert visit("get", "/without/").status_code == 200
