"""What a row refers to and cannot have: it goes without it, or with what stands in for it.

An object cannot be sent once it has failed, was skipped, or was deleted without ever having been at Hellotext; never
while it waits. What is sent without it is noted (``MissingObject``), and corrected when the object can be sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import models

from ..adapters import Adapter, Link, links, registry
from ..adapters.placeholders import GENERIC, fallback_for
from ..adapters.unknown_customer import unknown_customer
from ..adjustments import AdjustmentKind, adjust, collecting
from ..intake.subjects import SALES
from ..models import PAYLOAD_VERSION, Event, Kind, RemoteObject, SkipReason, State
from ..models.deliverable import KILLED_WORKER
from ..savepoints import HostCode, raise_if_lost
from .event_links import items_of, object_of, profile_of
from .mirrors import hosts_of
from .placeholders import in_place_of
from .rejected import leave_out_known

if TYPE_CHECKING:
    from .batch import Batch, Work

logger = logging.getLogger("django_hellotext.delivery")

# The errors of an object that nothing tells apart from others: an event about it would reach the wrong one.
WITHOUT_IDENTITY = frozenset(
    {"reference_empty", "reference_shared", "reference_changed", "source_changed", "object_shared", "unregistered"}
)
# The shop does not want what was skipped for another reason at Hellotext.
UNKNOWN_OWNER = frozenset({State.FAILED, State.DELETED})


@dataclass(frozen=True)
class StandIn:
    """What an event is sent with in place of what cannot be sent.

    ``customer``: the profile. ``object``: another object. ``parameters``: by what Hellotext finds or makes the object.
    ``product``: for the items of a cart, none of which can be sent.
    """

    customer: Link | None = None
    object: Link | None = None
    parameters: Mapping[str, Any] | None = None
    product: Link | None = None


NOTHING = StandIn()


def cannot_be_sent(mirror: RemoteObject | None) -> bool:
    """Return whether ``mirror`` is not at Hellotext and will not be unless somebody acts."""
    return (
        mirror is not None
        and not mirror.remote_id
        and mirror.state in (State.FAILED, State.SKIPPED, State.DELETED)
        and not mirror.is_erased
    )


def settle_missing(batch: Batch, events: Sequence[Event]) -> None:
    """Let the rows of ``batch`` go without what cannot be sent; what stands in for it is taken in hand, too."""
    looked_at: set[Work] = set()
    while True:
        wanted: set[Link] = set()
        for work in batch.object_works():
            if work not in looked_at:
                work.rejected_products = leave_out_known(work)
                looked_at.add(work)
            wanted |= _settle_object(work, batch)
        wanted |= _settle_events(batch, events)
        if not wanted - batch.mirrors.keys():
            break
        batch.follow(wanted)
    batch.missing = {link for link, mirror in batch.mirrors.items() if cannot_be_sent(mirror)}


# Objects


def _settle_object(work: Work, batch: Batch) -> set[Link]:
    row, payload = work.row, work.payload
    if not isinstance(row, RemoteObject) or payload is None or work.fault or work.skip or work.removal:
        return set()
    lost = {link for link in links(payload) if cannot_be_sent(batch.mirrors.get(link))}
    lost |= work.rejected_products & set(links(payload))
    if not lost:
        return set()
    with collecting(work.adjustments):
        work.payload = {**payload, **_replaced(work, row, payload, lost, batch)}
        for name in [name for name, value in work.payload.items() if value is None]:
            del work.payload[name]
    return set(links(work.payload))


def _replaced(
    work: Work, row: RemoteObject, payload: Mapping[str, Any], lost: set[Link], batch: Batch
) -> dict[str, Any]:
    """Return the values of ``payload`` that name something of ``lost``, changed; ``None`` for one that goes."""
    changed: dict[str, Any] = {}
    for name, value in payload.items():
        if name == "items":
            products = {line["product"] for line in value if line["product"] in lost}
            if products:
                changed[name] = with_products(value, _in_place_of_products(row, products, batch))
                work.missing |= products - work.rejected_products
        elif not isinstance(value, Link) or value not in lost:
            continue
        elif name == "profile":
            if batch.mirrors[value].state != State.FAILED:
                continue  # the shop does not want this customer there, or has them no more
            _tell("profile", value)
            needs_owner = row.kind == Kind.CART and not row.session and not row.remote_id
            changed[name] = unknown_customer(value) if needs_owner else None
            work.missing.add(value)
    return changed


def with_products(lines: Sequence[Mapping[str, Any]], by: Mapping[Link, Link | None]) -> list[dict[str, Any]]:
    """Return ``lines`` with the products of ``by`` replaced, and without those replaced by ``None``.

    A product stands on one line only: lines of the same one become one, at the sum of their amounts.
    """
    found: dict[Any, dict[str, Any]] = {}
    for line in lines:
        product = by.get(line["product"], line["product"])
        if product is None:
            continue
        same = found.get(product)
        found[product] = {**line, "product": product} if same is None else _sum(same, line)
    return list(found.values())


def _sum(line: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    quantity, price, more = line["quantity"] + other["quantity"], line.get("price"), other.get("price")
    if price is None or more is None or price == more:
        return {**line, "quantity": quantity, "price": price or more}
    amount = price.amount * line["quantity"] + more.amount * other["quantity"]
    return {**line, "quantity": 1, "price": replace(price, amount=amount)}


def _in_place_of_products(row: RemoteObject, products: Iterable[Link], batch: Batch) -> dict[Link, Link | None]:
    """Return what stands for each of ``products`` on a line; ``None`` if the line is left out."""
    if row.kind == Kind.CART:
        for product in products:
            _tell("items.product", product)
        return dict.fromkeys(products)
    placeholders = {product: fallback_for(product) for product in products}
    other = in_place_of(placeholders.values(), account=batch.account, using=batch.using)
    return {product: _stand_in(product, other.get(one, one), batch) for product, one in placeholders.items()}


def _stand_in(product: Link, placeholder: Link, batch: Batch) -> Link | None:
    for stand_in in (placeholder, GENERIC):
        if stand_in != product and not cannot_be_sent(batch.mirrors.get(stand_in)):
            reason = f"{_named(product)} could not be sent; the placeholder {stand_in.title!r} stands for it"
            adjust("items.product", AdjustmentKind.PLACEHOLDER, reason)
            return stand_in
    _tell("items.product", product)
    return None


# Events


def _settle_events(batch: Batch, events: Sequence[Event]) -> set[Link]:
    found: dict[int, StandIn] = {}
    lost: list[Event] = []
    for event in events:
        if event.payload_version > PAYLOAD_VERSION or event.is_subscription:
            continue
        if event.pk in batch.event_faults or event.pk in batch.refused or _is_unwanted(event, batch):
            continue
        known = batch.stand_ins.get(event.pk, NOTHING)
        found[event.pk] = StandIn(
            customer=_customer(event, batch),
            object=known.object,
            parameters=known.parameters,
            product=_item(event, batch),
        )
        if _lacks_object(event, batch) and known.parameters is None and known.object is None:
            lost.append(event)
    hosts = hosts_of({object_of(event) for event in lost}, using=batch.using) if lost else {}
    made: list[int] = []
    for event in lost:
        host, mirror = hosts.get(object_of(event)), batch.mirrors[object_of(event)]
        if mirror.error_type == KILLED_WORKER:
            host = None  # it is not read once more
        other, parameters = _object(event, host, mirror, batch)
        found[event.pk] = replace(found[event.pk], object=other, parameters=parameters)
        if parameters is not None and not mirror.may_be_there:
            mirror.may_be_there = True
            made.append(mirror.pk)
    if made:
        # Before the events are sent, so that no end of a worker hides it.
        RemoteObject.objects.using(batch.using).filter(pk__in=made).update(may_be_there=True)
    batch.stand_ins.update({pk: one for pk, one in found.items() if one != NOTHING})
    return {link for one in found.values() for link in _links_of(one)}


def _links_of(stand_in: StandIn) -> list[Link]:
    named = [stand_in.customer, stand_in.object, stand_in.product]
    return [*(link for link in named if link is not None), *links(stand_in.parameters or {})]


def _is_unwanted(event: Event, batch: Batch) -> bool:
    """Return whether the event is not sent, because the shop does not want its object or its customer there."""
    target = batch.mirrors.get(object_of(event))
    owner = batch.mirrors.get(profile_of(event))
    if batch.is_skipped(object_of(event)) or (target is not None and _is_left_out(target)):
        return True
    return owner is not None and (owner.is_erased or (_is_refused(owner) and not event.session))


def _is_left_out(mirror: RemoteObject) -> bool:
    return not mirror.remote_id and mirror.state == State.SKIPPED


def _is_refused(owner: RemoteObject) -> bool:
    return _is_left_out(owner) and owner.skip_reason != SkipReason.ANONYMOUS


def _customer(event: Event, batch: Batch) -> Link | None:
    """Return the profile in place of the event's own, if it has neither that nor a session."""
    if event.session:
        return None
    owner, mirror = profile_of(event), batch.mirrors.get(profile_of(event))
    if owner.label:
        return unknown_customer(owner) if cannot_be_sent(mirror) else None
    return unknown_customer(object_of(event)) if event.object_kind in SALES else None


