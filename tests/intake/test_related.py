"""A change of what a payload reads elsewhere is a change of the registered object (demands E1, E4, E8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import adapters
from django_hellotext.adapters import registry
from django_hellotext.adapters.dependencies import dependencies_of
from django_hellotext.delivery import Report
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator
from django_hellotext.intake.receivers import connect
from django_hellotext.models import Account, Change, Lane, RemoteObject
from tests.adapters.shop import order_adapter, product_adapter
from tests.factories import make_order, make_order_line, make_product
from tests.testshop.models import Book, Brand, Category, Note, Order, OrderLine, Product, ProductProxy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

Deliver = Callable[..., Report]


def recorded() -> list[tuple[str, str]]:
    """Take note of the changes so far, and forget them."""
    found = list(Change.objects.order_by("id").values_list("object_label", "object_pk"))
    Change.objects.all().delete()
    return found


def versions() -> dict[str, int]:
    return dict(RemoteObject.objects.filter(kind="product").values_list("host_pk", "version"))


@pytest.fixture
def shelf(deliver: Deliver) -> Category:
    """A category with three products that Hellotext knows, and one that it does not."""
    category = Category.objects.create(name="Tea")
    for _ in range(3):
        make_product().categories.add(category)
    deliver()
    with django_hellotext.paused():
        make_product().categories.add(category)
    return category


def test_a_line_is_a_change_of_its_order_without_a_query(django_assert_num_queries: Any) -> None:
    """Demand E4: the lines of ``Items`` need no declaration."""
    order = make_order()
    line = make_order_line(order=order)
    recorded()
    with django_assert_num_queries(2):
        line.save()
    assert recorded() == [("testshop.order", str(order.pk))]


def test_a_deleted_line_counts() -> None:
    """Demand E4."""
    line = make_order_line()
    recorded()
    OrderLine.objects.filter(pk=line.pk).delete()
    assert recorded() == [("testshop.order", str(line.order_id))]


def test_a_line_without_an_order_or_with_fields_that_nobody_reads_says_nothing() -> None:
    """Demand E2."""
    line = make_order_line()
    recorded()
    line.save(update_fields=["sku"])
    assert recorded() == []
    line.save(update_fields=["quantity"])
    assert recorded() == [("testshop.order", str(line.order_id))]


def test_a_field_of_many_that_the_payload_reads_counts_from_both_sides(django_assert_num_queries: Any) -> None:
    """Demand E4: m2m_changed."""
    product, other, category = make_product(), make_product(), Category.objects.create(name="Tea")
    both = [("testshop.product", str(product.pk)), ("testshop.product", str(other.pk))]
    recorded()
    product.categories.add(category)
    assert recorded() == both[:1]
    category.product_set.add(product, other)
    assert recorded() == both[1:]
    category.product_set.clear()
    assert sorted(recorded()) == sorted(both)
    product.categories.set([category])
    assert recorded() == both[:1]
    product.categories.clear()
    assert recorded() == both[:1]


def test_a_field_of_many_that_nobody_reads_says_nothing() -> None:
    product, other = make_product(), make_product()
    recorded()
    product.related.add(other)
    assert recorded() == []


def test_a_renamed_category_is_one_row_however_many_products_it_has(shelf: Category) -> None:
    """Demand E1: ten thousand products are not loaded in the request."""
    with CaptureQueriesContext(connection) as queries:
        shelf.name = "Teas"
        shelf.save()
    assert len(queries) == 2
    assert recorded() == [("testshop.category", str(shelf.pk))]


def test_a_renamed_category_reaches_the_products_that_hellotext_has(
    shelf: Category, hellotext: Emulator, deliver: Deliver
) -> None:
    shelf.name = "Teas"
    shelf.save()
    assert deliver().synced == 3
    sent = [entry.body_json["categories"] for entry in hellotext.log if entry.method == "PATCH" and entry.accepted]
    assert sent == [["Teas"]] * 3
    assert RemoteObject.objects.filter(kind="product").count() == 3


def test_a_walk_over_many_dependents_takes_a_page_at_a_time(shelf: Category, hellotext: Emulator) -> None:
    account = Account.objects.get().key
    before = versions()
    shelf.save()
    folds = 0
    while Change.objects.exists():
        with transaction.atomic():
            fold(account, using="default", limit=2)
        folds += 1
    # Four products are walked over, of which three are known; a full page is never known to be the last.
    assert folds == 3
    assert versions() == {pk: version + 1 for pk, version in before.items()}


def test_a_deleted_category_takes_the_names_of_its_products_along(shelf: Category, deliver: Deliver) -> None:
    """Demand E5: afterwards nobody could tell which they were."""
    with CaptureQueriesContext(connection) as queries:
        shelf.delete()
    ours = [query["sql"] for query in queries if "django_hellotext" in query["sql"]]
    assert len(ours) == 1
    assert Change.objects.get(object_label="testshop.category").lane == Lane.BACKFILL
    assert deliver().synced == 3


def test_a_walk_over_keys_that_were_frozen_takes_a_page_at_a_time(shelf: Category) -> None:
    before = versions()
    shelf.delete()
    while Change.objects.exists():
        with transaction.atomic():
            fold(Account.objects.get().key, using="default", limit=2)
    assert versions() == {pk: version + 1 for pk, version in before.items()}


def test_what_is_known_of_a_brand_that_is_gone_is_nothing(deliver: Deliver) -> None:
    brand = Brand.objects.create(name="Acme")
    deliver()
    Change.objects.all().delete()
    brand.save()
    Brand.objects.filter(pk=brand.pk)._raw_delete("default")
    assert deliver().folded == 1


@pytest.fixture
def books() -> Iterator[adapters.Adapter]:
    """A shop that mirrors a model with a table above it, which it does not mirror."""
    before = registry.for_model(Product)
    registry.unregister(Product)

    @adapters.register(Book)
    class BookAdapter(adapters.ProductAdapter):
        currency = adapters.Value("EUR")

    connect()
    mirrored = registry.for_model(Book)
    assert mirrored is not None
    yield mirrored
    registry.unregister(Book)
    assert before is not None
    registry.register(Product)(type(before))


def test_an_object_with_a_table_of_its_own_is_mirrored_under_the_registered_parent() -> None:
    """Demand E8: Django names the child as the sender."""
    book = Book.objects.create(name="Emma", isbn="1")
    assert recorded() == [("testshop.product", str(book.pk))]
    pk = str(book.pk)
    book.delete()
    assert Change.objects.filter(object_label="testshop.product", object_pk=pk, metadata__deleted=True).count() == 1


def test_a_child_that_leaves_its_parent_behind_is_no_deletion() -> None:
    book = Book.objects.create(name="Emma", isbn="1")
    recorded()
    book.delete(keep_parents=True)
    assert [change.deleted for change in Change.objects.all()] == [False]


def test_a_save_of_the_parent_reaches_the_registered_child(books: adapters.Adapter, deliver: Deliver) -> None:
    """Demand E8: the other way round."""
    book = Book.objects.create(name="Emma", isbn="1", price=1)
    plain = Product.objects.create(name="Tea", price=1)
    deliver()
    mirror = RemoteObject.objects.get(kind="product")
    assert (mirror.host_label, mirror.host_pk) == ("testshop.book", str(book.pk))
    for product in Product.objects.all():
        product.name += "!"
        product.save()
    assert deliver().synced == 1
    mirror.refresh_from_db()
    assert mirror.version == 2
    assert plain.pk != book.pk


def test_a_proxy_of_a_registered_model_and_of_a_related_one_count() -> None:
    """Demand E8."""
    product = make_product()
    recorded()
    ProductProxy.objects.get(pk=product.pk).categories.add(Category.objects.create(name="Tea"))
    assert ("testshop.product", str(product.pk)) in recorded()


def test_nothing_of_it_happens_in_a_paused_block(shelf: Category) -> None:
    """Demand E7."""
    with django_hellotext.paused():
        shelf.save()
        shelf.product_set.clear()
        make_order_line().delete()
        shelf.delete()
    assert recorded() == []


def test_two_ways_from_one_model_are_both_walked(shelf: Category, deliver: Deliver) -> None:
    adapter = product_adapter(
        depends_on={Category: ["product_set", lambda category: Product.objects.filter(name="Odd one")]}
    )
    odd = make_product(name="Odd one")
    found = [
        {str(pk) for pk in way.touched(shelf.pk, using="default").values_list("pk", flat=True)}
        for way in adapter.dependencies.related
    ]
    assert len(found[0]) == 4
    assert found[1] == {str(odd.pk)}


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        (["testshop.Category"], r"ShopProduct\.depends_on .* not a mapping"),
        ({"testshop.Shelf": "products"}, r"depends_on\['testshop\.Shelf'\].*no model"),
        ({"nonsense": "products"}, r"depends_on\['nonsense'\].*no model"),
        ({"testshop.Category": "products"}, r"depends_on\['testshop\.Category'\].*'products'"),
        ({"testshop.Category": "name"}, r"depends_on\['testshop\.Category'\].*'name'"),
        ({"testshop.OrderLine": "order"}, r"depends_on\['testshop\.OrderLine'\].*leads to testshop\.Order"),
        ({"testshop.Category": 5}, r"depends_on\['testshop\.Category'\].*neither a path nor a callable"),
        ({"testshop.Category": lambda: None}, r"depends_on\['testshop\.Category'\].*neither a path nor a callable"),
    ],
)
def test_e120_a_wrong_declaration_is_named(declared: Any, named: str) -> None:
    found = [message for message in product_adapter(depends_on=declared).check() if message.id == "hellotext.E120"]
    assert [bool(re.search(named, message.msg)) for message in found] == [True]
    assert found[0].hint


def test_a_right_declaration_is_no_mistake() -> None:
    declared = {
        "testshop.OrderLine": "order",
        "testshop.Note": ("order",),
        "auth.User": lambda user: Order.objects.filter(customer=user),
    }
    adapter = order_adapter(depends_on=declared)
    assert [message.id for message in adapter.check()] == []
    assert {way.model: way.column for way in adapter.dependencies.related}[Note] == "order_id"


def test_a_category_that_is_renamed_twice_is_walked_over_once(shelf: Category, deliver: Deliver) -> None:
    before = versions()
    shelf.save()
    again = Change.objects.get()
    again.pk = None
    again.save(force_insert=True)  # within one transaction a second save is no second row
    with transaction.atomic():
        fold(Account.objects.get().key, using="default", limit=10)
    assert versions() == {pk: version + 1 for pk, version in before.items()}
    assert not Change.objects.exists()


def test_what_no_page_is_left_for_is_walked_over_by_the_next_fold(shelf: Category) -> None:
    other = Category.objects.create(name="Coffee")
    shelf.product_set.order_by("pk")[:1].get().categories.add(other)
    Change.objects.all().delete()
    shelf.save()
    other.save()
    folds = 0
    while Change.objects.exists():
        with transaction.atomic():
            fold(Account.objects.get().key, using="default", limit=4)
        folds += 1
        assert folds < 10
    assert folds > 1


def test_a_declared_callable_that_raises_ends_only_its_own_walk(
    shelf: Category, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(category: Category) -> Any:
        raise ZeroDivisionError

    adapter: Any = registry.for_model(Product)
    monkeypatch.setattr(type(adapter), "depends_on", {"testshop.Category": [broken, "product_set"]})
    monkeypatch.setitem(vars(adapter), "dependencies", dependencies_of(adapter))
    shelf.name = "Teas"
    shelf.save()
    assert deliver().synced == 3
    assert "adapter.failed" in caplog.messages


def test_a_change_for_a_model_that_is_not_registered_any_more_is_left_alone(shelf: Category, deliver: Deliver) -> None:
    shelf.save()
    [change] = Change.objects.all()
    change.data = {**change.data, "dependent": "gone.model"}
    change.save()
    assert deliver().folded == 0
    assert Change.objects.get() == change
