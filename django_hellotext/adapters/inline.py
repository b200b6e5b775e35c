"""The variants that a product brings along, for shops whose variants are not mirrored by an adapter of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django_hellotext.exceptions import ConfigurationError, TrackingError

from . import values
from .fields import Money, Variants

if TYPE_CHECKING:
    from .base import Adapter

TEXTS = ("name", "reference", "sku")


def variants_of(adapter: Adapter, obj: Any, found: Any) -> list[dict[str, Any]] | None:
    """``found``, the variants of ``obj`` or ready-made mappings, as the contract's variants.

    Raises ``TrackingError`` for a variant without a reference: it could not be told from the others later.
    """
    if found is None:
        return None
    declared = adapter.spec("variants") if adapter.getter("variants") is None else None
    where = adapter.where("variants")
    ready = []
    for variant in values.objects(found):
        one = dict(variant) if isinstance(variant, Mapping) else _read(adapter, variant, declared)
        one = {name: values.text(one[name], where=where) if name in TEXTS else one[name] for name in one}
        if not one.get("reference"):
            raise TrackingError(f"{where}: a variant has no reference.", reason="reference_empty", parameter="variants")
        one["image_url"] = values.image(one.get("image_url"), where=where)
        one["price"] = adapter.money(obj, one.get("price"), where=where)
        one["source"] = adapter.source_name
        ready.append({name: value for name, value in one.items() if not values.is_empty(value)})
    return ready


def _read(adapter: Adapter, variant: Any, declared: Any) -> dict[str, Any]:
    if not isinstance(declared, Variants):
        raise ConfigurationError(f"{adapter.where('variants')}: expected Variants(…) or a list of mappings.")
    found: dict[str, Any] = {}
    for name, spec in declared.parts().items():
        where = adapter.where(f"variants.{name}")
        if isinstance(spec, Money):
            amount, currency = (
                adapter.read(variant, spec.amount, where=where),
                adapter.read(variant, spec.currency, where=where),
            )
            found[name] = adapter.money(variant, amount, currency=currency, where=where) if currency else amount
        else:
            found[name] = adapter.read(variant, spec, where=where)
    return found
