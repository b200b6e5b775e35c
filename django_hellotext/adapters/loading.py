"""What an adapter's paths read: the relations to load beforehand, and the model's own fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, QuerySet

from .fields import Guest, IfPresent, Items, Money, OnChange, Shape, Value, Variants
from .paths import Trace, concrete, trace

if TYPE_CHECKING:
    from .base import Adapter

M = TypeVar("M", bound=Model)


def prepare(adapter: Adapter, queryset: QuerySet[M]) -> QuerySet[M]:
    """``queryset`` with every relation loaded that the adapter's paths lead over."""
    joined: dict[str, None] = {}
    fetched: dict[str, None] = {}
    for shape, path in own_paths(adapter):
        found = trace(_model(adapter), path)
        lookup = "__".join(_to_load(found, link=shape is Shape.LINK))
        if lookup:
            (joined if found.single else fetched)[lookup] = None
    for lookup, line_model in _paths_to_many(adapter, "items", Items):
        below = line_relations(line_model, adapter.spec("items"), adapter)
        fetched.update(dict.fromkeys(f"{lookup}__{relation}" for relation in below))
    for lookup, variant_model in _paths_to_many(adapter, "variants", Variants):
        parts = [part for spec in adapter.spec("variants").parts().values() for part in _flat(spec)]
        traces = (trace(concrete(variant_model), part) for part in parts if isinstance(part, str))
        fetched.update({f"{lookup}__{'__'.join(found.relations)}": None for found in traces if found.relations})
    if joined:
        queryset = queryset.select_related(*joined)
    return queryset.prefetch_related(*fetched) if fetched else queryset


def line_relations(model: type[Model], declared: Items, adapter: Adapter) -> list[str]:
    """The relations that ``declared``, an attribute of ``adapter``, leads over from a line of ``model``."""
    paths = [part for name, spec in declared.parts().items() if name != "product" for part in _flat(spec)]
    traces = [trace(concrete(model), path) for path in paths if isinstance(path, str)]
    # A property or callable of a line usually asks its product, such as for today's price.
    opaque = len(traces) < len(paths) or any(found.reads is None for found in traces)
    lookups = ["__".join(found.relations) for found in traces]
    if isinstance(declared.product, str):
        found = trace(concrete(model), declared.product)
        takes_own_price = adapter.kind == "order" and declared.price is None and declared.total is None
        lookups.append("__".join(_to_load(found, link=not opaque and not takes_own_price)))
        if takes_own_price:
            lookups += ["__".join((*found.relations, *below)) for below in _price_relations(adapter, found.model)]
    return list(dict.fromkeys(lookup for lookup in lookups if lookup))


def _price_relations(adapter: Adapter, product: type[Model] | None) -> Iterator[tuple[str, ...]]:
    """The relations over which the adapter of ``product`` finds its price."""
    owner = adapter.registry.for_model(product) if adapter.registry is not None and product is not None else None
    if owner is None:
        return
    for name in ("price", "currency"):
        for part in _parts(owner, name, owner.spec(name)):
            relations = trace(_model(owner), part).relations if isinstance(part, str) else ()
            if relations:
                yield relations


def owner_relations(adapter: Adapter) -> list[str]:
    """The relations over which ``adapter`` finds whom an object belongs to, as look-ups."""
    found = []
    for name, shape in (("profile", Shape.LINK), ("guest", Shape.GUEST)):
        for part in _flat(adapter.spec(name)) if adapter.getter(name) is None else ():
            if isinstance(part, str):
                found.append("__".join(_to_load(trace(_model(adapter), part), link=shape is Shape.LINK)))
    return [lookup for lookup in dict.fromkeys(found) if lookup]


def line_reads(model: type[Model], declared: Items | Variants) -> frozenset[str] | None:
    """The fields of ``model``, a line or variant, that ``declared`` reads (with column names); ``None``: unknown."""
    fields: set[str] = set()
    for spec in declared.parts().values():
        for part in _flat(spec):
            reads = trace(concrete(model), part).reads if isinstance(part, str) else None
            if reads is None:
                return None
            fields |= reads
    return frozenset(fields)


