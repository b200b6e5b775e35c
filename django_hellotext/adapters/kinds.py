"""The remote kinds in the order in which they may be sent."""

from __future__ import annotations

KIND_ORDER: tuple[str, ...] = (
    "property",
    "list",
    "action",
    "form",
    "app",
    "profile",
    "product",
    "product_variant",
    "coupon",
    "cart",
    "order",
    "refund",
)
"""Every kind, each after those that it refers to: definitions, customers, the catalogue, what is bought, what is
given back."""
