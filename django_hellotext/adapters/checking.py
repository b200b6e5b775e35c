"""What can be seen of an adapter without an object and without a query."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from django.core.checks import CheckMessage, Error, Warning
from django.db import models
from django.db.models import Model

from django_hellotext.actions import BUILT_IN
from django_hellotext.conf import configured, hellotext_settings

from .address_checks import check_addresses
from .circles import circles
from .fields import Guest, IfPresent, Items, Money, OnChange, Shape, Value, Variants
from .line_checks import check_lines
from .paths import Trace, accepts, concrete, trace
from .spelling import check_names
from .unseen import check_unseen
from .values import status_text
from .verification import knows_emails

if TYPE_CHECKING:
    from .base import Adapter

# What a profile has several of, with one of them as the default (contract: ProfileUpdate).
MAIN = frozenset({"email", "phone", "address"})
CALLABLE_HINT = "A callable takes the object alone; a method is named get_<attribute> and takes (self, obj)."
DECLARATIONS: dict[Shape, type] = {
    Shape.ITEMS: Items,
    Shape.VARIANTS: Variants,
    Shape.GUEST: Guest,
    Shape.ON_CHANGE: OnChange,
}
MANY_ALLOWED = frozenset({Shape.NAMES, Shape.ITEMS, Shape.VARIANTS})
PART_SHAPES = {"price": Shape.MONEY, "image_url": Shape.IMAGE, "metadata": Shape.MAPPING}
TIME = "time"
# Kinds that can be emptied and stay (contract: delete_profile, update_cart).
CLEARABLE = frozenset({"profile", "cart"})
# Others may use them, and with an action its events would go (contract: delete_action).
DEFINITIONS = frozenset({"property", "list", "action"})


class Lookup(Protocol):
    """The registry, as far as checks ask it."""

    def for_model(self, model: type[Model]) -> Adapter | None:
        """The adapter of ``model``, or ``None``."""


def check_adapter(adapter: Adapter) -> list[CheckMessage]:
    """The mistakes of one adapter; each message names the adapter and the attribute."""
    found: list[CheckMessage] = []
    for name, shape in adapter.attributes.items():
        getter = adapter.getter(name)
        if getter is None:
            found += _attribute(adapter, name, shape)
        elif not callable(getter) or not accepts(getter, 1):
            message = f"{adapter.where(f'get_{name}')} cannot be called with one object."
            found.append(_error("hellotext.E103", adapter, message, CALLABLE_HINT))
    found += [*_refundable(adapter), *_removal(adapter), *_former(adapter), *_unverified(adapter)]
    found += [*_depends_on(adapter), *check_unseen(adapter), *check_addresses(adapter)]
    found = [*found, *_source(adapter), *_currency(adapter), *check_names(adapter), *_unreachable(adapter)]
    # What will be adjusted says little as long as there are mistakes.
    return found if any(isinstance(one, Error) for one in found) else [*found, *check_lines(adapter)]


def check_links(adapter: Adapter, registry: Lookup) -> list[CheckMessage]:
    """Links of ``adapter`` to models that nothing mirrors, or that are mirrored as another kind."""
    found: list[CheckMessage] = []
    for name, kind, model in _linked(adapter):
        other = registry.for_model(model)
        if other is not None and (other.kind == kind or (name == "items.product" and other.kind == "product_variant")):
            continue
        state = "which has no adapter" if other is None else f"which is mirrored as a {other.kind}"
        message = f"{adapter.where(name)} leads to {model._meta.label}, {state}."
        hint = f"Register a {kind} adapter for {model._meta.label}, or let the attribute lead to a model that has one."
        found.append(_error("hellotext.E112", adapter, message, hint))
    return found


def check_circles(adapters: Iterable[Adapter], registry: Lookup) -> list[CheckMessage]:
    """Models that lead to each other: of such objects none could be the first (promise 4)."""
    leads: dict[Adapter, dict[Adapter, str]] = {}
    for adapter in adapters:
        linked = ((name, registry.for_model(model)) for name, _, model in _linked(adapter))
        leads[adapter] = {other: name for name, other in linked if other is not None}
    found: list[CheckMessage] = []
    for circle in circles(leads):
        following = (*circle[1:], circle[0])
        path = ", ".join(one.where(leads[one][other]) for one, other in zip(circle, following, strict=True))
        message = f"The links of {path} lead in a circle."
        found.append(_error("hellotext.E114", circle[0], message, "Leave one of them out: none could be sent first."))
    return found


def check_variants(adapter: Adapter, registry: Lookup) -> list[CheckMessage]:
    """Variants that a product brings along although they have an adapter of their own: each would arrive twice."""
    spec = adapter.spec("variants") if adapter.getter("variants") is None else None
    found = (
        trace(concrete(adapter.model), spec.path) if isinstance(spec, Variants) and isinstance(spec.path, str) else None
    )
    other = registry.for_model(found.model) if found is not None and found.model is not None else None
    if other is None:
        return []
    message = f"{adapter.where('variants')} leads to {other.model._meta.label}, which {type(other).__name__} mirrors."
    return [_error("hellotext.E112", adapter, message, "Leave variants out, or unregister that adapter.")]


def _attribute(adapter: Adapter, name: str, shape: Shape) -> Iterator[CheckMessage]:
    spec = adapter.spec(name)
    model = concrete(adapter.model)
    declared = DECLARATIONS.get(shape)
    if isinstance(spec, Items | Variants | Guest | OnChange) and not (declared and isinstance(spec, declared)):
        message = f"{adapter.where(name)} cannot be {type(spec).__name__}(…)."
        yield _error("hellotext.E104", adapter, message, "That declaration belongs to another attribute.")
    elif isinstance(spec, Items):
        yield from _items(adapter, name, spec)
    elif isinstance(spec, Variants):
        yield from _variants(adapter, name, spec)
    elif isinstance(spec, Guest):
        for part, below in vars(spec).items():
            yield from _spec(adapter, model, below, Shape.TEXT, f"{name}.{part}")
    elif isinstance(spec, OnChange):
        yield from _on_change(adapter, name, spec)
    elif declared is not None and isinstance(spec, str):
        message = f"{adapter.where(name)} is a path; {declared.__name__}(…) was expected."
        hint = f"Write {name} = {declared.__name__}(…), or a method get_{name}(self, obj)."
        yield _error("hellotext.E104", adapter, message, hint)
    elif name == "reference" and spec is None:
        message = f"{adapter.where(name)} is None."
        yield _error("hellotext.E104", adapter, message, "Name the permanent identifier; the default is 'pk'.")
    elif name in adapter.required and not _is_filled(adapter, name) and not _builds_itself(adapter):
        message = f"{adapter.where(name)} leads nowhere, and a {adapter.kind} needs one."
        yield _error("hellotext.E104", adapter, message, f"Set {name}, or write a method get_{name}(self, obj).")
    else:
        yield from _spec(adapter, model, spec, shape, name)


def _spec(
    adapter: Adapter, model: type[Model] | None, spec: Any, shape: Shape | str, name: str
) -> Iterator[CheckMessage]:
    """``spec`` read on ``model`` (unknown: ``None``) for the attribute ``name``."""
    where = adapter.where(name)
    match spec:
        case None | Value():
            return
        case str():
            if model is not None:
                yield from _path(adapter, trace(model, spec), shape, name)
        case IfPresent():
            if adapter.has(spec):
                yield from _spec(adapter, model, spec.path, shape, name)
        case Money() if shape is Shape.MONEY:
            yield from _spec(adapter, model, spec.amount, Shape.MONEY, name)
            yield from _spec(adapter, model, spec.currency, Shape.TEXT, f"{name}.currency")
        case Mapping() if shape is Shape.MAPPING:
            for key, part in spec.items():
                yield from _spec(adapter, model, part, Shape.MAPPING, f"{name}[{key!r}]")
        case _ if callable(spec) and not isinstance(spec, Money):
            if not accepts(spec, 1):
                yield _error("hellotext.E103", adapter, f"{where} cannot be called with one object.", CALLABLE_HINT)
        case _:
            message = f"{where} cannot be {type(spec).__name__}."
            yield _error("hellotext.E104", adapter, message, "Write a dotted path, a callable or Value(…).")


def _path(adapter: Adapter, found: Trace, shape: Shape | str, name: str) -> Iterator[CheckMessage]:
    where = adapter.where(name)
    if found.problem:
        id = "hellotext.E101" if found.missing else "hellotext.E102"
        yield _error(id, adapter, f"{where}: {found.problem}.", found.hint or "")
        return
    if found.many and shape not in MANY_ALLOWED:
        message = f"{where} leads to many objects where one is expected."
        yield _error("hellotext.E102", adapter, message, "Use a callable or a get_ method to choose one of them.")
    if shape is Shape.MONEY and isinstance(found.field, models.FloatField):
        message = f"{where} reads the FloatField {found.field.name!r}, which cannot hold a price exactly."
        hint = "It is read as it is written and rounded. Use a DecimalField, or compute a Decimal in a get_ method."
        yield Warning(message, hint=hint, obj=type(adapter), id="hellotext.W106")
    if shape is Shape.LINK and found.field is not None and found.model is None and name != "items.product":
        message = f"{where} reads the column {found.field.name!r}, not an object."
        yield _error("hellotext.E104", adapter, message, "Let the path lead to the object, not to its key.")
    if shape == TIME and found.field is not None and not isinstance(found.field, models.DateTimeField):
        message = f"{where} reads {found.field.name!r}, which is not a DateTimeField."
        yield _error(
            "hellotext.E105", adapter, message, "The time of an event is a full datetime; it is never guessed."
        )


def _variants(adapter: Adapter, name: str, spec: Variants) -> Iterator[CheckMessage]:
    found, mistakes = _many(adapter, name, spec.path, "Name the accessor of the variants, such as 'variant_set'.")
    yield from mistakes
    if mistakes:
        return
    for part, below in spec.parts().items():
        yield from _spec(adapter, found.model, below, PART_SHAPES.get(part, Shape.TEXT), f"{name}.{part}")


def _many(adapter: Adapter, name: str, path: Any, hint: str) -> tuple[Trace, list[CheckMessage]]:
    """Where ``path`` leads, and what is wrong when that is not many objects."""
    model = concrete(adapter.model)
    mistakes = list(_spec(adapter, model, path, Shape.ITEMS, name))
    found = trace(model, path) if isinstance(path, str) else Trace()
    if not found.problem and (found.field is not None or (found.model is not None and not found.many)):
        message = f"{adapter.where(name)} does not lead to many objects."
        mistakes.append(_error("hellotext.E104", adapter, message, hint))
    return found, mistakes


def _items(adapter: Adapter, name: str, spec: Items) -> Iterator[CheckMessage]:
    hint = "Name the accessor of the lines, such as 'lines' or 'orderline_set'."
    found, mistakes = _many(adapter, name, spec.path, hint)
    yield from mistakes
    if mistakes:
        return
    yield from _spec(adapter, found.model, spec.product, Shape.LINK, f"{name}.product")
    for one in _spec(adapter, found.model, spec.quantity, Shape.TEXT, f"{name}.quantity"):
        if one.id == "hellotext.E101":
            one.hint = "Where each line is one piece, write quantity=Value(1). " + (one.hint or "")
        yield one
    for part in ("price", "total"):
        yield from _spec(adapter, found.model, getattr(spec, part), Shape.MONEY, f"{name}.{part}")
    for part in ("sku", "title"):
        yield from _spec(adapter, found.model, getattr(spec, part), Shape.TEXT, f"{name}.{part}")
    yield from _spec(adapter, found.model, spec.where, Shape.FLAG, f"{name}.where")
    if spec.price is not None and spec.total is not None:
        message = f"{adapter.where(name)} has a price and a total."
        yield _error("hellotext.E104", adapter, message, "Keep total if it is what was charged, else price.")
    yield from _extras(adapter, name, spec)
    if spec.product is None:
        message = f"{adapter.where(f'{name}.product')} is None."
        yield _error("hellotext.E104", adapter, message, "Each line needs a product.")


def _extras(adapter: Adapter, name: str, spec: Items) -> Iterator[CheckMessage]:
    for amount, title in spec.extras():
        yield from _spec(adapter, concrete(adapter.model), amount, Shape.MONEY, f"{name}.extra[{title!r}]")
    given: Any = spec.extra
    is_list = isinstance(given, list | tuple) and len(spec.extras()) == len(given)
    if not is_list or not all(str(title or "").strip() for _, title in spec.extras()):
        message = f"{adapter.where(f'{name}.extra')} is no list of amounts and titles."
        yield _error("hellotext.E104", adapter, message, 'Write extra=[("shipping_total", "Shipping")].')
    elif spec.extra and adapter.kind != "order":
        message = f"{adapter.where(f'{name}.extra')} belongs to orders."
        yield _error("hellotext.E104", adapter, message, "Leave it out: in a cart nothing was charged yet.")


def _on_change(adapter: Adapter, name: str, spec: OnChange) -> Iterator[CheckMessage]:
    model = concrete(adapter.model)
    yield from _spec(adapter, model, spec.field, Shape.TEXT, name)
    for status, action in spec.actions.items():
        where = f"{adapter.where(name)}[{status_text(status)!r}]"
        known = BUILT_IN.get(action)
        if known is None and action in hellotext_settings.ACTIONS:
            continue
        if known is None:
            names = [*BUILT_IN, *hellotext_settings.ACTIONS]
            near = difflib.get_close_matches(str(action), names, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names)}."
            yield _error("hellotext.E105", adapter, f"{where}: {action!r} is not a known action.", hint)
        elif not known.takes(adapter.kind):
            message = f"{where}: {action!r} is not an action of a {adapter.kind}."
            own = [spec.name for spec in BUILT_IN.values() if spec.takes(adapter.kind)]
            yield _error("hellotext.E105", adapter, message, f"Actions of a {adapter.kind}: {', '.join(own)}.")
    mapped = {status_text(status) for status in spec.actions}
    for status, below in spec.at.items():
        yield from _spec(adapter, model, below, TIME, f"{name}.at[{status_text(status)!r}]")
        if status_text(status) not in mapped:
            message = f"{adapter.where(name)}.at[{status_text(status)!r}]: no action follows this status."
            yield _error("hellotext.E105", adapter, message, f"Statuses with an action: {', '.join(sorted(mapped))}.")


def _refundable(adapter: Adapter) -> Iterator[CheckMessage]:
    if adapter.kind != "refund" or _builds_itself(adapter) or any(_is_filled(adapter, n) for n in ("order", "product")):
        return
    message = f"{type(adapter).__name__} ({adapter.model._meta.label}) names neither order nor product."
    yield _error("hellotext.E104", adapter, message, "Let order or product lead to what was refunded.")


def _depends_on(adapter: Adapter) -> Iterator[CheckMessage]:
    for mistake in adapter.dependencies.mistakes:
        yield _error("hellotext.E120", adapter, f"{adapter.where(mistake.name)} {mistake.message}.", mistake.hint)


def _source(adapter: Adapter) -> Iterator[CheckMessage]:
    source: Any = adapter.source
    if source is not None and not (isinstance(source, str) and source):
        message = f"{adapter.where('source')} is not a name."
        yield _error("hellotext.E104", adapter, message, "Write one constant text, or leave it to HELLOTEXT['SOURCE'].")


def _removal(adapter: Adapter) -> Iterator[CheckMessage]:
    for name in ("on_delete", "on_unsyncable"):
        choice = getattr(adapter, name)
        allowed = {"keep", "delete", "clear"}
        if adapter.kind not in CLEARABLE:
            allowed.discard("clear")
        if adapter.kind in DEFINITIONS:
            allowed.discard("delete")
        if choice not in allowed:
            message = f"{adapter.where(name)}: a {adapter.kind} cannot be {choice!r}."
            yield _error("hellotext.E113", adapter, message, f"Possible: {', '.join(sorted(allowed))}.")


def _former(adapter: Adapter) -> Iterator[CheckMessage]:
    named: Any = getattr(adapter, "keeps_former", ())
    if isinstance(named, str) or not set(named) <= MAIN:
        message = f"{adapter.where('keeps_former')} cannot be {named!r}."
        yield _error("hellotext.E104", adapter, message, f"Write a tuple of some of: {', '.join(sorted(MAIN))}.")


def _currency(adapter: Adapter) -> Iterator[CheckMessage]:
    """Amounts that are plain numbers for certain, and for which no currency is named anywhere."""
    has_own = adapter.spec("currency") is not None or adapter.getter("currency") is not None
    # An app that is not configured is inert, and must not stop the site (demand K3).
    if has_own or hellotext_settings.CURRENCY or not configured():
        return
    for name, model, spec in _amounts(adapter):
        if isinstance(spec, Money) and spec.currency is not None:
            continue
        path = spec.amount if isinstance(spec, Money) else spec
        field = trace(model, path).field if isinstance(path, str) else None
        if isinstance(field, models.DecimalField | models.IntegerField):
            hint = "Set currency on the adapter, write Money(…, currency=…), or set HELLOTEXT['CURRENCY']."
            yield _error("hellotext.E107", adapter, f"{adapter.where(name)} has no currency.", hint)


def _amounts(adapter: Adapter) -> Iterator[tuple[str, type[Model], Any]]:
    model = concrete(adapter.model)
    for name, shape in adapter.attributes.items():
        if shape is Shape.MONEY and adapter.getter(name) is None:
            yield name, model, adapter.spec(name)
    items = adapter.spec("items") if adapter.getter("items") is None else None
    if isinstance(items, Items) and isinstance(items.path, str):
        lines = trace(model, items.path).model
        if lines is not None:
            yield "items.price", lines, items.price
            yield "items.total", lines, items.total
    for amount, title in items.extras() if isinstance(items, Items) else ():
        yield f"items.extra[{title!r}]", model, amount


def _linked(adapter: Adapter) -> Iterator[tuple[str, str, type[Model]]]:
    """Attribute, kind and model of each link whose model is certain."""
    model = concrete(adapter.model)
    for name, shape in adapter.attributes.items():
        spec = adapter.spec(name) if adapter.getter(name) is None else None
        if shape is Shape.LINK and isinstance(spec, str):
            found = trace(model, spec)
            if found.model is not None:
                yield name, name, found.model
    items = adapter.spec("items") if adapter.getter("items") is None else None
    if isinstance(items, Items) and isinstance(items.path, str) and isinstance(items.product, str):
        lines = trace(model, items.path).model
        product = trace(lines, items.product).model if lines is not None else None
        if product is not None:
            yield "items.product", "product", product


def _builds_itself(adapter: Adapter) -> bool:
    return not type(adapter).build.__module__.startswith("django_hellotext.adapters")


def _unreachable(adapter: Adapter) -> Iterator[CheckMessage]:
    if adapter.kind != "profile" or _is_filled(adapter, "email") or _is_filled(adapter, "phone"):
        return
    message = f"{type(adapter).__name__} ({adapter.model._meta.label}) sends neither e-mail nor phone."
    hint = "Set email or phone: without them nobody can be found again or written to."
    yield Warning(message, hint=hint, obj=type(adapter), id="hellotext.W102")


def _unverified(adapter: Adapter) -> Iterator[CheckMessage]:
    if adapter.kind != "profile" or not (_is_filled(adapter, "phone") or _is_filled(adapter, "phones")):
        return
    if hellotext_settings.VERIFIED is None and knows_emails(adapter.model):
        message = f"{adapter.where('phone')} is left out: django-allauth verifies e-mails only."
        hint = "Say with HELLOTEXT['VERIFIED'] which phones are verified."
        yield Warning(message, hint=hint, obj=type(adapter), id="hellotext.W103")


def _is_filled(adapter: Adapter, name: str) -> bool:
    if adapter.getter(name) is not None:
        return True
    spec = adapter.spec(name)
    return adapter.has(spec) if isinstance(spec, IfPresent) else spec is not None


def _error(id: str, adapter: Adapter, message: str, hint: str) -> Error:
    return Error(message, hint=hint or None, obj=type(adapter), id=id)
