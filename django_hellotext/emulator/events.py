"""Tracking: one event a request, accepted for processing; and the stored events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import event_objects, sessions
from .definitions import BUILT_IN_ACTIONS
from .money import two_places
from .refusals import missing, not_found, nothing_given, unknown
from .store import Row
from .validation import Reader, amount, currency, key, mapping, moment, read, text, texts
from .world import Answer, Call, World, page

RECEIVED: dict[str, Any] = {"status": "received"}
_COMMON: dict[str, Reader] = {
    "action": key(),
    "amount": amount(),
    "currency": currency(),
    "metadata": mapping(),
    "profile": key(),
    "session": key(),
    "tracked_at": moment(),
    "url": text(longest=8_192),
}
_ALSO_REQUIRED = {"app.spent": ("amount", "currency"), "page.viewed": ("url",)}
_TYPES = {"variant": "product_variant"}
_BUILT_IN_IDS = {name: f"Act{place:05d}" for place, name in enumerate(BUILT_IN_ACTIONS, start=1)}


def view(world: World, row: Row) -> dict[str, Any]:
    """Return a stored event as the API shows it."""
    shown_amount = None if row["amount"] is None else Decimal(row["amount"])
    return {
        "id": row["id"],
        "type": "event",
        "action": _action(world, row["action"]),
        "amount": shown_amount,
        "converted_amount": None if shown_amount is None else two_places(shown_amount),
        "converted_amount_currency": None if shown_amount is None else world.options.currency,
        "created_at": row["created_at"],
        "currency": row["currency"],
        "metadata": row["metadata"],
        "profile": row["profile"],
        "session": row["session"],
        "trackable": _trackable(world, row),
        "tracked_at": str(row["tracked_at"]),
        "url": row["url"],
    }


def _action(world: World, name: str) -> dict[str, str]:
    if name in BUILT_IN_ACTIONS:
        return {"id": _BUILT_IN_IDS[name], "name": name, "title": BUILT_IN_ACTIONS[name]}
    row = world.store["action"].first("name", name)
    return {"name": name} if row is None else {"id": row["id"], "name": name, "title": row["title"]}


def _trackable(world: World, event: Row) -> dict[str, Any] | None:
    pointer: dict[str, str] | None = event["object"]
    if pointer is None:
        return None
    row = world.store[pointer["kind"]].get(pointer["id"])
    shown: dict[str, Any] = {"id": pointer["id"], "type": _TYPES.get(pointer["kind"], pointer["kind"])}
    if row is None:
        return shown
    if pointer["kind"] == "object":
        shown["type"] = row["object_type"]
    value = row.get("total") or row.get("price")
    if value is not None:
        shown.update(amount=Decimal(value["amount"]), currency=value["currency"])
    if "products" in event:
        shown["product_ids"] = event["products"]
    elif "items" in row:
        shown["product_ids"] = [item["product"] for item in row["items"]]
    return shown


def track(world: World, call: Call) -> Answer:
    """Answer track_event: what is refused is said at once, what is accepted shows in listings later."""
    record(world, call.data)
    return 200, RECEIVED


def record(world: World, data: dict[str, Any]) -> Row | None:
    """Check an event and keep it; None when an identified profile's order event is there already."""
    named = data.get("action")
    also = _ALSO_REQUIRED.get(named, ()) if isinstance(named, str) else ()
    values = world.read(data, _COMMON, required=("action", *also, *sessions.required(data)))
    action = values["action"]
    if "profile" not in values and "session" not in values:
        raise missing("profile", message="A profile or a session is required.")
    if "currency" in values and "amount" not in values:
        raise missing("amount", message="A currency needs an amount.")
    if action not in BUILT_IN_ACTIONS and world.store["action"].first("name", action) is None:
        raise not_found("action")
    actor = sessions.actor(world, values, status=404)
    sessions.attach_by_tracking(world, actor)
    pointer = event_objects.resolve(world, action, data, actor=actor)
    if _kept_already(world, action, actor=actor, pointer=pointer):
        world.note = "not stored again: one event per order and action of an identified profile"
        return None
    given_amount, given_currency = _money(world, values, pointer)
    row = world.new_row(
        action=action,
        amount=given_amount,
        currency=given_currency,
        metadata=values.get("metadata", {}),
        profile=actor[0],
        session=actor[1],
        object=pointer,
        tracked_at=values.get("tracked_at", world.now()),
        url=values.get("url"),
        visible_at=world.clock() + world.options.delay_events,
    )
    if actor[0] is not None:
        world.store["profile"].touch(actor[0])
    return world.store["event"].put(row)


def _kept_already(
    world: World, action: str, *, actor: event_objects.Actor, pointer: event_objects.Pointer | None
) -> bool:
    if actor[0] is None or pointer is None or not action.startswith("order.") or action not in BUILT_IN_ACTIONS:
        return False
    return any(row["profile"] is not None for row in world.store["event"].with_key("object", pointer["id"], action))


def _money(
    world: World, values: dict[str, Any], pointer: event_objects.Pointer | None
) -> tuple[str | None, str | None]:
    if "amount" in values:
        return values["amount"], values.get("currency", world.options.currency)
    row = None if pointer is None else world.store[pointer["kind"]].get(pointer["id"])
    value = None if row is None else row.get("total") or row.get("price")
    return (None, None) if value is None else (value["amount"], value["currency"])


def _visible(world: World, row: Row) -> bool:
    return bool(row["visible_at"] <= world.clock())


def _find(world: World, call: Call) -> Row:
    row = world.store["event"].get(call.path["id"])
    if row is None or not _visible(world, row):
        raise not_found()
    return row


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_event."""
    return 200, view(world, _find(world, call))


def listing(world: World, call: Call) -> Answer:
    """Answer list_events; those still being processed do not show."""
    table = world.store["event"]
    return page(
        world,
        call,
        table,
        plural="events",
        view=lambda row: view(world, row),
        keep=lambda row: _visible(world, row),
    )


def update(world: World, call: Call) -> Answer:
    """Answer update_event, with ``profile_id`` and ``session_id`` in the answer as in the reference."""
    row = _find(world, call)
    spec = {**_COMMON, "products": texts(), **{name: key() for name in ("app", "form", "order", "product", "refund")}}
    values = read(call.data, spec)
    if not values:
        raise nothing_given()
    if "currency" in values and "amount" not in values and row["amount"] is None:
        raise missing("amount", message="A currency needs an amount.")
    action = values.get("action")
    if action is not None and action not in BUILT_IN_ACTIONS and not world.store["action"].taken("name", action):
        raise unknown("action")
    if "profile" in values or "session" in values:
        merged = {"profile": row["profile"], "session": row["session"], **values}
        values["profile"], values["session"] = sessions.actor(world, merged)
    for kind in ("app", "form", "order", "product", "refund"):
        if kind in values:
            found = world.store[kind].get(values[kind])
            if found is None:
                raise unknown(kind)
            values["object"] = {"kind": kind, "id": values.pop(kind)}
    for product in values.get("products", ()):
        if world.store["product"].get(product) is None:
            raise unknown("products")
    if "amount" in values and row["currency"] is None:
        values.setdefault("currency", world.options.currency)
    shown = view(world, world.store["event"].put({**row, **values}))
    shown["profile_id"], shown["session_id"] = shown.pop("profile"), shown.pop("session")
    return 200, shown


def delete(world: World, call: Call) -> Answer:
    """Answer delete_event."""
    row = _find(world, call)
    world.store["event"].remove(row["id"])
    return 200, {"id": row["id"], "type": "event", "deleted": True}
