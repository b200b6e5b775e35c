"""Carts of a profile or a session; ``items`` replaces the contents, ``new_items`` adds to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import lines, sessions
from .refusals import ambiguous, missing, nothing_given
from .store import Row
from .validation import Reader, key, mapping, read, reference
from .world import Answer, Call, World, deleted, find, page

_ATTRIBUTES: dict[str, Reader] = {
    "metadata": mapping(),
    "profile": key(),
    "session": key(),
    "source": key(null=True),
}


def view(world: World, row: Row) -> dict[str, Any]:
    """Return a cart as the API shows it."""
    return {
        "id": row["id"],
        "type": "cart",
        "created_at": row["created_at"],
        "items": [lines.view(world, item, type_="cart_item") for item in row["items"]],
        "metadata": row["metadata"],
        "profile": row["profile"],
        "reference": row["reference"],
        "session": row["session"],
        "source": row["source"],
    }


def make(world: World, data: dict[str, Any], *, inline: bool = False) -> Row:
    """Add a cart; it needs a profile or a session."""
    values = world.read(data, {**_ATTRIBUTES, "reference": reference()}, required=sessions.required(data))
    if "profile" not in values and "session" not in values:
        raise missing("profile", message="A profile or a session is required.")
    profile, session = sessions.actor(world, values)
    items = lines.merged(lines.read_lines(world, data, inline=inline)) if "items" in data else []
    row = world.new_row(
        items=[lines.new_line(world, line) for line in items],
        metadata=values.get("metadata", {}),
        profile=profile,
        reference=values.get("reference"),
        session=session,
        source=values.get("source"),
    )
    return world.store["cart"].put(row)


def create(world: World, call: Call) -> Answer:
    """Answer create_cart."""
    return 201, view(world, make(world, call.data))


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_cart."""
    return 200, view(world, find(world.store["cart"], call.path["id"]))


def listing(world: World, call: Call) -> Answer:
    """Answer list_carts."""
    return page(world, call, world.store["cart"], plural="carts", view=lambda row: view(world, row))


def update(world: World, call: Call) -> Answer:
    """Answer update_cart."""
    row = find(world.store["cart"], call.path["id"])
    values = read(call.data, _ATTRIBUTES)
    replaces, adds = "items" in call.data, "new_items" in call.data
    if not values and not replaces and not adds:
        raise nothing_given()
    if replaces and adds:
        raise ambiguous("new_items", "Give items or new_items.")
    if "profile" in values or "session" in values:
        profile, session = sessions.actor(world, {**row, **values})
        values.update(profile=profile, session=session)
    changed = {**row, **values}
    if replaces:
        given = lines.merged(lines.read_lines(world, call.data))
        changed["items"] = set_lines([], given, world=world, count=lambda old, new: new)
    if adds:
        given = lines.merged(lines.read_lines(world, call.data, parameter="new_items"))
        changed["items"] = set_lines(row["items"], given, world=world, count=lambda old, new: old + new)
    return 200, view(world, world.store["cart"].put(changed))


def set_lines(items: list[Row], given: list[Row], *, world: World, count: Callable[[Any, Any], Any]) -> list[Row]:
    """Return ``items`` with the quantities of ``given`` worked in by ``count(old, new)``; zero takes a line out."""
    by_product = {item["product"]: item for item in items}
    for line in given:
        known = by_product.pop(line["product"], None)
        number = count(known["quantity"] if known else 0, line["quantity"])
        if number <= 0:
            continue
        kept = known or lines.new_line(world, {**line, "quantity": 1})
        by_product[line["product"]] = {**kept, "quantity": number, "price": line["price"]}
    order = {item["product"]: place for place, item in enumerate(items)}
    return sorted(by_product.values(), key=lambda item: order.get(item["product"], len(order)))


def delete(world: World, call: Call) -> Answer:
    """Answer delete_cart."""
    table = world.store["cart"]
    return deleted(table, find(table, call.path["id"]), type_="cart")
