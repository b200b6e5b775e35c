"""What a shop subclasses: a host object goes in, plain values come out.

Adapters know neither our tables nor the network. Each attribute is a dotted path, a callable that takes the
object, or a method ``get_<name>(self, obj)``, which wins.
"""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Collection, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar, final

from django.core.checks import CheckMessage
from django.db.models import Model, QuerySet

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.api.types import Money as ApiMoney
from django_hellotext.conf import hellotext_settings
from django_hellotext.exceptions import ConfigurationError, TrackingError

from . import contacts, guests, loading, metadata, personal, texts, values
from .amounts import loaded_amount, writes_amount
from .dependencies import Dependencies, dependencies_of
from .failures import read_or_leave_out
from .fields import Guest, IfPresent, Items, Money, OnChange, Shape, Spec, Value, Variants
from .inline import variants_of
from .lines import lines_of
from .links import Link
from .money import currency_code, to_money
from .order_lines import sum_of_lines
from .paths import concrete, trace, walk
from .reading import Where, field_of, leave_out, read_apart, readable_data
from .rendering import neutral, settle

M = TypeVar("M", bound=Model)

CONSENT_KEYS = frozenset(
    {"state", "subscribe", "subscribed", "subscription", "subscription_state", "unsubscribe", "unsubscribed"}
)
"""Keys that say or set a subscription state; none may be in the payload of a profile (promise 9, demand A1)."""


class Lookup(Protocol):
    """What an adapter asks its registry: which adapter mirrors a model."""

    def for_model(self, model: type[Model]) -> Adapter | None:
        """The adapter of ``model``, or ``None``."""


