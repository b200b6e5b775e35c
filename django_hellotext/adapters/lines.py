"""The lines of a cart or an order as Hellotext takes them, and what a single line says when it changes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types import Money

from . import values
from .fields import Items
from .links import Link
from .money import round_to_minor_unit
from .order_lines import order_lines
from .sold import declared_items, read_lines

if TYPE_CHECKING:
    from .base import Adapter


def lines_of(adapter: Adapter, obj: Any, found: Any) -> list[dict[str, Any]] | None:
    """``found``, the lines of ``obj`` or ready-made mappings, as the contract's lines.

    Each is ``{"product": Link or text, "quantity": int, "price": Money or None}``; a product stands on one line only.
    Raises ``TrackingError`` if it is not certain what was charged for an order.
    """
    if adapter.kind == "order" and adapter.declares("items"):
        return order_lines(adapter, obj, () if found is None else found)
    if found is None:
        return None
    lines = []
    for one in read_lines(adapter, obj, found, currency=lambda: adapter.currency_of(obj)):
        if one.fault is not None:
            adjust("items.price", AdjustmentKind.LEFT_OUT, "the price cannot be read", str(one.fault))
        if one.product is None:
            adjust("items.product", AdjustmentKind.LEFT_OUT, "the product of a line is gone")
        elif one.quantity < 0 or (one.amount is not None and one.amount < 0):
            adjust("items", AdjustmentKind.LEFT_OUT, "a line below 0 is left out", one.amount)
        else:
            lines.append((one.product, one.quantity, one.amount, one.currency))
    return cart_lines(lines)


def cart_lines(
    lines: Iterable[tuple[Link | str, Decimal, Decimal | None, str | None]],
) -> list[dict[str, Any]]:
    """Return ``lines`` (product, quantity, amount and currency) with one line for each product, and whole quantities.

    A price that cannot be divided evenly is rounded: in a cart nothing was charged yet.
    """
    quantities: dict[Link | str, Decimal] = {}
    amounts: dict[Link | str, Decimal | None] = {}
    currencies: dict[Link | str, str | None] = {}
    for product, quantity, amount, currency in lines:
        if not quantity:
            continue
        if product not in quantities:
            quantities[product], amounts[product], currencies[product] = quantity, amount, currency
            continue
        before = amounts[product]
        quantities[product] += quantity
        is_known = before is not None and amount is not None and currency == currencies[product]
        amounts[product] = before + amount if is_known else None  # type: ignore[operator]  # both are known
    return [
        {
            "product": product,
            "quantity": (count := whole(quantity)),
            "price": _price(amounts[product], currencies[product], count),
        }
        for product, quantity in quantities.items()
    ]


def whole(quantity: Decimal) -> int:
    """Return ``quantity`` as Hellotext takes it: 1 for a part of something."""
    if quantity == quantity.to_integral_value():
        return int(quantity)
    adjust("items.quantity", AdjustmentKind.QUANTITY_CHANGED, "only whole quantities can be sent", f"{quantity:f}")
    return 1


Fact = dict[str, Any]
"""A line as JSON: ``key`` (which line), ``product`` (kind, label and primary key) and ``quantity`` as text."""


def line_fact(adapter: Adapter, line: Any) -> Fact | None:
    """What ``line`` says at this moment; ``None`` where that is no plain value or would cost a query.

    A product behind more than one foreign key, a quantity that the database works out (``F("quantity") + 1``), and
    lines of which some do not count, are read when the change is folded.
    """
    declared = declared_items(adapter)
    if not isinstance(declared, Items) or not isinstance(declared.product, str) or "." in declared.product:
        return None
    if not isinstance(declared.quantity, str) or "." in declared.quantity or declared.where is not None:
        return None
    quantity = adapter.read(line, declared.quantity, where=adapter.where("items.quantity"))
    product = adapter.link(line, declared.product, kind="product", where=adapter.where("items.product"), of_line=True)
    if isinstance(quantity, float):
        quantity = Decimal(repr(quantity))
    if isinstance(quantity, bool) or not isinstance(quantity, int | Decimal) or not isinstance(product, Link):
        return None
    return {"key": str(line.pk), "product": [product.kind, product.label, product.pk], "quantity": str(quantity)}


def line_facts(adapter: Adapter, obj: Any) -> list[Fact]:
    """All lines of ``obj`` as they are now. Lines that are no objects are told apart by their product.

    Raises what reading the lines raises.
    """
    declared = declared_items(adapter)
    if isinstance(declared, Items):
        lines = values.objects(adapter.read(obj, declared.path, where=adapter.where("items")) or [])
        facts = [line_fact(adapter, line) if isinstance(line, Model) else None for line in lines]
        if all(facts):
            return [fact for fact in facts if fact]
    return [item_fact(item["product"], item["quantity"]) for item in adapter.shaped(obj, "items") or []]


def item_fact(product: Any, quantity: int | Decimal) -> Fact:
    """A line without a key of its own; ``product`` is a link, or text for something without an object."""
    named = [product.kind, product.label, product.pk] if isinstance(product, Link) else ["", "", str(product)]
    return {"key": "/".join(named), "product": named, "quantity": str(quantity)}


def _price(amount: Decimal | None, currency: str | None, count: int) -> Money | None:
    if amount is None or currency is None:
        return None
    return Money(round_to_minor_unit(amount / count, currency=currency), currency)