def status_fields(adapter: Adapter) -> frozenset[str] | None:
    """The model's own fields that the watched status is read from; ``None`` when unknown."""
    declared = adapter.spec("events") if adapter.getter("events") is None else None
    if not isinstance(declared, OnChange) or not isinstance(declared.field, str):
        return None
    return trace(_model(adapter), declared.field).reads


def watched_fields(adapter: Adapter) -> frozenset[str] | None:
    """See ``Adapter.watched_fields``."""
    known = not _overridden(adapter) and not any(adapter.getter(name) for name in adapter.attributes)
    fields: set[str] = set(adapter.watches or ())
    for _shape, spec in _own_specs(adapter):
        if isinstance(spec, str):
            reads = trace(_model(adapter), spec).reads
            fields.update(reads or ())
            known = known and reads is not None
        else:
            known = known and spec is None
    return frozenset(fields) if known or adapter.watches is not None else None


def _overridden(adapter: Adapter) -> bool:
    """Whether the shop replaced a method that reads the object; what it reads is then unknown."""
    own = (type(adapter).should_sync, type(adapter).build, type(adapter).profile_link)
    return any(not method.__module__.startswith(__package__) for method in own)


def _to_load(found: Trace, *, link: bool) -> tuple[str, ...]:
    # A link is read from the column of its foreign key: the object behind it is not needed.
    return found.relations[:-1] if link and found.foreign_key else found.relations


def own_paths(adapter: Adapter) -> Iterator[tuple[Shape, str]]:
    return ((shape, spec) for shape, spec in _own_specs(adapter) if isinstance(spec, str))


def paths_of(adapter: Adapter, name: str) -> Iterator[str]:
    """The paths that attribute ``name`` reads on the adapter's own object; of an amount not that of its currency."""
    spec = adapter.spec(name)
    found = _parts(adapter, name, spec.amount if isinstance(spec, Money) else spec)
    return (part for part in found if isinstance(part, str))


def _own_specs(adapter: Adapter) -> Iterator[tuple[Shape, Any]]:
    """Each path and callable that the adapter reads on its own object."""
    for name, shape in adapter.attributes.items():
        yield from ((shape, part) for part in _parts(adapter, name, adapter.spec(name)))


def _parts(adapter: Adapter, name: str, spec: Any) -> Iterator[Any]:
    if adapter.getter(name) is not None:
        return
    for part in _flat(spec):
        if isinstance(part, IfPresent):
            yield part.path if adapter.has(part) else None
        else:
            yield part


def _flat(spec: Any) -> Iterator[Any]:
    """The paths and callables inside ``spec``; of ``Items`` only those that are read on the order itself."""
    match spec:
        case None | Value():
            return
        case Money():
            yield from _flat(spec.amount)
            yield from _flat(spec.currency)
        case Items():
            yield from _flat(spec.path)
            for extra, _ in spec.extras():
                yield from _flat(extra)
        case Variants():
            yield from _flat(spec.path)
        case Guest():
            for part in vars(spec).values():
                yield from _flat(part)
        case OnChange():
            yield from _flat(spec.field)
            for part in spec.at.values():
                yield from _flat(part)
        case Mapping():
            for part in spec.values():
                yield from _flat(part)
        case _:
            yield spec


def _paths_to_many(
    adapter: Adapter, name: str, kind: type[Items] | type[Variants]
) -> Iterator[tuple[str, type[Model]]]:
    declared = adapter.spec(name) if adapter.getter(name) is None else None
    if not isinstance(declared, kind) or not isinstance(declared.path, str):
        return
    found = trace(_model(adapter), declared.path)
    if found.relations and found.model is not None:
        yield "__".join(found.relations), found.model


def _model(adapter: Adapter) -> type[Model]:
    return concrete(adapter.model)
