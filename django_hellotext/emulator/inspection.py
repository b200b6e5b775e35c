"""What the emulator holds, for the page, for ``/_emulator`` and for tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import simplejson

from . import carts, catalogue, definitions, events, lists, orders, profiles, properties, refunds
from .core import Emulator
from .refusals import not_found
from .store import Row
from .world import World

LONGEST_TIMELINE = 500  # events
PLURALS = {
    "profile": "profiles",
    "property": "properties",
    "list": "lists",
    "coupon": "coupons",
    "action": "actions",
    "app": "apps",
    "form": "forms",
    "product": "products",
    "variant": "variants",
    "cart": "carts",
    "order": "orders",
    "refund": "refunds",
    "session": "sessions",
    "event": "events",
    "object": "objects",
}
_VIEWS: dict[str, Callable[[World, Row], dict[str, Any]]] = {
    "profile": profiles.view,
    "property": lambda world, row: properties.view(row),
    "list": lambda world, row: lists.view(row),
    "coupon": lambda world, row: definitions.view_coupon(row),
    "action": lambda world, row: definitions.view_action(row),
    "app": lambda world, row: definitions.view_app(row),
    "form": lambda world, row: definitions.view_form(row),
    "product": catalogue.view,
    "variant": catalogue.view_variant,
    "cart": carts.view,
    "order": orders.view,
    "refund": refunds.view,
    "event": events.view,
}


def show(world: World, kind: str, row: Row) -> dict[str, Any]:
    """Return a row as the API shows it; sessions and custom objects, which it does not show, as they are."""
    view = _VIEWS.get(kind)
    shown = {"type": kind, **row} if view is None else view(world, row)
    if row.get("deleted"):
        shown["deleted"] = True
    return shown


def log(emulator: Emulator, *, after: int, limit: int | None) -> dict[str, Any]:
    """Return requests after a number, oldest first, the counts by our UUID when everything is asked for."""
    with emulator.locked():
        requests = emulator.requests
        entries = requests.after(after, limit=limit)
        answer: dict[str, Any] = {
            "requests": [entry.payload() for entry in entries],
            "total": requests.total,
            "dropped": requests.dropped,
        }
        if after == 0 and limit is None:
            answer["by_uuid"] = emulator.counts_by_uuid()
        return answer


def state(emulator: Emulator) -> dict[str, Any]:
    """Return every object, by the plural of its kind, oldest first."""
    with emulator.locked():
        world = emulator.world
        return {
            PLURALS[kind]: [show(world, kind, row) for row in table.rows.values()]
            for kind, table in world.store.tables.items()
        }


def overview(emulator: Emulator) -> dict[str, Any]:
    """Return how many of everything there are, and what is going wrong on purpose."""
    with emulator.locked():
        return {
            "version": emulator.version,
            "generation": emulator.generation,
            "business_id": emulator.business_id,
            "reading": emulator.reading.name,
            "counts": {PLURALS[kind]: number for kind, number in emulator.world.store.counts().items()},
            "requests": emulator.requests.total,
            "accepted": emulator.requests.accepted,
            "faults": emulator.faults(),
            "token_revoked": emulator.token_revoked,
            "refusing": emulator.refusing(),
        }


def objects(emulator: Emulator, *, kind: str, text: str = "", limit: int, id_: str = "") -> dict[str, Any]:
    """Return the newest objects of a kind, perhaps only those that hold ``text``, or the one with this id."""
    with emulator.locked():
        world = emulator.world
        if kind not in world.store.tables:
            raise not_found("kind")
        table = world.store[kind]
        ids = (one for one in (id_,) if one in table.rows) if id_ else table.active.older()
        rows = (show(world, kind, table.rows[one]) for one in ids)
        needle = text.casefold()
        if needle:
            rows = (row for row in rows if needle in simplejson.dumps(row, ensure_ascii=False).casefold())
        found = list(islice(rows, limit))
        return {"kind": kind, "objects": found, "total": len(table), "names": _names(world, found)}


def timeline(emulator: Emulator, *, profile: str) -> dict[str, Any]:
    """Return one profile with its events, newest first, its sessions and its carts."""
    with emulator.locked():
        world = emulator.world
        row = world.store["profile"].get(profile)
        if row is None:
            raise not_found("profile")
        store = world.store
        # Within one second, the one that arrived last comes first.
        happened = sorted(store["event"].with_key("profile", profile), key=lambda event: event["tracked_at"])[::-1]
        shown = [events.view(world, event) for event in happened[:LONGEST_TIMELINE]]
        baskets = [carts.view(world, cart) for cart in store["cart"].with_key("profile", profile)]
        return {
            "profile": show(world, "profile", row),
            "events": shown,
            "sessions": [show(world, "session", session) for session in store["session"].with_key("profile", profile)],
            "carts": baskets,
            "names": _names(world, [*shown, *baskets]),
        }


def _names(world: World, shown: list[dict[str, Any]]) -> dict[str, str]:
    """Return what people call the objects that these objects point to, by id."""
    names: dict[str, str] = {}
    for entry in shown:
        pointers = [entry.get("profile"), entry.get("product"), (entry.get("trackable") or {}).get("id")]
        pointers += [(entry.get("refundable") or {}).get("id"), *(item["product"] for item in entry.get("items", ()))]
        for id_ in pointers:
            if isinstance(id_, str) and id_ not in names:
                names[id_] = _name(world, id_)
    return {id_: name for id_, name in names.items() if name}


def _name(world: World, id_: str) -> str:
    for table in world.store.tables.values():
        row = table.get(id_)
        if row is not None:
            person = " ".join(filter(None, (row.get("first_name"), row.get("last_name"))))
            contact = next((entry["value"] for entry in row.get("values", ()) if entry["kind"] == "email"), None)
            name = person or contact or row.get("name") or row.get("code") or row.get("reference")
            return name if isinstance(name, str) else ""
    return ""
