"""A registry of its own for each test, so that none sees what another registered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_hellotext.adapters.registry import Registry
from tests.testshop.models import Cart, CartLine, Order, OrderLine, Product


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def order(db: Any) -> Order:
    """A saved order of a customer with two lines."""
    customer = User.objects.create_user("ana", email="ana@example.com", first_name="Ana")
    made = Order.objects.create(number="A-1", customer=customer, currency="EUR", total=Decimal("25.00"))
    for name, price in (("Novel", "10.00"), ("Atlas", "15.00")):
        product = Product.objects.create(name=name, sku=name.lower(), price=Decimal(price))
        OrderLine.objects.create(order=made, product=product, sku=product.sku, unit_price=Decimal(price))
    return made


@pytest.fixture
def cart(db: Any) -> Cart:
    """A saved cart of nobody with one line of two pieces."""
    made = Cart.objects.create()
    product = Product.objects.create(name="Novel", price=Decimal("10"))
    CartLine.objects.create(cart=made, product=product, quantity=2)
    return made
