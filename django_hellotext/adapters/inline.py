"""The variants that a product brings along, for shops whose variants are not mirrored by an adapter of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.exceptions import ConfigurationError

from . import metadata, values
from .fields import Money, Variants
from .reading import leave_out, read_apart

if TYPE_CHECKING:
    from .base import Adapter

SHAPED = ("reference", "name", "sku", "image_url", "price", "metadata")


def variants_of(adapter: Adapter, obj: Any, found: Any) -> list[dict[str, Any]] | None:
    """``found``, the variants of ``obj`` or ready-made mappings, as the contract's variants.

    A variant without a reference is left out: it could not be told from the others later. Raises what reading a
    reference raises.
    """
    if found is None:
        return None
    declared = adapter.spec("variants") if adapter.getter("variants") is None else None
    ready = []
    for variant in values.objects(found):
        one = dict(variant) if isinstance(variant, Mapping) else _read(adapter, variant, declared)
        shaped = {name: _shaped(adapter, obj, name, one.get(name)) for name in SHAPED if name in one}
        if values.is_empty(shaped.get("reference")):
            adjust("variants.reference", AdjustmentKind.LEFT_OUT, "A variant without a reference is left out.")
            continue
        if values.is_empty(shaped.get("name")):
            shaped["name"] = shaped.get("sku") or shaped["reference"]
            adjust("variants.name", AdjustmentKind.REPAIRED, "It is empty; the SKU or the reference is sent instead.")
        ready.append({**one, **shaped, "source": adapter.source_name})
    return [{name: value for name, value in one.items() if not values.is_empty(value)} for one in ready]


def _shaped(adapter: Adapter, obj: Any, name: str, value: Any) -> Any:
    """Return what a variant has for ``name`` as Hellotext takes it; ``None`` if it cannot be read."""
    where = adapter.where(f"variants.{name}")
    try:
        match name:
            case "image_url":
                return values.image(value, where=where)
            case "price":
                return adapter.money(obj, value, where=where)
            case "metadata":
                mapped = values.mapping(value, where=where)
                return metadata.usable(mapped, field="variants.metadata") if isinstance(mapped, Mapping) else mapped
            case _:
                return adapter.line(values.text(value, where=where), name)
    except Exception as error:
        # As for the product itself: a value that is no use costs no more than itself.
        if name == "reference":
            raise
        leave_out(error, obj, where=where)
        return None


def _read(adapter: Adapter, variant: Any, declared: Any) -> dict[str, Any]:
    if not isinstance(declared, Variants):
        raise ConfigurationError(f"{adapter.where('variants')}: expected Variants(…) or a list of mappings.")
    found: dict[str, Any] = {}
    for name, spec in declared.parts().items():
        where = adapter.where(f"variants.{name}")
        try:
            found[name] = read_apart(_read_part, variant, adapter, spec, where)
        except Exception as error:
            if name == "reference":
                raise
            leave_out(error, variant, where=where)
    return found


def _read_part(variant: Any, adapter: Adapter, spec: Any, where: str) -> Any:
    if not isinstance(spec, Money):
        return adapter.read(variant, spec, where=where)
    amount = adapter.read(variant, spec.amount, where=where)
    currency = adapter.read(variant, spec.currency, where=where)
    return adapter.money(variant, amount, currency=currency, where=where) if currency else amount
