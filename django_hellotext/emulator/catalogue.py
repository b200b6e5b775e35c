"""Products and their variants; the first variant stands for the product itself."""

from __future__ import annotations

from typing import Any

from .money import as_number
from .parameters import accept
from .refusals import Problem, Refused, ambiguous, not_found, not_unique, nothing_given
from .store import Row
from .validation import Reader, key, mapping, objects, read, reference, text, texts, web_address
from .world import Answer, Call, World, page

_SHARED = ("name", "sku", "price", "image_url")


def _variant_spec(world: World) -> dict[str, Reader]:
    return {
        "image_url": web_address(),
        "metadata": mapping(),
        "name": key(),
        "price": world.money(),
        "reference": reference(),
        "sku": key(),
        "source": key(null=True),
    }


def _product_spec(world: World) -> dict[str, Reader]:
    return {
        **_variant_spec(world),
        "brand": key(),
        "categories": texts(),
        "collection": texts(),
        "tags": texts(),
        "url": text(longest=2_048),
        "variants": objects(),
    }


def view_variant(world: World, row: Row) -> dict[str, Any]:
    """Return a variant as the API shows it; the price is left out when there is none."""
    shown: dict[str, Any] = {
        "id": row["id"],
        "type": "product_variant",
        "created_at": row["created_at"],
        "image_url": row["image_url"],
        "metadata": row["metadata"],
        "name": row["name"],
        "product": row["product"],
        "reference": row["reference"],
        "sku": row["sku"],
        "source": row["source"],
    }
    if row["price"] is not None:
        shown["price"] = as_number(row["price"], reporting=world.options.currency)
    return shown


def view(world: World, row: Row) -> dict[str, Any]:
    """Return a product as the API shows it, with its variants."""
    variants = list(world.store["variant"].with_key("product", row["id"]))
    shown: dict[str, Any] = {
        "id": row["id"],
        "type": "product",
        "brand": row["brand"],
        "categories": row["categories"],
        "collection": row["collection"],
        "created_at": row["created_at"],
        "image_url": variants[0]["image_url"] if variants else row["image_url"],
        "metadata": row["metadata"],
        "name": row["name"],
        "reference": row["reference"],
        "sku": row["sku"],
        "source": row["source"],
        "tags": row["tags"],
        "url": row["url"],
        "variants": [view_variant(world, variant) for variant in variants],
    }
    if row["price"] is not None:
        shown["price"] = as_number(row["price"], reporting=world.options.currency)
    return shown


def product_by_key(world: World, value: str, *, parameter: str = "id") -> Row:
    """Return the product with this id, reference or SKU, tried in that order, or refuse with 404."""
    table = world.store["product"]
    row = table.get(value) or table.first("reference", value) or table.first("sku", value)
    if row is None:
        raise not_found(parameter)
    return row


def variant_by_key(world: World, value: str, *, parameter: str = "id") -> Row:
    """Return the variant with this id, reference or SKU, tried in that order, or refuse with 404."""
    table = world.store["variant"]
    row = table.get(value) or table.first("reference", value) or table.first("sku", value)
    if row is None:
        raise not_found(parameter)
    return row


def sellable(world: World, value: str) -> tuple[str, Row] | None:
    """Return the product or variant that a line names by id, reference or SKU."""
    for path in ((), ("reference",), ("sku",)):
        for kind in ("product", "variant"):
            table = world.store[kind]
            row = table.first(*path, value) if path else table.get(value)
            if row is not None:
                return kind, row
    return None


def _refuse_known_sku(world: World, sku: str | None, *, product: str | None, variant: str | None = None) -> None:
    """SKUs are unique; only a product and its own variants may share one."""
    if sku is None:
        return
    if world.store["product"].taken("sku", sku, but=product):
        raise not_unique("sku")
    for other in world.store["variant"].with_key("sku", sku):
        if other["id"] != variant and (other["product"] != product or variant is not None):
            raise not_unique("sku")


def make(world: World, data: dict[str, Any]) -> Row:
    """Add a product and its variants; without any it gets the one that stands for itself."""
    values = world.read(data, _product_spec(world), required=("name",))
    defaults: dict[str, Any] = dict.fromkeys(("brand", "image_url", "price", "reference", "sku", "source", "url"))
    defaults.update({"categories": [], "collection": [], "tags": [], "metadata": {}})
    variants = values.pop("variants", [])
    row = world.new_row(**{**defaults, **values})
    _refuse_known_sku(world, row["sku"], product=None)
    world.store["product"].put(row)
    if not variants:
        _put_variant(world, row, {name: row[name] for name in _SHARED}, default=True)
    for entry in variants:
        make_variant(world, row, entry, default_name=row["name"])
    return row


