"""One row to one call: the one room that knows both our rows and the API.

What is built here runs in a pool thread and touches no database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..actions import BUILT_IN
from ..adapters import Link, resolve
from ..adapters.money import round_to_minor_unit
from ..adapters.placeholders import PLACEHOLDERS
from ..api import HellotextClient
from ..api.types import LineItem
from ..exceptions import ApiError, NotFound
from ..models import LINES, Event, Kind, RemoteObject, Session
from .batch import Work
from .buyers import UTM
from .differences import (
    SENT,
    VARIANTS,
    correct_items,
    correct_variants,
    fingerprints,
    join_lists,
    leave_lists,
    left_lists,
    names_of,
    with_cleared,
    with_new_defaults,
)
from .event_links import items_of, object_of, prices_of
from .looking_first import find_first
from .mirrors import Unsent
from .prerequisites import NOTHING, StandIn
from .profiles import Contact, Found, look_up
from .reconcile import find_object
from .remote_ids import checked

MOST_KEPT = 1_000_000  # characters of an answer; MariaDB takes 16 MB in one statement


@dataclass(frozen=True)
class Sent:
    """What Hellotext answered. ``attached`` is for sessions: whether the profile was named at all.

    ``adopted``: the object was there before, and is to be brought into step. ``unfinished``: it was created, and what
    has to follow failed. ``removed``: it is there no more, or it is empty.
    ``opted_out`` is for subscriptions: the customer has opted out there, and nothing was changed. ``found`` is for a
    look-up: who has the contacts of a profile that is sent next.
    """

    remote_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    attached: bool = True
    adopted: bool = False
    unfinished: bool = False
    removed: bool = False
    opted_out: bool = False
    found: Mapping[Contact, Found] | None = None

    def __post_init__(self) -> None:
        checked(self.remote_id)


Call = Callable[[HellotextClient], Sent]


@dataclass(frozen=True)
class Operation:
    """How a kind is created, updated and deleted. ``fixed`` are arguments of create that update does not take.

    ``delete`` is missing for what is never deleted by us; ``clear`` is there for what can be emptied instead.
    """

    create: Callable[[HellotextClient, dict[str, Any]], Any]
    update: Callable[[HellotextClient, str, dict[str, Any]], Any]
    fixed: frozenset[str] = frozenset()
    delete: Callable[[HellotextClient, str], Any] | None = None
    clear: Callable[[HellotextClient, str], Any] | None = None


def _of(
    resource: str, *, fixed: Iterable[str] = (), deletes: bool = True, clear: Callable[..., Any] | None = None
) -> Operation:
    """The operations of the client's ``resource``, which has the same methods as the others."""
    return Operation(
        create=lambda client, values: getattr(client, resource).create(**values),
        update=lambda client, id, values: getattr(client, resource).update(id, **values),
        fixed=frozenset(fixed),
        delete=(lambda client, id: getattr(client, resource).delete(id)) if deletes else None,
        clear=clear,
    )


# Neither reference nor source may ever change (contract: ProductUpdate).
OPERATIONS: Mapping[str, Operation] = {
    # The only deletion that there is clears (contract: delete_profile).
    Kind.PROFILE: _of("profiles", clear=lambda client, id: client.profiles.delete(id)),
    Kind.PRODUCT: _of("products", fixed=("source", "reference", "variants")),
    # A variant does not move to another product (contract: update_product_variant).
    Kind.VARIANT: _of("variants", fixed=("product", "source", "reference")),
    Kind.COUPON: _of("coupons"),
    Kind.CART: _of("carts", fixed=("source", "reference"), clear=lambda client, id: client.carts.update(id, items=[])),
    # The items have endpoints of their own (contract: update_order is "not the items").
    Kind.ORDER: _of("orders", fixed=("source", "reference", "items")),
    Kind.REFUND: _of("refunds", fixed=("source", "reference")),
    Kind.FORM: _of("forms"),
    # Definitions are never deleted by us: others may use them.
    Kind.PROPERTY: _of("properties", fixed=("kind", "profile"), deletes=False),
    Kind.LIST: _of("lists", deletes=False),
    Kind.ACTION: _of("actions", deletes=False),
    Kind.APP: _of("apps"),
}


def lookup_call(contacts: Sequence[Contact]) -> Call:
    """Look up who has ``contacts``, before a profile is sent that may change somebody else's."""
    return lambda client: Sent(found=look_up(client, contacts))


