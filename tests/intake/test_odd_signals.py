"""Signals as other apps send them: with arguments left out, and with arguments of any kind."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from django_hellotext.adapters import OnChange, registry
from django_hellotext.emulator import Emulator
from django_hellotext.intake import receivers, verified
from django_hellotext.intake.ledger import TransactionLostError
from django_hellotext.models import Change, Session
from tests.factories import make_customer, make_order, make_product, make_variant
from tests.testshop.models import Category, Order, Product, ProductProxy, Stock, Variant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hellotext")]

Host = Callable[[Callable[[], Any]], None]

CATEGORIES: Any = Product.categories.through
# Every receiver with the signal that calls it.
RECEIVERS: list[tuple[Any, Any]] = [
    (post_save, receivers.on_save),
    (pre_delete, receivers.before_deletion),
    (post_delete, receivers.on_delete),
    (m2m_changed, receivers.on_membership),
    (user_logged_in, receivers.on_login),
    (user_logged_out, receivers.on_logout),
    (post_save, verified.address_changed),
]


class Raising:
    """Raises for every attribute."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class BrokenMapping(dict[str, Any]):
    """Settings that cannot be read."""

    def get(self, *args: Any) -> Any:
        raise RuntimeError("get")

    def __getitem__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __contains__(self, name: object) -> bool:
        raise RuntimeError(name)


@pytest.fixture
def production(hellotext: Emulator, settings: Any) -> None:
    """Errors are logged, not raised."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


@pytest.fixture
def host() -> Host:
    """Run a call within the host's transaction, and require that the transaction goes on and commits."""
    numbers = itertools.count()

    def run(call: Callable[[], Any]) -> None:
        name = f"group {next(numbers)}"
        with transaction.atomic():
            call()
            Group.objects.create(name=name)
        assert Group.objects.filter(name=name).exists()

    return run


def recorded() -> list[tuple[str, str]]:
    """Take note of the changes so far, and forget them."""
    found = list(Change.objects.order_by("id").values_list("object_label", "object_pk"))
    Change.objects.all().delete()
    return found


