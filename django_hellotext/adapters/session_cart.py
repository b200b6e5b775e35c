"""Carts that the shop keeps in the visitor's Django session: no row of the host stands behind them.

What ``cart_changed()`` was told is kept on the mirror, and read from there when the cart is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .cart import CartAdapter
from .lines import cart_lines
from .links import Link

SESSION_CARTS = "hellotext.session_cart"
"""The label under which such carts are mirrored; their key is the one that names them."""


@dataclass(frozen=True)
class SessionCart:
    """A cart as it was told: ``content`` is the JSON of ``session_cart_content``."""

    pk: str
    content: Mapping[str, Any] = field(default_factory=dict)


def session_cart_content(
    items: Sequence[Mapping[str, Any]], *, profile: Link | None, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """The cart as JSON. Each item has ``product`` (a link), ``quantity`` and ``price`` (``Money`` or ``None``)."""
    return {
        "items": [
            {
                "product": [item["product"].kind, item["product"].label, item["product"].pk],
                "quantity": str(item["quantity"]),
                "price": [str(item["price"].amount), item["price"].currency] if item["price"] is not None else None,
            }
            for item in items
        ],
        "profile": [profile.kind, profile.label, profile.pk] if profile is not None else None,
        "metadata": dict(metadata),
    }


class SessionCartAdapter(CartAdapter):
    """Reads a ``SessionCart``. Made by the package itself; a shop registers none."""

    tracks_items = True

    @property
    def label(self) -> str:
        """Not that of a model."""
        return SESSION_CARTS

    def build(self, obj: SessionCart) -> dict[str, Any]:
        """The payload of a cart."""
        payload: dict[str, Any] = {"reference": obj.pk, "source": self.source_name, "items": self.lines(obj)}
        if obj.content.get("metadata"):
            payload["metadata"] = dict(obj.content["metadata"])
        owner = self.profile_link(obj)
        return payload if owner is None else {**payload, "profile": owner}

    def profile_link(self, obj: SessionCart) -> Link | None:
        """The customer who was logged in when the cart last changed."""
        named = obj.content.get("profile")
        return Link(*named) if named else None

    def lines(self, obj: SessionCart) -> list[dict[str, Any]]:
        """The lines as every adapter gives them."""
        return cart_lines(_line(item) for item in obj.content.get("items", []))

    def shaped(self, obj: Any, name: str) -> Any:
        """What attribute ``name`` says: only lines, customer and key are known of such a cart."""
        if not isinstance(obj, SessionCart):
            return super().shaped(obj, name)
        known: dict[str, Any] = {"items": self.lines(obj), "profile": self.profile_link(obj), "reference": obj.pk}
        return known.get(name)


def _line(item: Mapping[str, Any]) -> tuple[Link, Decimal, Decimal | None, str | None]:
    quantity = Decimal(item["quantity"])
    amount, currency = item["price"] or (None, None)
    return Link(*item["product"]), quantity, Decimal(amount) * quantity if amount is not None else None, currency
