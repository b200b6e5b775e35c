"""Who somebody is: login, registration, logout, and staff who act as a customer (demands G5, G6, G7)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import AsyncClient, Client

from django_hellotext.emulator import Emulator
from django_hellotext.intake.utm import UTM_KEY
from django_hellotext.middleware import FORGET_COOKIE
from django_hellotext.models import Change, Event, Session
from tests.factories import make_customer, make_staff

pytestmark = pytest.mark.django_db

SESSION = "short-link-77"
LINK = f"hello_session={SESSION}&utm_source=hellotext&utm_medium=sms"
UTM = {"source": "hellotext", "medium": "sms"}


@pytest.fixture(autouse=True)
def shop(settings: Any, hellotext: Emulator) -> None:
    settings.ROOT_URLCONF = "tests.surfaces.shop_urls"


@pytest.fixture
def customer() -> User:
    user = make_customer(username="wile")
    user.set_password("secret")
    user.save()
    return user


def handed_over() -> list[tuple[str, str]]:
    return list(Session.objects.order_by("id").values_list("session", "profile_pk"))


# Login and registration


def test_session_and_campaign_survive_the_rotation_of_the_key(
    session_store: str, client: Client, customer: User
) -> None:
    """Demand G7, with each back end."""
    client.get("/plain/", QUERY_STRING=LINK)
    client.post("/enter/", {"username": "wile"})
    assert client.session["hellotext_session"] == SESSION
    assert client.session[UTM_KEY] == UTM
    assert handed_over() == [(SESSION, str(customer.pk))]


def test_a_new_link_takes_its_own_campaign_along(client: Client) -> None:
    client.get("/plain/", QUERY_STRING=LINK)
    client.get("/plain/", QUERY_STRING="hello_session=second")
    assert UTM_KEY not in client.session
    client.get("/plain/", QUERY_STRING="hello_session=second&utm_source=hellotext")
    assert client.session[UTM_KEY] == {"source": "hellotext"}


def test_a_registration_that_logs_in_hands_the_session_over(client: Client) -> None:
    """Demand G6."""
    client.get("/plain/", QUERY_STRING=LINK)
    client.post("/register/", {"username": "road"})
    assert handed_over() == [(SESSION, str(User.objects.get(username="road").pk))]


def test_a_login_under_asgi_hands_the_session_over(customer: User) -> None:
    """Demands G6, G7."""
    client = AsyncClient()
    async_to_sync(client.get)("/plain/", QUERY_STRING=LINK)
    async_to_sync(client.get)("/enter-async/", QUERY_STRING="username=wile")
    assert async_to_sync(client.asession)()["hellotext_session"] == SESSION
    assert handed_over() == [(SESSION, str(customer.pk))]


def test_an_account_that_nobody_logs_into_hands_nothing_over(client: Client) -> None:
    """An address that somebody typed proves nothing (demand G6)."""
    client.get("/plain/", QUERY_STRING=LINK)
    make_customer(email="somebody@example.com")
    assert handed_over() == []


def test_a_visitor_who_refuses_to_be_seen_hands_nothing_over(client: Client, customer: User) -> None:
    """Demand I2."""
    client.get("/plain/", QUERY_STRING=LINK)
    client.post("/enter/", {"username": "wile"}, headers={"Sec-GPC": "1"})
    assert handed_over() == []


# Logout


def test_a_logout_tells_the_next_page_to_forget_once(session_store: str, client: Client, customer: User) -> None:
    """Demands G3, G6: nothing of the session is left, and nobody else gets the cookie."""
    client.get("/plain/", QUERY_STRING=LINK)
    client.post("/enter/", {"username": "wile"})
    response = client.post("/leave/")
    cookie = response.cookies[FORGET_COOKIE]
    assert (cookie.value, cookie["path"], cookie["samesite"], cookie["httponly"]) == ("1", "/", "Lax", "")
    assert 0 < cookie["max-age"] <= 24 * 3600
    assert "private" in response.headers["Cache-Control"]
    assert "hellotext_session" not in client.session
    assert FORGET_COOKIE not in client.get("/plain/").cookies


def test_a_logout_under_asgi_tells_the_next_page_to_forget(customer: User) -> None:
    client = AsyncClient()
    async_to_sync(client.aforce_login)(customer)
    response = async_to_sync(client.post)("/leave-async/")
    assert response.cookies[FORGET_COOKIE].value == "1"


def test_a_logout_over_https_sends_a_secure_cookie(client: Client, customer: User) -> None:
    client.force_login(customer)
    assert client.post("/leave/", secure=True).cookies[FORGET_COOKIE]["secure"]


def test_who_was_not_logged_in_has_nothing_to_forget(client: Client) -> None:
    assert FORGET_COOKIE not in client.post("/leave/").cookies


def test_an_inert_app_sets_no_cookie(settings: Any, client: Client, customer: User) -> None:
    """Demand K3."""
    settings.HELLOTEXT = {}
    client.force_login(customer)
    assert FORGET_COOKIE not in client.post("/leave/").cookies


# Acting as a customer


@pytest.fixture
def staff(client: Client) -> Client:
    """A superuser at a browser of their own, which Hellotext.js has given a session."""
    client.force_login(make_staff(is_superuser=True))
    client.cookies["hello_session"] = "staffs-own"
    return client


HIJACK = ("/hijack/acquire/", "/hijack/release/")
LOGINAS = ("/loginas/login/user/{pk}/", "/loginas/logout/")


@pytest.mark.parametrize("package", [HIJACK, LOGINAS], ids=["django-hijack", "django-loginas"])
def test_staff_who_act_as_a_customer_leave_nothing_behind(
    staff: Client, customer: User, package: tuple[str, str]
) -> None:
    """Demand G5, with the packages themselves: not at the beginning, not meanwhile, not at the end."""
    acquire, release = (address.format(pk=customer.pk) for address in package)
    assert staff.post(acquire, {"user_pk": customer.pk}).status_code == 302
    assert staff.get("/look/").content.decode().startswith("wile")
    staff.post("/buy/", {"customer": customer.pk})
    staff.post(release)
    assert not staff.get("/look/").content.decode().startswith("wile")
    assert handed_over() == []
    assert not Event.objects.exists()
    assert not Change.objects.exclude(session="").exists()
    assert Change.objects.filter(object_label="testshop.order", metadata__status="placed").exists()


@pytest.mark.parametrize("package", [HIJACK, LOGINAS], ids=["django-hijack", "django-loginas"])
def test_the_session_of_somebody_who_acts_as_a_customer_is_none(
    staff: Client, customer: User, package: tuple[str, str]
) -> None:
    staff.post(package[0].format(pk=customer.pk), {"user_pk": customer.pk})
    assert staff.get("/look/").content.decode() == "wile "


def test_from_one_account_straight_into_another_hands_nothing_over(staff: Client, customer: User) -> None:
    """Any other way to act as a customer begins like this too."""
    staff.post("/act-as/", {"username": "wile"})
    assert str(staff.get("/user/").content.decode()).startswith("wile")
    assert handed_over() == []


def is_support(request: HttpRequest) -> bool:
    return "support" in request.COOKIES


def raises(request: HttpRequest) -> bool:
    raise LookupError("the host's own mistake")


@pytest.mark.parametrize("hook", [is_support, "tests.surfaces.test_identity.is_support", raises])
def test_the_shop_knows_other_ways_of_acting_as_a_customer(
    settings: Any, client: Client, customer: User, hook: Any
) -> None:
    """A hook that raises counts as yes: a wrong session could not be taken back."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "IMPERSONATED": hook}
    client.cookies["hello_session"], client.cookies["support"] = "staffs-own", "1"
    client.post("/enter/", {"username": "wile"})
    client.get("/look/")
    client.post("/buy/", {"customer": customer.pk})
    assert handed_over() == []
    assert not Event.objects.exists()
    assert not Change.objects.exclude(session="").exists()


def test_a_hook_that_says_no_changes_nothing(settings: Any, client: Client, customer: User) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "IMPERSONATED": is_support}
    client.cookies["hello_session"] = "customers-own"
    client.post("/enter/", {"username": "wile"})
    client.get("/look/")
    assert handed_over() == [("customers-own", str(customer.pk))]
    assert Event.objects.get().session == "customers-own"


# A hint is a hint


def test_the_link_never_logs_anybody_in(client: Client) -> None:
    """Demand G6, and a profile ID from the browser is nothing at all."""
    response = client.get("/user/", QUERY_STRING=f"{LINK}&profile=p1&hello_user_id=1&user_id=1")
    assert response.content.decode() == f"AnonymousUser {SESSION}"
    assert json.dumps(dict(client.session.items())) == json.dumps({"hellotext_session": SESSION, UTM_KEY: UTM})