class Adapter:
    """Turns one host model into one remote kind.

    ``kind``: the remote kind. ``attributes``: each attribute with what it has to become. ``sent``: those that go
    into the payload. ``always_sent``: those of them that stay when they are empty. ``required``: those that Hellotext
    needs. ``sent_as``: what the contract calls an attribute that is named otherwise here. ``natural_key``: what
    Hellotext tells two objects of this kind apart by. ``vital``: those without which nothing is sent, besides the
    required ones; any other one is left out if it cannot be read. ``fallbacks``: what stands for a required attribute
    that is empty: attributes by name, or specs.

    ``reference``: the shop's own permanent identifier; must never change. ``source``: the constant name of the
    shop, ``HELLOTEXT["SOURCE"]`` when ``None``; must never change either. ``watches``: names of the model's own
    fields that the adapter's methods and callables read; declare it so that a save of other fields costs nothing.

    ``decode_entities``: decode HTML entities such as ``&#8211;`` in texts and lists of names, once. For a shop that
    keeps them escaped. References, SKUs and codes stay as they are.

    ``changed_at``: the name of the model's field that says when an object last changed, for ``hellotext_sync --since``.

    ``on_delete``: what becomes of the remote object when the host's is deleted. ``"keep"`` leaves it there,
    ``"delete"`` deletes it, ``"clear"`` empties it (a profile loses its values and keeps its conversations, a cart
    loses its items; no other kind can be cleared). ``on_unsyncable``: the same for an object that was sent and for
    which ``should_sync`` now says no; an object that is syncable again, or comes back, is created anew.

    ``depends_on``: related models whose changes change the payload, each with the way from the related object to the
    registered ones: ``{"shop.Category": "products"}``. The way is a path over relations, a callable that takes the
    related object and answers a queryset, or a list of these; an empty list says that changes of the model do not
    matter. The lines of ``Items("lines", …)`` and the many-to-many fields that a path names are known by themselves.
    """

    kind: ClassVar[str] = ""
    attributes: ClassVar[Mapping[str, Shape]] = {"reference": Shape.TEXT}
    sent: ClassVar[tuple[str, ...]] = ()
    always_sent: ClassVar[frozenset[str]] = frozenset()
    sent_as: ClassVar[Mapping[str, str]] = {}
    required: ClassVar[tuple[str, ...]] = ()
    sends_reference: ClassVar[bool] = True
    sends_source: ClassVar[bool] = True
    natural_key: ClassVar[str] = "reference"
    vital: ClassVar[frozenset[str]] = frozenset({"reference", "profile", "items", "total", "order", "product"})
    fallbacks: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    reference: Spec = "pk"
    source: str | None = None
    watches: tuple[str, ...] | None = None
    decode_entities: bool = False
    changed_at: str | None = None
    on_delete: str = "keep"
    on_unsyncable: str = "keep"
    depends_on: Mapping[Any, Any] = MappingProxyType({})

    def __init__(self, model: type[Model], *, registry: Lookup | None = None) -> None:
        self.model = model
        self.registry = registry
        self._places: dict[str, Where] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self.model._meta.label}>"

    @property
    def label(self) -> str:
        """The lower-case label of the concrete model, under which objects are mirrored."""
        return concrete(self.model)._meta.label_lower

    # What a shop may override

    def should_sync(self, obj: Any) -> bool:
        """Whether ``obj`` is mirrored at all: answer ``False`` for drafts, test orders, staff."""
        return True

    def queryset(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """``queryset`` prepared so that rendering many objects takes a constant number of queries.

        Loads what the adapter's paths lead over. Extend it with ``super().queryset(…)`` for what methods and
        callables read.
        """
        return loading.prepare(self, queryset)

    def build(self, obj: Any) -> dict[str, Any]:
        """The payload before it is checked; override it for what no attribute can say.

        An attribute that cannot be read is left out, unless it is one of ``vital``.
        """
        payload: dict[str, Any] = {}
        if self.sends_reference:
            payload["reference"] = self.reference_of(obj)
            if self.sends_source:
                payload["source"] = self.source_name
        for name in self.sent:
            found = self.value_to_send(obj, name)
            if not values.is_empty(found) or (found is not None and name in self.always_sent):
                payload[self.sent_as.get(name, name)] = found
        return payload

    # What the rest of the package asks

    @final
    def payload(self, obj: Any) -> dict[str, Any]:
        """Keyword arguments of the API resource's ``create()`` for ``obj``.

        Decimals, ``api.types.Money``, dicts and lists; a ``Link`` wherever another object's remote ID belongs.
        It is rendered under ``LANGUAGE_CODE`` and in UTC, so that it does not depend on the request. What cannot be
        read or sent is left out, and ``adjust`` records it; see ``adapters.reading``.
        Raises ``ConfigurationError`` for a mistake in a vital attribute, ``TrackingError`` for faulty data of one.
        """
        with neutral():
            found = settle(self.build(obj))
            for name in self.required:
                if values.is_empty(found.get(self.sent_as.get(name, name))):
                    found |= self._stand_in(obj, name)
            if self.kind == "profile":
                region = read_or_leave_out(contacts.REGION, lambda: self.value(obj, contacts.REGION), obj)
                found = personal.usable(found, region=region, customer=obj, where=self.where("payload"))
        payload = self._without_consent(found, kind=self.kind)
        for name in self.required:
            if values.is_empty(payload.get(self.sent_as.get(name, name))):
                raise TrackingError(
                    f"{self.where(name)}: this is empty, and Hellotext needs it.",
                    reason="parameter_missing",
                    parameter=name,
                )
        return payload

    def value_to_send(self, obj: Any, name: str) -> Any:
        """Return attribute ``name`` of ``obj`` for the payload; ``None`` if it cannot be read and is not vital."""
        try:
            return read_apart(self.shaped, obj, name)
        except Exception as error:
            # The shop's own code may raise anything, and must not cost more than this attribute.
            if name in self._vital:
                raise
            leave_out(error, obj, where=self.where(name))
            return None

    @cached_property
    def _vital(self) -> frozenset[str]:
        return self.vital | {self.natural_key, *self.required} - self.fallbacks.keys()

    def _stand_in(self, obj: Any, name: str) -> dict[str, Any]:
        """Return what is sent for the required attribute ``name``, which is empty; nothing without a fallback."""
        for spec in self.fallbacks.get(name, ()):
            known = isinstance(spec, str)
            found = self.shaped(obj, spec) if known else self.read(obj, spec, where=self.where(name))
            if not values.is_empty(found):
                source = f"the {spec}" if known else "the default"
                adjust(name, AdjustmentKind.REPAIRED, f"It is empty; {source} is sent instead.")
                return {self.sent_as.get(name, name): found}
        return {}

    @property
    def source_name(self) -> str:
        """The constant name of the shop."""
        return self.source or hellotext_settings.SOURCE

    def reference_of(self, obj: Any) -> str:
        """The permanent identifier of ``obj``. Raises ``TrackingError`` when it is empty."""
        found = self.shaped(obj, "reference")
        if not found:
            raise TrackingError(
                f"{self.where('reference')}: the reference is empty.",
                reason="reference_empty",
                parameter="reference",
            )
        return str(found)

    def status(self, obj: Any) -> tuple[str, datetime.datetime | None] | None:
        """The watched status now and when it came about; ``None`` when the adapter watches none.

        An empty status is ``""``, so that it differs from an unwatched one; the time is ``None`` when the host
        does not keep it.
        """
        found = self.shaped(obj, "events")
        return found if isinstance(found, tuple) else None

    @final
    def action_for(self, status: str) -> str | None:
        """The action that ``status`` stands for; ``None`` when it sends nothing (demand A6)."""
        declared = self.spec("events")
        if not isinstance(declared, OnChange):
            return None
        return {values.status_text(key): action for key, action in declared.actions.items()}.get(status)

    def profile_link(self, obj: Any) -> Link | None:
        """Who ``obj`` belongs to; a guest is linked by ``obj`` itself, nobody is ``None``.

        A plain foreign key is read from its column, without a query.
        """
        found = self.shaped(obj, "profile")
        if isinstance(found, Link):
            return found
        return Link("profile", self.label, str(obj.pk)) if self.guest_payload(obj) else None

    @final
    def guest_payload(self, obj: Any) -> dict[str, Any] | None:
        """The profile of a guest as keyword arguments of ``profiles.create()``.

        ``None`` when ``obj`` belongs to a customer, or when neither e-mail nor phone is known.
        """
        if isinstance(self.shaped(obj, "profile"), Link):
            return None
        found = read_or_leave_out("guest", lambda: self.shaped(obj, "guest"), obj)
        if not isinstance(found, Mapping):
            return None
        values = {name: settle(value) for name, value in found.items() if name != contacts.REGION}
        # A guest has no account that could verify anything: the address is the one that the order is sent to.
        payload = personal.usable(values, region=found.get(contacts.REGION), where=self.where("guest"))
        if not (payload.get("email") or payload.get("phone")):
            return None
        return self._without_consent(payload, kind="profile")

    def amount(self, obj: Any) -> ApiMoney | None:
        """Return the amount of an event about ``obj`` when the caller gives none: the attribute ``total``.

        ``None`` leaves it to Hellotext. An override is called by the worker, never in the host's request. A total that
        cannot be read is the sum of the lines. That of an order is never below 0.
        """
        try:
            with readable_data():
                found = self.shaped(obj, "total")
        except TrackingError:
            found = sum_of_lines(self, obj) if self.kind == "order" else None
            if found is None:
                raise
        if self.kind == "order" and isinstance(found, ApiMoney) and found.amount < 0:
            adjust("total", AdjustmentKind.REPAIRED, "a total below 0 counts as 0", found.amount)
            found = ApiMoney(abs(found.amount * 0), found.currency)
        return found if isinstance(found, ApiMoney) else None

    @final
    def loaded_amount(self, obj: Any) -> ApiMoney | None:
        """Return ``amount`` if that needs neither a query nor the shop's code, else ``None``."""
        reads_total = type(self).amount is Adapter.amount and type(self).currency_of is Adapter.currency_of
        return loaded_amount(self, obj) if reads_total else None

    @final
    def writes_amount(self, update_fields: Collection[str] | None) -> bool:
        """Return whether a save of ``update_fields`` (``None``: all of them) writes the ``total``."""
        return writes_amount(self, update_fields)

    @cached_property
    def has_amount(self) -> bool:
        """Return whether events about this adapter's objects can carry an amount."""
        return type(self).amount is not Adapter.amount or ("total" in self.attributes and self.declares("total"))

    @cached_property
    def has_guests(self) -> bool:
        """Return whether objects of this adapter can belong to a guest."""
        return "guest" in self.attributes and self.declares("guest")

    @cached_property
    def freezes_amount(self) -> bool:
        """Return whether a saved object's amount is needed later, for the event of its status."""
        return self.has_amount and self.declares("events")

    def check(self) -> list[CheckMessage]:
        """Mistakes that can be seen without an object and without a query."""
        from .checking import check_adapter  # checking reads adapters, and so comes after this module

        return check_adapter(self)

    def watched_fields(self) -> frozenset[str] | None:
        """The model's own fields (names and column names) that the adapter reads.

        ``None`` when that is unknown: a method, a callable or a property is involved and ``watches`` does not say
        what it reads.
        """
        return self._watched

    @cached_property
    def _watched(self) -> frozenset[str] | None:
        return loading.watched_fields(self)  # asked at every save, and the same for the life of the process

    @cached_property
    def dependencies(self) -> Dependencies:
        """What else the payload depends on: declared in ``depends_on``, or implied by paths."""
        return dependencies_of(self)

    @cached_property
    def status_fields(self) -> frozenset[str] | None:
        """The model's own fields (names and column names) behind the watched status; ``None`` when unknown."""
        return loading.status_fields(self)

    # How attributes are read

    def where(self, attribute: str) -> str:
        """The adapter and the attribute, for messages."""
        found = self._places.get(attribute)
        if found is None:
            found = self._places[attribute] = Where(f"{type(self).__name__}.{attribute} ({self.model._meta.label})")
            found.attribute = attribute
        return found

    def spec(self, name: str) -> Any:
        """The declaration of attribute ``name`` as it was written; ``None`` for one that this kind does not have."""
        if name not in self.attributes:
            return None
        found = inspect.getattr_static(self, name, None)
        # A function in the class body is a callable that takes the object, not a method.
        return found.__func__ if isinstance(found, staticmethod) else found

    def getter(self, name: str) -> Any:
        """The method ``get_<name>``, or ``None``."""
        return getattr(self, f"get_{name}", None)

    def declares(self, name: str) -> bool:
        """Whether this adapter says anything of attribute ``name``; a guest's are said by ``guest``."""
        if name not in self.attributes:
            return self.spec("guest") is not None or self.getter("guest") is not None
        spec = self.spec(name)
        return self.getter(name) is not None or (self.has(spec) if isinstance(spec, IfPresent) else spec is not None)

    def value(self, obj: Any, name: str) -> Any:
        """What attribute ``name`` says of ``obj``, before it is brought into its shape.

        Raises ``ConfigurationError`` naming the adapter and the attribute when a path cannot be followed.
        """
        getter = self.getter(name)
        if getter is not None:
            return getter(obj)
        return self.read(obj, self.spec(name), where=self.where(name))

    def shaped(self, obj: Any, name: str) -> Any:
        """What attribute ``name`` says of ``obj``, as the contract takes it; ``None`` for an unknown attribute."""
        shape = self.attributes.get(name)
        if shape is None:
            return None
        with neutral():
            return self._shaped(obj, name, shape)

    def _shaped(self, obj: Any, name: str, shape: Shape) -> Any:
        where = self.where(name)
        if shape is Shape.LINK and self.getter(name) is None:
            return self.link(obj, self.spec(name), kind=name, where=where)
        found = self.value(obj, name)
        match shape:
            case Shape.TEXT:
                return self.line(values.text(found, where=where), name)
            case Shape.URL:
                return values.url(found, where=where, private=name in self.required)
            case Shape.IMAGE:
                return values.image(found, where=where)
            case Shape.FLAG:
                return None if found is None else bool(found)
            case Shape.COUNT:
                return values.count(found, where=where)
            case Shape.NAMES:
                return list(dict.fromkeys(self.line(one, name) for one in values.names(found, where=where)))
            case Shape.MAPPING:
                mapped = values.mapping(found, where=where)
                is_metadata = name == "metadata" and isinstance(mapped, Mapping)
                return metadata.usable(mapped, field=name) if is_metadata else mapped
            case Shape.MONEY:
                return self.money(obj, found, where=where)
            case Shape.LINK:
                return self.link_to(found, kind=name, where=where)
            case Shape.ITEMS:
                return lines_of(self, obj, found)
            case Shape.VARIANTS:
                return variants_of(self, obj, found)
            case Shape.GUEST | Shape.ON_CHANGE:
                return found

    def read(self, obj: Any, spec: Any, *, where: str) -> Any:
        """What ``spec`` says of ``obj``."""
        match spec:
            case None:
                return None
            case str():
                return walk(obj, spec, where=where)
            case Value():
                return spec.literal
            case IfPresent():
                return walk(obj, spec.path, where=where) if self.has(spec) else None
            case Money():
                currency = self.read(obj, spec.currency, where=where)
                return self.money(obj, self.read(obj, spec.amount, where=where), currency=currency, where=where)
            case Items() | Variants():
                return self.read(obj, spec.path, where=where)
            case Guest():
                return guests.parts_of(self, obj, spec, where=where)
            case OnChange():
                return self._read_status(obj, spec, where=where)
            case Mapping():
                return {key: self._part(obj, part, where, str(key)) for key, part in spec.items()}
        if callable(spec):
            return spec(obj)
        raise ConfigurationError(f"{where}: {type(spec).__name__} is neither a path, a callable nor a Value.")

    def _part(self, obj: Any, spec: Any, where: str, name: str) -> Any:
        """Return one part of a declaration of several; ``None`` if it cannot be read."""
        place = Where(where)
        place.attribute = f"{field_of(where)}.{name}"
        try:
            return read_apart(self._read_at, obj, spec, place)
        except Exception as error:
            leave_out(error, obj, where=place)
            return None

    def _read_at(self, obj: Any, spec: Any, where: str) -> Any:
        return self.read(obj, spec, where=where)

    def line(self, text: str | None, name: str) -> str | None:
        """Return the text of attribute ``name`` as Hellotext takes it; see ``texts.fitted``."""
        if text is None or name == "reference":
            return text
        if self.decode_entities and name not in texts.VERBATIM:
            text = texts.decoded(text)
        cut = None if self.kind == "profile" or name == self.natural_key == "code" else texts.LONGEST
        return texts.fitted(text, name=name, longest=cut)

    def has(self, spec: IfPresent) -> bool:
        """Whether the model has what an optional path begins with."""
        return not trace(concrete(self.model), spec.path.partition(".")[0]).missing

    def money(self, obj: Any, found: Any, *, where: str, currency: Any = None) -> ApiMoney | None:
        """``found`` as money; its currency is its own, else ``currency``, else the adapter's for ``obj``."""
        if values.is_empty(found):
            return None
        return to_money(found, currency=currency_code(currency) or self.currency_of(obj), where=where)

    def currency_of(self, obj: Any) -> str | None:
        """The currency of the amounts of ``obj``: the attribute ``currency``, else ``HELLOTEXT["CURRENCY"]``."""
        return currency_code(self.shaped(obj, "currency")) or hellotext_settings.CURRENCY

    def link(self, obj: Any, spec: Any, *, kind: str, where: str, of_line: bool = False) -> Any:
        """The link that ``spec`` leads to; a foreign key to a primary key is read from its column."""
        # request.user is a lazy object: its class, unlike its type, is the model.
        found = trace(concrete(obj.__class__), spec) if isinstance(spec, str) and isinstance(obj, Model) else None
        key = found.foreign_key if found else None
        if key is None:
            return self.link_to(self.read(obj, spec, where=where), kind=kind, where=where, of_line=of_line)
        prefix, _, _ = spec.rpartition(".")
        holder = walk(obj, prefix, where=where) if prefix else obj
        pk = getattr(holder, key.attname, None)
        model = key.remote_field.model
        return None if pk is None else Link(self._sellable(model) if of_line else kind, self.label_of(model), str(pk))

    def link_to(self, found: Any, *, kind: str, where: str, of_line: bool = False) -> Any:
        """``found``, an object of the host, as a link; ``None`` for one that is not saved.

        With ``of_line`` it is what a line sells: a product or a variant, or text, which stays as it is: the ID,
        reference or SKU of something that the host has no object for.
        """
        if found is None or isinstance(found, Link):
            return found
        if of_line and isinstance(found, str):
            return texts.readable(found, field=field_of(where)).strip() or None
        if not isinstance(found, Model):
            raise ConfigurationError(f"{where}: expected an object, not {type(found).__name__}.")
        if of_line:
            kind = self._sellable(found.__class__)
        return None if found.pk is None else Link(kind, self.label_of(found.__class__), str(found.pk))

    def label_of(self, model: type[Model]) -> str:
        """The label under which objects of ``model`` are mirrored."""
        adapter = self.registry.for_model(model) if self.registry else None
        return adapter.label if adapter else concrete(model)._meta.label_lower

    def _sellable(self, model: type[Model]) -> str:
        adapter = self.registry.for_model(model) if self.registry else None
        return adapter.kind if adapter is not None and adapter.kind == "product_variant" else "product"

    def _read_status(self, obj: Any, declared: OnChange, *, where: str) -> tuple[str, datetime.datetime | None] | None:
        found = self.read(obj, declared.field, where=where)
        if hasattr(found, "resolve_expression"):
            return None  # what the database works out is known once it is read again
        status = values.status_text(found)
        times = {values.status_text(key): spec for key, spec in declared.at.items()}
        at = f"{where}.at[{status!r}]"
        return status, values.moment(self.read(obj, times.get(status), where=at), where=at)

    def _without_consent(self, payload: dict[str, Any], *, kind: str) -> dict[str, Any]:
        if kind != "profile":
            return payload
        for key in payload:
            if key.partition("[")[0].lower() in CONSENT_KEYS:
                raise ConfigurationError(
                    f"{type(self).__name__}: the payload of a profile must not hold {key!r}. Consent is never "
                    "mirrored; it needs its own recorded evidence."
                )
        return payload