def _item(event: Event, batch: Batch) -> Link | None:
    """Return what stands for the items of a cart event if none of them can be sent."""
    items = [product for product, _ in items_of(event)]
    mirrors = [batch.mirrors.get(product) for product in items]
    if not items or not all(cannot_be_sent(mirror) for mirror in mirrors):
        return None
    is_wanted = any(mirror is not None and mirror.state != State.SKIPPED for mirror in mirrors)
    return GENERIC if is_wanted else None


def _lacks_object(event: Event, batch: Batch) -> bool:
    mirror = batch.mirrors.get(object_of(event))
    if mirror is None or not cannot_be_sent(mirror) or mirror.state == State.SKIPPED:
        return False
    # An abandoned cart has to be there (contract: its ID is required).
    return mirror.error_type not in WITHOUT_IDENTITY and event.action != "cart.abandoned"


def _object(
    event: Event, host: models.Model | None, mirror: RemoteObject, batch: Batch
) -> tuple[Link | None, dict[str, Any] | None]:
    """Return the object in place of the event's own, or by what Hellotext finds or makes it."""
    adapter = registry.for_label(event.object_label)
    if adapter is None or adapter.kind != event.object_kind:
        return None, None
    read = _Reader(adapter, host, using=batch.using)
    if adapter.kind == Kind.VARIANT:
        parent = read.value("product")
        return (parent, None) if isinstance(parent, Link) else (None, None)
    parameters: dict[str, Any] = {}
    if adapter.sends_reference:
        parameters["reference"] = mirror.reference or read.value("reference")
        if adapter.sends_source:
            parameters["source"] = event.source
    for name in {adapter.natural_key, *adapter.required} - {"reference"}:
        parameters[name] = read.value(name) or _FALLBACKS.get(name) or parameters.get("reference", mirror.reference)
    if adapter.kind == Kind.ORDER and not mirror.error_parameter.startswith("items"):
        items = with_products(read.value("items") or [], {})
        lost = {line["product"] for line in items if cannot_be_sent(batch.mirrors.get(line["product"]))}
        parameters["items"] = with_products(items, dict.fromkeys(lost))
    if adapter.kind == Kind.REFUND:
        parameters["total"] = read.value("total")
    parameters = {name: value for name, value in parameters.items() if value not in (None, "", [])}
    return None, parameters if parameters.get(adapter.natural_key) else None


