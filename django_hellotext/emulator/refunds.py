"""Refunds of one order or one product; the total defaults to what is refunded."""

from __future__ import annotations

from typing import Any

from .money import as_text, two_places
from .refusals import ambiguous, nothing_given, unknown
from .store import Row
from .validation import Reader, key, mapping, read, reference
from .world import Answer, Call, World, deleted, find, page


def _spec(world: World) -> dict[str, Reader]:
    return {
        "metadata": mapping(),
        "order": key(),
        "product": key(),
        "profile": key(),
        "reference": reference(),
        "source": key(null=True),
        "total": world.money(),
    }


def view(world: World, row: Row) -> dict[str, Any]:
    """Return a refund as the API shows it."""
    return {
        "id": row["id"],
        "type": "refund",
        "created_at": row["created_at"],
        "metadata": row["metadata"],
        "profile": row["profile"],
        "reference": row["reference"],
        "refundable": _refundable(world, row["refundable"]),
        "source": row["source"],
        "total": as_text(row["total"], reporting=world.options.currency),
    }


def _refundable(world: World, pointer: dict[str, str] | None) -> dict[str, Any] | None:
    if pointer is None:
        return None
    target = world.store[pointer["kind"]].get(pointer["id"])
    if target is None:
        return {"id": pointer["id"], "type": pointer["kind"]}
    shown = {
        "id": target["id"],
        "type": pointer["kind"],
        "created_at": target["created_at"],
        "metadata": target["metadata"],
    }
    value = _value(pointer["kind"], target)
    if value is not None:
        shown.update(amount=two_places(value["amount"]), currency=value["currency"])
    return shown


def _value(kind: str, target: Row) -> dict[str, str] | None:
    found: dict[str, str] | None = target["total"] if kind == "order" else target["price"]
    return found


def _read(world: World, data: dict[str, Any]) -> dict[str, Any]:
    values = read(data, _spec(world))
    if not values:
        raise nothing_given()
    if "order" in values and "product" in values:
        raise ambiguous("product", "A refund is of an order or of a product.")
    if "profile" in values:
        profile = world.store["profile"].get(values["profile"])
        if profile is None or profile["deleted"]:
            raise unknown("profile")
    for kind in ("order", "product"):
        if kind in values:
            if world.store[kind].get(values[kind]) is None:
                raise unknown(kind)
            values["refundable"] = {"kind": kind, "id": values.pop(kind)}
    return values


def make(world: World, data: dict[str, Any]) -> Row:
    """Add a refund."""
    values = _read(world, data)
    total = values.get("total")
    pointer = values.get("refundable")
    if total is None and pointer is not None:
        total = _value(pointer["kind"], world.store[pointer["kind"]].rows[pointer["id"]])
    defaults: dict[str, Any] = dict.fromkeys(("profile", "reference", "source", "refundable"))
    values["total"] = total or {"amount": "0", "currency": world.options.currency}
    return world.store["refund"].put(world.new_row(**{**defaults, "metadata": {}, **values}))


def create(world: World, call: Call) -> Answer:
    """Answer create_refund."""
    return 201, view(world, make(world, call.data))


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_refund."""
    return 200, view(world, find(world.store["refund"], call.path["id"]))


def listing(world: World, call: Call) -> Answer:
    """Answer list_refunds."""
    return page(world, call, world.store["refund"], plural="refunds", view=lambda row: view(world, row))


def update(world: World, call: Call) -> Answer:
    """Answer update_refund."""
    row = find(world.store["refund"], call.path["id"])
    return 200, view(world, world.store["refund"].put({**row, **_read(world, call.data)}))


def delete(world: World, call: Call) -> Answer:
    """Answer delete_refund."""
    table = world.store["refund"]
    return deleted(table, find(table, call.path["id"]), type_="refund")
