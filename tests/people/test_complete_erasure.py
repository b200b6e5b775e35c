"""After an erasure nothing of the person is left in any table of ours, whatever happens later."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client

import django_hellotext as hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import RemoteObject, State
from tests.factories import make_cart, make_cart_line, make_customer, make_return, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
BROWSER = "8f14e45f-ceea-467f-a0e6-0a6a1a3c5b11"
EMAIL = "wile.e@example.com"


@pytest.fixture
def browser(hellotext_app: Emulator, settings: Any) -> Client:
    """A visitor who comes by a link of a campaign."""
    settings.ROOT_URLCONF = "tests.surfaces.shop_urls"
    hellotext_app.know_session(BROWSER)
    client = Client()
    client.get("/plain/", {"hello_session": BROWSER, "utm_source": "hellotext"})
    assert client.session
    return client


def ours(text: str) -> list[str]:
    """The tables of ours that hold ``text``."""
    tables = [table for table in apps.get_app_config("django_hellotext").get_models() if not table._meta.proxy]
    return [
        table.__name__
        for table in tables
        if text in json.dumps(list(table._base_manager.values()), cls=DjangoJSONEncoder, ensure_ascii=False)
    ]


def test_the_basket_that_a_guest_ordered_is_forgotten(deliver: Deliver, hellotext_app: Emulator) -> None:
    """And both sides can be compared and repaired afterwards."""
    hellotext_app.know_session(BROWSER)
    cart = make_cart()
    make_cart_line(cart=cart)
    hellotext.track("cart.added", cart, session=BROWSER)
    deliver()
    order = placed_order(email=EMAIL, cart=cart)
    hellotext.track("order.placed", order, session=BROWSER)
    deliver()
    assert ours(BROWSER)
    hellotext.forget_customer(order)
    deliver()
    assert ours(BROWSER) == []
    call_command("hellotext_sync", "--repair", stdout=StringIO())
    assert not RemoteObject.objects.filter(state__in=[State.FAILED, State.PENDING]).exists()


def test_another_basket_of_that_browser_is_forgotten(deliver: Deliver, hellotext_app: Emulator) -> None:
    """One that became no order; but not the basket of another customer on the same computer."""
    hellotext_app.know_session(BROWSER)
    order = placed_order(email=EMAIL)
    hellotext.track("order.placed", order, session=BROWSER)
    for cart in (make_cart(), make_cart(owner=make_customer())):
        make_cart_line(cart=cart)
        hellotext.track("cart.added", cart, session=BROWSER)
    deliver()
    hellotext.forget_customer(order)
    deliver()
    left = RemoteObject.objects.filter(kind="cart").exclude(session="")
    assert [row.host_pk for row in left] == [str(cart.pk)]


def test_the_refunds_of_an_order_are_forgotten(deliver: Deliver, hellotext_app: Emulator) -> None:
    """A refund has the session of its order."""
    hellotext_app.know_session(BROWSER)
    order = placed_order(email=EMAIL)
    hellotext.track("order.placed", order, session=BROWSER)
    deliver()
    make_return(order=order)
    RemoteObject.objects.filter(kind="order").update(session=BROWSER)
    deliver()
    hellotext.forget_customer(order)
    deliver()
    assert ours(BROWSER) == []


def test_a_later_visit_and_login_leave_nothing(deliver: Deliver, browser: Client) -> None:
    customer = make_customer(email=EMAIL)
    deliver()
    hellotext.forget_customer(customer)
    deliver()
    browser.force_login(customer)
    browser.get("/plain/")
    assert ours(BROWSER) == ["Session"]
    cart = make_cart(owner=customer)
    make_cart_line(cart=cart)
    hellotext.track("cart.added", cart, session=BROWSER)
    hellotext.track("page.viewed", profile=customer, session=BROWSER, url="https://shop.example/")
    deliver()
    assert ours(BROWSER) == []
    assert ours(EMAIL) == []


def test_an_erased_customer_is_not_there_to_be_repaired(deliver: Deliver, browser: Client) -> None:
    customer = make_customer(email=EMAIL)
    cart = make_cart(owner=customer)
    make_cart_line(cart=cart)
    hellotext.track("cart.added", cart, session=BROWSER)
    deliver()
    hellotext.forget_customer(customer)
    deliver()
    call_command("hellotext_sync", "--repair", stdout=StringIO())
    call_command("hellotext_sync", stdout=StringIO())
    assert ours(BROWSER) == []
    assert not RemoteObject.objects.filter(state__in=[State.FAILED, State.PENDING]).exists()
