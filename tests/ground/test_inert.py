"""Installed but not configured, or configured wrongly: the site works, nothing is recorded, nothing is raised."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client

import django_hellotext
from django_hellotext.delivery import Report, drain
from django_hellotext.models import Account, Change, Event, RemoteObject, Session
from tests.factories import make_customer, make_order
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

COMPLETE = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret-token", "ENVIRONMENT": "test", "CURRENCY": "EUR"}

INERT: dict[str, Any] = {
    "no setting": "absent",
    "None": None,
    "empty": {},
    "no dict": "secret-token",
    "business alone": {"BUSINESS_ID": "shop-1"},
    "token alone": {"API_TOKEN": "secret-token"},
    "no environment": {**COMPLETE, "ENVIRONMENT": ""},
    "no business": {**COMPLETE, "BUSINESS_ID": None},
    "token of a wrong type": {**COMPLETE, "API_TOKEN": 12},
    "address that is none": {**COMPLETE, "BASE_URL": "https://["},
    "unknown key": {**COMPLETE, "ENVIROMENT": "test"},
    "databases of a wrong type": {**COMPLETE, "DATABASES": [["default"]]},
    "no databases": {**COMPLETE, "DATABASES": []},
    "actions of a wrong type": {**COMPLETE, "ACTIONS": [1]},
    "raising": {**COMPLETE, "RAISE_ERRORS": True, "LEASE": 1},
}


@pytest.fixture(params=INERT, autouse=True)
def inert(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.surfaces.urls"
    values = INERT[request.param]
    if values != "absent":
        settings.HELLOTEXT = values


@pytest.fixture(autouse=True)
def nothing_recorded(inert: None, db: None) -> Any:
    yield
    for model in (Account, Change, Event, RemoteObject, Session):
        assert not model._default_manager.exists()


def test_saving_and_deleting_cost_what_they_cost_without_the_app(django_assert_num_queries: Any) -> None:
    product = Product(name="A")
    with django_assert_num_queries(1):
        product.save()
    with django_assert_num_queries(1):
        product.save(update_fields=["name"])
    order = make_order()
    order.delete()


def test_tracking_does_nothing(django_assert_num_queries: Any) -> None:
    customer, order = make_customer(), make_order()
    with django_assert_num_queries(0):
        django_hellotext.track("order.placed", order, profile=customer, amount=Decimal("1.00"), currency="EUR")
        django_hellotext.track("no.such.action")
        django_hellotext.sync(order)
        django_hellotext.sync(Product.objects.all())


def test_remembering_a_session_does_nothing(django_assert_num_queries: Any, rf: Any) -> None:
    order, request = make_order(), rf.get("/?hello_session=abc")
    with django_assert_num_queries(0):
        django_hellotext.remember_session(order, request)


def test_a_short_link_is_a_link_like_any_other(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/plain/?hello_session=abc&utm_source=hellotext")
    assert response.content == b"<p>plain</p>"
    assert "Vary" not in response.headers
    assert not response.cookies


def test_a_decorated_view_answers_and_makes_no_query(client: Client, django_assert_num_queries: Any) -> None:
    client.cookies["hello_session"] = "abc"
    with django_assert_num_queries(0):
        assert client.get("/products/7/").content == b"<p>product</p>"
        assert client.get("/broken-callable/").content == b"<p>fine</p>"
        assert client.get("/unknown-action/").content == b"<p>fine</p>"


def test_the_tag_renders_and_shows_no_token(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        html = Template("{% load hellotext %}{% hellotext %}").render(Context())
    assert "secret-token" not in html


def test_logging_in_and_out_works(client: Client) -> None:
    customer = make_customer()
    customer.set_password("secret")
    customer.save()
    client.get("/plain/?hello_session=abc")
    assert client.post("/enter/", {"username": customer.username}).status_code == 302
    assert client.get("/user/").content.decode().startswith(customer.username)
    client.post("/leave/")


def test_a_drain_does_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert drain() == Report()
