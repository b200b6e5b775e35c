"""After an erasure nothing of the person is left in any table of ours, and none comes back later."""

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
from django_hellotext.models import Change, RemoteObject, State
from tests.factories import make_cart, make_cart_line, make_customer, make_return, placed_order

from .test_shared_contacts import again
from .test_taken_over_profiles import between

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
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


@pytest.mark.parametrize("who", ["account", "guest"])
def test_a_later_order_leaves_nothing(deliver: Deliver, who: str) -> None:
    """The order is made in a request of that browser."""
    customer = make_customer(email=EMAIL)
    deliver()
    hellotext.forget_customer(EMAIL)
    deliver()
    order = placed_order(customer=customer) if who == "account" else placed_order(email=EMAIL)
    Change.objects.filter(object_label="testshop.order", object_pk=order.pk).update(session=BROWSER)
    deliver()
    assert RemoteObject.objects.get(kind="order").state == State.SYNCED
    assert ours(BROWSER) == []


def test_an_order_that_is_in_hand_is_forgotten(
    deliver: Deliver, hellotext_app: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure comes after the request for the order, and before its outcome is written."""
    hellotext_app.know_session(BROWSER)
    order = placed_order(email=EMAIL)
    hellotext.track("order.placed", order, session=BROWSER)
    deliver()
    RemoteObject.objects.filter(kind="order").update(session=BROWSER)
    order.method = "card"
    order.save()
    done = between(monkeypatch, "order", "testshop.order", lambda: hellotext.forget_customer(order))
    again(deliver)
    assert done
    assert ours(BROWSER) == []


def test_views_before_the_order_are_forgotten(deliver: Deliver, hellotext_app: Emulator) -> None:
    """The session stands on the order alone, because no event of a customer had it."""
    hellotext_app.know_session(BROWSER)
    hellotext.track("page.viewed", session=BROWSER, url="https://shop.example/")
    order = placed_order(email=EMAIL)
    Change.objects.filter(object_label="testshop.order").update(session=BROWSER)
    deliver()
    hellotext.forget_customer(order)
    deliver()
    assert ours(BROWSER) == []


def test_profiles_that_they_have_left_are_cleared(deliver: Deliver, profiles: Profiles) -> None:
    """An account that took over the profile of its new e-mail, and a guest whose e-mail was an account's at last."""
    placed_order(email="new@example.com", first_name="Gil")
    customer = make_customer(email=EMAIL, first_name="Wile")
    order = placed_order(email="first@example.com", first_name="Mallory")
    other = make_customer(email="other@example.com", first_name="Other")
    deliver()
    customer.email = "new@example.com"
    customer.save()
    order.email = other.email
    order.save()
    deliver()
    assert len(profiles()) == 4
    hellotext.forget_customer(customer)
    hellotext.forget_customer(order)
    deliver()
    assert [profile["first_name"] for profile in profiles()] == ["Other"]


def test_a_guest_who_was_not_sent_yet_does_not_take_the_account_along(deliver: Deliver, profiles: Profiles) -> None:
    customer = make_customer(email=EMAIL, first_name="Wile")
    deliver()
    hellotext.forget_customer(placed_order(email=EMAIL))
    deliver()
    customer.first_name = "Wile E."
    customer.save()
    deliver()
    assert [profile["first_name"] for profile in profiles()] == ["Wile E."]


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
