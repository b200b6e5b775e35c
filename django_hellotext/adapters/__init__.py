"""Adapters: how a shop's own models become Hellotext's kinds of objects."""

from __future__ import annotations

from . import registry
from .app import AppAdapter
from .base import Adapter
from .cart import CartAdapter
from .coupon import CouponAdapter
from .definitions import ActionAdapter, ListAdapter, PropertyAdapter
from .fields import Guest, IfPresent, Items, Money, OnChange, Value, Variants
from .form import FormAdapter
from .kinds import KIND_ORDER
from .links import Link, links, resolve
from .order import OrderAdapter
from .product import ProductAdapter
from .profile import ProfileAdapter, UserProfileAdapter
from .refund import RefundAdapter
from .registry import register
from .variant import ProductVariantAdapter

__all__ = [
    "KIND_ORDER",
    "ActionAdapter",
    "Adapter",
    "AppAdapter",
    "CartAdapter",
    "CouponAdapter",
    "FormAdapter",
    "Guest",
    "IfPresent",
    "Items",
    "Link",
    "ListAdapter",
    "Money",
    "OnChange",
    "OrderAdapter",
    "ProductAdapter",
    "ProductVariantAdapter",
    "ProfileAdapter",
    "PropertyAdapter",
    "RefundAdapter",
    "UserProfileAdapter",
    "Value",
    "Variants",
    "links",
    "register",
    "registry",
    "resolve",
]