def subsets(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for size in range(len(arguments) + 1):
        for names in itertools.combinations(arguments, size):
            yield {name: arguments[name] for name in names}


def raising_product() -> Product:
    """A product whose class, key and name cannot be read."""

    def refuse(self: Product, name: str) -> Any:
        if name in ("__class__", "pk", "id", "name"):
            raise RuntimeError(name)
        return object.__getattribute__(self, name)

    made = ProductProxy()
    # A class of its own, which is no model of the shop and is forgotten with the test.
    odd = type.__new__(type(ProductProxy), "RaisingProduct", (ProductProxy,), {"__getattribute__": refuse})
    object.__setattr__(made, "__class__", odd)
    return made


def odd_instances() -> dict[str, Any]:
    gone = Order.objects.defer("status").get(pk=make_order().pk)
    Order.objects.filter(pk=gone.pk).delete()
    return {
        "none": None,
        "class": Product,
        "string": "a string",
        "object": object(),
        "unsaved": Product(),
        "odd key": Product(pk="no number"),
        "deferred": Order.objects.defer("status", "number").get(pk=make_order().pk),
        "deferred and gone": gone,
        "raising": Raising(),
        "raising product": raising_product(),
        "proxy": ProductProxy.objects.get(pk=make_product().pk),
        "lazy": SimpleLazyObject(make_product),
        "lazy nothing": SimpleLazyObject(lambda: None),
        "another model": make_order(),
    }


def odd_senders() -> list[Any]:
    return [None, Product, ProductProxy, Order, CATEGORIES, "testshop.Product", object, object(), [], Raising()]


def test_an_allocation_of_stock_commits_with_its_order() -> None:
    """django-oscar sends ``post_save`` without ``update_fields`` when it allocates stock."""
    stock = Stock.objects.create(product=make_product())
    recorded()
    with transaction.atomic():
        order = make_order()
        stock.allocate(2)
    assert Order.objects.filter(pk=order.pk).exists()
    assert Stock.objects.get().allocated == 2
    assert recorded() == [("testshop.order", str(order.pk)), ("testshop.product", str(stock.product_id))]


def test_a_save_with_any_of_its_arguments_is_recorded(host: Host) -> None:
    order = make_order(status="placed")
    recorded()
    full = {
        "sender": Order,
        "created": False,
        "raw": False,
        "using": "default",
        "update_fields": None,
        "instance": order,
    }
    for arguments in subsets(full):
        host(lambda arguments=arguments: receivers.on_save(signal=post_save, **arguments))  # type: ignore[misc]
        [*changes] = Change.objects.values_list("object_label", "object_pk", "metadata__status", "metadata__created")
        Change.objects.all().delete()
        assert changes == ([("testshop.order", str(order.pk), "placed", None)] if "instance" in arguments else [])


def test_a_deletion_with_any_of_its_arguments_is_recorded(host: Host) -> None:
    product = make_product()
    recorded()
    for arguments in subsets({"sender": Product, "using": "default", "origin": product, "instance": product}):
        host(lambda arguments=arguments: receivers.on_delete(signal=post_delete, **arguments))  # type: ignore[misc]
        found = list(Change.objects.values_list("object_pk", "metadata__deleted"))
        Change.objects.all().delete()
        assert found == ([(str(product.pk), True)] if "instance" in arguments else [])


def test_what_depends_on_a_deleted_object_is_read_with_any_arguments(host: Host) -> None:
    category = Category.objects.create(name="Tea")
    make_product().categories.add(category)
    recorded()
    for arguments in subsets({"sender": Category, "using": "default", "origin": category, "instance": category}):
        host(lambda arguments=arguments: receivers.before_deletion(signal=pre_delete, **arguments))  # type: ignore[misc]
        expected = [("testshop.category", str(category.pk))] if "instance" in arguments else []
        assert recorded() == expected


def test_a_membership_with_any_of_its_arguments_is_recorded(host: Host) -> None:
    product, category = make_product(), Category.objects.create(name="Tea")
    recorded()
    for instance, reverse, pk in ((product, False, category.pk), (category, True, product.pk)):
        full = {
            "reverse": reverse,
            "model": Product if reverse else Category,
            "using": "default",
            "sender": CATEGORIES,
            "instance": instance,
            "action": "post_add",
            "pk_set": {pk},
        }
        for arguments in subsets(full):
            host(lambda arguments=arguments: receivers.on_membership(signal=m2m_changed, **arguments))  # type: ignore[misc]
            needed = {"sender", "instance", "action", *(["pk_set"] if reverse else [])}
            expected = [("testshop.product", str(product.pk))] if needed <= arguments.keys() else []
            assert recorded() == expected


@pytest.mark.parametrize("make", [list, tuple, set, frozenset, iter], ids=lambda make: make.__name__)
def test_the_fields_of_a_save_may_come_in_any_collection(make: Any) -> None:
    order = make_order(status="placed")
    recorded()
    for fields, changes in ((["shipped_on"], 0), (["shipped_on", "status"], 1), ([], 0)):
        post_save.send(sender=Order, instance=order, update_fields=make(fields))
        assert len(recorded()) == changes


def test_one_field_of_a_save_may_come_as_text() -> None:
    order = make_order()
    recorded()
    post_save.send(sender=Order, instance=order, update_fields="shipped_on")
    assert recorded() == []
    post_save.send(sender=Order, instance=order, update_fields="status")
    assert recorded() == [("testshop.order", str(order.pk))]


def test_a_save_of_fields_that_name_nothing_counts_as_a_full_one() -> None:
    order = make_order()
    recorded()
    for fields in (True, 5, [["status"]]):
        post_save.send(sender=Order, instance=order, update_fields=fields)
        assert recorded() == [("testshop.order", str(order.pk))]


def test_the_database_of_a_signal_without_one_is_that_of_the_object(settings: Any) -> None:
    order = make_order()
    recorded()
    order._state.db = None
    post_save.send(sender=Order, instance=order)
    assert recorded() == [("testshop.order", str(order.pk))]


@pytest.mark.parametrize("keys", [iter, list, tuple], ids=lambda make: make.__name__)
def test_the_keys_of_a_membership_may_come_in_any_collection_and_hold_nothing(keys: Any) -> None:
    product, category = make_product(), Category.objects.create(name="Tea")
    recorded()
    m2m_changed.send(
        sender=CATEGORIES, instance=category, action="post_add", reverse=True, pk_set=keys([None, product.pk])
    )
    assert recorded() == [("testshop.product", str(product.pk))]


def test_an_object_with_a_field_called_model_is_deleted_like_any_other() -> None:
    """A queryset names its model by that attribute as well."""
    product: Any = make_product()
    recorded()
    product.model = "Corolla"
    product.delete()
    assert [pk for label, pk in recorded() if label == "testshop.product"]


def test_an_unsaved_object_has_nothing_to_record() -> None:
    post_save.send(sender=Product, instance=Product())
    post_delete.send(sender=Product, instance=Product())
    assert recorded() == []


@pytest.mark.usefixtures("production")
def test_no_odd_argument_of_a_model_signal_reaches_the_host(host: Host) -> None:
    for instance in odd_instances().values():
        for sender in odd_senders():
            for signal, receiver in RECEIVERS:
                host(lambda s=signal, r=receiver, c=sender, i=instance: r(signal=s, sender=c, instance=i))  # type: ignore[misc]


@pytest.mark.usefixtures("production")
def test_no_odd_option_of_a_signal_reaches_the_host(host: Host) -> None:
    order, product, category = make_order(), make_product(), Category.objects.create(name="Tea")
    odd = [None, "", "unknown", 5, object(), Raising(), [Raising()], {"a": 1}, (n for n in [None, product.pk])]
    names = ("created", "raw", "using", "update_fields", "origin", "action", "reverse", "pk_set", "model", "request")
    base = {"sender": CATEGORIES, "action": "post_clear"}
    for name, value, instance in itertools.product(names, odd, (order, product, category)):
        for signal, receiver in RECEIVERS:
            arguments = {**(base if signal is m2m_changed else {}), "instance": instance, name: value}
            host(lambda s=signal, r=receiver, a=arguments: r(signal=s, **a))  # type: ignore[misc]


@pytest.mark.usefixtures("production")
def test_no_odd_visitor_reaches_the_host(host: Host, rf: RequestFactory) -> None:
    customer = make_customer()
    closed = rf.get("/")
    closed.session = Raising()  # type: ignore[assignment]  # a session back end that is down
    closed.COOKIES["hello_session"] = "visit"
    requests = [None, rf.get("/"), closed, SimpleNamespace(), "request", Raising(), SimpleLazyObject(lambda: None)]
    users = [None, AnonymousUser(), User(), SimpleLazyObject(AnonymousUser), "user", User, Raising(), customer]
    for request, user in itertools.product(requests, users):
        for receiver in (receivers.on_login, receivers.on_logout):
            for arguments in subsets({"sender": User, "request": request, "user": user}):
                host(lambda r=receiver, a=arguments: r(signal=None, **a))  # type: ignore[misc]


def test_a_login_without_a_sender_attaches_the_session(rf: RequestFactory) -> None:
    customer, request = make_customer(), rf.get("/")
    request.COOKIES["hello_session"] = "visit"
    request.session, request.user = SessionStore(), customer
    user_logged_in.send(sender=None, request=request, user=SimpleLazyObject(lambda: customer))
    assert Session.objects.get().profile_pk == str(customer.pk)


@pytest.mark.parametrize("broken", [BrokenMapping(BUSINESS_ID="x"), {"DATABASES": 5}, {"DATABASES": ["no"]}, 5])
def test_settings_that_cannot_be_read_do_not_reach_the_host(settings: Any, host: Host, broken: Any) -> None:
    product = make_product()
    Change.objects.all().delete()
    settings.HELLOTEXT = broken
    host(product.save)
    host(lambda: product.categories.add(Category.objects.create(name="Tea")))
    for signal, receiver in RECEIVERS:
        host(lambda s=signal, r=receiver: r(signal=s, sender=Product, instance=product, request=1, user=product))  # type: ignore[misc]
    host(product.delete)
    assert not Change.objects.exists()


@pytest.mark.usefixtures("production")
def test_an_error_is_logged_with_the_name_of_its_receiver(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "django_hellotext.intake"):
        receivers.on_save(sender=Product, instance=Raising())
    [entry] = caplog.records
    assert (entry.name, entry.message) == ("django_hellotext.intake", "intake.failed")
    assert (vars(entry)["where"], vars(entry)["error"]) == ("on_save", "RuntimeError")


@pytest.mark.usefixtures("production")
def test_a_log_that_fails_as_well_does_not_reach_the_host(host: Host) -> None:
    class FullDisk(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise OSError("no space left on device")

    log, full = logging.getLogger("django_hellotext.intake"), FullDisk()
    log.addFilter(full)
    try:
        host(lambda: receivers.on_save(sender=Product, instance=Raising()))
    finally:
        log.removeFilter(full)


def test_developers_see_the_errors_of_a_receiver() -> None:
    with pytest.raises(RuntimeError):
        receivers.on_save(sender=Product, instance=Raising())


@pytest.mark.usefixtures("production")
def test_a_transaction_that_the_database_has_ended_is_not_kept_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order()
    adapter = registry.for_model(Order)

    def lose(self: Any, obj: Any) -> bool:
        raise TransactionLostError(1213, "Deadlock found")

    monkeypatch.setattr(type(adapter), "cart_link", lose)
    order.status = "placed"
    with pytest.raises(TransactionLostError):
        order.save()


def test_the_variants_of_a_deleted_product_are_recorded_without_an_origin() -> None:
    size = make_variant()
    recorded()
    post_delete.send(sender=Variant, instance=size)
    assert ("testshop.variant", str(size.pk)) in recorded()


def failing_query(*args: Any) -> Any:
    return Product.objects.extra(where=["no_such_column = 1"]).count()


@pytest.mark.usefixtures("production")
def test_a_query_of_the_shops_own_code_that_fails_ends_only_itself(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL would abort the host's transaction."""
    order = make_order(status="placed")
    recorded()
    monkeypatch.setattr(type(registry.for_model(Order)), "events", OnChange(failing_query, {"paid": "order.confirmed"}))
    host(order.save)
    assert recorded() == [("testshop.order", str(order.pk))]
    monkeypatch.setattr(type(registry.for_model(Order)), "cart_link", failing_query)
    host(lambda: make_order(status="placed"))
    assert [label for label, _ in recorded()] == ["testshop.order"]


@pytest.fixture
def failing_dependents() -> Iterator[None]:
    """Which products belong to a stock is found by a query that fails."""
    before = registry.for_model(Product)
    assert before is not None
    registry.unregister(Product)
    registry.register(Product)(type("Failing", (type(before),), {"depends_on": {Stock: failing_query}}))
    receivers.connect()
    yield
    registry.unregister(Product)
    registry.register(Product)(type(before))


@pytest.mark.usefixtures("production", "failing_dependents")
def test_a_query_for_what_depends_on_a_deleted_object_that_fails_ends_only_itself(host: Host) -> None:
    stock = Stock.objects.create(product=make_product())
    host(stock.delete)
    assert not Stock.objects.exists()


def test_code_of_the_shop_that_makes_no_query_costs_none(django_assert_num_queries: Any) -> None:
    order = make_order()
    with transaction.atomic(), django_assert_num_queries(2):
        order.save()
