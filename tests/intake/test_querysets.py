"""What signals cannot see, seen: one statement for each bulk call, in the host's transaction (demands E1, E3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from bookshop.models import Book
from bookshop.models import Cart as BookCart
from bookshop.models import CartLine as BookCartLine
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import Change, Event, RemoteObject
from django_hellotext.querysets import HellotextManager, HellotextQuerySet
from tests.factories import make_customer, make_order, make_order_line, make_product
from tests.testshop.models import Brand, Category, Order, OrderLine, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

WITH_TARGET = connection.features.supports_update_conflicts_with_target
Deliver = Callable[..., Report]


def of(model: Any) -> Any:
    """The objects of ``model`` as a shop has them whose manager is ours."""
    return HellotextQuerySet(model)


def ours(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in queries if "django_hellotext" in query["sql"]]


@pytest.fixture
def products() -> list[Product]:
    made = [make_product() for _ in range(3)]
    Change.objects.all().delete()
    return made


def recorded() -> list[str]:
    found = list(Change.objects.order_by("id").values_list("object_pk", flat=True))
    Change.objects.all().delete()
    return found


def keys(objs: list[Any]) -> list[str]:
    return [str(obj.pk) for obj in objs]


def test_bulk_create_is_one_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        made = of(Product).bulk_create([Product(name="One"), Product(name="Two")])
    assert len(ours(queries)) == 1
    assert all(change.created for change in Change.objects.all())
    assert recorded() == keys(made)


def test_what_meets_a_conflict_tells_of_what_the_table_holds(deliver: Deliver) -> None:
    """Demand A6: an object that met another has a status, and perhaps a key, that nobody wrote."""
    order = make_order(number="A-1", status=Order.Status.PLACED, customer=make_customer())
    deliver()
    of(Order).bulk_create([Order(pk=order.pk, number="A-1", status=Order.Status.PAID)], ignore_conflicts=True)
    assert list(Change.objects.values_list("object_pk", "metadata__status")) == [(str(order.pk), "placed")]
    deliver()
    assert not Event.objects.filter(action="order.confirmed").exists()


@pytest.mark.skipif(not WITH_TARGET, reason="the database is not told which fields are unique")
def test_what_is_updated_where_it_conflicts_is_found_by_what_is_unique(deliver: Deliver) -> None:
    """Demand A6."""
    order = make_order(number="A-1", status=Order.Status.PLACED, customer=make_customer())
    deliver()
    met = Order(pk=order.pk + 1000, number="A-1", email="b@acme.example", status=Order.Status.PAID)
    fresh = Order(number="A-2", status=Order.Status.PLACED)
    with CaptureQueriesContext(connection) as queries:
        of(Order).bulk_create(
            [met, fresh], update_conflicts=True, update_fields=["email"], unique_fields=["number"], batch_size=2
        )
    assert len(ours(queries)) == 1
    found = Change.objects.values_list("object_pk", "metadata__status", "metadata__created")
    assert sorted(found) == sorted((str(one.pk), "placed", None) for one in Order.objects.all())
    deliver()
    assert not Event.objects.filter(action="order.confirmed").exists()


@pytest.mark.skipif(not WITH_TARGET, reason="the database is not told which fields are unique")
def test_lines_that_meet_others_name_their_carts() -> None:
    """Demand E1: what is unique may be several fields."""
    carts = [BookCart.objects.create() for _ in range(2)]
    book = Book.objects.create(sku="one", title="One", price=1, year=1900, pages=1)
    recorded()
    BookCartLine.objects.bulk_create([BookCartLine(cart=carts[0], sku="one", book=book)])
    lines = [BookCartLine(cart=cart, sku=sku, book=book) for cart in carts for sku in ("one", "two")]
    options: Any = {"update_conflicts": True, "update_fields": ["quantity"], "unique_fields": ["cart", "sku"]}
    of(BookCartLine).bulk_create(lines, **options)
    assert sorted(set(recorded())) == sorted(keys(carts))


def test_conflicts_of_what_nobody_reads_cost_nothing(products: list[Product], django_assert_num_queries: Any) -> None:
    """Demand E7."""
    with django_hellotext.paused(), CaptureQueriesContext(connection) as queries:
        of(Product).bulk_create([Product(pk=products[0].pk, name="Quiet")], ignore_conflicts=True)
    assert not [query for query in queries if "SELECT" in query["sql"]]
    assert recorded() == []


def test_bulk_update_is_one_statement_and_leaves_out_what_nobody_reads(products: list[Product]) -> None:
    for product in products:
        product.name += "!"
    with CaptureQueriesContext(connection) as queries:
        of(Product).bulk_update(products, ["name"])
    assert len(ours(queries)) == 1
    assert sorted(recorded()) == sorted(keys(products))


def test_update_reads_the_keys_and_is_one_statement(products: list[Product]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert of(Product).exclude(pk=products[0].pk).update(name="Sold out") == 2
    assert len(ours(queries)) == 1
    assert len(queries) <= 5  # the keys, the UPDATE, the INSERT, and where needed a savepoint's two
    assert sorted(recorded()) == sorted(keys(products[1:]))


def test_an_update_that_moves_the_status_is_an_event_for_each(deliver: Deliver) -> None:
    """Demand A6."""
    orders = [make_order(status=Order.Status.PLACED, customer=make_customer()) for _ in range(2)]
    deliver()
    of(Order).update(status=Order.Status.PAID)
    deliver()
    assert sorted(Event.objects.filter(action="order.confirmed").values_list("object_pk", flat=True)) == sorted(
        keys(orders)
    )


def test_an_update_of_what_nobody_reads_costs_nothing(django_assert_num_queries: Any) -> None:
    """Demand E2."""
    make_order()
    recorded()
    with django_assert_num_queries(1):
        of(Order).update(shipped_on=None)
    assert recorded() == []


def test_deleting_many_is_one_statement(products: list[Product]) -> None:
    with CaptureQueriesContext(connection) as queries:
        of(Product).filter(pk__in=keys(products)).delete()
    assert len(ours(queries)) == 1
    assert all(change.deleted for change in Change.objects.all())
    assert sorted(recorded()) == sorted(keys(products))


def test_lines_name_their_orders_once(django_assert_num_queries: Any) -> None:
    """Demand E4."""
    first, second = make_order(), make_order()
    recorded()
    of(OrderLine).bulk_create([OrderLine(order=order, quantity=1) for order in (first, first, second)])
    assert sorted(recorded()) == sorted(keys([first, second]))
    of(OrderLine).update(quantity=2)
    assert sorted(recorded()) == sorted(keys([first, second]))
    of(OrderLine).filter(order=first).update(order=second)
    assert sorted(recorded()) == sorted(keys([first, second]))


def test_an_update_of_a_brand_names_the_brand() -> None:
    brand = Brand.objects.create(name="Acme")
    Category.objects.create(name="Tea")
    recorded()
    of(Brand).update(name="Ajax")
    assert list(Change.objects.values_list("object_label", "object_pk")) == [("testshop.brand", str(brand.pk))]


def test_what_is_rolled_back_leaves_nothing(products: list[Product]) -> None:
    """Demand C2."""
    with pytest.raises(RuntimeError), transaction.atomic():
        of(Product).update(name="Gone")
        raise RuntimeError
    assert recorded() == []


def test_a_call_that_django_refuses_is_refused_the_same_way(products: list[Product]) -> None:
    with pytest.raises(TypeError, match="slice"):
        of(Product)[:2].update(name="x")
    with pytest.raises(FieldDoesNotExist), transaction.atomic():
        of(Product).update(nonsense="x")
    assert recorded() == []


def test_a_paused_block_records_nothing(products: list[Product], django_assert_num_queries: Any) -> None:
    """Demand E7."""
    with django_hellotext.paused(), django_assert_num_queries(1):
        of(Product).update(name="Quiet")
    assert recorded() == []


def test_very_many_are_several_statements(settings: Any, hellotext: Emulator) -> None:
    with CaptureQueriesContext(connection) as queries:
        of(Product).bulk_create(Product(name=str(number)) for number in range(1200))
    assert len(ours(queries)) == 3
    assert len(recorded()) == 1200


def test_a_bulk_change_three_ways_is_sent(products: list[Product], deliver: Deliver) -> None:
    """Demand E1: the queryset at once, sync() on demand."""
    django_hellotext.sync(Product.objects.all())
    deliver()
    of(Product).filter(pk=products[0].pk).update(name="First")
    Product.objects.filter(pk=products[1].pk).update(name="Second")
    assert deliver().synced == 1
    assert django_hellotext.sync(Product.objects.filter(pk=products[1].pk)) == 1
    assert deliver().synced == 1
    assert RemoteObject.objects.filter(kind="product").count() == 3


def test_the_asynchronous_calls_are_seen(products: list[Product]) -> None:
    assert async_to_sync(of(Product).aupdate)(name="Later") == 3
    assert sorted(recorded()) == sorted(keys(products))


def test_the_package_itself_names_them() -> None:
    assert django_hellotext.HellotextQuerySet is HellotextQuerySet
    assert django_hellotext.HellotextManager is HellotextManager
    assert isinstance(make_order_line().pk, int)
