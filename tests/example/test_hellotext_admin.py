"""Behind the counter, each object says what Hellotext knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bookshop.models import Book, Cart, Coupon, Order, Refund
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.api import HellotextClient
from django_hellotext.delivery import drain
from django_hellotext.emulator import Emulator, MemoryBackend
from django_hellotext.models import Kind, RemoteObject, State
from django_hellotext.models.identity import fingerprint
from tests.example.conftest import ACCOUNT

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.example.conftest import Visitor

pytestmark = pytest.mark.django_db

MODELS: list[Any] = [User, Book, Coupon, Cart, Order, Refund]
KINDS = {
    User: Kind.PROFILE,
    Book: Kind.PRODUCT,
    Coupon: Kind.COUPON,
    Cart: Kind.CART,
    Order: Kind.ORDER,
    Refund: Kind.REFUND,
}


@pytest.fixture(autouse=True)
def account(shop: Settings) -> Emulator:
    shop.HELLOTEXT = dict(ACCOUNT)
    return Emulator(token="token", business_id="books")


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    with django_hellotext.paused():
        client.force_login(User.objects.create_superuser("staff", "staff@example.com"))
    return client


def address(model: Any, page: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


def stock(model: Any, count: int) -> None:
    """Make ``count`` objects more, each with its mirror."""
    start = model.objects.count()
    if model is Refund and not Order.objects.exists():
        stock(Order, 1)
    made = [_new(model, number) for number in range(start, start + count)]
    before = set(model.objects.values_list("pk", flat=True))
    model.objects.bulk_create(made)
    RemoteObject.objects.bulk_create(
        RemoteObject(
            account="books/test",
            identity=fingerprint(model._meta.label_lower, str(pk)),
            kind=KINDS[model],
            host_label=model._meta.label_lower,
            host_pk=str(pk),
            state=State.SYNCED,
        )
        for pk in set(model.objects.values_list("pk", flat=True)) - before
    )


def _new(model: Any, number: int) -> Any:
    values: dict[Any, dict[str, Any]] = {
        User: {"username": f"reader{number}"},
        Book: {"sku": f"B-{number}", "slug": f"b-{number}", "title": "A book", "year": 1900, "pages": 9, "price": 1},
        Coupon: {"code": f"C{number}", "percent": 10, "description": "Ten per cent off"},
        Cart: {},
        Order: {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"},
        Refund: {"amount": 1},
    }
    if model is Refund:
        values[Refund]["order"] = Order.objects.first()
    return model(**values[model])


@pytest.mark.parametrize("model", MODELS)
def test_the_number_of_queries_of_a_list_does_not_grow(staff: Client, model: Any) -> None:
    costs = []
    for total in (10, 100, 250):  # the list shows 100 on a page
        stock(model, total - RemoteObject.objects.filter(kind=KINDS[model]).count())
        staff.get(address(model))
        with CaptureQueriesContext(connection) as queries:
            page = staff.get(address(model)).content.decode()
        costs.append(len(queries))
        assert page.count("hellotext-state-good") == min(total, 100)
    assert len(set(costs)) == 1
    assert costs[0] <= 12


def test_the_page_of_an_order_tells_what_became_of_it(staff: Client, visitor: Visitor, account: Emulator) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    drain("default", client=HellotextClient(token="token", backend=MemoryBackend(account)))
    page = staff.get(address(Order, f"{order.pk}/change/")).content.decode()
    assert "Hellotext received it at" in page
    assert ">order.placed</a>" in page


def test_an_order_is_synced_again_from_the_list(staff: Client, visitor: Visitor, account: Emulator) -> None:
    visitor.add("walden")
    order = visitor.check_out()
    drain("default", client=HellotextClient(token="token", backend=MemoryBackend(account)))
    requests = len(account.log)
    order.lines.update(quantity=3, total=45)  # past the signals
    Order.objects.update(status=Order.Status.PAID, total=45)
    data = {"action": "hellotext_sync", "_selected_action": [order.pk]}
    assert staff.post(address(Order), data).status_code == 302
    drain("default", client=HellotextClient(token="token", backend=MemoryBackend(account)))
    sent = [one.path for one in account.log[requests:] if one.accepted]
    assert any("/orders/" in path for path in sent)
    assert not any(path.endswith("/events") for path in sent)


@pytest.mark.parametrize("model", MODELS)
def test_a_new_object_is_typed_as_ever(staff: Client, model: Any) -> None:
    assert staff.get(address(model, "add/")).status_code == (403 if model in (Cart, Order) else 200)
