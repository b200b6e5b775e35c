"""Which object an event is about: found by id, or found or made from parameters; and what it does to a cart.

Two generations of names exist: ``object`` and ``object_parameters`` (help site), and one pair for each type
(reference). One of them is enough, and more than one is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import carts, catalogue, definitions, lines, orders, refunds
from .parameters import accept, with_defaults, without
from .refusals import Problem, Refused, ambiguous, invalid, missing, not_found
from .store import Row
from .validation import key, mapping, read, reference
from .world import World

Pointer = dict[str, str]
Actor = tuple[str | None, str | None]

ROLES = ("app", "cart", "coupon", "form", "order", "product", "refund")
OPTIONAL_ROLES = {"cart.viewed": "cart", "checkout.started": "cart"}
WITHOUT_OBJECT = frozenset({"page.viewed", "subscribed", "unsubscribed"})
_PRODUCT_NAMES = ("product", "product_parameters", "product_variant", "product_variant_parameters")


def resolve(world: World, action: str, data: dict[str, Any], *, actor: Actor) -> Pointer | None:
    """Return the object of an event; the request is refused when the action needs one and there is none."""
    if action in WITHOUT_OBJECT:
        return None
    if action not in definitions.BUILT_IN_ACTIONS:
        return _custom(world, data, actor=actor)
    role = OPTIONAL_ROLES.get(action) or action.partition(".")[0]
    if action == "cart.abandoned":
        data = without(data, "object_parameters", "products")
    pointer = _by_role(world, role, data, action=action, actor=actor)
    if pointer is None and action not in OPTIONAL_ROLES:
        raise missing("object", message=f"{action} needs an object.")
    return pointer


def _custom(world: World, data: dict[str, Any], *, actor: Actor) -> Pointer | None:
    if "object" not in data and "object_parameters" not in data:
        roles = [role for role in ROLES if _given(role, data)]
        if len(roles) > 1:
            raise ambiguous(roles[1], "An event is about one object.")
        return _by_role(world, roles[0], data, action="", actor=actor) if roles else None
    type_ = world.read(data, {"object_type": key()}, required=("object_type",))["object_type"]
    if type_ in ROLES:
        return _by_role(world, type_, data, action="", actor=actor)
    _refuse_both(data, ["object", "object_parameters"])
    table = world.store["object"]
    if "object" in data:
        row = table.get(read(data, {"object": key()})["object"])
        if row is None or row["object_type"] != type_:
            raise not_found("object")
    else:
        parameters = read(data, {"object_parameters": mapping()})["object_parameters"]
        row = table.put(world.new_row(object_type=type_, parameters=parameters))
    return {"kind": "object", "id": row["id"]}


def _given(role: str, data: dict[str, Any]) -> list[str]:
    names = _PRODUCT_NAMES if role == "product" else (role, f"{role}_parameters")
    found = [name for name in (*names, "object", "object_parameters") if name in data]
    if "product" in found and "product_variant_parameters" in found:
        found.remove("product")
    return found


def _refuse_both(data: dict[str, Any], names: list[str]) -> None:
    given = [name for name in names if name in data]
    if len(given) > 1:
        raise ambiguous(given[1], f"Give {given[0]} or {given[1]}, not both.")


def _by_role(world: World, role: str, data: dict[str, Any], *, action: str, actor: Actor) -> Pointer | None:
    given = _given(role, data)
    _refuse_both(data, given)
    if role == "cart":
        return _cart(world, data, given=given, action=action, actor=actor)
    if not given:
        return None
    name = given[0]
    if name.endswith("_parameters"):
        parameters = world.read(data, {name: mapping()}, required=(name,))[name]
        if name == "product_variant_parameters":
            parent = world.read(data, {"product": key()}, required=("product",))["product"]
            row = catalogue.variant_found_or_made(world, parent, parameters)
            return {"kind": "variant", "id": row["id"]}
        return {"kind": role, "id": _found_or_made(world, role, parameters, actor=actor)["id"]}
    value = world.read(data, {name: key()}, required=(name,))[name]
    if role == "product":
        return _product(world, name, value)
    row_or_none = world.store[role].get(value)
    if row_or_none is None:
        raise not_found(name)
    return {"kind": role, "id": row_or_none["id"]}


def _product(world: World, name: str, value: str) -> Pointer:
    if name == "product_variant":
        return {"kind": "variant", "id": catalogue.variant_by_key(world, value, parameter=name)["id"]}
    if name == "product":
        found = catalogue.sellable(world, value)
    else:
        found = next(((k, row) for k in ("product", "variant") if (row := world.store[k].get(value))), None)
    if found is None:
        raise not_found(name)
    return {"kind": found[0], "id": found[1]["id"]}


def _found_or_made(world: World, role: str, parameters: dict[str, Any], *, actor: Actor) -> Row:
    origin = read(parameters, {"reference": reference(), "source": key(null=True)})
    ref = origin.get("reference")
    if role == "product":
        return catalogue.found_or_made(world, parameters)
    if role in {"app", "form", "coupon"}:
        return _named(world, role, parameters, ref)
    found = None if ref is None else world.store[role].first("origin", ref, origin.get("source"))
    if found is not None:
        accept(parameters)
        return found
    if role == "order":
        return orders.make(world, parameters, inline=True)
    if role == "refund":
        return refunds.make(world, with_defaults(parameters, _profile(actor)))
    return carts.make(world, with_defaults(parameters, _owner(actor)), inline=True)


def _named(world: World, role: str, parameters: dict[str, Any], ref: str | None) -> Row:
    make: dict[str, Callable[[World, dict[str, Any]], Row]] = {
        "app": definitions.make_app,
        "form": definitions.make_form,
        "coupon": definitions.make_coupon,
    }
    unique = "code" if role == "coupon" else "name"
    table = world.store[role]
    found = table.first("reference", ref) if ref is not None else None
    if found is None and isinstance(parameters.get(unique), str):
        found = table.first(unique, parameters[unique])
    if found is not None:
        accept(parameters)
        return found
    return make[role](world, parameters)


def _profile(actor: Actor) -> dict[str, str]:
    return {} if actor[0] is None else {"profile": actor[0]}


def _owner(actor: Actor) -> dict[str, str]:
    return {name: value for name, value in zip(("profile", "session"), actor, strict=True) if value is not None}


def _cart(world: World, data: dict[str, Any], *, given: list[str], action: str, actor: Actor) -> Pointer | None:
    changes = action in {"cart.added", "cart.removed"}
    if not given:
        if "products" not in data or not changes:
            return None
        row = _present_cart(world, actor)
    elif given[0].endswith("_parameters"):
        parameters = world.read(data, {given[0]: mapping()}, required=given)[given[0]]
        without_items = without(parameters, "items") if changes else parameters
        row = _found_or_made(world, "cart", without_items, actor=actor)
        if changes and "items" in parameters:
            row = _set_items(world, row, parameters, action=action)
    else:
        found = world.store["cart"].get(world.read(data, {given[0]: key()}, required=given)[given[0]])
        if found is None:
            raise not_found(given[0])
        row = found
    if changes and "products" in data:
        row = _count_products(world, row, data["products"], action=action)
    if row["profile"] is None and actor[0] is not None:
        row = world.store["cart"].put({**row, "profile": actor[0]})
    return {"kind": "cart", "id": row["id"]}


def _present_cart(world: World, actor: Actor) -> Row:
    for name, value in _owner(actor).items():
        rows = list(world.store["cart"].with_key(name, value))
        if rows:
            return rows[-1]
    return carts.make(world, _owner(actor))


def _set_items(world: World, cart: Row, parameters: dict[str, Any], *, action: str) -> Row:
    """Work in the lines of a cart event: ``quantity`` is the resulting one (later help site)."""
    absent = 1 if action == "cart.added" else 0
    given = [
        {**line, "quantity": absent if line["quantity"] is None else line["quantity"]}
        for line in lines.read_lines(world, parameters, zero=True, inline=True)
    ]
    items = carts.set_lines(cart["items"], given, world=world, count=lambda old, new: new)
    return world.store["cart"].put({**cart, "items": items})


def _count_products(world: World, cart: Row, products: Any, *, action: str) -> Row:
    """Work in products without quantities: one more of each, or none of it any longer."""
    if isinstance(products, str):
        products = [products]
    if not isinstance(products, list):
        raise invalid("products", "This must be a list of products.")
    entries = [_product_entry(product, place) for place, product in enumerate(products)]
    given = [
        {**line, "quantity": 1}
        for line in (lines.read_line(world, entry, at="products", inline=True) for entry in entries)
    ]
    added = action == "cart.added"
    items = carts.set_lines(cart["items"], given, world=world, count=lambda old, new: old + new if added else 0)
    return world.store["cart"].put({**cart, "items": items})


def _product_entry(product: Any, place: int) -> dict[str, Any]:
    if isinstance(product, dict):
        attributes = product.get("product_parameters", product.get("product_variant_parameters", product))
        return {"product": product.get("product", attributes)}
    if isinstance(product, str):
        return {"product": product}
    raise Refused(422, Problem("invalid", "This must be an id or an object.", f"products[{place}]"))
