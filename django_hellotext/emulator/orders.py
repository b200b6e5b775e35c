"""Orders and their lines; the total always follows from the lines. An order holds no customer."""

from __future__ import annotations

from typing import Any

from . import lines
from .money import as_total
from .refusals import not_found, nothing_given, unknown
from .store import Row
from .validation import Reader, choice, key, mapping, read, reference
from .world import Answer, Call, World, deleted, find, page

_ATTRIBUTES: dict[str, Reader] = {
    "delivery": choice("collect", "deliver"),
    "metadata": mapping(),
    "name": key(),
    "payment_method": key(),
    "reference": reference(),
    "sales_channel": key(),
    "source": key(null=True),
}


def view(world: World, row: Row) -> dict[str, Any]:
    """Return an order as the API shows it."""
    return {
        "id": row["id"],
        "type": "order",
        "created_at": row["created_at"],
        "delivery": row["delivery"],
        "items": [lines.view(world, item, type_="order_item") for item in row["items"]],
        "metadata": row["metadata"],
        "name": row["name"],
        "payment_method": row["payment_method"],
        "reference": row["reference"],
        "sales_channel": row["sales_channel"],
        "source": row["source"],
        "total": as_total(row["total"], reporting=world.options.currency),
    }


def make(world: World, data: dict[str, Any], *, inline: bool = False) -> Row:
    """Add an order. The help site wants ``delivery``; the reference leaves it out, ``inline`` in an event, too."""
    needed = world.reading.inline_delivery if inline else world.reading.order_delivery
    values = world.read(data, _ATTRIBUTES, required=("delivery",) if needed else ())
    given = lines.read_lines(world, data, inline=inline) if "items" in data else []
    lines.currencies_of(given)
    if world.reading.merged_lines:
        given = lines.merged(given)
    items = [lines.new_line(world, line) for line in given]
    defaults: dict[str, Any] = dict.fromkeys(
        ("delivery", "name", "payment_method", "reference", "sales_channel", "source")
    )
    row = world.new_row(**{**defaults, "metadata": {}, **values}, items=items, total=lines.total_of(world, items))
    return world.store["order"].put(row)


def create(world: World, call: Call) -> Answer:
    """Answer create_order; a ``total`` that was sent has no effect."""
    return 201, view(world, make(world, call.data))


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_order."""
    return 200, view(world, find(world.store["order"], call.path["id"]))


def listing(world: World, call: Call) -> Answer:
    """Answer list_orders."""
    return page(world, call, world.store["order"], plural="orders", view=lambda row: view(world, row))


def update(world: World, call: Call) -> Answer:
    """Answer update_order; the lines stay as they are."""
    row = find(world.store["order"], call.path["id"])
    values = read(call.data, _ATTRIBUTES)
    if not values:
        raise nothing_given()
    return 200, view(world, world.store["order"].put({**row, **values}))


def delete(world: World, call: Call) -> Answer:
    """Answer delete_order."""
    table = world.store["order"]
    return deleted(table, find(table, call.path["id"]), type_="order")


def create_item(world: World, call: Call) -> Answer:
    """Answer create_order_item; the line of a product that the order has already is not kept apart."""
    order = find(world.store["order"], call.path["order"], parameter="order")
    item = lines.new_line(world, lines.read_line(world, call.data))
    known = next((line for line in order["items"] if line["product"] == item["product"]), None)
    lines.currencies_of([*order["items"], item])
    if known is not None and world.reading.merged_lines:
        item = {**known, "quantity": known["quantity"] + item["quantity"], "price": item["price"]}
        _put_items(world, order, _with(order["items"], item))
    else:
        _put_items(world, order, [*order["items"], item])
    return 201, _view_item(world, order, item)


def update_item(world: World, call: Call) -> Answer:
    """Answer update_order_item."""
    order, item = _find_item(world, call)
    spec = {"price": world.money(), "quantity": world.quantity()}
    values = read(call.data, spec)
    if not values:
        raise nothing_given()
    if world.reading.deleted_refused and not lines.is_sold(world, item):
        raise unknown("product")
    changed = {**item, **values}
    _put_items(world, order, _with(order["items"], changed))
    return 200, _view_item(world, order, changed)


def delete_item(world: World, call: Call) -> Answer:
    """Answer delete_order_item."""
    order, item = _find_item(world, call)
    _put_items(world, order, [line for line in order["items"] if line["id"] != item["id"]])
    return 200, {"id": item["id"], "type": "order_item", "deleted": True}


def _find_item(world: World, call: Call) -> tuple[Row, Row]:
    order = find(world.store["order"], call.path["order"], parameter="order")
    for item in order["items"]:
        if item["id"] == call.path["id"]:
            return order, item
    raise not_found()


def _with(items: list[Row], changed: Row) -> list[Row]:
    return [changed if line["id"] == changed["id"] else line for line in items]


def _put_items(world: World, order: Row, items: list[Row]) -> None:
    world.store["order"].put({**order, "items": items, "total": lines.total_of(world, items)})


def _view_item(world: World, order: Row, item: Row) -> dict[str, Any]:
    return {**lines.view(world, item, type_="order_item"), "order": order["id"]}
