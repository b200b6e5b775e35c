"""Lines of carts and orders: read from a body, priced from the product, added up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import catalogue
from .money import as_text
from .refusals import empty, invalid, missing, unknown
from .store import Row
from .validation import key, objects, plain, read
from .world import World


def read_lines(
    world: World, data: dict[str, Any], *, parameter: str = "items", zero: bool = False, inline: bool = False
) -> list[Row]:
    """Return the lines of ``data[parameter]`` as product id, quantity (None when absent) and price.

    ``zero`` allows a quantity of 0, ``inline`` a product given by its attributes (events).
    """
    lines = []
    for place, entry in enumerate(read(data, {parameter: objects()})[parameter]):
        lines.append(read_line(world, entry, at=f"{parameter}[{place}]", zero=zero, inline=inline))
    return lines


def read_line(world: World, entry: dict[str, Any], *, at: str = "", zero: bool = False, inline: bool = False) -> Row:
    """Return one line; its price is the product's when none is given."""
    named = f"{at}[product]" if at else "product"
    given = entry.get("product")
    if given is None and "product" in entry and world.reading.null_is_empty:
        raise empty(named)
    if given is None:
        raise missing(named)
    if inline and isinstance(given, dict):
        product: Row = catalogue.found_or_made(world, given)
    else:
        found = catalogue.sellable(world, read({named: given}, {named: key()})[named])
        if found is None:
            raise unknown(named)
        product = found[1]
    priced = f"{at}[price]" if at else "price"
    counted = f"{at}[quantity]" if at else "quantity"
    given_names = {"quantity": counted, "price": priced}
    values = read(
        {name: entry[short] for short, name in given_names.items() if short in entry},
        {counted: world.quantity(zero=zero), priced: world.money()},
    )
    price = values.get(priced) or product["price"] or {"amount": "0", "currency": world.options.currency}
    return {"product": product["id"], "quantity": values.get(counted), "price": price}


def merged(lines: list[Row]) -> list[Row]:
    """Return one line for each product: quantities are added, the last price counts (contract, LineInput)."""
    by_product: dict[str, Row] = {}
    for line in lines:
        count = 1 if line["quantity"] is None else line["quantity"]
        known = by_product.get(line["product"])
        by_product[line["product"]] = {**line, "quantity": count + (known["quantity"] if known else 0)}
    return list(by_product.values())


def is_sold(world: World, line: Row) -> bool:
    """Say whether the product or variant of a line exists still."""
    return any(world.store[kind].get(line["product"]) is not None for kind in ("product", "variant"))


def new_line(world: World, line: Row) -> Row:
    """Return a line with an id and the time, and a quantity of 1 when none was given."""
    count = 1 if line["quantity"] is None else line["quantity"]
    return world.new_row(**{**line, "quantity": count})


def currencies_of(items: list[Row]) -> set[str]:
    """Return the currency of an order's lines, or nothing without lines; refuse several."""
    currencies = {item["price"]["currency"] for item in items}
    if len(currencies) > 1:
        raise invalid("items", "The lines of an order have one currency.")
    return currencies


def total_of(world: World, items: list[Row]) -> dict[str, str]:
    """Return the sum of price times quantity; one order has one currency."""
    currencies = currencies_of(items)
    total = sum((Decimal(item["price"]["amount"]) * item["quantity"] for item in items), Decimal(0))
    return {"amount": plain(total), "currency": next(iter(currencies), world.options.currency)}


def view(world: World, item: Row, *, type_: str) -> dict[str, Any]:
    """Return a line as the API shows it."""
    return {
        "id": item["id"],
        "type": type_,
        "created_at": item["created_at"],
        "price": as_text(item["price"], reporting=world.options.currency),
        "product": item["product"],
        "quantity": item["quantity"],
    }
