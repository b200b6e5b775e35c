"""Codes that exist in the shop and can be sent in messages."""

from __future__ import annotations

from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Coupon
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/coupons"
MAX_DESCRIPTION = 140
"""Characters of a description (later help site)."""


class Coupons(Resource):
    """Operations on coupons. Hellotext does not enforce the discount: the code must work in the shop."""

    def create(
        self, *, code: str, description: str, destination_url: str, reference: str | Unset | None = UNSET
    ) -> Coupon:
        """Create a coupon (``create_coupon``).

        ``code`` is case-sensitive and unique; ``description`` has at most 140 characters; ``destination_url`` is the
        public http(s) page that redeems it.
        Raises ValueError for a longer description or a URL that is none, ValidationError ``parameter_not_unique`` for
        a taken code.
        """
        body = _body(code, description, destination_url, reference)
        return self._call("POST", _PATH, Coupon.from_json, json=body)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Coupon]:
        """Return a page of coupons, newest first (``list_coupons``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "coupons", Coupon.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Coupon:
        """Return a coupon (``retrieve_coupon``). Raises NotFound."""
        return self._call("GET", _coupon(id), Coupon.from_json)

    def update(
        self, id: str, *, code: str, description: str, destination_url: str, reference: str | Unset | None = UNSET
    ) -> Coupon:
        """Change a coupon (``update_coupon``). All three are sent again: right under every source.

        Raises as :meth:`create`, and NotFound.
        """
        body = _body(code, description, destination_url, reference)
        return self._call("PATCH", _coupon(id), Coupon.from_json, json=body)

    def delete(self, id: str) -> Deleted:
        """Delete a coupon for good (``delete_coupon``). Raises NotFound."""
        return self._delete(_coupon(id), id=id)


def _coupon(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _body(code: str, description: str, destination_url: str, reference: str | Unset | None) -> dict[str, Any]:
    body = Arguments()
    body.text("code", code, empty=False)
    body.text("description", description, empty=False, limit=MAX_DESCRIPTION)
    body.url("destination_url", destination_url)
    body.text("reference", reference, nullable=True)
    return body.values
