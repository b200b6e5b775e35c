"""``request.hellotext``: read when somebody asks, and only what is valid."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from weakref import ref

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from django_hellotext.emulator import Emulator
from django_hellotext.intake.utm import MAX_VALUE, NAMES, utm_of, valid_utm
from django_hellotext.intake.visits import Visit, current_request, visit_of
from django_hellotext.models import Event
from tests.factories import make_customer

CAMPAIGN = {"source": "hellotext", "medium": "sms", "campaign": "autumn reading", "term": "q", "content": "b"}
QUERY = "utm_source=hellotext&utm_medium=sms&utm_campaign=autumn+reading&utm_term=q&utm_content=b"


def a_request(
    query: str = "", *, cookies: dict[str, str] | None = None, stored: dict[str, Any] | None = None, user: Any = None
) -> Any:
    request: Any = RequestFactory().get("/", QUERY_STRING=query)
    request.session = SessionStore()
    request.COOKIES.update(cookies or {})
    request.user = user or AnonymousUser()
    if stored is not None:
        request.session.update(stored)
        request.session.accessed = False
        request.COOKIES["sessionid"] = "x"
    return request


# The campaign


def test_the_campaign_of_the_query_wins_over_the_cookie_and_the_cookie_over_the_stored_one() -> None:
    cookies, stored = {"hello_utm": json.dumps({"source": "cookie"})}, {"hellotext_utm": {"source": "stored"}}
    assert utm_of(a_request("utm_source=query", cookies=cookies, stored=stored)) == {"source": "query"}
    assert utm_of(a_request(cookies=cookies, stored=stored)) == {"source": "cookie"}
    assert utm_of(a_request(stored=stored)) == {"source": "stored"}


def test_all_five_parameters_are_read() -> None:
    assert utm_of(a_request(QUERY)) == CAMPAIGN


@pytest.mark.parametrize("quoting", [str, quote])
def test_the_cookie_of_the_library_is_read_as_it_writes_it(quoting: Any) -> None:
    """Its values are plain JSON (Hellotext.js, models/utm.js); the time of the observation is left out."""
    text = json.dumps({**CAMPAIGN, "observed_at": "2026-11-21T12:00:00.000Z"}, separators=(",", ":"))
    assert utm_of(a_request(cookies={"hello_utm": quoting(text)})) == CAMPAIGN


@pytest.mark.parametrize(
    "query",
    ["utm_source=", "utm_source=a&utm_source=b", f"utm_source={'x' * (MAX_VALUE + 1)}", "utm_source=a%00b",
     "utm_source=%0d%0aSet-Cookie:a", "utm_source=%ff", "utm_source[]=a", "xutm_source=a", "utm_other=a",
     "utm_source=%E2%80%AEx", "utm_source=++", "utm_", "utm_source=a&x=" + "y" * 9000],
)  # fmt: skip
def test_a_query_that_names_no_campaign_names_none(query: str) -> None:
    """Demand G1."""
    assert utm_of(a_request(query)) == {}


@pytest.mark.parametrize(
    "cookie",
    ["", "{", "[]", "null", "7", '"a"', "[" * 4000, '{"source": 7}', '{"source": {"a": 1}}', '{"source": "\\ud800"}',
     '{"other": "a"}', '{"source": "' + "x" * 5000 + '"}', "%7B%ff", '{"source": "a\\u0000"}', "\udcff"],
)  # fmt: skip
def test_a_cookie_that_holds_no_campaign_holds_none(cookie: str) -> None:
    """Demand G1."""
    assert utm_of(a_request(cookies={"hello_utm": cookie})) == {}


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.sampled_from(NAMES), inner))
)
def test_whatever_comes_only_short_printable_text_is_left(found: Any) -> None:
    for name, value in valid_utm(found).items():
        assert name in NAMES
        assert 0 < len(value) <= MAX_VALUE
        assert value.isprintable()


# The visit


def test_a_visit_leaves_its_request_to_be_forgotten() -> None:
    """Without the help of the garbage collector, which would cost more than all the rest."""
    request = a_request("hello_session=mine")
    visit = visit_of(request)
    gone = ref(request)
    del request
    assert gone() is None
    with pytest.raises(ReferenceError):
        visit.track("page.viewed")


def test_making_a_visit_reads_nothing() -> None:
    """Demand G2."""

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was read")

    nothing = Untouchable()
    Visit(nothing)  # type: ignore[arg-type]  # nothing of a request is needed


def test_the_cookie_answers_without_the_django_session() -> None:
    """Demand G2: no ``Vary`` comes of it."""
    request = a_request(cookies={"hello_session": "mine", "hello_utm": '{"source": "a"}', "sessionid": "x"})
    visit = visit_of(request)
    assert (visit.session, visit.utm) == ("mine", {"source": "a"})
    assert not request.session.accessed


def test_it_works_without_the_middleware_and_is_made_once() -> None:
    request = a_request("hello_session=mine")
    assert visit_of(request) is visit_of(request)
    assert visit_of(request).session == "mine"
    assert current_request() is None


def test_asynchronous_code_reads_the_stored_session() -> None:
    request = a_request(stored={"hellotext_session": "stored", "hellotext_utm": {"source": "a"}})

    async def ask() -> tuple[str, Any]:
        return await visit_of(request).asession(), await visit_of(request).autm()

    assert async_to_sync(ask)() == ("stored", {"source": "a"})


def test_asynchronous_code_prefers_the_query_and_the_cookie() -> None:
    async def ask(request: Any) -> tuple[str, Any]:
        return await visit_of(request).asession(), await visit_of(request).autm()

    assert async_to_sync(ask)(a_request(f"hello_session=a&{QUERY}", stored={})) == ("a", CAMPAIGN)
    cookies = {"hello_session": "b", "hello_utm": '{"source": "c"}'}
    assert async_to_sync(ask)(a_request(cookies=cookies)) == ("b", {"source": "c"})


def test_consent_is_asked_for_the_purpose_and_the_customer(hellotext: Emulator, settings: Any, db: None) -> None:
    asked = []

    def hook(request: Any, purpose: str, subject: Any) -> bool | None:
        asked.append((purpose, subject))
        return {"browse": False, "message": True}.get(purpose)

    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": hook}
    customer = make_customer()
    request = a_request(stored={}, user=customer)
    visit = visit_of(request)
    assert (visit.consent(), visit.consent("message"), visit.consent("transact")) == (False, True, None)
    assert asked == [("browse", customer), ("message", customer), ("transact", customer)]
    with pytest.raises(ValueError, match="sale"):
        visit.consent("sale")


def test_a_visit_tracks_for_its_own_visitor(hellotext: Emulator, db: None) -> None:
    request = a_request("hello_session=mine")
    visit_of(request).track("page.viewed")
    event = Event.objects.get()
    assert (event.action, event.session, event.url) == ("page.viewed", "mine", "http://testserver/?hello_session=mine")


@pytest.mark.django_db(transaction=True)
def test_asynchronous_code_tracks_for_its_own_visitor(hellotext: Emulator) -> None:
    customer = make_customer()

    async def view(request: Any) -> None:
        await visit_of(request).atrack("page.viewed")

    async_to_sync(view)(a_request("hello_session=mine", stored={}, user=customer))
    event = Event.objects.get()
    assert (event.session, event.profile_pk) == ("mine", str(customer.pk))
