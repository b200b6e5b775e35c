"""Objects of the test shop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth.models import User

from tests.testshop.models import (
    Cart,
    CartLine,
    MobileApp,
    Order,
    OrderLine,
    Product,
    Questionnaire,
    Return,
    Variant,
    Voucher,
)


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"customer{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    first_name = "Will"
    last_name = "Coyote"


class StaffFactory(CustomerFactory):
    username = factory.Sequence(lambda n: f"staff{n}")
    is_staff = True


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    name = factory.Sequence(lambda n: f"Product {n}")
    sku = factory.Sequence(lambda n: f"SKU-{n}")
    price = Decimal("12.90")


class CartFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Cart


class CartLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = CartLine

    cart = factory.SubFactory(CartFactory)
    product = factory.SubFactory(ProductFactory)


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    number = factory.Sequence(lambda n: f"A-{n}")
    total = Decimal("25.80")


class OrderLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    product = factory.SubFactory(ProductFactory)
    quantity = Decimal(2)
    unit_price = Decimal("12.90")


class VariantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Variant

    product = factory.SubFactory(ProductFactory)
    name = factory.Sequence(lambda n: f"Size {n}")
    sku = factory.Sequence(lambda n: f"SIZE-{n}")
    price = Decimal("14.90")


class VoucherFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Voucher

    code = factory.Sequence(lambda n: f"SAVE{n}")
    description = "Ten percent off"


class ReturnFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Return

    order = factory.SubFactory(OrderFactory)
    amount = Decimal("5.00")


class QuestionnaireFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Questionnaire

    name = factory.Sequence(lambda n: f"Questionnaire {n}")


class MobileAppFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MobileApp

    name = factory.Sequence(lambda n: f"App {n}")


def make_customer(**values: Any) -> User:
    return _made(CustomerFactory, values)


def make_staff(**values: Any) -> User:
    return _made(StaffFactory, values)


def make_product(**values: Any) -> Product:
    return _made(ProductFactory, values)


def make_cart(**values: Any) -> Cart:
    return _made(CartFactory, values)


def make_cart_line(**values: Any) -> CartLine:
    return _made(CartLineFactory, values)


def make_order(**values: Any) -> Order:
    return _made(OrderFactory, values)


def make_order_line(**values: Any) -> OrderLine:
    return _made(OrderLineFactory, values)


def make_variant(**values: Any) -> Variant:
    return _made(VariantFactory, values)


def make_voucher(**values: Any) -> Voucher:
    return _made(VoucherFactory, values)


def make_return(**values: Any) -> Return:
    return _made(ReturnFactory, values)


def make_questionnaire(**values: Any) -> Questionnaire:
    return _made(QuestionnaireFactory, values)


def make_app(**values: Any) -> MobileApp:
    return _made(MobileAppFactory, values)


def placed_order(**values: Any) -> Order:
    """An order with one line, placed."""
    order = make_order(status=Order.Status.PLACED, **values)
    make_order_line(order=order)
    return order


def _made(factory_class: Any, values: dict[str, Any]) -> Any:
    """factory_boy is untyped; the functions above say what comes out."""
    return factory_class(**values)
