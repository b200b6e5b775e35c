"""Objects that the database does not let the worker read: their rows fail, and all others go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error, InterfaceError, OperationalError, connection, connections
from django.db.models import Manager, Model, QuerySet
from django.db.models.signals import post_delete

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject, State
from tests.factories import make_cart_line, make_customer, make_order, make_product
from tests.testshop.models import Cart, Category, Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture(autouse=True)
def quiet(hellotext: Emulator, settings: Any) -> None:
    """As in production: a fault of data does not raise."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


class UnreadableManager(Manager[Any]):
    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().extra(where=["no_such_column = 1"])


def break_reading(model: type[Model], patch: pytest.MonkeyPatch) -> None:
    """Let the database refuse to read objects of ``model``, as before its table is migrated."""
    manager = UnreadableManager()
    manager.model = model
    patch.setitem(vars(model._meta), "base_manager", manager)


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Model]], None]:
    """Let the database refuse to read objects of a model until the end of the test."""
    return lambda model: break_reading(model, monkeypatch)


def row_of(obj: Model) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return row


def has_failed(row: Any, *, adapter: str) -> bool:
    assert row.error_message.startswith(f"{adapter} raised "), row.error_message
    return (row.state, row.error_type) == (State.FAILED, "adapter_failed")


def test_a_query_that_fails_while_an_object_is_rendered(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL it must not abort the transaction around the drain."""

    def reference(self: object, product: Product) -> str:
        if product.name == "broken":
            Product.objects.extra(where=["no_such_column = 1"]).count()
        return str(product.pk)

    monkeypatch.setattr(type(registry.for_model(Product)), "get_reference", reference, raising=False)
    broken, fine = make_product(name="broken"), make_product()
    deliver()
    assert has_failed(row_of(broken), adapter="ProductAdapter")
    assert row_of(fine).state == State.SYNCED


def test_a_query_of_one_attribute_that_fails_while_an_object_is_rendered(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL it aborts the transaction around the drain; what is read after it arrives all the same."""

    def brand(self: object, product: Product) -> str:
        return str(Product.objects.extra(where=["no_such_column = 1"]).count())

    monkeypatch.setattr(type(registry.for_model(Product)), "get_brand", brand, raising=False)
    product = make_product()
    product.categories.add(Category.objects.create(name="Sea"))
    deliver()
    [there] = hellotext.world.store["product"].rows.values()
    assert (there["brand"], there["categories"]) == (None, ["Sea"])
    [adjustment] = Adjustments.from_json(row_of(product).adjustments)
    assert (adjustment.field, adjustment.kind) == ("brand", "attribute_failed")


def test_a_table_that_cannot_be_read(deliver: Deliver, unreadable: Callable[..., None]) -> None:
    product, customer = make_product(), make_customer()
    django_hellotext.track("product.viewed", product, profile=customer)
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    unreadable(Product)
    deliver()
    assert has_failed(row_of(product), adapter="ProductAdapter")
    assert row_of(customer).state == State.SYNCED
    assert Event.objects.get(action="page.viewed").state == State.DELIVERED
    assert Event.objects.get(action="product.viewed").error_type == "prerequisite_failed"


def test_a_status_whose_order_cannot_be_read_is_sent_once_it_can(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(customer=make_customer(), status="new", total=Decimal("31.40"))
    deliver()
    order.status = "paid"
    order.save()
    with monkeypatch.context() as patch:
        break_reading(Order, patch)
        deliver()
    event = Event.objects.get(action="order.confirmed")
    assert has_failed(event, adapter="OrderAdapter")
    RemoteObject.objects.filter(state=State.FAILED).requeue()
    Event.objects.filter(state=State.FAILED).requeue()
    deliver()
    event.refresh_from_db()
    assert (event.state, event.profile_label) == (State.DELIVERED, "auth.user")


def test_events_of_a_cart_that_cannot_be_read_are_not_superseded(
    deliver: Deliver, unreadable: Callable[..., None]
) -> None:
    line = make_cart_line(cart__owner=make_customer())
    deliver()
    django_hellotext.track("cart.added", line.cart, items=[(line.product, 1)])
    unreadable(Cart)
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def test_an_object_that_may_be_back_is_kept(deliver: Deliver, unreadable: Callable[..., None]) -> None:
    product = make_product()
    deliver()
    post_delete.send(sender=Product, instance=product)
    django_hellotext.sync(product)
    unreadable(Product)
    deliver()
    row = row_of(product)
    assert (row.tombstone_at, row.removal) == (None, "")
    assert row.remote_id


def test_a_customer_who_cannot_be_asked_for_consent(
    deliver: Deliver, settings: Any, unreadable: Callable[..., None]
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: True}
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    unreadable(type(customer))
    deliver()
    assert has_failed(Event.objects.get(), adapter=type(registry.for_model(type(customer))).__name__)


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_ends_the_drain_and_fails_no_row(deliver: Deliver) -> None:
    products = [make_product() for _ in range(3)]

    patch = pytest.MonkeyPatch()

    def brand(self: object, product: Product) -> str:
        if connection.vendor == "sqlite":  # its connection cannot be lost
            patch.setattr(type(connections["default"]), "is_usable", lambda self: False)
            raise OperationalError("the connection is closed")
        connection.connection.close()
        return str(Product.objects.count())

    with patch.context() as adapters:
        adapters.setattr(type(registry.for_model(Product)), "get_brand", brand, raising=False)
        with pytest.raises((OperationalError, InterfaceError)):
            deliver()
    patch.undo()
    if connection.vendor != "sqlite":
        with suppress(Error):
            connection.close()
    assert {row_of(product).state for product in products} == {State.SENDING}
    RemoteObject.objects.filter(state=State.SENDING).update(state=State.PENDING)
    deliver()
    assert {row_of(product).state for product in products} == {State.SYNCED}


def test_a_connection_that_is_lost_right_before_a_request_fails_no_row(deliver: Deliver) -> None:
    customer = make_customer()
    deliver()
    evidence = django_hellotext.Evidence(source="checkout form", text="Yes.", at=clock.now())
    django_hellotext.subscribe(customer, evidence=evidence)

    def lose(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "unsubscribe" in (params or ()):  # the look for an opt-out
            raise InterfaceError("connection already closed")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(lose), pytest.raises(InterfaceError):
        deliver()
    assert Event.objects.get().state == State.SENDING
