"""``HellotextAdminMixin``: the shop's own admin says what Hellotext knows of each object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import clear_url_caches, path

import django_hellotext
from django_hellotext.admin import HellotextAdminMixin
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_customer, make_order, placed_order
from tests.testshop.models import Cart, Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
LIST = "/shop-admin/testshop/order/"


class OrderAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """An order's page as a shop writes it."""

    list_display = ["number", "status"]
    fieldsets = [(None, {"fields": ["number", "status"]})]

    class Media:
        css = {"all": ["shop/orders.css"]}


class CartAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A page without fieldsets."""

    fields = ["email"]


class GroupAdmin(HellotextAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A page of a model that is not mirrored."""


site = admin.AdminSite(name="shop")
site.register(Order, OrderAdmin)
site.register(Cart, CartAdmin)
site.register(Group, GroupAdmin)
urlpatterns = [path("admin/", admin.site.urls), path("shop-admin/", site.urls)]


@pytest.fixture(autouse=True)
def shop_admin(pages: None, settings: Any) -> Iterator[None]:
    """The shop's admin beside the stock one."""
    settings.ROOT_URLCONF = __name__
    clear_url_caches()
    yield
    clear_url_caches()


def staff(*permissions: str, shop: bool = True) -> Client:
    with django_hellotext.paused():
        user = User.objects.create_user(f"clerk{User.objects.count()}", is_staff=True)
    ours = Permission.objects.filter(content_type__app_label="django_hellotext", codename__in=permissions)
    assert len(ours) == len(permissions)
    user.user_permissions.add(*ours)
    if shop:
        user.user_permissions.add(*Permission.objects.filter(content_type__app_label__in=("testshop", "auth")))
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def test_the_list_has_a_column_with_the_state(deliver: Deliver) -> None:
    placed_order()
    make_order(number="", status="placed")
    deliver()
    make_order()
    page = text(staff("view_order"), LIST)
    assert page.count("hellotext-state-good") == 1
    assert page.count("hellotext-state-bad") == 1


def test_the_list_asks_one_question_more_whatever_its_length(deliver: Deliver) -> None:
    """J2"""
    client, costs = staff("view_order"), []
    plain = staff()
    for count in (10, 90):
        with django_hellotext.paused():
            for _ in range(count):
                make_order()
        text(client, LIST)
        with CaptureQueriesContext(connection) as ours:
            text(client, LIST)
        text(plain, LIST)
        with CaptureQueriesContext(connection) as theirs:
            text(plain, LIST)
        costs.append((len(ours), len(theirs)))
    assert len(set(costs)) == 1
    assert costs[0][0] <= costs[0][1] + 1


def test_the_page_of_an_object_explains_it(deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    page = text(staff("view_order"), f"{LIST}{order.pk}/change/")
    assert "hellotext-explanation" in page
    assert "order.placed" in page
    assert page.count("Hellotext received it at") == 1
    assert text(staff("view_order"), f"{LIST}add/").count("hellotext-explanation") == 0


def test_a_page_with_files_of_its_own_has_ours_too(deliver: Deliver) -> None:
    page = text(staff("view_order"), LIST)
    assert "django_hellotext/admin.css" in page
    assert "shop/orders.css" in page


def test_a_page_without_fieldsets_has_the_panel_once(deliver: Deliver) -> None:
    cart = Cart.objects.create(email="")
    deliver()
    page = text(staff("view_cart"), f"/shop-admin/testshop/cart/{cart.pk}/change/")
    assert page.count("hellotext-explanation") == 1


def test_who_may_not_see_the_kind_sees_the_page_as_it_was(deliver: Deliver) -> None:
    order = placed_order()
    deliver()
    client = staff("view_product")
    for address in (LIST, f"{LIST}{order.pk}/change/"):
        page = text(client, address)
        assert "hellotext-state" not in page
        assert "hellotext-explanation" not in page
        assert "hellotext_sync" not in page


def test_a_model_that_is_not_mirrored_keeps_its_page(hellotext: Emulator) -> None:
    group = Group.objects.create(name="vip")
    client = staff("view_order", "change_order")
    for address in ("/shop-admin/auth/group/", f"/shop-admin/auth/group/{group.pk}/change/"):
        page = text(client, address)
        assert "hellotext-" not in page
        assert "hellotext_sync" not in page


def act(client: Client, action: str, *orders: Order) -> None:
    data = {"action": action, "_selected_action": [order.pk for order in orders]}
    assert client.post(LIST, data, follow=True).status_code == 200


def test_an_object_is_synced_from_the_shops_own_page(deliver: Deliver) -> None:
    with django_hellotext.paused():
        orders = [placed_order() for _ in range(3)]
    act(staff("view_order", "change_order"), "hellotext_sync", *orders)
    deliver()
    assert RemoteObject.objects.filter(kind="order", state=State.SYNCED).count() == 3


def test_refused_rows_are_sent_again_from_the_shops_own_page(deliver: Deliver) -> None:
    order = make_order(number="", status="placed", customer=make_customer())
    deliver()
    with django_hellotext.paused():
        order.number = "A-1"
        order.save()
    client = staff("view_order", "change_order", "change_event")
    for _ in range(2):
        act(client, "hellotext_send_again", order)
    deliver()
    assert RemoteObject.objects.get(kind="order").state == State.SYNCED
    assert Event.objects.get().state == State.DELIVERED


@pytest.mark.parametrize("name", ["hellotext_sync", "hellotext_send_again"])
def test_a_right_to_see_is_no_right_to_act(deliver: Deliver, name: str) -> None:
    order = make_order(number="", status="placed")
    deliver()
    client = staff("view_order")
    assert name not in text(client, LIST)
    act(client, name, order)
    assert RemoteObject.objects.get(kind="order").state == State.FAILED


def test_a_page_asked_in_code_does_what_the_right_allows(deliver: Deliver) -> None:
    """What a view of the shop's own may call."""
    make_order(number="", status="placed")
    deliver()
    page, group = OrderAdmin(Order, site), GroupAdmin(Group, site)
    assert "hellotext-state-bad" in page.hellotext_state(Order.objects.get())
    assert group.hellotext_state(Group(name="vip")) == group.hellotext_panel(Group(name="vip")) == "-"
    request = RequestFactory().post(LIST)
    request.user = User.objects.create(username="nobody", is_staff=True)
    page.hellotext_sync(request, Order.objects.all())
    page.hellotext_send_again(request, Order.objects.all())
    group.hellotext_send_again(request, Group.objects.all())
    assert RemoteObject.objects.get(kind="order").state == State.FAILED


def test_the_events_of_an_object_need_a_right_of_their_own(deliver: Deliver) -> None:
    order = make_order(number="", status="placed", customer=make_customer())
    deliver()
    act(staff("view_order", "change_order"), "hellotext_send_again", order)
    assert RemoteObject.objects.get(kind="order").state == State.PENDING
    assert Event.objects.get().state == State.FAILED
