"""Coupons, custom actions, apps and forms: small things with one unique name or code."""

from __future__ import annotations

from typing import Any

from .refusals import not_allowed, not_unique, nothing_given
from .store import Row
from .validation import flag, key, mapping, read, reference, text, web_address
from .world import Answer, Call, World, deleted, find, page

BUILT_IN_ACTIONS = {
    "app.installed": "App installed",
    "app.removed": "App removed",
    "app.spent": "Spent in app",
    "cart.abandoned": "Cart abandoned",
    "cart.added": "Product added to cart",
    "cart.removed": "Product removed from cart",
    "cart.viewed": "Cart viewed",
    "checkout.started": "Checkout started",
    "coupon.redeemed": "Coupon redeemed",
    "form.completed": "Form completed",
    "order.cancelled": "Order cancelled",
    "order.confirmed": "Order confirmed",
    "order.delivered": "Order delivered",
    "order.placed": "Order placed",
    "order.printed_label": "Label printed",
    "order.shipped": "Order shipped",
    "page.viewed": "Page viewed",
    "product.purchased": "Product purchased",
    "product.viewed": "Product viewed",
    "refund.received": "Refund received",
    "refund.requested": "Refund requested",
    "subscribed": "Subscribed",
    "unsubscribed": "Unsubscribed",
}
LONGEST_DESCRIPTION = 140  # characters (later help site)

_COUPON = {
    "code": key(),
    "description": text(longest=LONGEST_DESCRIPTION),
    "destination_url": web_address(),
    "reference": reference(),
}
_ACTION = {"goal": flag(), "name": key(), "passive": flag(), "title": key()}
_APP = {"image_url": web_address(), "name": key()}
_APP_UPDATE = {"image_url": web_address(null=True), "name": key()}
_FORM = {"metadata": mapping(), "name": key()}


def view_coupon(row: Row) -> dict[str, Any]:
    """Return a coupon as the API shows it."""
    shown = ("code", "created_at", "description", "destination_url", "reference")
    return {"id": row["id"], "type": "coupon", **{name: row[name] for name in shown}}


def view_action(row: Row) -> dict[str, Any]:
    """Return a custom action as the API shows it."""
    shown = ("created_at", "goal", "name", "passive", "title")
    return {"id": row["id"], "type": "action", **{name: row[name] for name in shown}}


def view_app(row: Row) -> dict[str, Any]:
    """Return an app as the API shows it."""
    shown = ("created_at", "image_url", "metadata", "name")
    return {"id": row["id"], "type": "app", **{name: row[name] for name in shown}}


def view_form(row: Row) -> dict[str, Any]:
    """Return a form as the API shows it."""
    return {"id": row["id"], "type": "form", **{name: row[name] for name in ("created_at", "metadata", "name")}}


def _put(world: World, kind: str, row: Row, *, unique: str = "name") -> Row:
    table = world.store[kind]
    if table.taken(unique, row[unique], but=row["id"]):
        raise not_unique(unique)
    return table.put(row)


def make_coupon(world: World, data: dict[str, Any]) -> Row:
    """Add a coupon; its code is case-sensitive and unique."""
    values = {"reference": None, **world.read(data, _COUPON, required=("code", "description", "destination_url"))}
    return _put(world, "coupon", world.new_row(**values), unique="code")


def make_app(world: World, data: dict[str, Any]) -> Row:
    """Add an app with a unique name."""
    values = {"image_url": None, "metadata": {}, **world.read(data, _APP, required=("name",))}
    return _put(world, "app", world.new_row(**values))


def make_form(world: World, data: dict[str, Any]) -> Row:
    """Add a form with a unique name."""
    return _put(world, "form", world.new_row(**{"metadata": {}, **world.read(data, _FORM, required=("name",))}))


def create_coupon(world: World, call: Call) -> Answer:
    """Answer create_coupon."""
    return 201, view_coupon(make_coupon(world, call.data))


def retrieve_coupon(world: World, call: Call) -> Answer:
    """Answer retrieve_coupon."""
    return 200, view_coupon(find(world.store["coupon"], call.path["id"]))


def list_coupons(world: World, call: Call) -> Answer:
    """Answer list_coupons."""
    return page(world, call, world.store["coupon"], plural="coupons", view=view_coupon)


