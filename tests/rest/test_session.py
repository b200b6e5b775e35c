"""``POST session/``: a page hands over the visitor's session, and can do nothing else with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.intake.sessions import SESSION_KEY
from django_hellotext.models import Session, State
from tests.factories import make_customer, make_staff
from tests.needs import needed_module

needed_module("rest_framework")
pytestmark = pytest.mark.django_db

URL = "/hellotext/session/"
SESSION = "3b7d1f0e-visitor"


def hand_over(client: Client, body: Any = None, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps({"session": SESSION} if body is None else body)
    content_type = headers.pop("content_type", "application/json")
    return client.generic("POST", URL, content, content_type=content_type, headers=headers or None)


def logged_in(user: Any, *, enforce_csrf_checks: bool = False) -> Client:
    """A browser in which ``user`` has logged in without a Hellotext session."""
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.force_login(user)
    return client


def quiet_customer(**values: Any) -> Any:
    with django_hellotext.paused():
        return make_customer(**values)


# Who gets it


def test_a_session_in_the_address_as_well_is_kept(client: Client) -> None:
    client.post(f"{URL}?hello_session={SESSION}", {"session": SESSION}, content_type="application/json")
    assert client.session[SESSION_KEY] == SESSION


def test_a_customers_session_is_attached_to_the_customer(deliver: Callable[..., Report], emulator: Emulator) -> None:
    """G6: attached by the server, on verified login only."""
    customer = make_customer()
    client = logged_in(customer)
    assert hand_over(client).status_code == 204
    row = Session.objects.get()
    assert (row.session, row.profile_label, row.profile_pk) == (SESSION, "auth.user", str(customer.pk))
    assert client.session[SESSION_KEY] == SESSION


def test_handing_over_twice_is_one_row() -> None:
    """A3"""
    client = logged_in(quiet_customer())
    for _ in range(3):
        assert hand_over(client).status_code == 204
    assert Session.objects.count() == 1


def test_an_anonymous_visitors_session_is_kept_for_the_login(client: Client) -> None:
    assert hand_over(client).status_code == 204
    assert client.session[SESSION_KEY] == SESSION
    assert not Session.objects.exists()
    customer = quiet_customer()
    client.force_login(customer)
    row = Session.objects.get()
    assert (row.session, row.profile_pk) == (SESSION, str(customer.pk))


def test_a_member_of_staff_leaves_no_session() -> None:
    """G5"""
    client = logged_in(make_staff())
    assert hand_over(client).status_code == 204
    assert SESSION_KEY not in client.session
    assert not Session.objects.exists()


def test_a_visitor_who_refuses_to_be_seen_leaves_no_session(settings: Any) -> None:
    """I2"""
    client = logged_in(quiet_customer())
    assert hand_over(client, **{"Sec-GPC": "1"}).status_code == 204
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: False}
    assert hand_over(client).status_code == 204
    assert SESSION_KEY not in client.session
    assert not Session.objects.exists()


@pytest.mark.parametrize("name", ["profile", "profile_id", "user", "customer", "id", "email"])
def test_the_page_cannot_name_a_profile(name: str) -> None:
    """The browser's word for a profile is never taken (hellotext-facts, section 2)."""
    other = quiet_customer()
    client = logged_in(quiet_customer())
    response = hand_over(client, {"session": SESSION, name: str(other.pk)})
    assert response.status_code == 400
    assert name in response.json()
    assert not Session.objects.exists()


def test_an_unconfigured_app_takes_nothing_and_breaks_nothing(settings: Any) -> None:
    """K3"""
    settings.HELLOTEXT = None
    client = logged_in(quiet_customer())
    assert hand_over(client).status_code == 204
    assert SESSION_KEY not in client.session


def test_the_answer_says_nothing_of_the_visitor_and_is_not_kept_by_a_cache(client: Client) -> None:
    """G3"""
    response = hand_over(client)
    assert response.content == b""
    assert response.headers["Cache-Control"] == "private, no-store"


def test_handing_over_writes_one_row_in_a_fixed_number_of_statements() -> None:
    client = logged_in(quiet_customer())
    hand_over(client)
    with CaptureQueriesContext(connection) as again:
        hand_over(client, {"session": "another"})
    inserts = [entry["sql"] for entry in again if Session._meta.db_table in entry["sql"]]
    assert len(inserts) == 1
    assert len(again) <= 8


# What is refused

UNFIT: list[Any] = [
    *("", " ", "a b", "a\n", "é", "x" * 65, "a/b", "'; DROP TABLE x", "<script>", "\x00", "\ud800"),
    *(None, 7, 7.5, True, [], ["a"], {}, {"a": 1}),
]


