"""The host answers the same, byte for byte, with the middleware and without it (demands B3, G1, G2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_hellotext.emulator import Emulator
from django_hellotext.intake.sessions import valid_session
from tests.surfaces.test_middleware import seen

pytestmark = pytest.mark.django_db

MIDDLEWARE = "django_hellotext.middleware.HellotextMiddleware"

# What a server hands over: undecoded bytes as latin-1, without line ends.
RAW = st.binary(max_size=80).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"").decode("latin-1"))
VALUES = st.one_of(
    RAW,
    st.text(max_size=60).map(lambda text: quote(text.encode("utf-8", "surrogatepass"))),
    st.sampled_from(["", "%00", "%ff", "[]", '{"source": {}}', "[" * 3000, "x" * 9000, "\x00", "a b", "%F0%9F%98%80"]),
)
NAMES = st.sampled_from(
    ["hello_session", "hello_session[]", "utm_source", "utm_campaign", "hello_preview", "hello_utm", "a", ""]
)
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(lambda pairs: "&".join(f"{n}={v}" for n, v in pairs))
COOKIES = st.lists(
    st.tuples(st.sampled_from(["hello_session", "hello_utm", "hellotext_forget", "sessionid", "a"]), VALUES), max_size=4
).map(lambda pairs: "; ".join(f"{name}={value}" for name, value in pairs))
HEADERS = st.dictionaries(
    st.sampled_from(["HTTP_USER_AGENT", "HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ", "HTTP_SEC_GPC"]),
    RAW,
    max_size=4,
)
PATHS = st.sampled_from(["/plain/", "/public/", "/streaming/", "/tag/"])


def names_a_session(query: str) -> bool:
    """Whether ``hello_session`` may be valid: then the answer is meant to differ."""
    try:
        found = parse_qs(query, errors="strict").get("hello_session", [])
    except ValueError:
        return False
    return any(valid_session(value) for value in found)


def without(middleware: list[str]) -> list[str]:
    return [name for name in middleware if name != MIDDLEWARE]


@given(query=QUERIES, cookies=COOKIES, headers=HEADERS, path=PATHS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_host_answers_the_same_with_and_without_us(
    hellotext: Emulator, settings: Any, query: str, cookies: str, headers: dict[str, str], path: str
) -> None:
    if names_a_session(query):
        return
    given: dict[str, Any] = {"QUERY_STRING": query, "HTTP_COOKIE": cookies, **headers}
    everything = list(settings.MIDDLEWARE)
    assert MIDDLEWARE in everything
    ours = seen(Client().get(path, **given))
    settings.MIDDLEWARE = without(everything)
    theirs = seen(Client().get(path, **given))
    settings.MIDDLEWARE = everything
    assert ours == theirs


@given(query=QUERIES, cookies=COOKIES, headers=HEADERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_host_answers_the_same_under_asgi(
    hellotext: Emulator, settings: Any, query: str, cookies: str, headers: dict[str, str]
) -> None:
    if names_a_session(query):
        return
    everything = list(settings.MIDDLEWARE)
    named = {name.removeprefix("HTTP_").replace("_", "-").title(): value for name, value in headers.items()}
    named["Cookie"] = cookies
    ours = seen(async_to_sync(AsyncClient().get)("/plain-async/", QUERY_STRING=query, headers=named))
    settings.MIDDLEWARE = without(everything)
    theirs = seen(async_to_sync(AsyncClient().get)("/plain-async/", QUERY_STRING=query, headers=named))
    settings.MIDDLEWARE = everything
    assert ours == theirs
