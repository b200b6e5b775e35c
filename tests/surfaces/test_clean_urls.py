"""``CLEAN_URLS``: nobody forwards a session with an address (demands G3, G6)."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from django_hellotext.emulator import Emulator
from django_hellotext.middleware import _cookie_domain
from tests.factories import make_customer
from tests.surfaces.test_middleware import NOTHING, FailingSession, seen

pytestmark = pytest.mark.django_db

SESSION = "short-link-77"
LINK = f"hello_session={SESSION}"


@pytest.fixture(autouse=True)
def clean(settings: Any, hellotext: Emulator) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CLEAN_URLS": True}
    settings.ALLOWED_HOSTS = ["testserver", "www.shop.example"]


@pytest.mark.parametrize(
    ("query", "address"),
    [
        (LINK, "/plain/"),
        (f"a=1&{LINK}&b=%C3%A4+x", "/plain/?a=1&b=%C3%A4+x"),
        (f"{LINK}&utm_source=hellotext&utm_medium=sms", "/plain/?utm_source=hellotext&utm_medium=sms"),
        (f"a=1&a=2&empty=&flag&{LINK}", "/plain/?a=1&a=2&empty=&flag"),
        (f"next=//evil.example&{LINK}", "/plain/?next=//evil.example"),
        (f"hello%5Fsession=x&{LINK}", None),
    ],
)
def test_the_session_alone_is_taken_out(client: Client, query: str, address: str | None) -> None:
    response = client.get("/plain/", QUERY_STRING=query)
    if address is None:
        assert response.status_code == 200  # named twice, it is none
        return
    assert (response.status_code, response.headers["Location"]) == (302, address)
    assert client.session["hellotext_session"] == SESSION


def test_the_redirect_is_for_this_visitor_alone(client: Client) -> None:
    response = client.get("/plain/", QUERY_STRING=LINK)
    assert {part.strip() for part in response.headers["Cache-Control"].split(",")} >= {"private", "no-store"}
    assert "Cookie" in response.headers["Vary"]


def test_a_shared_cache_hands_the_redirect_to_nobody_else(own_cache: None, settings: Any) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    first, second = Client(), Client()
    for visitor in (first, second):
        assert visitor.get("/random/", QUERY_STRING=LINK).cookies["hello_session"].value == SESSION
    assert not Client().get("/random/").cookies


def test_it_works_under_asgi() -> None:
    response = async_to_sync(AsyncClient().get)("/plain-async/", QUERY_STRING=f"{LINK}&a=1")
    assert (response.status_code, response.headers["Location"]) == (302, "/plain-async/?a=1")


def test_the_library_finds_the_session_in_its_cookie(client: Client) -> None:
    """It does not see it in the address any more, and two cookies of one name would be told apart by nobody."""
    client.cookies["hello_session_ack_at"] = "2026-11-21T12:00:00Z"
    response = client.get("/plain/", QUERY_STRING=LINK, headers={"Host": "www.shop.example"}, secure=True)
    cookie = response.cookies["hello_session"]
    assert (cookie.value, cookie["domain"], cookie["path"], cookie["samesite"]) == (
        SESSION,
        ".shop.example",
        "/",
        "Lax",
    )
    assert cookie["secure"]
    assert not cookie["httponly"]
    assert response.cookies["hello_session_ack_at"]["max-age"] == 0  # a new session is announced anew


def test_a_session_that_the_library_has_is_not_announced_again(client: Client) -> None:
    client.cookies["hello_session_ack_at"], client.cookies["hello_session"] = "2026-11-21T12:00:00Z", SESSION
    assert "hello_session_ack_at" not in client.get("/plain/", QUERY_STRING=LINK).cookies


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.example", ".shop.example"),
        ("www.shop.example:8000", ".shop.example"),
        ("a.b.shop.co.uk", ".shop.co.uk"),
        ("tienda.com.uy", ".tienda.com.uy"),
        ("mystore.myshopify.com", ".mystore.myshopify.com"),
        ("127.0.0.1:8000", None),
        ("[::1]:8000", None),
        ("localhost", None),
        ("localhost:8000", None),
    ],
)
def test_the_cookies_domain_is_the_librarys(host: str, domain: str | None) -> None:
    assert _cookie_domain(host) == domain


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/%2F%2Fevil.example/", "/@evil.example/"])
def test_the_redirect_never_leads_to_another_host(client: Client, path: str) -> None:
    response = client.get("/", PATH_INFO=path, QUERY_STRING=LINK)
    assert response.status_code == 302
    assert not response.headers["Location"].startswith(("//", "/\\", "http"))


def test_a_host_that_is_not_ours_is_left_to_django(client: Client) -> None:
    response = client.get("/plain/", QUERY_STRING=LINK, headers={"Host": "evil.example"})
    assert response.status_code == 200  # a page that asks for no host answers as it always did


@pytest.mark.parametrize("method", ["post", "head", "put"])
def test_other_methods_are_left_alone(client: Client, method: str) -> None:
    assert getattr(client, method)("/plain/", QUERY_STRING=LINK).status_code == 200


@pytest.mark.parametrize("query", NOTHING, ids=lambda query: ascii(query)[:40])
def test_what_is_no_session_redirects_nobody(query: str) -> None:
    """Demand G1."""
    assert seen(Client().get("/plain/", QUERY_STRING=query)) == seen(Client().get("/plain/"))


def test_a_session_that_could_not_be_stored_stays_in_the_address(settings: Any, rf: Any) -> None:
    from django.http import HttpResponse

    from django_hellotext.middleware import HellotextMiddleware

    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    request = rf.get("/plain/", QUERY_STRING=LINK)
    request.session = FailingSession("an-earlier-session")
    response = HellotextMiddleware(lambda request: HttpResponse("fine"))(request)
    assert isinstance(response, HttpResponse)
    assert response.status_code == 200


def test_it_is_off_by_default(settings: Any, client: Client) -> None:
    settings.HELLOTEXT = {name: value for name, value in settings.HELLOTEXT.items() if name != "CLEAN_URLS"}
    assert client.get("/plain/", QUERY_STRING=LINK).status_code == 200


@pytest.mark.parametrize("browser", [Client, AsyncClient], ids=["wsgi", "asgi"])
@pytest.mark.parametrize("how", ["header", "hook"])
def test_who_refuses_to_be_seen_gets_no_cookie_and_stays(settings: Any, browser: Any, how: str) -> None:
    """Demand I2: the cookie of the library would be there for ten years; under ASGI the hook may ask the database."""

    def decide(request: Any, purpose: str, subject: Any) -> bool | None:
        return None if User.objects.exists() else False

    headers = {"Sec-GPC": "1"} if how == "header" else {}
    if how == "hook":
        settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": decide}
    visitor = browser()
    get = async_to_sync(visitor.get) if browser is AsyncClient else visitor.get
    response = get("/plain/", QUERY_STRING=LINK, headers=headers)
    assert response.status_code == 200
    assert "hello_session" not in response.cookies
    make_customer()
    if how == "hook":
        assert get("/plain/", QUERY_STRING=LINK).cookies["hello_session"].value == SESSION