def object_call(work: Work, ids: Mapping[Link, str]) -> Call:
    """Create the object, or update it once its remote ID is known. ``ids`` are the remote IDs of its links."""
    row, payload = work.row, dict(work.payload or {})
    if not isinstance(row, RemoteObject):
        raise TypeError(f"{type(row).__name__} is no object")
    owner = payload.get("profile")
    if owner is not None and owner not in ids:
        # A customer who is not mirrored, such as staff: a cart stays with its session, a refund with its order.
        del payload["profile"]
    if row.kind == Kind.CART and "profile" not in payload and row.session:
        payload["session"] = row.session
    values = values_of(payload, ids)
    remember: dict[str, Any] = {SENT: names_of(payload)}
    if work.lines:
        remember[LINES] = work.lines
    if "variants" in values:
        remember[VARIANTS] = fingerprints(values["variants"])
    before, removals, new_defaults = dict(row.data), dict(work.cleared), work.new_defaults
    kind, remote_id = row.kind, row.remote_id
    # A placeholder may have been made from another database of the shop.
    may_be_there = row.may_be_there or row.host_label == PLACEHOLDERS
    products = work.batch.remote_products
    listed = products.find(row, values) if products is not None and not (remote_id or may_be_there) else None

    def call(client: HellotextClient) -> Sent:
        if remote_id:
            changes = with_cleared(with_new_defaults(values, new_defaults), removals)
            data = _update(client, kind, remote_id, changes, before)
            return Sent(remote_id=remote_id, data={**_kept(data), **remember})
        found = find_first(client, kind, values, may_be_there=may_be_there) if listed is None else listed
        return Sent(remote_id=found, adopted=True) if found else _create(client, kind, values, remember)

    return call


def values_of(payload: Mapping[str, Any], ids: Mapping[Link, str]) -> dict[str, Any]:
    """``payload`` as arguments of the client. Raises ``KeyError`` for a link that is not among ``ids``."""
    sent = {name: value for name, value in payload.items() if not isinstance(value, Unsent)}
    values: dict[str, Any] = resolve(sent, ids)
    if "items" in values:
        values["items"] = [LineItem(**item) for item in values["items"]]
    return values


def _create(client: HellotextClient, kind: str, values: dict[str, Any], remember: Mapping[str, Any]) -> Sent:
    """Create the object. What has to follow its creation and fails leaves it unfinished: an update ends it."""
    lists = values.pop("lists", []) if kind == Kind.PROFILE else []
    answer = OPERATIONS[kind].create(client, values)
    remote_id, data = checked(answer.id), _kept(answer.raw)
    try:
        # One by one: Hellotext may have matched somebody whom others have put on lists of theirs.
        join_lists(client, remote_id, lists)
    except ApiError:
        names = [name for name in remember[SENT] if not name.startswith("lists[")]
        return Sent(remote_id=remote_id, data={**data, **remember, SENT: names}, unfinished=True)
    return Sent(remote_id=remote_id, data={**data, **remember})


