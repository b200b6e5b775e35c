"""Adapters made on the spot, each with the attributes that one test is about."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from django_hellotext.adapters import (
    CartAdapter,
    CouponAdapter,
    OrderAdapter,
    ProductAdapter,
    ProfileAdapter,
    RefundAdapter,
)
from tests.testshop.models import Cart, Order, Product, Return, Review


def product_adapter(**attributes: Any) -> ProductAdapter:
    """A product adapter as a shop would write it, with ``attributes`` in its class body."""
    made: type[ProductAdapter] = type("ShopProduct", (ProductAdapter,), {"currency": "extra.currency", **attributes})
    return made(Product)


def order_adapter(**attributes: Any) -> OrderAdapter:
    """An order adapter with ``attributes`` in its class body."""
    made: type[OrderAdapter] = type(
        "ShopOrder", (OrderAdapter,), {"reference": "number", "currency": "currency", **attributes}
    )
    return made(Order)


def cart_adapter(**attributes: Any) -> CartAdapter:
    """A cart adapter with ``attributes`` in its class body."""
    made: type[CartAdapter] = type("ShopCart", (CartAdapter,), attributes)
    return made(Cart)


def profile_adapter(**attributes: Any) -> ProfileAdapter:
    """A profile adapter of the user model with ``attributes`` in its class body."""
    made: type[ProfileAdapter] = type("ShopProfile", (ProfileAdapter,), attributes)
    return made(User)


def coupon_adapter(**attributes: Any) -> CouponAdapter:
    """A coupon adapter of a model without an address, with ``attributes`` in its class body."""
    made: type[CouponAdapter] = type(
        "ShopCoupon", (CouponAdapter,), {"code": "title", "description": "title", **attributes}
    )
    return made(Review)


def refund_adapter(**attributes: Any) -> RefundAdapter:
    """A refund adapter with ``attributes`` in its class body."""
    made: type[RefundAdapter] = type("ShopRefund", (RefundAdapter,), attributes)
    return made(Return)
