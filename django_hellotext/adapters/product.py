"""The catalogue."""

from __future__ import annotations

from typing import ClassVar

from .base import Adapter
from .fields import IfPresent, Shape, Spec


class ProductAdapter(Adapter):
    """Mirrors what the shop sells.

    ``name``: text, required. ``price``: a Decimal in major units, or ``Money(…)``; ``currency``: its ISO 4217
    code. ``sku``: text, case-sensitive, unique. ``url``: the product's public http(s) page. ``image_url``: a public
    http(s) address of which Hellotext keeps a copy. Relative addresses are completed with ``HELLOTEXT["SITE_URL"]`` and
    left out without it, private ones of images always. ``brand``: text. ``categories``, ``collection``, ``tags``:
    lists of names. ``metadata``: a mapping. ``variants``: a ``Variants(…)``, for variants without an adapter of their
    own (``ProductVariantAdapter``); they are created, changed and removed by their references.

    There is no field for stock: a product that is sold out, or taken from
    sale, stays at Hellotext, and one that is deleted in the shop is deleted there (``on_delete``).
    """

    kind = "product"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "name": Shape.TEXT,
        "price": Shape.MONEY,
        "currency": Shape.TEXT,
        "sku": Shape.TEXT,
        "url": Shape.URL,
        "image_url": Shape.IMAGE,
        "brand": Shape.TEXT,
        "categories": Shape.NAMES,
        "collection": Shape.NAMES,
        "tags": Shape.NAMES,
        "metadata": Shape.MAPPING,
        "variants": Shape.VARIANTS,
    }
    sent = tuple(name for name in attributes if name not in ("reference", "currency"))
    required = ("name",)
    on_delete = "delete"

    name: Spec = "name"
    price: Spec = "price"
    currency: Spec = None
    sku: Spec = IfPresent("sku")
    url: Spec = IfPresent("get_absolute_url")
    image_url: Spec = None
    brand: Spec = None
    categories: Spec = None
    collection: Spec = None
    tags: Spec = None
    metadata: Spec = None
    variants: Spec = None
