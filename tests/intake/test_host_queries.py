"""A query of the shop's own code that fails inside the host's transaction: PostgreSQL must not abort it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

import django_hellotext as hellotext_app
from django_hellotext.adapters import registry
from django_hellotext.decorators import track
from django_hellotext.emulator import Emulator
from django_hellotext.intake import handover, related
from django_hellotext.models import Change, Event
from django_hellotext.savepoints import HostCode
from tests.factories import make_cart, make_customer, make_order, make_product
from tests.testshop.models import Cart, Category, Order, Product

pytestmark = pytest.mark.django_db(transaction=True)

EVIDENCE = hellotext_app.Evidence(source="checkout form", text="Yes.", at=datetime(2026, 1, 2, tzinfo=UTC))


def failing_query(*args: Any, **kwargs: Any) -> Any:
    return Product.objects.extra(where=["no_such_column = 1"]).count()


class Shop:
    """A shop in which ``customer`` is logged in, and the objects that its calls are about."""

    def __init__(self, rf: RequestFactory) -> None:
        self.customer = make_customer()
        self.product = make_product()
        self.cart = make_cart(owner=self.customer)
        self.order = make_order(customer=self.customer, cart=self.cart)
        self.category = Category.objects.create(name="Tea")
        self.product.categories.add(self.category)
        self.request: HttpRequest = rf.get("/")
        self.request.COOKIES["hello_session"] = "visit"
        self.request.session, self.request.user = SessionStore(), self.customer


@track("product.viewed", object=lambda request: request.shop.product)
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("tea")


@track("product.viewed", object=failing_query)
def page_that_fails(request: HttpRequest) -> HttpResponse:
    return HttpResponse("tea")


@method_decorator(track("product.viewed", object=lambda: None, via="browser", when=failing_query), name="dispatch")
class BrowserPage(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("tea")


def visit(view: Callable[[HttpRequest], Any], shop: Shop) -> None:
    shop.request.shop = shop  # type: ignore[attr-defined]  # for the callables of the view
    assert view(shop.request).status_code == 200


ENTRY_POINTS: dict[str, Callable[[Shop], Any]] = {
    "track an order": lambda shop: hellotext_app.track("order.placed", shop.order),
    "track an order in a request": lambda shop: hellotext_app.track("order.placed", shop.order, request=shop.request),
    "track with profile": lambda shop: hellotext_app.track("product.viewed", shop.product, profile=shop.customer),
    "track in a request": lambda shop: hellotext_app.track("product.viewed", shop.product, request=shop.request),
    "decorated view": lambda shop: visit(page, shop),
    "decorated view that fails": lambda shop: visit(page_that_fails, shop),
    "decorated page": lambda shop: visit(BrowserPage.as_view(), shop),
    "login": lambda shop: user_logged_in.send(sender=User, request=shop.request, user=shop.customer),
    "accept": lambda shop: handover.accept(shop.request, "visit"),
    "remember_session": lambda shop: hellotext_app.remember_session(shop.order, shop.request),
    "cart_changed": lambda shop: hellotext_app.cart_changed("cart", [(shop.product, 1)], profile=shop.customer),
    "cart_changed in a request": lambda shop: hellotext_app.cart_changed(shop.request, [(shop.product, 1)]),
    "subscribe": lambda shop: hellotext_app.subscribe(shop.customer, evidence=EVIDENCE),
    "subscribe a guest": lambda shop: hellotext_app.subscribe(shop.order, evidence=EVIDENCE),
    "many-to-many": lambda shop: shop.category.product_set.clear(),
    "save": lambda shop: shop.order.save(),
    "create": lambda shop: make_order(customer=shop.customer, cart=make_cart(), number="N-2"),
}


@pytest.fixture
def production(hellotext: Emulator, settings: Any) -> None:
    """Errors are logged, not raised."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


@pytest.fixture
def shop(production: None, rf: RequestFactory) -> Shop:
    return Shop(rf)


def break_adapters(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for model, names in {
        User: ["should_sync"],
        Order: ["profile_link", "cart_link", "loaded_amount"],
        Cart: ["profile_link"],
    }.items():
        for name in names:
            monkeypatch.setattr(type(registry.for_model(model)), name, failing_query, raising=False)
    monkeypatch.setattr(related, "_members", failing_query)


def break_hook(name: str) -> Callable[[pytest.MonkeyPatch, Any], None]:
    def break_it(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        settings.HELLOTEXT = {**settings.HELLOTEXT, name: failing_query}

    return break_it


FAULTS = {
    "adapters": break_adapters,
    "consent": break_hook("CONSENT"),
    "impersonated": break_hook("IMPERSONATED"),
    "should_track": break_hook("SHOULD_TRACK"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("call", ENTRY_POINTS.values(), ids=ENTRY_POINTS.keys())
def test_the_hosts_transaction_goes_on(
    call: Callable[[Shop], Any], fault: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    fault(monkeypatch, settings)
    with transaction.atomic():
        call(shop)
        Group.objects.create(name="after")
    assert Group.objects.filter(name="after").exists()


def test_a_consent_hook_that_fails_costs_no_order(shop: Shop, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": failing_query}
    order = Order.objects.get(pk=shop.order.pk)  # its customer and its cart are not loaded
    with transaction.atomic():
        hellotext_app.track("order.placed", order, request=shop.request)
    [event] = Event.objects.all()
    assert (event.state, event.profile_pk, event.consent) == ("pending", str(shop.customer.pk), None)


def test_an_error_that_the_shop_catches_itself_rolls_back_its_block_only(shop: Shop) -> None:
    with transaction.atomic():
        Group.objects.create(name="before")
        with HostCode("default"):
            Group.objects.create(name="within")
            with pytest.raises(DatabaseError):
                failing_query()
        Group.objects.create(name="after")
    names = set(Group.objects.values_list("name", flat=True))
    assert {"before", "after"} <= names


def test_nested_blocks_set_one_savepoint(shop: Shop, django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(3), HostCode("default"), HostCode("default"):
        Group.objects.count()


def test_a_query_between_nested_blocks_is_the_outer_ones(shop: Shop) -> None:
    with transaction.atomic(), HostCode("default"):
        with HostCode("default"):
            Group.objects.create(name="inner")
        Group.objects.create(name="outer")
        with pytest.raises(DatabaseError), HostCode("default"):
            failing_query()
        Group.objects.create(name="last")
    assert set(Group.objects.values_list("name", flat=True)) == {"inner", "outer", "last"}


def test_nothing_is_recorded_about_a_visitor_whose_hook_failed(shop: Shop, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": failing_query}
    Change.objects.all().delete()
    with transaction.atomic():
        hellotext_app.track("product.viewed", shop.product, request=shop.request)
        hellotext_app.remember_session(shop.order, shop.request)
    assert not Event.objects.exists()
    assert not Change.objects.exclude(session="").exists()
