"""How a placeholder is mirrored: as a product that has nothing but a name."""

from __future__ import annotations

from typing import Any

from .placeholders import PLACEHOLDERS, Placeholder, reference_of
from .product import ProductAdapter


class PlaceholderAdapter(ProductAdapter):
    """Reads a ``Placeholder``. Made by the package itself; a shop registers none."""

    @property
    def label(self) -> str:
        """Not that of a model."""
        return PLACEHOLDERS

    def build(self, obj: Placeholder) -> dict[str, Any]:
        """The payload of a product without a SKU, a price, a page or an image."""
        return {
            "reference": reference_of(obj.pk),
            "source": self.source_name,
            "name": self.line(obj.title, "name"),
            "tags": ["placeholder"],
        }

    def reference_of(self, obj: Placeholder) -> str:
        """The reference of the placeholder."""
        return reference_of(obj.pk)
