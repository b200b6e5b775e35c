"""Refunds of an order or a product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.results import Deleted, Refund
from django_hellotext.api.types.values import UNSET, Money, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/refunds"


class Refunds(Resource):
    """Operations on refunds."""

    def create(
        self,
        *,
        order: str | Unset = UNSET,
        product: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        profile: str | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        source: str | Unset | None = UNSET,
        total: Money | Unset = UNSET,
    ) -> Refund:
        """Create a refund of one order or one product (``create_refund``).

        ``product`` is an inferred name. ``total`` defaults to the order's total or the product's price.
        Raises ValueError unless exactly one of ``order`` and ``product`` is given.
        """
        if order is UNSET and product is UNSET:
            raise ValueError("Give order or product.")
        body = _body(order, product, metadata, profile, reference, source, total)
        return self._call("POST", _PATH, Refund.from_json, json=body)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Refund]:
        """Return a page of refunds, newest first (``list_refunds``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "refunds", Refund.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Refund:
        """Return a refund (``retrieve_refund``). Raises NotFound."""
        return self._call("GET", _refund(id), Refund.from_json)

    def update(
        self,
        id: str,
        *,
        order: str | Unset = UNSET,
        product: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        profile: str | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        source: str | Unset | None = UNSET,
        total: Money | Unset = UNSET,
    ) -> Refund:
        """Change a refund (``update_refund``). Arguments as in :meth:`create`. Raises NotFound."""
        body = _body(order, product, metadata, profile, reference, source, total)
        return self._call("PATCH", _refund(id), Refund.from_json, json=body)

    def delete(self, id: str) -> Deleted:
        """Delete a refund for good (``delete_refund``). Raises NotFound."""
        return self._delete(_refund(id), id=id)


def _refund(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _body(
    order: str | Unset,
    product: str | Unset,
    metadata: Mapping[str, Any] | Unset,
    profile: str | Unset,
    reference: str | Unset | None,
    source: str | Unset | None,
    total: Money | Unset,
) -> dict[str, Any]:
    if order is not UNSET and product is not UNSET:
        raise ValueError("Give order or product, not both.")
    body = Arguments()
    body.identifier("order", order)
    body.identifier("product", product)
    body.mapping("metadata", metadata)
    body.identifier("profile", profile)
    body.text("reference", reference, nullable=True)
    body.text("source", source, nullable=True)
    body.money("total", total)
    return body.values
