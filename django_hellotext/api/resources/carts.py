"""Shopping carts of a profile or a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.results import Cart, Deleted
from django_hellotext.api.types.values import UNSET, LineItem, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/carts"


class Carts(Resource):
    """Operations on carts."""

    def create(
        self,
        *,
        profile: str | Unset = UNSET,
        session: str | Unset = UNSET,
        items: Sequence[LineItem | Mapping[str, Any]] | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        reference: str | Unset | None = UNSET,
        source: str | Unset | None = UNSET,
    ) -> Cart:
        """Create a cart (``create_cart``). Raises ValueError without ``profile`` and ``session``: one is needed."""
        if profile is UNSET and session is UNSET:
            raise ValueError("Give profile or session.")
        body = _attributes(profile, session, items, metadata, source)
        body.text("reference", reference, nullable=True)
        return self._call("POST", _PATH, Cart.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Cart]:
        """Return a page of carts, newest first (``list_carts``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "carts", Cart.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Cart:
        """Return a cart (``retrieve_cart``). Raises NotFound."""
        return self._call("GET", _cart(id), Cart.from_json)

    def update(
        self,
        id: str,
        *,
        profile: str | Unset = UNSET,
        session: str | Unset = UNSET,
        items: Sequence[LineItem | Mapping[str, Any]] | Unset = UNSET,
        new_items: Sequence[LineItem | Mapping[str, Any]] | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        source: str | Unset | None = UNSET,
    ) -> Cart:
        """Change a cart (``update_cart``).

        ``items`` replaces the contents, ``[]`` empties the cart, leaving it out keeps them. ``new_items`` (an inferred
        name) adds; prefer ``cart.added`` events, which show in the profile's activity.
        Raises NotFound, ValidationError for an unknown product.
        """
        body = _attributes(profile, session, items, metadata, source)
        body.lines("new_items", new_items)
        return self._call("PATCH", _cart(id), Cart.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete a cart for good (``delete_cart``). Raises NotFound."""
        return self._delete(_cart(id), id=id)


def _cart(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _attributes(
    profile: str | Unset,
    session: str | Unset,
    items: Sequence[LineItem | Mapping[str, Any]] | Unset,
    metadata: Mapping[str, Any] | Unset,
    source: str | Unset | None,
) -> Arguments:
    body = Arguments()
    body.identifier("profile", profile)
    body.identifier("session", session)
    body.lines("items", items)
    body.mapping("metadata", metadata)
    body.text("source", source, nullable=True)
    return body
