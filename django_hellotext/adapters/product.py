"""The catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types import Money

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

    A product without a name gets its SKU, else its reference. One with variants and without a price, or at 0, gets the
    price of its cheapest variant; variants that are mirrored by an adapter of their own are not asked.

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
    fallbacks: ClassVar = {"name": ("sku", "reference")}
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

    def build(self, obj: Any) -> dict[str, Any]:
        """The payload, with the price of the cheapest variant where the product has none of its own."""
        payload = super().build(obj)
        price, variants = payload.get("price"), payload.get("variants")
        if not variants or (isinstance(price, Money) and price.amount):
            return payload
        payload.pop("price", None)
        cheapest = _cheapest(variants, currency=price.currency if isinstance(price, Money) else "")
        if cheapest is not None:
            payload["price"] = cheapest
            adjust("price", AdjustmentKind.REPAIRED, "It is empty or 0; the price of the cheapest variant is sent.")
        elif price is not None:
            adjust("price", AdjustmentKind.LEFT_OUT, "It is 0, and no variant has a price.")
        return payload


def _cheapest(variants: list[Mapping[str, Any]], *, currency: str) -> Money | None:
    """Return the lowest price above 0 in ``currency``, by default in that of the first one; 0 if all are free."""
    prices = [price for variant in variants if isinstance(price := variant.get("price"), Money)]
    wanted = currency or (prices[0].currency if prices else "")
    found = [price for price in prices if price.currency == wanted]
    return min([price for price in found if price.amount > 0] or found, key=lambda price: price.amount, default=None)
