"""What a payload reads of other models is told by somebody, or by a check (demand E1)."""

from __future__ import annotations

import pytest
from bookshop.models import Reader

from django_hellotext import adapters
from django_hellotext.adapters import Adapter, Guest, IfPresent, Items, Money
from tests.testshop.models import Book, Brand, OrderLine, Product

from .shop import order_adapter, product_adapter, profile_adapter

# Who is read without being named, and what the hint offers.
BLIND: list[tuple[Adapter, str, str]] = [
    (product_adapter(brand="brand.name"), "ShopProduct.brand", '"testshop.Brand": "product_set"'),
    (product_adapter(brand="brand"), "ShopProduct.brand", '"testshop.Brand": "product_set"'),
    (product_adapter(categories="categories"), "ShopProduct.categories", '"testshop.Category": "product_set"'),
    (product_adapter(metadata={"maker": "brand.name"}), "ShopProduct.metadata", '"testshop.Brand": "product_set"'),
    (product_adapter(brand=IfPresent("brand.name")), "ShopProduct.brand", '"testshop.Brand": "product_set"'),
    (product_adapter(brand="brand.name", tags="brand.name"), "ShopProduct.brand and tags", "testshop.Brand"),
    (product_adapter(tags="related"), "ShopProduct.tags", '"testshop.Product": "related"'),
    (product_adapter(tags="reviews"), "ShopProduct.tags", '"testshop.Review": a function'),
    (order_adapter(name="note.text"), "ShopOrder.name", '"testshop.Note": "order"'),
    (profile_adapter(properties={"Team": "groups"}), "ShopProfile.properties", '"auth.Group": "user_set"'),
]
# What needs nobody to tell of it, or is told by itself.
SEEN: list[Adapter] = [
    product_adapter(brand="brand.name", depends_on={"testshop.Brand": "product_set"}),
    product_adapter(brand="brand.name", depends_on={Brand: lambda brand: Product.objects.filter(brand=brand)}),
    product_adapter(brand="brand.name", depends_on={"testshop.Brand": []}),
    product_adapter(brand="brand_id"),
    product_adapter(brand="brand.pk"),
    product_adapter(brand="brand.id"),
    product_adapter(price=Money("price", currency="brand.name")),
    order_adapter(items=Items("lines", product="product", price="product.price"), profile="customer", cart="cart"),
    order_adapter(guest=Guest(email="customer.email")),
    order_adapter(name="customer.username", depends_on={"auth.User": "order_set"}),
]


@pytest.mark.parametrize(("adapter", "message", "hint"), BLIND)
def test_a_model_that_is_read_and_not_named_is_told(adapter: Adapter, message: str, hint: str) -> None:
    [found] = [one for one in adapter.check() if one.id == "hellotext.W104"]
    assert message in found.msg
    assert hint in (found.hint or "")


@pytest.mark.parametrize("adapter", SEEN)
def test_what_is_seen_is_no_alarm(adapter: Adapter) -> None:
    assert [one for one in adapter.check() if one.id == "hellotext.W104"] == []


def test_each_model_on_the_way_is_told_with_its_own_way_back() -> None:
    made = type("LineAdapter", (adapters.FormAdapter,), {"name": "order.note.text"})(OrderLine)
    order, note = [one.hint or "" for one in made.check() if one.id == "hellotext.W104"]
    assert '"testshop.Order": "lines"' in order
    assert '"testshop.Note": "order.lines"' in note


@pytest.mark.parametrize(
    "adapter",
    [
        product_adapter(brand="brand.name", depends_on={"testshop.Brand": "product_set"}),
        product_adapter(tags="categories", depends_on={"testshop.Category": "product_set"}),
        product_adapter(tags="related", depends_on={"testshop.Product": "related"}),
        order_adapter(name="note.text", depends_on={"testshop.Note": "order"}),
    ],
)
def test_whoever_writes_what_the_hint_offers_has_no_further_message(adapter: Adapter) -> None:
    assert [one.id for one in adapter.check()] == []


def test_a_parent_is_known_by_itself() -> None:
    book = type(
        "BookAdapter", (adapters.ProductAdapter,), {"currency": adapters.Value("EUR"), "sku": "product_ptr.sku"}
    )
    assert [one.id for one in book(Book).check()] == []


def test_a_relation_without_another_side_asks_for_a_function() -> None:
    reader = type("ReaderAdapter", (adapters.ProfileAdapter,), {"first_name": "favourite.name", "email": "user.email"})
    hints = [one.hint or "" for one in reader(Reader).check() if one.id == "hellotext.W104"]
    assert sorted(hints) == [
        'Add "auth.User": "reader" to depends_on. With [] instead you say that it does not matter.',
        'Add "bookshop.Category": a function that answers a queryset of bookshop.Reader to depends_on. '
        "With [] instead you say that it does not matter.",
    ]
