"""A cart that lives in the Django session is mirrored, counted and overtaken like one in the database (A2, A9)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import RequestFactory

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.exceptions import TrackingError
from django_hellotext.intake.current import handled
from django_hellotext.models import Change, Event, RemoteObject
from tests.factories import make_customer, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

Deliver = Callable[..., Report]


@pytest.fixture
def visit() -> Any:
    """A request of a visitor whom only their browser's session names."""
    request: Any = RequestFactory().post("/basket/")
    request.COOKIES["hello_session"] = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def events() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (event.action, [(item["product"]["pk"], item["quantity"]) for item in event.object_parameters["items"]])
        for event in Event.objects.order_by("id")
    ]


def test_a_session_cart_arrives_with_its_items_and_its_events(
    visit: Any, hellotext: Emulator, deliver: Deliver
) -> None:
    tea, cup = make_product(), make_product()
    name = django_hellotext.cart_changed(visit, [(tea, 2, Decimal("4.90"))], created=True)
    assert visit.session["hellotext_cart"] == name
    django_hellotext.cart_changed(visit, [(tea, 1, Decimal("4.90")), (cup, 1)])
    deliver()
    assert events() == [
        ("cart.added", [(str(tea.pk), "2")]),
        ("cart.added", [(str(cup.pk), "1")]),
        ("cart.removed", [(str(tea.pk), "1")]),
    ]
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    mirror = RemoteObject.objects.get(kind="cart")
    assert (mirror.state, mirror.reference) == ("synced", name)
    sent = [entry.body_json for entry in hellotext.log if "carts" in entry.path and entry.accepted]
    assert [item["quantity"] for item in sent[-1]["items"]] == [1, 1]


def test_the_first_sight_of_an_older_session_cart_sends_nothing(visit: Any, deliver: Deliver) -> None:
    """Promise 11."""
    tea = make_product()
    django_hellotext.cart_changed(visit, [(tea, 2)])
    deliver()
    assert events() == []
    django_hellotext.cart_changed(visit, [(tea, 3)])
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "3")])]


def test_the_same_content_again_sends_nothing(visit: Any, deliver: Deliver) -> None:
    """Demand A9: a page that is loaded again."""
    tea = make_product()
    for _ in range(3):
        django_hellotext.cart_changed(visit, [(tea, 2)], created=True)
    deliver()
    assert len(events()) == 1


def test_a_session_cart_becomes_an_order_and_the_next_one_has_a_name_of_its_own(visit: Any, deliver: Deliver) -> None:
    """Demand A2."""
    tea = make_product()
    first = django_hellotext.cart_changed(visit, [(tea, 2)], created=True)
    django_hellotext.cart_ordered(visit)
    deliver()
    assert list(Event.objects.values_list("action", "skip_reason")) == [("cart.added", "superseded")]
    second = django_hellotext.cart_changed(visit, [(tea, 1)], created=True)
    assert second != first


def test_an_empty_cart_that_nobody_has_filled_says_nothing(visit: Any) -> None:
    assert django_hellotext.cart_changed(visit, []) == ""
    django_hellotext.cart_ordered(visit)
    assert visit.session.is_empty()
    assert not Change.objects.exists()


def test_a_cart_with_a_name_of_the_shops_own_belongs_to_its_customer(deliver: Deliver) -> None:
    customer = make_customer()
    django_hellotext.cart_changed("basket-7", [(make_product(), 1)], created=True, profile=customer)
    deliver()
    event = Event.objects.get()
    assert (event.profile_pk, event.object_pk, event.state) == (str(customer.pk), "basket-7", "delivered")


def test_a_mistake_in_the_call_is_raised(visit: Any) -> None:
    with pytest.raises(TypeError, match="no product adapter"):
        django_hellotext.cart_changed(visit, [(make_customer(), 1)])
    with pytest.raises(TypeError, match="quantity"):
        django_hellotext.cart_changed(visit, [(make_product(), 1.5)])  # type: ignore[list-item]  # the very mistake
    with pytest.raises(TypeError, match="name"):
        django_hellotext.cart_changed("", [(make_product(), 1)])
    with pytest.raises(TypeError, match="no Django session"):
        django_hellotext.cart_changed(RequestFactory().get("/"), [(make_product(), 1)])


def test_an_app_that_is_not_configured_is_inert(visit: Any, settings: Any) -> None:
    settings.HELLOTEXT = {}
    assert django_hellotext.cart_changed(visit, [(make_product(), 1)]) == ""
    django_hellotext.cart_ordered(visit)
    assert visit.session.is_empty()


@pytest.mark.parametrize("is_handled", [True, False], ids=["middleware", "no middleware"])
def test_a_visitor_who_refuses_to_be_seen_leaves_no_session_in_the_cart(
    visit: Any, hellotext: Emulator, deliver: Deliver, is_handled: bool
) -> None:
    """Demand I2: the header is on the request that was handed over; neither the cart nor an event names the browser."""
    visit.META["HTTP_SEC_GPC"] = "1"
    token = handled.set(visit if is_handled else None)
    try:
        django_hellotext.cart_changed(visit, [(make_product(), 1)], created=True)
    finally:
        handled.reset(token)
    deliver()
    assert not Event.objects.exists()
    assert RemoteObject.objects.get(kind="cart").session == ""
    assert visit.COOKIES["hello_session"] not in repr([(entry.path, entry.body_json) for entry in hellotext.log])


def test_a_customer_who_refuses_to_be_seen_fills_a_cart_without_events(visit: Any, deliver: Deliver) -> None:
    """Demand I2: without the middleware, the request that was handed over is asked."""
    visit.user = make_customer()
    visit.META["HTTP_SEC_GPC"] = "1"
    django_hellotext.cart_changed(visit, [(make_product(), 1)], profile=visit.user, created=True)
    deliver()
    assert not Event.objects.exclude(state="skipped").exists()
    assert RemoteObject.objects.get(kind="cart").state == "synced"


def test_a_price_that_cannot_be_read_is_raised_in_tests_and_the_cart_is_kept(visit: Any) -> None:
    with pytest.raises(TrackingError, match="amount"):
        django_hellotext.cart_changed(visit, [(make_product(), 1, "9,90")])  # type: ignore[list-item]
    of_cart = Change.objects.filter(object_label="hellotext.session_cart")
    assert len([change for change in of_cart if not change.is_reserve]) == 1


def test_metadata_of_a_session_cart_arrives(hellotext: Emulator, deliver: Deliver) -> None:
    tea = make_product()
    django_hellotext.cart_changed("basket-9", [(tea, 1)], profile=make_customer(), metadata={"shop": "Lima"})
    deliver()
    [cart] = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/carts" and entry.accepted]
    assert cart["metadata"] == {"shop": "Lima"}


def test_a_cart_that_is_ordered_by_its_name_keeps_no_request(deliver: Deliver) -> None:
    django_hellotext.cart_changed("basket-9", [(make_product(), 1)], profile=make_customer())
    django_hellotext.cart_ordered("basket-9")
    deliver()
    assert RemoteObject.objects.get(kind="cart").overtaken_at is not None
