"""Orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .base import Adapter
from .fields import Shape, Spec, Value
from .links import Link
from .order_lines import OrderLines


class OrderAdapter(Adapter):
    """Mirrors orders.

    ``profile``: leads to the customer; ``guest``: a ``Guest(…)`` for orders without one. Neither is in the payload:
    an order reaches its profile through its events. ``items``: an ``Items(…)`` with the prices charged. ``currency``:
    ISO 4217 code of all amounts. ``delivery``: ``deliver`` (the default) or ``collect``, always sent (help site).
    ``name``: a label such as "Order 1001". ``payment_method``, ``sales_channel``: text. ``metadata``: a mapping.

    ``total``: what the customer was charged, in major units. The order's events carry it; it is never in the payload,
    where Hellotext works it out from the items, which are brought to it. What that changes on a line stays in the
    metadata: ``quantities`` and ``line_totals`` by SKU or ``label:key``, and the ``discount``. ``cart``: leads to the
    cart that the order came from. ``events``: an ``OnChange(…)``.

    ``ordered_at``: the name of the model's field that says when the order was placed, for
    ``hellotext_sync --check --money``.
    """

    kind = "order"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "profile": Shape.LINK,
        "guest": Shape.GUEST,
        "items": Shape.ITEMS,
        "currency": Shape.TEXT,
        "delivery": Shape.TEXT,
        "name": Shape.TEXT,
        "payment_method": Shape.TEXT,
        "sales_channel": Shape.TEXT,
        "metadata": Shape.MAPPING,
        "total": Shape.MONEY,
        "cart": Shape.LINK,
        "events": Shape.ON_CHANGE,
    }
    sent = ("items", "delivery", "name", "payment_method", "sales_channel", "metadata")
    always_sent = frozenset({"items"})
    required = ("delivery",)
    fallbacks: ClassVar = {"delivery": (Value("deliver"),)}

    profile: Spec = None
    guest: Spec = None
    items: Spec = None
    currency: Spec = None
    delivery: Spec = Value("deliver")
    name: Spec = None
    payment_method: Spec = None
    sales_channel: Spec = None
    metadata: Spec = None
    total: Spec = None
    cart: Spec = None
    events: Spec = None
    ordered_at: str | None = None

    def build(self, obj: Any) -> dict[str, Any]:
        """The payload, with the original values of changed lines in its metadata; the shop's own keys win."""
        payload = super().build(obj)
        items, metadata = payload.get("items"), payload.get("metadata", {})
        if isinstance(items, OrderLines) and items.originals and isinstance(metadata, Mapping):
            payload["metadata"] = {**items.originals, **metadata}
        return payload

    def cart_link(self, obj: Any) -> Link | None:
        """The cart that the order came from, whose unsent events the order supersedes (promise 5)."""
        found = self.shaped(obj, "cart")
        return found if isinstance(found, Link) else None