@pytest.mark.parametrize("session", UNFIT)
def test_what_can_be_no_session_is_refused(client: Client, session: Any) -> None:
    """G1"""
    assert hand_over(client, {"session": session}).status_code == 400
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b"\xff\xfe\x00", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"NaN", 400),
        (b"{}", 400),
        (b"[" * 4000, 400),
        (b'{"session": ' * 300 + b"1" + b"}" * 300, 400),
        (b'{"session": ' + b"1" * 4000 + b"}", 400),
        (b'{"session": "a", "session": 7}', 400),
        (b'{"session": "' + b"x" * 5000 + b'"}', 413),
        (b" " * 3_000_000, 413),
    ],
)
def test_a_malformed_or_huge_body_is_refused(client: Client, body: bytes, status: int) -> None:
    assert hand_over(client, body).status_code == status
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "nonsense", "a/b; c="],
)
def test_only_json_is_taken(client: Client, content_type: str) -> None:
    """What a foreign page can post without asking (a form, plain text) is none."""
    assert hand_over(client, b'{"session": "abc"}', content_type=content_type).status_code == 415
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize("charset", ["rot13", "zlib", "base64", "utf-16", "idna", "nonsense"])
def test_a_hostile_charset_changes_nothing(client: Client, charset: str) -> None:
    assert hand_over(client, content_type=f"application/json; charset={charset}").status_code == 204
    assert client.session[SESSION_KEY] == SESSION


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_not_allowed(client: Client, method: str) -> None:
    assert getattr(client, method)(URL).status_code == 405


# Who may call


@pytest.mark.parametrize("as_customer", [True, False])
def test_a_foreign_page_cannot_hand_over_a_session(as_customer: bool) -> None:
    """Without the check, a foreign page could plant its own session, which the next login would attach."""
    client = Client(enforce_csrf_checks=True)
    if as_customer:
        client.force_login(quiet_customer())
    assert hand_over(client).status_code == 403
    assert hand_over(client, origin="https://evil.example").status_code == 403
    assert SESSION_KEY not in client.session
    assert not Session.objects.exists()


@pytest.mark.parametrize("as_customer", [True, False])
def test_a_page_gets_its_csrf_token_from_the_endpoint(as_customer: bool, settings: Any) -> None:
    """A page on another origin cannot read the cookie."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://checkout.example"]
    client = Client(enforce_csrf_checks=True)
    if as_customer:
        client.force_login(quiet_customer())
    token = client.get(URL).json()["csrf_token"]
    assert hand_over(client, **{"X-CSRFToken": token, "Origin": "https://evil.example"}).status_code == 403
    assert hand_over(client, **{"X-CSRFToken": "wrong", "Origin": "https://checkout.example"}).status_code == 403
    assert hand_over(client, **{"X-CSRFToken": token, "Origin": "https://checkout.example"}).status_code == 204
    assert client.session[SESSION_KEY] == SESSION


def test_a_deactivated_user_is_nobody() -> None:
    customer = quiet_customer()
    client = logged_in(customer)
    type(customer).objects.filter(pk=customer.pk).update(is_active=False)
    hand_over(client)
    assert not Session.objects.exists()


def test_a_rate_that_is_none_is_a_mistake_of_the_project(client: Client, settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"hellotext_session": "often"}}
    with pytest.raises(ImproperlyConfigured, match=r"must be like '30/min'"):
        hand_over(client)


def test_a_flood_is_throttled(client: Client, settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"hellotext_session": "3/min"}}
    assert [hand_over(client).status_code for _ in range(5)] == [204, 204, 204, 429, 429]
    assert hand_over(logged_in(quiet_customer())).status_code == 204


def test_there_is_a_limit_without_any_setting(client: Client) -> None:
    answers = [hand_over(client).status_code for _ in range(31)]
    assert answers == [204] * 30 + [429]


def test_any_address_that_a_client_claims_is_fit_for_a_cache_key(client: Client) -> None:
    assert hand_over(client, **{"X-Forwarded-For": "\x7f \t" + "9" * 5000}).status_code == 204


def test_an_invented_address_does_not_pass_the_throttle_behind_a_known_proxy(client: Client, settings: Any) -> None:
    """The proxy adds the address that it sees at the end; what the client wrote before it counts for nothing."""
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"hellotext_session": "3/min"}, "NUM_PROXIES": 1}
    claims = [{"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.9"} for number in range(5)]
    assert [hand_over(client, **claim).status_code for claim in claims] == [204, 204, 204, 429, 429]


def test_a_cache_that_is_down_lets_the_visitor_through(client: Client, settings: Any) -> None:
    """B4"""
    settings.CACHES = {"default": {"BACKEND": "tests.rest.broken.BrokenCache"}}
    assert hand_over(client).status_code == 204


def test_the_hosts_own_defaults_do_not_change_the_endpoint(client: Client, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
        "UNAUTHENTICATED_USER": None,
    }
    assert hand_over(client).status_code == 204


def test_a_session_that_arrives_is_attached_at_hellotext(deliver: Callable[..., Report], emulator: Emulator) -> None:
    customer = make_customer()
    deliver()
    hand_over(logged_in(customer))
    deliver()
    assert Session.objects.get().state in (State.SYNCED, State.PENDING)
