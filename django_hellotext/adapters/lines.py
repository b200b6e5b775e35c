"""The lines of a cart or an order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model, prefetch_related_objects

from django_hellotext.exceptions import ConfigurationError, TrackingError

from . import values
from .fields import Items, Money
from .links import Link
from .loading import line_relations
from .money import to_decimal

if TYPE_CHECKING:
    from .base import Adapter


def lines_of(adapter: Adapter, obj: Any, found: Any) -> list[dict[str, Any]] | None:
    """``found``, the lines of ``obj`` or ready-made mappings, as the contract's lines.

    Each is ``{"product": Link or text, "quantity": int or Decimal, "price": Money or None}``. Lines of the same
    product at the same price become one (contract: put a product on one line only), lines of quantity 0 go.
    Raises ``TrackingError`` for a line without a product or with a quantity below 0.
    """
    if found is None:
        return None
    declared = adapter.spec("items") if adapter.getter("items") is None else None
    where = adapter.where("items")
    merged: dict[tuple[Any, Any], dict[str, Any]] = {}
    for line in _loaded(declared, found):
        one = _from_mapping(adapter, obj, line) if isinstance(line, Mapping) else None
        if one is None:
            if not isinstance(declared, Items):
                raise ConfigurationError(f"{where}: expected Items(…) or a list of mappings.")
            one = _from_line(adapter, obj, line, declared)
        if not one["product"]:
            raise TrackingError(
                f"{where}: a line has no product. Let `product` give its SKU or reference as text when the "
                "product itself may be gone.",
                reason="line_without_product",
                parameter="items",
            )
        if not one["quantity"]:
            continue
        same = merged.setdefault((one["product"], one["price"]), {**one, "quantity": 0})
        same["quantity"] += one["quantity"]
    return list(merged.values())


Fact = dict[str, Any]
"""A line as JSON: ``key`` (which line), ``product`` (kind, label and primary key) and ``quantity`` as text."""


def line_fact(adapter: Adapter, line: Any) -> Fact | None:
    """What ``line`` says at this moment; ``None`` where that is no plain value or would cost a query.

    A product behind more than one foreign key, and a quantity that the database works out (``F("quantity") + 1``)
    are read when the change is folded.
    """
    declared = adapter.spec("items") if adapter.getter("items") is None else None
    if not isinstance(declared, Items) or not isinstance(declared.product, str) or "." in declared.product:
        return None
    if not isinstance(declared.quantity, str) or "." in declared.quantity:
        return None
    quantity = adapter.read(line, declared.quantity, where=adapter.where("items.quantity"))
    product = adapter.link(line, declared.product, kind="product", where=adapter.where("items.product"), of_line=True)
    if isinstance(quantity, bool) or not isinstance(quantity, int | Decimal) or not isinstance(product, Link):
        return None
    return {"key": str(line.pk), "product": [product.kind, product.label, product.pk], "quantity": str(quantity)}


def line_facts(adapter: Adapter, obj: Any) -> list[Fact]:
    """All lines of ``obj`` as they are now. Lines that are no objects are told apart by their product.

    Raises what reading the lines raises.
    """
    declared = adapter.spec("items") if adapter.getter("items") is None else None
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


def _loaded(declared: Any, found: Any) -> list[Any]:
    lines = values.objects(found)
    if isinstance(declared, Items) and lines and isinstance(lines[0], Model):
        # On the lines, which are thrown away, and not on the host's own object, which would keep them.
        prefetch_related_objects(lines, *line_relations(type(lines[0]), declared))
    return lines


def _from_line(adapter: Adapter, obj: Any, line: Any, declared: Items) -> dict[str, Any]:
    spec = declared.price
    where = adapter.where("items.price")
    if isinstance(spec, Money):
        amount = adapter.read(line, spec.amount, where=where)
        currency = adapter.read(line, spec.currency, where=where)
    else:
        amount, currency = adapter.read(line, spec, where=where), None
    product_at = adapter.where("items.product")
    quantity_at = adapter.where("items.quantity")
    return {
        "product": adapter.link(line, declared.product, kind="product", where=product_at, of_line=True),
        "quantity": _quantity(adapter.read(line, declared.quantity, where=quantity_at), where=quantity_at),
        "price": adapter.money(obj, amount, currency=currency, where=where),
    }


def _from_mapping(adapter: Adapter, obj: Any, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "product": adapter.link_to(
            line.get("product"), kind="product", where=adapter.where("items.product"), of_line=True
        ),
        "quantity": _quantity(line.get("quantity", 1), where=adapter.where("items.quantity")),
        "price": adapter.money(obj, line.get("price"), where=adapter.where("items.price")),
    }


def _quantity(value: Any, *, where: str) -> int | Decimal:
    amount = to_decimal(0 if value is None else value, where=where)
    if amount < 0:
        raise TrackingError(f"{where}: below 0.", reason="quantity_negative", parameter="items")
    return int(amount) if amount == amount.to_integral_value() else amount.normalize()
