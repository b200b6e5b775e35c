"""Carts that the shop keeps in its database."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Adapter
from .fields import Shape, Spec


class CartAdapter(Adapter):
    """Mirrors carts.

    ``profile``: leads to the customer. ``guest``: a ``Guest(…)`` for carts without one. ``items``: an ``Items(…)``;
    an empty cart is sent as such, and a line whose product is gone or not mirrored is left out. ``currency``: ISO
    4217 code of the prices. ``metadata``: a mapping. ``events``: an ``OnChange(…)``.

    ``tracks_items``: let the server send ``cart.added`` and ``cart.removed`` whenever a line is saved or deleted, with
    the quantity that results. Off by default, because many shops send them from a view or from the page.
    """

    kind = "cart"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "profile": Shape.LINK,
        "guest": Shape.GUEST,
        "items": Shape.ITEMS,
        "currency": Shape.TEXT,
        "metadata": Shape.MAPPING,
        "events": Shape.ON_CHANGE,
    }
    sent = ("items", "metadata")
    always_sent = frozenset({"items"})

    profile: Spec = None
    guest: Spec = None
    items: Spec = None
    currency: Spec = None
    metadata: Spec = None
    events: Spec = None
    tracks_items: bool = False

    def build(self, obj: Any) -> dict[str, Any]:
        """The payload, with the link to whoever owns the cart; without one the session has to stand in."""
        payload = super().build(obj)
        owner = self.profile_link(obj)
        return payload if owner is None else {**payload, "profile": owner}
