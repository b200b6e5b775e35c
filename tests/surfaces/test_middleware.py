"""The middleware: a short link's session is kept, and every other request is left as it is."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.conf import settings as django_settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_hellotext.emulator import Emulator
from django_hellotext.intake.sessions import SESSION_KEY
from django_hellotext.middleware import HellotextMiddleware
from django_hellotext.models import Session
from tests.factories import make_customer, make_staff

pytestmark = pytest.mark.django_db

SESSION = "0f6f3b0c-6d1b-4f5a-9a39-1d9a0f3c5a11"
LINK = f"hello_session={SESSION}&utm_source=hellotext&utm_medium=sms"

# Query strings that name no session. Hostile ones come as the server hands them over: undecoded.
NOTHING = [
    "hello_session=",
    "hello_session",
    "hello_session=&hello_session=",
    f"hello_session={SESSION}&hello_session={SESSION}",
    f"hello_session={SESSION}&hello_session=other",
    f"hello_session[]={SESSION}",
    f"hello_session=%00{SESSION}",
    f"hello_session={SESSION}%00",
    f"hello_session={SESSION}%0A",
    "hello_session=" + "x" * 65,
    "hello_session=" + "x" * 10_240,
    "hello_session=" + "%41" * 10_240,
    "hello_session=" + quote("\N{GRINNING FACE}"),
    "hello_session=\N{GRINNING FACE}".encode().decode("latin-1"),
    "hello_session=%",
    "hello_session=%ZZ",
    "hello_session=%ff%fe",
    "hello_session=%C0%80",
    "hello_session=a+b",
    "hello_session=<script>",
    "hello_session=../../etc/passwd",
    "hello_session=' OR 1=1 --",
    "hello_session=\x00",
    "hello_session=\r\nSet-Cookie: a=b",
    "&" * 2000 + "hello_session=",
]


def bodies(response: Any) -> bytes:
    return b"".join(response) if response.streaming else bytes(response.content)


def seen(response: Any) -> tuple[int, bytes, list[tuple[str, str]], str]:
    """Everything that a visitor, a cache or a browser can see of a response."""
    return response.status_code, bodies(response), sorted(response.items()), response.cookies.output()


# Keeping the session


def test_a_valid_session_goes_into_the_django_session(hellotext: Emulator, session_store: str, client: Client) -> None:
    client.get("/plain/", QUERY_STRING=LINK)
    assert client.session[SESSION_KEY] == SESSION


def test_a_valid_session_goes_into_the_django_session_under_asgi(hellotext: Emulator, session_store: str) -> None:
    client = AsyncClient()
    async_to_sync(client.get)("/plain-async/", QUERY_STRING=LINK)
    assert async_to_sync(client.asession)()[SESSION_KEY] == SESSION


@pytest.mark.parametrize("value", ["a", "x" * 64, "A-Z_09", SESSION])
def test_every_valid_form_is_kept(hellotext: Emulator, client: Client, value: str) -> None:
    client.get("/plain/", QUERY_STRING=f"utm_source=hellotext&hello_session={value}")
    assert client.session[SESSION_KEY] == value


def test_the_newest_link_wins(hellotext: Emulator, client: Client) -> None:
    client.get("/plain/", QUERY_STRING="hello_session=first")
    client.get("/plain/", QUERY_STRING="hello_session=second")
    assert client.session[SESSION_KEY] == "second"


def test_the_same_link_again_writes_nothing(hellotext: Emulator, client: Client) -> None:
    client.get("/plain/", QUERY_STRING=LINK)
    again = client.get("/plain/", QUERY_STRING=LINK)
    assert not again.cookies
    assert again.headers["Cache-Control"] == "private"


def test_the_session_survives_the_rotation_at_login(hellotext: Emulator, session_store: str, client: Client) -> None:
    customer = make_customer(username="wile")
    customer.set_password("secret")
    customer.save()
    client.get("/plain/", QUERY_STRING=LINK)
    before = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    client.post("/enter/", {"username": "wile"})
    assert client.cookies[django_settings.SESSION_COOKIE_NAME].value != before
    assert client.get("/user/").content.decode() == f"wile {SESSION}"
    attachment = Session.objects.get()
    assert (attachment.session, attachment.profile_pk) == (SESSION, str(customer.pk))


def test_the_session_is_gone_after_logout(hellotext: Emulator, session_store: str, client: Client) -> None:
    client.get("/plain/", QUERY_STRING=LINK)
    client.post("/leave/")
    assert client.get("/user/").content.decode() == "AnonymousUser "


def test_another_customer_on_the_same_browser_does_not_inherit_it(hellotext: Emulator, client: Client) -> None:
    client.force_login(make_customer())
    client.get("/plain/", QUERY_STRING=LINK)
    client.force_login(make_customer())
    assert SESSION_KEY not in client.session


def test_a_staff_member_who_logs_in_hands_no_session_over(hellotext: Emulator, client: Client) -> None:
    client.get("/plain/", QUERY_STRING=LINK)
    client.force_login(make_staff())
    assert not Session.objects.exists()


# Caches


@pytest.mark.parametrize("path", ["/plain/", "/public/", "/streaming/"])
def test_a_response_that_stores_the_session_is_private(hellotext: Emulator, client: Client, path: str) -> None:
    response = client.get(path, QUERY_STRING=LINK)
    assert django_settings.SESSION_COOKIE_NAME in response.cookies
    directives = {part.strip() for part in response.headers["Cache-Control"].split(",")}
    assert "private" in directives
    assert "public" not in directives
    assert "Cookie" in response.headers["Vary"]


def test_a_shared_cache_never_hands_one_visitors_cookie_to_another(
    hellotext: Emulator, own_cache: None, settings: Any
) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    first = Client().get("/random/", QUERY_STRING=LINK)
    second = Client().get("/random/", QUERY_STRING=LINK)
    name = django_settings.SESSION_COOKIE_NAME
    assert first.cookies[name].value != second.cookies[name].value
    assert first.content != second.content
    assert Client().get("/random/").content == Client().get("/random/").content


def test_a_page_from_the_hosts_cache_holds_nobodys_cookie(hellotext: Emulator, own_cache: None) -> None:
    first = Client().get("/cached/", QUERY_STRING=LINK)
    second = Client().get("/cached/", QUERY_STRING=LINK)
    name = django_settings.SESSION_COOKIE_NAME
    assert first.content == second.content
    assert first.cookies[name].value != second.cookies[name].value


# Leaving everything else as it is


@pytest.mark.parametrize("query", NOTHING, ids=lambda query: ascii(query)[:40])
@pytest.mark.parametrize("path", ["/plain/", "/public/", "/streaming/"])
def test_what_is_no_session_changes_nothing(hellotext: Emulator, path: str, query: str) -> None:
    assert seen(Client().get(path, QUERY_STRING=query)) == seen(Client().get(path))


@pytest.mark.parametrize("query", NOTHING, ids=lambda query: ascii(query)[:40])
def test_what_is_no_session_changes_nothing_under_asgi(hellotext: Emulator, query: str) -> None:
    get = async_to_sync(AsyncClient().get)
    assert seen(get("/plain-async/", QUERY_STRING=query)) == seen(get("/plain-async/"))


@pytest.mark.parametrize("query", ["", "utm_source=hellotext", "session=1", "HELLO_SESSION=a", "hello%5Fsession=a"])
@pytest.mark.parametrize("path", ["/plain/", "/public/", "/streaming/", "/tag/"])
def test_without_the_parameter_there_is_no_vary_no_cookie_no_session_and_no_query(
    hellotext: Emulator, django_assert_num_queries: Any, path: str, query: str
) -> None:
    with django_assert_num_queries(0):
        response = Client().get(path, QUERY_STRING=query)
    assert "Vary" not in response.headers
    assert not response.cookies
    assert not response.wsgi_request.session.accessed


def test_a_logged_in_visitor_keeps_a_cacheable_page_cacheable(
    hellotext: Emulator, client: Client, django_assert_num_queries: Any
) -> None:
    client.force_login(make_customer())
    with django_assert_num_queries(0):
        response = client.get("/plain/")
    assert "Vary" not in response.headers


VALUES = st.one_of(
    st.binary(max_size=90).map(lambda raw: raw.decode("latin-1")),
    st.text(max_size=70).map(quote),
    st.text(alphabet="%0123456789abcdefABCDEF&=;+[]", max_size=80),
    st.integers(min_value=65, max_value=9000).map(lambda length: "x" * length),
)


@given(value=VALUES, before=st.sampled_from(["", "a=1&", "hello_session=&", "hello_session&"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_the_answer_is_the_same_or_a_valid_session_was_kept(
    hellotext: Emulator, value: str, before: str
) -> None:
    request = RequestFactory().get("/plain/", QUERY_STRING=f"{before}hello_session={value}")
    request.session = SessionOfAnyKind()
    response = HellotextMiddleware(lambda request: HttpResponse("<p>plain</p>"))(request)
    assert isinstance(response, HttpResponse)
    kept = request.session.get(SESSION_KEY)
    if kept is None:
        assert seen(response) == seen(HttpResponse("<p>plain</p>"))
    else:
        assert 0 < len(kept) <= 64
        assert set(kept) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        assert before in ("", "a=1&")


class SessionOfAnyKind(SessionBase):
    """A session that lives as long as the request."""

    def load(self) -> dict[str, Any]:
        return {}


# A host that is not as expected


class FailingSession(SessionBase):
    """A session store that is away."""

    def load(self) -> dict[str, Any]:
        raise ConnectionError("the session store is away")

    async def aload(self) -> dict[str, Any]:
        raise ConnectionError("the session store is away")


def failing(request: HttpRequest) -> HttpRequest:
    request.session = FailingSession("an-earlier-session")
    return request


def test_a_session_store_that_fails_costs_the_visitor_nothing(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT["RAISE_ERRORS"] = False
    request = failing(RequestFactory().get("/plain/", QUERY_STRING=LINK))
    response = HellotextMiddleware(lambda request: HttpResponse("fine"))(request)
    assert isinstance(response, HttpResponse)
    assert response.content == b"fine"


def test_a_session_store_that_fails_costs_the_visitor_nothing_under_asgi(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT["RAISE_ERRORS"] = False
    request = failing(AsyncRequestFactory().get("/plain/", QUERY_STRING=LINK))
    assert isinstance(request, ASGIRequest)
    assert async_to_sync(answer_async)(request) == b"fine"


async def answer_async(request: HttpRequest) -> bytes:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("fine")

    response = HellotextMiddleware(view)(request)
    assert not isinstance(response, HttpResponse)
    answer = await response  # type: ignore[misc]  # the asynchronous half of the middleware's type
    assert isinstance(answer, HttpResponse)
    return answer.content


def test_a_session_store_that_fails_is_told_where_errors_are_raised(hellotext: Emulator) -> None:
    request = failing(RequestFactory().get("/plain/", QUERY_STRING=LINK))
    with pytest.raises(ConnectionError):
        HellotextMiddleware(lambda request: HttpResponse("fine"))(request)


def test_a_host_without_sessions_is_left_alone(hellotext: Emulator, settings: Any) -> None:
    settings.MIDDLEWARE = ["django_hellotext.middleware.HellotextMiddleware"]
    assert seen(Client().get("/plain/", QUERY_STRING=LINK)) == seen(Client().get("/plain/"))


@pytest.mark.parametrize("inert", [None, {}, "token", {"API_TOKEN": "t"}, {"BUSINESS_ID": "b"}])
def test_an_unconfigured_app_keeps_nothing(settings: Any, django_assert_num_queries: Any, inert: Any) -> None:
    settings.HELLOTEXT = inert
    with django_assert_num_queries(0):
        response = Client().get("/plain/", QUERY_STRING=LINK)
    assert seen(response) == seen(Client().get("/plain/"))


def test_an_exception_of_the_view_passes_through(hellotext: Emulator, client: Client) -> None:
    with pytest.raises(LookupError, match="the host's own mistake"):
        client.get("/products/1/broken/", QUERY_STRING=LINK)


def test_the_middleware_is_asynchronous_exactly_where_its_neighbour_is() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(HellotextMiddleware(view))
    assert not iscoroutinefunction(HellotextMiddleware(lambda request: HttpResponse()))