def make_variant(world: World, product: Row, data: dict[str, Any], *, default_name: str | None = None) -> Row:
    """Add a variant; in a list of variants the name may be left out and is then the product's."""
    required = () if default_name is not None else ("name",)
    values = world.read(data, _variant_spec(world), required=required)
    return _put_variant(world, product, {"name": default_name, **values}, default=False)


def _put_variant(world: World, product: Row, values: dict[str, Any], *, default: bool) -> Row:
    defaults = {"image_url": None, "metadata": {}, "price": product["price"], "reference": None, "sku": None}
    row = world.new_row(**{**defaults, "source": product["source"], **values}, product=product["id"], default=default)
    _refuse_known_sku(world, row["sku"], product=product["id"], variant=row["id"])
    return world.store["variant"].put(row)


def create_product(world: World, call: Call) -> Answer:
    """Answer create_product."""
    return 201, view(world, make(world, call.data))


def retrieve_product(world: World, call: Call) -> Answer:
    """Answer retrieve_product."""
    return 200, view(world, product_by_key(world, call.path["id"]))


def list_products(world: World, call: Call) -> Answer:
    """Answer list_products."""
    return page(world, call, world.store["product"], plural="products", view=lambda row: view(world, row))


def update_product(world: World, call: Call) -> Answer:
    """Answer update_product; an empty ``variants`` removes them all, ``new_variants`` adds."""
    row = product_by_key(world, call.path["id"])
    spec = {**_product_spec(world), "new_variants": objects()}
    spec.pop("source")  # not listed for updates in the contract
    values = read(call.data, spec)
    if not values:
        raise nothing_given()
    variants, new = values.pop("variants", None), values.pop("new_variants", [])
    if variants is not None and new:
        raise ambiguous("new_variants", "Give variants or new_variants.")
    if "sku" in values:
        _refuse_known_sku(world, values["sku"], product=row["id"])
    changed = world.store["product"].put({**row, **values})
    table = world.store["variant"]
    for variant in list(table.with_key("product", row["id"])):
        if variants == []:
            table.remove(variant["id"])
        elif variant["default"]:
            table.put({**variant, **{name: changed[name] for name in _SHARED}})
    for entry in new:
        make_variant(world, changed, entry, default_name=changed["name"])
    return 200, view(world, changed)


def delete_product(world: World, call: Call) -> Answer:
    """Answer delete_product; its variants go with it."""
    row = product_by_key(world, call.path["id"])
    for variant in list(world.store["variant"].with_key("product", row["id"])):
        world.store["variant"].remove(variant["id"])
    world.store["product"].remove(row["id"])
    return 200, {"id": row["id"], "type": "product", "deleted": True}


def create_product_variant(world: World, call: Call) -> Answer:
    """Answer create_product_variant."""
    product = product_by_key(world, call.path["product"], parameter="product")
    return 201, view_variant(world, make_variant(world, product, call.data))


def retrieve_product_variant(world: World, call: Call) -> Answer:
    """Answer retrieve_product_variant."""
    return 200, view_variant(world, variant_by_key(world, call.path["id"]))


def update_product_variant(world: World, call: Call) -> Answer:
    """Answer update_product_variant; ``name`` is required here too."""
    row = variant_by_key(world, call.path["id"])
    values = world.read(call.data, _variant_spec(world), required=("name",))
    if "sku" in values:
        _refuse_known_sku(world, values["sku"], product=row["product"], variant=row["id"])
    return 200, view_variant(world, world.store["variant"].put({**row, **values, "default": False}))


def delete_product_variant(world: World, call: Call) -> Answer:
    """Answer delete_product_variant."""
    row = variant_by_key(world, call.path["id"])
    world.store["variant"].remove(row["id"])
    return 200, {"id": row["id"], "type": "product_variant", "deleted": True}


def found_or_made(world: World, data: dict[str, Any]) -> Row:
    """Return the product with this reference and source, or make it; a found one is not changed."""
    origin = read(data, {"reference": reference(), "source": key(null=True)})
    found = None
    if origin.get("reference") is not None:
        found = world.store["product"].first("origin", origin["reference"], origin.get("source"))
    if found is not None:
        accept(data)
        return found
    return make(world, data)


def variant_found_or_made(world: World, product: str, data: dict[str, Any]) -> Row:
    """Return the variant of ``product`` with this reference and source, or make it."""
    try:
        parent = product_by_key(world, product, parameter="product")
    except Refused:
        raise Refused(404, Problem("not_found", "No such product.", "product")) from None
    origin = read(data, {"reference": reference(), "source": key(null=True)})
    if origin.get("reference") is not None:
        for row in world.store["variant"].with_key("reference", origin["reference"]):
            if row["product"] == parent["id"]:
                accept(data)
                return row
    return make_variant(world, parent, data)
