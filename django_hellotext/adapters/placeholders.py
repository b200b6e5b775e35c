"""Products that stand on a line for what the shop cannot name: shipping, fees, what is no longer sold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.utils.text import slugify

from .links import Link

PLACEHOLDERS = "hellotext.placeholder"
"""The label under which placeholders are mirrored."""

# Names at Hellotext, in English for every shop: a translated one would be another product.
FEES = "Shipping and fees"
NO_LONGER_SOLD = "Product no longer sold"
OTHER_ITEMS = "Other items"

MOST_PLACEHOLDERS = 1_000
"""Placeholders of one shop; beyond that, "Product no longer sold" stands for each further one."""

SKU = "sku:"
_LONGEST = 100  # characters of a key; beyond that, a fingerprint stands for it


@dataclass(frozen=True)
class Placeholder:
    """One placeholder: its key, and its name at Hellotext."""

    pk: str
    title: str


def placeholder(title: str, *, sku: str = "") -> Link:
    """Return the placeholder with this ``sku``, which is named ``title`` when it is made; without one, by ``title``."""
    pk = f"{SKU}{sku}" if sku else f"title:{title}"
    if len(pk) > _LONGEST:
        kind, _, text = pk.partition(":")
        pk = f"{kind}:#{hashlib.sha256(text.encode()).hexdigest()}"
    return Link("product", PLACEHOLDERS, pk, title or sku)


GENERIC = placeholder(NO_LONGER_SOLD)
OWN = frozenset({GENERIC, placeholder(FEES), placeholder(OTHER_ITEMS)})
"""The placeholders that each shop may have, however many others there are."""


def sku_of(link: Link) -> str:
    """Return the SKU that a placeholder was made for; empty for any other, and for one that is too long to be told."""
    is_by_sku = link.label == PLACEHOLDERS and link.pk.startswith(SKU) and not link.pk.startswith(f"{SKU}#")
    return link.pk.removeprefix(SKU) if is_by_sku else ""


def fallback_for(product: Link) -> Link:
    """Return the placeholder for ``product`` on a line: the one that its line names, else the generic one."""
    return product.stand_in or GENERIC


def reference_of(pk: str) -> str:
    """Return the reference of the placeholder with the key ``pk``: the same for each worker and each database."""
    return f"placeholder-{slugify(pk)[:60]}-{hashlib.sha256(pk.encode()).hexdigest()[:10]}"
