"""Behind the counter: staff take an order on its way in the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from bookshop.models import InvalidMove, Order
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

if TYPE_CHECKING:
    from tests.example.conftest import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(visitor: Visitor) -> Order:
    visitor.add("walden", quantity=2)
    order = visitor.check_out()
    order.move_to(Order.Status.PAID)
    order.save()
    return order


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@example.com"))
    return client


def change(staff: Client, order: Order, **changes: str) -> Any:
    """Send the admin's own form back with ``changes``, as the browser of a staff member does."""
    path = f"/admin/bookshop/order/{order.pk}/change/"
    page = staff.get(path)
    data: dict[str, Any] = {}
    for form in (page.context["adminform"].form, *(inline.formset.management_form for inline in _inlines(page))):
        data |= {field.html_name: "" if field.value() is None else field.value() for field in form}
    for inline in _inlines(page):
        for row in inline.formset.forms:
            data |= {field.html_name: "" if field.value() is None else field.value() for field in row}
    return staff.post(path, {**data, **changes})


def _inlines(page: Any) -> list[Any]:
    return list(page.context["inline_admin_formsets"])


def test_shipping_and_delivering_write_down_when(staff: Client, order: Order) -> None:
    before = timezone.now()
    assert change(staff, order, status="shipped").status_code == 302
    order.refresh_from_db()
    assert order.status == Order.Status.SHIPPED
    assert order.shipped_at is not None
    assert before <= order.shipped_at <= timezone.now()
    assert order.delivered_at is None
    change(staff, order, status="delivered")
    order.refresh_from_db()
    assert order.status == Order.Status.DELIVERED
    assert order.delivered_at is not None
    assert order.delivered_at >= order.shipped_at


def test_an_order_can_be_cancelled(staff: Client, order: Order) -> None:
    change(staff, order, status="cancelled")
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert order.cancelled_at is not None


def test_only_what_may_come_next_is_offered(staff: Client, order: Order) -> None:
    page = staff.get(f"/admin/bookshop/order/{order.pk}/change/").text
    select = re.search(r'<select name="status".*?</select>', page, re.DOTALL)
    assert select is not None
    assert re.findall(r'value="(\w+)"', select[0]) == ["paid", "shipped", "cancelled"]


def test_a_step_cannot_be_left_out(staff: Client, order: Order) -> None:
    assert change(staff, order, status="delivered").status_code == 200
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_correcting_the_address_leaves_the_times_alone(staff: Client, order: Order) -> None:
    change(staff, order, status="shipped")
    order.refresh_from_db()
    shipped_at = order.shipped_at
    change(staff, order, city="Potsdam")
    order.refresh_from_db()
    assert (order.city, order.shipped_at, order.status) == ("Potsdam", shipped_at, "shipped")


def test_an_order_never_goes_back() -> None:
    order = Order(status=Order.Status.DELIVERED)
    with pytest.raises(InvalidMove, match="it cannot become placed"):
        order.move_to(Order.Status.PLACED)
    assert order.status == Order.Status.DELIVERED


@pytest.mark.parametrize("model", ["book", "cart", "order"])
def test_the_lists_of_the_admin_answer(staff: Client, order: Order, model: str) -> None:
    assert staff.get(f"/admin/bookshop/{model}/").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_orders(
    staff: Client, visitor: Visitor, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        visitor.add("walden")
        visitor.check_out()
    with django_assert_max_num_queries(12):
        staff.get("/admin/bookshop/order/")


def test_a_customer_cannot_go_behind_the_counter(visitor: Visitor, order: Order) -> None:
    visitor.register()
    assert visitor.get("/admin/").status_code == 302
