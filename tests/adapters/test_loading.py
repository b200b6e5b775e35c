"""What rendering costs, and which saves concern an adapter."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_hellotext.adapters import (
    Guest,
    IfPresent,
    Items,
    Money,
    OnChange,
    ProductAdapter,
    UserProfileAdapter,
    Value,
)
from tests.testshop.models import Brand, Cart, CartLine, Category, Note, Order, OrderLine, Product, Review

from .shop import cart_adapter, order_adapter, product_adapter

Asserter = Callable[..., Any]


def make_orders(count: int) -> None:
    """Orders of different customers, each with three lines of different products."""
    for number in range(count):
        customer = User.objects.create_user(f"ana{number}")
        cart = Cart.objects.create()
        order = Order.objects.create(number=f"N-{number}", customer=customer, cart=cart)
        Note.objects.create(order=order, text="Gift")
        for line in range(3):
            product = Product.objects.create(name=f"{number}/{line}", price=Decimal(1), brand=Brand.objects.create())
            product.categories.add(Category.objects.create(name="Sea"))
            OrderLine.objects.create(order=order, product=product, unit_price=Decimal(1))
            CartLine.objects.create(cart=cart, product=product)


@pytest.mark.django_db
def test_many_objects_take_as_many_queries_as_one(django_assert_num_queries: Asserter) -> None:
    make_orders(4)
    order = order_adapter(
        profile="customer",
        name="note.text",
        cart="cart",
        guest=Guest(email="cart.email"),
        items=Items("lines", product="product", price="unit_price"),
    )
    with django_assert_num_queries(3):  # orders with carts, notes, lines
        for one in order.queryset(Order._base_manager.using("default")):
            assert len(order.payload(one)["items"]) == 3
            assert order.profile_link(one)
            assert order.cart_link(one)
    product = product_adapter(brand="brand.name", categories="categories", currency=Value("EUR"))
    with django_assert_num_queries(2):  # products with brands, categories
        for sold in product.queryset(Product._base_manager.all()):
            assert product.payload(sold)["categories"] == ["Sea"]


@pytest.mark.django_db
def test_mappings_and_generic_relations_are_loaded_too(django_assert_num_queries: Asserter) -> None:
    make_orders(2)
    for sold in Product.objects.all():
        Review.objects.create(subject=sold, title="Good")
    product = product_adapter(price=None, tags="reviews", metadata={"maker": "brand.name"})
    with django_assert_num_queries(2):  # products with brands, reviews
        for sold in product.queryset(Product._base_manager.all()):
            assert product.payload(sold)["tags"] == ["Good"]
    review = type("Reviews", (ProductAdapter,), {"name": "subject.name", "price": None})(Review)
    assert review.check() == []
    assert review.watched_fields() == frozenset({"id", "content_type", "object_id"})
    with django_assert_num_queries(2):  # reviews, products
        names = [review.payload(said)["name"] for said in review.queryset(Review._base_manager.all())]
    assert len(names) == 6


@pytest.mark.django_db
@pytest.mark.parametrize("price", ["product.price", "unit_price", lambda line: line.product.price])
def test_a_line_that_asks_its_product_costs_no_query_per_line(price: Any, django_assert_num_queries: Asserter) -> None:
    make_orders(2)
    adapter = cart_adapter(items=Items("lines", product="product", price=price), currency=Value("EUR"))
    with django_assert_num_queries(3):  # carts, lines, products
        for cart in adapter.queryset(Cart._base_manager.all()):
            assert len(adapter.payload(cart)["items"]) == 3
    alone = Cart.objects.earliest("pk")
    with django_assert_num_queries(2):  # lines, products
        adapter.payload(alone)


@pytest.mark.django_db
def test_rendering_leaves_nothing_on_the_hosts_object(django_assert_num_queries: Asserter) -> None:
    make_orders(1)
    adapter = order_adapter(items=Items("lines", product="product", price="unit_price"))
    order = Order.objects.get()
    with django_assert_num_queries(1):
        adapter.payload(order)
    OrderLine.objects.all().delete()
    assert adapter.payload(order)["items"] == []


def test_links_status_and_reference_need_no_query() -> None:
    """Demand A3 and promise 1: what recording asks of an adapter must not read the host's tables."""
    adapter = order_adapter(profile="customer", cart="cart", total="total", events=OnChange("status", {}))
    order = Order(pk=1, number="A-1", customer_id=2, cart_id=3)
    assert adapter.profile_link(order)
    assert adapter.cart_link(order)
    assert adapter.status(order) == ("draft", None)
    assert adapter.reference_of(order) == "A-1"
    assert adapter.amount(order)


@pytest.mark.django_db
def test_a_shop_extends_the_queryset(django_assert_num_queries: Asserter) -> None:
    adapter = product_adapter(queryset=lambda self, queryset: queryset.filter(is_published=True))
    Product.objects.create(name="Draft", is_published=False)
    with django_assert_num_queries(1):
        assert not list(adapter.queryset(Product._base_manager.all()))


def test_lines_from_a_callable_or_method_are_the_shops_to_load() -> None:
    plain = Order._base_manager.all()
    for adapter in (
        order_adapter(items=Items(lambda obj: obj.lines.all(), product="product")),
        order_adapter(get_items=lambda self, obj: []),
        order_adapter(),
    ):
        assert str(adapter.queryset(plain).query) == str(plain.query)


def test_the_fields_that_paths_read_are_known_by_name_and_column() -> None:
    adapter = order_adapter(
        profile="customer",
        total=Money("total", currency="currency"),
        guest=Guest(email="email", phone=Value("+1")),
        items=Items("lines", product="product"),
        events=OnChange("status", {}, at={"shipped": "shipped_at"}),
        name="customer.email",
        sales_channel=IfPresent("channel"),
    )
    assert adapter.watched_fields() == frozenset(
        {
            "number",
            "customer",
            "customer_id",
            "currency",
            "total",
            "email",
            "status",
            "shipped_at",
        }
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"name": lambda obj: "x"},
        {"get_name": lambda self, obj: "x"},
        {"name": "__str__"},
        {"name": "get_status_display"},
        {"should_sync": lambda self, obj: True},
        {"build": lambda self, obj: {}},
        {"items": Items(lambda obj: [], product="product")},
    ],
)
def test_what_a_method_reads_is_unknown_until_the_shop_says_it(attributes: dict[str, Any]) -> None:
    assert order_adapter(**attributes).watched_fields() is None
    assert order_adapter(**attributes, watches=("method",)).watched_fields() == frozenset(
        {"number", "currency", "method"}
    )


def test_a_login_does_not_concern_the_default_user_adapter() -> None:
    """Demand E2: a login writes last_login and nothing else."""
    watched = UserProfileAdapter(User).watched_fields()
    assert watched == frozenset({"id", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser"})
