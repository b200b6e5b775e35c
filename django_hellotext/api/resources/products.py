"""Catalogue products and their variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.results import Deleted, Product, ProductVariant
from django_hellotext.api.types.values import UNSET, Money, Unset, Variant

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/products"
_VARIANTS_PATH = "/v1/attribution/variants"


class Products(Resource):
    """Operations on products. ``id`` may be the ID, the reference or the SKU, tried in that order."""

    def create(
        self,
        *,
        name: str,
        brand: str | Unset = UNSET,
        categories: Sequence[str] | Unset = UNSET,
        collection: Sequence[str] | Unset = UNSET,
        image_url: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        price: Money | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sku: str | Unset = UNSET,
        source: str | Unset | None = UNSET,
        tags: Sequence[str] | Unset = UNSET,
        url: str | Unset = UNSET,
        variants: Sequence[Variant | Mapping[str, Any]] | Unset = UNSET,
    ) -> Product:
        """Create a product (``create_product``).

        ``reference`` and ``source`` never change later. ``image_url`` must be public. ``collection`` holds collection
        names. One variant is made for each entry of ``variants``. There is no field for stock.
        Raises ValidationError ``parameter_not_unique`` for a taken SKU.
        """
        body = _attributes(brand, categories, collection, image_url, metadata, price, reference, sku, tags, url)
        body.text("name", name, empty=False)
        body.text("source", source, nullable=True)
        body.variants("variants", variants)
        return self._call("POST", _PATH, Product.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Product]:
        """Return a page of products, newest first (``list_products``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH,
            "products",
            Product.from_json,
            starting_after=starting_after,
            ending_before=ending_before,
            limit=limit,
        )

    def retrieve(self, id: str) -> Product:
        """Return a product by ID, reference or SKU (``retrieve_product``). Raises NotFound."""
        return self._call("GET", _product(id), Product.from_json)

    def update(
        self,
        id: str,
        *,
        name: str | Unset = UNSET,
        brand: str | Unset = UNSET,
        categories: Sequence[str] | Unset = UNSET,
        collection: Sequence[str] | Unset = UNSET,
        image_url: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        price: Money | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sku: str | Unset = UNSET,
        tags: Sequence[str] | Unset = UNSET,
        url: str | Unset = UNSET,
        variants: Sequence[Variant | Mapping[str, Any]] | Unset = UNSET,
        new_variants: Sequence[Variant | Mapping[str, Any]] | Unset = UNSET,
    ) -> Product:
        """Change a product (``update_product``). Arguments as in :meth:`create`.

        ``variants=[]`` removes every variant, leaving it out keeps them, ``new_variants`` adds. To change one variant
        use :meth:`Variants.update`. Keep the reference as first sent.
        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken SKU.
        """
        body = _attributes(brand, categories, collection, image_url, metadata, price, reference, sku, tags, url)
        body.text("name", name, empty=False)
        body.variants("variants", variants)
        body.variants("new_variants", new_variants)
        return self._call("PATCH", _product(id), Product.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete a product for good, by ID, reference or SKU (``delete_product``). Raises NotFound."""
        return self._delete(_product(id), id=id)


class Variants(Resource):
    """Operations on variants. ``id`` may be the ID, the reference or the SKU. There is no list: read the product."""

    def create(
        self,
        product: str,
        *,
        name: str,
        image_url: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        price: Money | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sku: str | Unset = UNSET,
        source: str | Unset | None = UNSET,
    ) -> ProductVariant:
        """Add a variant to a product, given by ID, reference or SKU (``create_product_variant``). Raises NotFound."""
        path = f"{_PATH}/{segment('product', product)}/variants"
        body = _variant(name, image_url, metadata, price, reference, sku, source)
        return self._call("POST", path, ProductVariant.from_json, json=body.values)

    def retrieve(self, id: str) -> ProductVariant:
        """Return a variant by ID, reference or SKU (``retrieve_product_variant``). Raises NotFound."""
        return self._call("GET", _variant_path(id), ProductVariant.from_json)

    def update(
        self,
        id: str,
        *,
        name: str,
        image_url: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        price: Money | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        sku: str | Unset = UNSET,
        source: str | Unset | None = UNSET,
    ) -> ProductVariant:
        """Change a variant (``update_product_variant``). ``name`` is required here too (API reference).

        Raises NotFound, ValidationError ``parameter_not_unique`` for a taken SKU.
        """
        body = _variant(name, image_url, metadata, price, reference, sku, source)
        return self._call("PATCH", _variant_path(id), ProductVariant.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete a variant for good, by ID, reference or SKU (``delete_product_variant``). Raises NotFound."""
        return self._delete(_variant_path(id), id=id)


def _product(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _variant_path(id: str) -> str:
    return f"{_VARIANTS_PATH}/{segment('id', id)}"


def _attributes(
    brand: str | Unset,
    categories: Sequence[str] | Unset,
    collection: Sequence[str] | Unset,
    image_url: str | Unset,
    metadata: Mapping[str, Any] | Unset,
    price: Money | Unset,
    reference: str | Unset | None,
    sku: str | Unset,
    tags: Sequence[str] | Unset,
    url: str | Unset,
) -> Arguments:
    body = Arguments()
    body.text("brand", brand)
    body.texts("categories", categories)
    body.texts("collection", collection)
    body.url("image_url", image_url)
    body.mapping("metadata", metadata)
    body.money("price", price)
    body.text("reference", reference, nullable=True)
    body.text("sku", sku)
    body.texts("tags", tags)
    body.text("url", url)
    return body


def _variant(
    name: str,
    image_url: str | Unset,
    metadata: Mapping[str, Any] | Unset,
    price: Money | Unset,
    reference: str | Unset | None,
    sku: str | Unset,
    source: str | Unset | None,
) -> Arguments:
    body = Arguments()
    body.text("name", name, empty=False)
    body.url("image_url", image_url)
    body.mapping("metadata", metadata)
    body.money("price", price)
    body.text("reference", reference, nullable=True)
    body.text("sku", sku)
    body.text("source", source, nullable=True)
    return body
