"""Money given back for an order or a product."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet

from . import loading
from .base import Adapter, M
from .fields import Shape, Spec
from .links import Link
from .paths import concrete, trace, walk


class RefundAdapter(Adapter):
    """Mirrors refunds.

    ``order`` or ``product``: leads to the one that was refunded; exactly one of the two is needed. ``total``: a
    Decimal in major units, or ``Money(…)``; without one Hellotext takes the order's total or the product's price.
    ``currency``: its ISO 4217 code. ``profile``: leads to the customer, ``guest``: a ``Guest(…)``; without either the
    buyer of the order. ``metadata``: a mapping. ``events``: an ``OnChange(…)``.
    """

    kind = "refund"
    attributes: ClassVar = {
        "reference": Shape.TEXT,
        "order": Shape.LINK,
        "product": Shape.LINK,
        "profile": Shape.LINK,
        "guest": Shape.GUEST,
        "total": Shape.MONEY,
        "currency": Shape.TEXT,
        "metadata": Shape.MAPPING,
        "events": Shape.ON_CHANGE,
    }
    sent = ("order", "product", "total", "metadata")

    order: Spec = None
    product: Spec = None
    profile: Spec = None
    guest: Spec = None
    total: Spec = None
    currency: Spec = None
    metadata: Spec = None
    events: Spec = None

    def build(self, obj: Any) -> dict[str, Any]:
        """The payload, with the link to whoever gets the money back."""
        payload = super().build(obj)
        owner = self.profile_link(obj)
        return payload if owner is None else {**payload, "profile": owner}

    def order_link(self, obj: Any) -> Link | None:
        """The order that was refunded, whose events carry the buyer's session; ``None`` for a product's refund."""
        found = self.shaped(obj, "order")
        return found if isinstance(found, Link) else None

    def profile_link(self, obj: Any) -> Link | None:
        """Who gets the money back: the refund's own customer or guest, else the buyer of its order."""
        own = super().profile_link(obj)
        if own is not None or not self._asks_the_order():
            return own
        order = walk(obj, self.spec("order"), where=self.where("order"))
        adapter = self.registry.for_model(order.__class__) if self.registry and isinstance(order, Model) else None
        return adapter.profile_link(order) if adapter is not None else None

    def queryset(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """``queryset`` with each refund's order, and what its buyer is read from."""
        queryset = super().queryset(queryset)
        found = trace(concrete(self.model), self.spec("order")) if self._asks_the_order() else None
        adapter = self.registry.for_model(found.model) if self.registry and found and found.model else None
        if found is None or adapter is None:
            return queryset
        order = "__".join(found.relations)
        return queryset.prefetch_related(order, *(f"{order}__{lookup}" for lookup in loading.owner_relations(adapter)))

    def _asks_the_order(self) -> bool:
        says = any(self.spec(name) is not None or self.getter(name) is not None for name in ("profile", "guest"))
        return not says and isinstance(self.spec("order"), str) and self.getter("order") is None
