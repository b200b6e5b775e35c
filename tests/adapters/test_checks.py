"""Mistakes in an adapter are found at start-up: by name, and without a query."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings

from django_hellotext.adapters import Adapter, Guest, IfPresent, Items, Money, OnChange, ProfileAdapter, Value
from tests.testshop.models import Brand

from .shop import cart_adapter, coupon_adapter, order_adapter, product_adapter, profile_adapter, refund_adapter


def order_line(**parts: Any) -> Items:
    return Items("lines", **{"product": "product", **parts})


def told(adapter: Adapter) -> list[CheckMessage]:
    """Whatever is said of ``adapter``, but for what ``test_unseen`` and ``test_line_checks`` are about."""
    others = {"hellotext.W104", "hellotext.W111", "hellotext.W112", "hellotext.W113"}
    return [one for one in adapter.check() if one.id not in others]


def only(adapter: Adapter) -> CheckMessage:
    """The single mistake of ``adapter``; no check may need the database, which these tests do not have."""
    [found] = told(adapter)
    assert found.obj is type(adapter)
    return found


MISTAKES: list[tuple[str, Adapter, str, str]] = [
    # id, adapter, what the message says, what the hint says
    ("E101", order_adapter(reference="numbre"), "ShopOrder.reference (testshop.Order)", "Did you mean number"),
    ("E101", order_adapter(profile="custommer"), "ShopOrder.profile", "customer"),
    ("E101", order_adapter(name="customer.user_name"), "auth.User has no attribute 'user_name'", "username"),
    ("E101", order_adapter(name="note.txt"), "testshop.Note has no attribute 'txt'", "text"),
    ("E101", order_adapter(name="status.loud"), "the value of 'status' has no attribute 'loud'", "spelling"),
    ("E101", product_adapter(image_url="picture.adress"), "'picture' has no attribute 'adress'", "spelling"),
    ("E101", product_adapter(currency="EUR"), "ShopProduct.currency", "Value('EUR')"),
    ("E101", product_adapter(metadata={"maker": "brnad.name"}), "ShopProduct.metadata['maker']", "brand"),
    ("E101", product_adapter(price=Money("prize")), "ShopProduct.price", "price"),
    ("E101", product_adapter(price=Money("price", currency="USD")), "ShopProduct.price.currency", "Value('USD')"),
    ("E101", product_adapter(brand=IfPresent("brand.naem")), "ShopProduct.brand", "name"),
    ("E101", order_adapter(items=Items("line", product="product")), "ShopOrder.items", "lines"),
    ("E101", order_adapter(items=order_line(product="produkt")), "ShopOrder.items.product", "product"),
    ("E101", order_adapter(items=order_line(quantity="amount")), "ShopOrder.items.quantity", "quantity=Value(1)"),
    ("E101", order_adapter(items=order_line(price=Money("unit_prise"))), "ShopOrder.items.price", "unit_price"),
    ("E101", order_adapter(items=order_line(total="line_totl")), "ShopOrder.items.total", "line_total"),
    ("E101", order_adapter(items=order_line(sku="skuu")), "ShopOrder.items.sku", "sku"),
    ("E101", order_adapter(items=order_line(title="titel")), "ShopOrder.items.title", "title"),
    ("E101", order_adapter(items=order_line(where="is_canceled")), "ShopOrder.items.where", "is_cancelled"),
    ("E101", order_adapter(items=order_line(extra=[("shipping", "Shipping")])), "items.extra['Shipping']", "shipping"),
    (
        "E104",
        order_adapter(items=order_line(price="unit_price", total="line_total")),
        "a price and a total",
        "total",
    ),
    ("E104", order_adapter(items=order_line(extra=["shipping_total"])), "ShopOrder.items.extra", "shipping_total"),
    ("E104", order_adapter(items=order_line(extra=[("shipping_total", "")])), "ShopOrder.items.extra", "Shipping"),
    ("E104", order_adapter(items=order_line(extra="shipping_total")), "ShopOrder.items.extra", "Shipping"),
    (
        "E104",
        cart_adapter(items=Items("lines", product="product", extra=[("email", "Shipping")])),
        "ShopCart.items.extra",
        "Leave it out",
    ),
    ("E101", order_adapter(guest=Guest(email="mail")), "ShopOrder.guest.email", "email"),
    ("E101", order_adapter(events=OnChange("state", {})), "ShopOrder.events", "status"),
    (
        "E101",
        order_adapter(events=OnChange("status", {"paid": "order.confirmed"}, at={"paid": "payed_at"})),
        "ShopOrder.events.at['paid']",
        "created_at",
    ),
    (
        "E105",
        order_adapter(events=OnChange("status", {"paid": "quiz.taken"})),
        "'quiz.taken' is not a known",
        "Known: page",
    ),
    ("E113", product_adapter(on_delete="clear"), "ShopProduct.on_delete", "delete, keep"),
    ("E113", profile_adapter(on_unsyncable="hide"), "cannot be 'hide'", "clear, delete, keep"),
    ("E104", profile_adapter(keeps_former="email"), "ShopProfile.keeps_former", "address, email, phone"),
    ("E104", profile_adapter(keeps_former=("emails",)), "cannot be ('emails',)", "address, email, phone"),
    ("E104", product_adapter(name=None), "ShopProduct.name (testshop.Product) leads nowhere", "get_name(self, obj)"),
    ("E104", coupon_adapter(), "ShopCoupon.destination_url (testshop.Review) leads nowhere", "get_destination_url"),
    ("E104", refund_adapter(), "names neither order nor product", "order or product"),
    ("E102", order_adapter(name="lines.sku"), "'lines' in 'lines.sku' leads to many objects", "callable"),
    ("E102", order_adapter(name="lines"), "ShopOrder.name (testshop.Order) leads to many", "get_ method"),
    ("E102", product_adapter(brand="discounted"), "testshop.Product.discounted() needs arguments", "get_ method"),
    ("E102", product_adapter(brand="delete"), "testshop.Product.delete() changes data", "get_ method"),
    ("E102", product_adapter(brand="objects"), "'objects' is a manager", "get_ method"),
    ("E102", product_adapter(brand="brand name"), "'brand name' is not a dotted path", "Value"),
    ("E103", product_adapter(name=lambda: "x"), "ShopProduct.name", "takes the object alone"),
    ("E103", product_adapter(name=lambda self, obj: "x"), "ShopProduct.name", "get_<attribute>"),
    ("E103", product_adapter(get_name=lambda self: "x"), "ShopProduct.get_name", "(self, obj)"),
    ("E103", product_adapter(get_name="x"), "ShopProduct.get_name", "(self, obj)"),
    ("E104", product_adapter(name=3), "ShopProduct.name (testshop.Product) cannot be int", "Value"),
    ("E104", product_adapter(name={"a": "name"}), "ShopProduct.name", "Value"),
    ("E104", product_adapter(name=Money("price")), "ShopProduct.name", "Value"),
    ("E104", product_adapter(name=Guest(email="name")), "ShopProduct.name", "another attribute"),
    ("E104", order_adapter(reference=None), "ShopOrder.reference", "pk"),
    ("E104", order_adapter(source=""), "ShopOrder.source", "HELLOTEXT['SOURCE']"),
    ("E104", order_adapter(source=lambda obj: "x"), "ShopOrder.source", "HELLOTEXT['SOURCE']"),
    ("E104", order_adapter(items="lines"), "ShopOrder.items", "Items(…)"),
    ("E104", order_adapter(events="status"), "ShopOrder.events", "OnChange(…)"),
    ("E104", order_adapter(guest="email"), "ShopOrder.guest", "Guest(…)"),
    ("E104", order_adapter(profile="customer_id"), "'customer', not an object", "not to its key"),
    ("E104", order_adapter(items=Items("number", product="x")), "does not lead to many objects", "lines"),
    ("E104", order_adapter(items=Items("customer", product="x")), "does not lead to many objects", "lines"),
    ("E104", order_adapter(items=order_line(product=None)), "ShopOrder.items.product", "product"),
    ("E105", order_adapter(events=OnChange("status", {"paid": "order.confrimed"})), "['paid']", "order.confirmed"),
    ("E105", order_adapter(events=OnChange("status", {"paid": "paid!"})), "'paid!' is not a known action", "Known:"),
    ("E105", cart_adapter(events=OnChange("pk", {"1": "order.placed"})), "not an action of a cart", "cart.viewed"),
    (
        "E105",
        order_adapter(events=OnChange("status", {"paid": "order.confirmed"}, at={"shipped": "shipped_at"})),
        "ShopOrder.events (testshop.Order).at['shipped']",
        "paid",
    ),
    (
        "E105",
        order_adapter(events=OnChange("status", {"shipped": "order.shipped"}, at={"shipped": "shipped_on"})),
        "'shipped_on', which is not a DateTimeField",
        "datetime",
    ),
    ("W106", product_adapter(price="weight"), "FloatField 'weight'", "DecimalField"),
    ("W101", product_adapter(categorys="categories"), "ShopProduct.categorys", "Did you mean categories?"),
    ("W101", product_adapter(image="name"), "ShopProduct.image (", "Did you mean image_url?"),
    ("W101", profile_adapter(name="first_name"), "ShopProfile.name", "Did you mean first_name or last_name?"),
    ("W101", product_adapter(description="name"), "ShopProduct.description", "Its attributes: reference, name"),
    ("W101", order_adapter(weight=Value(3)), "ShopOrder.weight", "Its attributes: reference"),
    ("W101", product_adapter(get_prise=lambda self, obj: 1), "ShopProduct.get_prise", "Did you mean get_price?"),
    ("W101", product_adapter(shuold_sync=lambda self, obj: True), "shuold_sync", "Did you mean should_sync?"),
    ("W102", profile_adapter(email=None), "neither e-mail nor phone", "Set email or phone"),
]


@pytest.mark.parametrize(
    ("id", "adapter", "says", "hints"), MISTAKES, ids=[f"{case[0]}-{case[2][:40]}" for case in MISTAKES]
)
def test_a_mistake_is_named_with_its_adapter_and_a_way_out(id: str, adapter: Adapter, says: str, hints: str) -> None:
    found = only(adapter)
    assert found.id == f"hellotext.{id}"
    assert says in found.msg
    assert type(adapter).__name__ in found.msg
    assert found.hint
    assert hints in found.hint


FINE: list[Adapter] = [
    order_adapter(items=Items("lines", product="product", quantity="quantity", price="unit_price")),
    order_adapter(items=order_line(price=Money("unit_price", currency="order.currency"))),
    order_adapter(items=order_line(product="sku")),
    order_adapter(items=order_line(product=lambda line: line.sku, price=Value(Decimal(1)))),
    order_adapter(items=Items(lambda obj: obj.lines.all(), product="anything")),
    order_adapter(items=lambda obj: []),
    order_adapter(get_items=lambda self, obj: []),
    order_adapter(guest=lambda obj: {"email": obj.email}, events=lambda obj: None),
    order_adapter(guest=Guest(email="email", phone=Value("+1"), first_name=lambda obj: "Gil")),
    order_adapter(profile="cart.owner", cart="cart", total="total", name="get_status_display"),
    order_adapter(profile=lambda obj: obj.customer, name="customer.get_full_name"),
    order_adapter(events=OnChange("status", {"a": "order.placed"}, at={"a": lambda obj: None})),
    order_adapter(name="note.text", reference="pk", sales_channel="customer_id", payment_method="status.lower"),
    product_adapter(image_url="picture.url", url="get_absolute_url", categories="categories", tags="related"),
    product_adapter(metadata={"a": "extra.any.thing", "b": Value(1), "c": lambda obj: 2}, brand=None),
    product_adapter(name="shout.lower", brand="brand", tags=Value(["a"])),
    product_adapter(price=lambda obj: 1, sku="pk"),
    profile_adapter(email=None, phone=lambda obj: "+1"),
    product_adapter(name=max, tags="reviews"),
    profile_adapter(email=None, get_phone=lambda self, obj: "+1"),
    profile_adapter(helper=lambda self: 1, _private=1, title="Ms"),
]


@pytest.mark.parametrize("adapter", FINE, ids=range(len(FINE)))
def test_what_works_is_not_complained_about(adapter: Adapter) -> None:
    assert told(adapter) == []


def test_a_model_that_answers_any_name_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(ProfileAdapter):
        email = "address_of_the_maker"

    assert Named(Brand).check() != []
    monkeypatch.setattr(Brand, "__getattr__", lambda self, name: None, raising=False)
    from django_hellotext.adapters.paths import trace

    trace.cache_clear()
    try:
        assert Named(Brand).check() == []
    finally:
        trace.cache_clear()


@pytest.mark.parametrize(
    ("adapter", "attribute"),
    [
        (product_adapter(currency=None, price="price"), "ShopProduct.price"),
        (product_adapter(currency=None, price=Money("price")), "ShopProduct.price"),
        (order_adapter(currency=None, total="total"), "ShopOrder.total"),
        (order_adapter(currency=None, items=order_line(price="unit_price")), "ShopOrder.items.price"),
    ],
)
def test_money_without_a_currency_is_a_mistake_once_the_app_is_configured(adapter: Adapter, attribute: str) -> None:
    assert told(adapter) == []  # demand K3: not configured is inert
    with override_settings(HELLOTEXT={"BUSINESS_ID": "b"}):
        found = only(adapter)
        assert found.id == "hellotext.E107"
        assert attribute in found.msg
    with override_settings(HELLOTEXT={"BUSINESS_ID": "b", "CURRENCY": "EUR"}):
        assert told(adapter) == []


@override_settings(HELLOTEXT={"BUSINESS_ID": "b"})
@pytest.mark.parametrize(
    "adapter",
    [
        product_adapter(currency=None, price=Money("price", currency=Value("EUR"))),
        product_adapter(currency=None, price=lambda obj: None),
        product_adapter(currency=None, get_price=lambda self, obj: None),
        product_adapter(currency=None, get_currency=lambda self, obj: "EUR"),
        order_adapter(currency=None, items=order_line()),
    ],
)
def test_money_that_may_bring_its_currency_is_believed(adapter: Adapter) -> None:
    assert told(adapter) == []