def _update(
    client: HellotextClient, kind: str, remote_id: str, values: dict[str, Any], before: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Bring what is there into step with ``values``; answers the last that is known of it."""
    operation = OPERATIONS[kind]
    changes = {name: value for name, value in values.items() if name not in operation.fixed}
    if kind == Kind.PROFILE:
        return _update_profile(client, remote_id, changes, before)
    answer = operation.update(client, remote_id, changes)
    if kind == Kind.ORDER and "items" in values:
        if correct_items(client, remote_id, answer.items, values["items"]):
            answer = client.orders.retrieve(remote_id)
    elif kind == Kind.PRODUCT and "variants" in values:
        known = before.get(VARIANTS, {})
        if correct_variants(client, remote_id, answer.variants, values["variants"], known):
            answer = client.products.retrieve(remote_id)
    raw: Mapping[str, Any] = answer.raw
    return raw


def _update_profile(
    client: HellotextClient, remote_id: str, changes: dict[str, Any], before: Mapping[str, Any]
) -> Mapping[str, Any]:
    lists, sent = changes.pop("lists", None), before.get(SENT, [])
    raw: Mapping[str, Any] = client.profiles.update(remote_id, **changes).raw if changes else {"id": remote_id}
    if lists is not None:
        join_lists(client, remote_id, [name for name in lists if f"lists[{name}]" not in sent])
        leave_lists(client, remote_id, left_lists(sent, lists))
    return raw


def removal_call(row: RemoteObject, *, how: str) -> Call:
    """Delete the object, or with ``how`` "clear" empty it. What is not there any more is done (404)."""
    operation, remote_id = OPERATIONS[row.kind], row.remote_id
    remove = operation.clear if how == "clear" and operation.clear else operation.delete
    if remove is None:
        raise ValueError(f"A {row.kind} is never deleted.")
    # A cart that is empty is still the same cart.
    stays = how == "clear" and row.kind != Kind.PROFILE

    def call(client: HellotextClient) -> Sent:
        try:
            remove(client, remote_id)
        except NotFound:
            return Sent(removed=True)
        return Sent(remote_id=remote_id if stays else "", removed=True)

    return call


def session_call(row: Session, profile_id: str) -> Call:
    """Attach the session.

    Only null says that it was not attached; the value itself means nothing (contract: Doubts).
    """
    session = row.session

    def call(client: HellotextClient) -> Sent:
        answer = client.sessions.attach(session, profile=profile_id)
        return Sent(attached=answer.attached)

    return call


def event_call(values: Mapping[str, Any]) -> Call:
    """Track the event of which ``event_values`` are known."""

    def call(client: HellotextClient) -> Sent:
        client.events.track(**values)
        return Sent()

    return call


def event_values(
    event: Event,
    ids: Mapping[Link, Any],
    *,
    profile_id: Any,
    session: str,
    reference: str,
    utm: Mapping[str, str],
    stand_in: StandIn = NOTHING,
) -> dict[str, Any]:
    """What is sent of the event. ``profile_id`` and ``session`` are empty where they are not to be sent.

    ``utm`` is the campaign that the buyer of the event's object came by; metadata of the shop's own wins.
    """
    metadata = {UTM: dict(utm), **event.metadata} if utm else event.metadata
    values: dict[str, Any] = {"action": event.action, "tracked_at": event.tracked_at, "metadata": metadata}
    if profile_id:
        values["profile"] = profile_id
    if session:
        values["session"] = session
    if event.amount is not None:
        values["amount"] = round_to_minor_unit(event.amount, currency=event.currency)
        values["currency"] = event.currency
    if event.url:
        values["url"] = event.url
    values.update(_object_of(event, ids, reference, stand_in))
    return values


def _object_of(event: Event, ids: Mapping[Link, Any], reference: str, stand_in: StandIn) -> dict[str, Any]:
    if not event.object_label:
        return {}
    items = items_of(event)
    if items:
        prices = prices_of(event)
        lines = [
            {"product": ids[stand_in.product or product], "quantity": _number(quantity), **prices.get(place, {})}
            for place, (product, quantity) in enumerate(items)
            if stand_in.product is not None or product in ids
        ]
        known = stand_in.parameters or {"reference": reference, "source": event.source}
        return {"object_parameters": {**known, "items": lines[:1] if stand_in.product is not None else lines}}
    named: dict[str, Any]
    if stand_in.parameters is not None:
        named = {"object_parameters": resolve(stand_in.parameters, ids)}
    else:
        named = {"object": ids[stand_in.object or object_of(event)]}
    if event.action not in BUILT_IN:
        # A variant stands where a product does.
        kind = Kind.PRODUCT.value if event.object_kind == Kind.VARIANT else event.object_kind
        named["object_type"] = event.object_type or kind
    return named


def _number(quantity: str) -> int:
    """Return ``quantity`` as Hellotext takes it: 1 for a part of something."""
    value = Decimal(quantity)
    return int(value) if value == value.to_integral_value() else 1


def _kept(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of an answer: all of it, or nothing when it is too large to be stored with each write."""
    plain: dict[str, Any] = _plain(answer)
    return plain if len(json.dumps(plain)) <= MOST_KEPT else {}


def _plain(value: Any) -> Any:
    """Remote JSON as a JSON column takes it: decimals as text, so that no digit is lost."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def adoption_call(kind: str, values: dict[str, Any], error: ApiError) -> Call:
    """Find the object that has what was refused as a duplicate; raise ``error`` if there is none."""

    def call(client: HellotextClient) -> Sent:
        remote_id = find_object(client, kind, values)
        if not remote_id:
            raise error
        return Sent(remote_id=remote_id, adopted=True)

    return call