_FALLBACKS: Mapping[str, Any] = {"delivery": "deliver"}


class _Reader:
    """Reads single attributes of an object that as a whole cannot be sent."""

    def __init__(self, adapter: Adapter, host: models.Model | None, *, using: str) -> None:
        self.adapter, self.host, self.using = adapter, host, using

    def value(self, name: str) -> Any:
        """Return what the adapter says; ``None`` where it fails, or the object is gone."""
        if self.host is None:
            return None
        try:
            with HostCode(self.using):
                if name == "reference":
                    return self.adapter.reference_of(self.host)
                return self.adapter.shaped(self.host, name)
        except Exception as error:
            raise_if_lost(error, self.using)
            names = {"adapter": type(self.adapter).__name__, "error": type(error).__name__}
            logger.warning("adapter.failed", extra=names)
            return None


# What is told of an event on its row, and what it needs first


def needs_of(event: Event, batch: Batch) -> list[Link]:
    """Return what must be at Hellotext before ``event``, or has to be known to stay away."""
    if event.payload_version > PAYLOAD_VERSION:
        return []  # this worker cannot read it
    stand_in = batch.stand_ins.get(event.pk, NOTHING)
    owner = stand_in.customer or profile_of(event)
    if owner in batch.missing and event.session and not _is_refused(batch.mirrors[owner]):
        owner = Link("", "", "")
    target = [stand_in.object or object_of(event)] if stand_in.parameters is None else links(stand_in.parameters)
    items = [product for product, _ in items_of(event)]
    if stand_in.product is not None:
        items = [stand_in.product]
    elif any(product not in batch.missing for product in items):
        items = [product for product in items if product not in batch.missing]
    return [link for link in (owner, *target, *items) if link.label]


def tell_missing(event: Event, batch: Batch) -> None:
    """Record what ``event`` is sent without as adjustments."""
    stand_in, owner = batch.stand_ins.get(event.pk, NOTHING), profile_of(event)
    if owner in batch.missing and batch.mirrors[owner].state in UNKNOWN_OWNER:
        _tell("profile", owner)
    elif stand_in.customer is not None:
        reason = "nobody is known who did this; a profile without contacts stands for them"
        adjust("profile", AdjustmentKind.PREREQUISITE_MISSING, reason)
    if stand_in.object is not None or stand_in.parameters is not None:
        _tell("object", object_of(event))
    for product, _ in items_of(event):
        if product in batch.missing:
            _tell("items.product", product)


def _tell(field: str, link: Link) -> None:
    adjust(field, AdjustmentKind.PREREQUISITE_MISSING, f"{_named(link)} could not be sent")


def _named(link: Link) -> str:
    return f"The {link.kind} {link.label} {link.pk}"


def identities(batch: Batch, missing: Iterable[Link]) -> list[str]:
    """Return the identities of the mirrors of ``missing``."""
    return [batch.mirrors[link].identity for link in missing if link in batch.mirrors]