def update_coupon(world: World, call: Call) -> Answer:
    """Answer update_coupon; the reference requires all three parameters here too."""
    row = find(world.store["coupon"], call.path["id"])
    values = world.read(call.data, _COUPON, required=("code", "description", "destination_url"))
    return 200, view_coupon(_put(world, "coupon", {**row, **values}, unique="code"))


def delete_coupon(world: World, call: Call) -> Answer:
    """Answer delete_coupon."""
    table = world.store["coupon"]
    return deleted(table, find(table, call.path["id"]), type_="coupon")


def _read_action(world: World, call: Call) -> dict[str, Any]:
    values = world.read(call.data, _ACTION, required=("name",))
    if values["name"] in BUILT_IN_ACTIONS:
        raise not_unique("name")
    return values


def create_action(world: World, call: Call) -> Answer:
    """Answer create_action; a built-in name is taken."""
    values = _read_action(world, call)
    defaults = {"goal": False, "passive": True, "title": values["name"]}
    return 201, view_action(_put(world, "action", world.new_row(**{**defaults, **values})))


def retrieve_action(world: World, call: Call) -> Answer:
    """Answer retrieve_action."""
    return 200, view_action(find(world.store["action"], call.path["id"]))


def list_actions(world: World, call: Call) -> Answer:
    """Answer list_actions: the custom ones only."""
    return page(world, call, world.store["action"], plural="actions", view=view_action)


def update_action(world: World, call: Call) -> Answer:
    """Answer update_action; its events follow a new name."""
    row = find(world.store["action"], call.path["id"])
    changed = _put(world, "action", {**row, **_read_action(world, call)})
    events = world.store["event"]
    if changed["name"] != row["name"]:
        for event in events.with_key("action", row["name"]):
            events.put({**event, "action": changed["name"]})
    return 200, view_action(changed)


def delete_action(world: World, call: Call) -> Answer:
    """Answer delete_action; refused while it has events (later help site), or they go with it (reference)."""
    row = find(world.store["action"], call.path["id"])
    events = world.store["event"]
    if events.first("action", row["name"]) is not None and not world.reading.actions_with_events:
        raise not_allowed("The action has events.", parameter="id")
    for event in events.with_key("action", row["name"]):
        events.remove(event["id"])
    return deleted(world.store["action"], row, type_="action")


def create_app(world: World, call: Call) -> Answer:
    """Answer create_app."""
    return 201, view_app(make_app(world, call.data))


def retrieve_app(world: World, call: Call) -> Answer:
    """Answer retrieve_app."""
    return 200, view_app(find(world.store["app"], call.path["id"]))


def list_apps(world: World, call: Call) -> Answer:
    """Answer list_apps."""
    return page(world, call, world.store["app"], plural="apps", view=view_app)


def update_app(world: World, call: Call) -> Answer:
    """Answer update_app; ``image_url`` null removes the image."""
    row = find(world.store["app"], call.path["id"])
    values = read(call.data, _APP_UPDATE)
    if not values:
        raise nothing_given()
    return 200, view_app(_put(world, "app", {**row, **values}))


def delete_app(world: World, call: Call) -> Answer:
    """Answer delete_app."""
    table = world.store["app"]
    return deleted(table, find(table, call.path["id"]), type_="app")


def create_form(world: World, call: Call) -> Answer:
    """Answer create_form."""
    return 201, view_form(make_form(world, call.data))


def retrieve_form(world: World, call: Call) -> Answer:
    """Answer retrieve_form."""
    return 200, view_form(find(world.store["form"], call.path["id"]))


def list_forms(world: World, call: Call) -> Answer:
    """Answer list_forms."""
    return page(world, call, world.store["form"], plural="forms", view=view_form)


def update_form(world: World, call: Call) -> Answer:
    """Answer update_form."""
    row = find(world.store["form"], call.path["id"])
    values = read(call.data, _FORM)
    if not values:
        raise nothing_given()
    return 200, view_form(_put(world, "form", {**row, **values}))


def delete_form(world: World, call: Call) -> Answer:
    """Answer delete_form."""
    table = world.store["form"]
    return deleted(table, find(table, call.path["id"]), type_="form")
