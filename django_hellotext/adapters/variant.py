"""Variants: the sizes and colours of a product, each of which is sold by itself."""

from __future__ import annotations

from typing import ClassVar

from .base import Adapter
from .fields import IfPresent, Shape, Spec


class ProductVariantAdapter(Adapter):
    """Mirrors the variants of products, each created, changed and removed by itself.

    ``product``: leads to the host's product, required; a variant stays with the product that it was first sent with.
    ``name``: text, required; the SKU, else the reference stands for an empty one. ``price``: a Decimal in major units,
    or ``Money(…)``; without one Hellotext takes the product's. ``currency``: its ISO 4217 code. ``sku``: text,
    case-sensitive, unique. ``image_url``: a public http(s) address of which Hellotext keeps a copy. ``metadata``: a
    mapping.

    A line of a cart or an order may lead to a variant as it may lead to a product.
    """

    kind = "product_variant"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "product": Shape.LINK,
        "name": Shape.TEXT,
        "price": Shape.MONEY,
        "currency": Shape.TEXT,
        "sku": Shape.TEXT,
        "image_url": Shape.IMAGE,
        "metadata": Shape.MAPPING,
    }
    sent = ("product", "name", "price", "sku", "image_url", "metadata")
    required = ("product", "name")
    fallbacks: ClassVar = {"name": ("sku", "reference")}
    on_delete = "delete"

    product: Spec = "product"
    name: Spec = "name"
    price: Spec = IfPresent("price")
    currency: Spec = None
    sku: Spec = IfPresent("sku")
    image_url: Spec = None
    metadata: Spec = None
