"""Products that stand on a line for what the shop cannot name: shipping, fees, what is no longer sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .links import Link
from .product import ProductAdapter

PLACEHOLDERS = "hellotext.placeholder"
NO_LONGER_SOLD = "Product no longer sold"


@dataclass(frozen=True)
class Placeholder:
    """One placeholder."""

    pk: str
    title: str


def placeholder(title: str) -> Link:
    """Return the placeholder with ``title``."""
    return Link("product", PLACEHOLDERS, f"title:{title}", title)


class PlaceholderAdapter(ProductAdapter):
    """Reads a ``Placeholder``. Made by the package itself; a shop registers none."""

    @property
    def label(self) -> str:
        """Not that of a model."""
        return PLACEHOLDERS

    def build(self, obj: Placeholder) -> dict[str, Any]:
        """The payload of a product."""
        return {
            "reference": f"placeholder:{obj.pk}",
            "source": self.source_name,
            "name": obj.title,
            "tags": ["placeholder"],
        }
