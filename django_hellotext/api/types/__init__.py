"""The shapes of the contract: what callers hand in, what they get back, and the JSON between.

Money is Decimal in major units, time is an aware datetime, an ID is a str.
"""

from __future__ import annotations

from .encoding import decode_json, encode_json, to_plain
from .people import (
    Action,
    App,
    Coupon,
    Event,
    Form,
    Profile,
    ProfileCreated,
    ProfileList,
    ProfileProperty,
    ProfileUpdated,
    Property,
    Received,
    Session,
    Trackable,
    Verification,
)
from .results import (
    Cart,
    CartItem,
    Deleted,
    Order,
    OrderItem,
    Price,
    Product,
    ProductVariant,
    Refund,
    Refundable,
)
from .values import UNSET, Address, LineItem, Money, Unset, Variant

__all__ = [
    "UNSET",
    "Action",
    "Address",
    "App",
    "Cart",
    "CartItem",
    "Coupon",
    "Deleted",
    "Event",
    "Form",
    "LineItem",
    "Money",
    "Order",
    "OrderItem",
    "Price",
    "Product",
    "ProductVariant",
    "Profile",
    "ProfileCreated",
    "ProfileList",
    "ProfileProperty",
    "ProfileUpdated",
    "Property",
    "Received",
    "Refund",
    "Refundable",
    "Session",
    "Trackable",
    "Unset",
    "Variant",
    "Verification",
    "decode_json",
    "encode_json",
    "to_plain",
]
