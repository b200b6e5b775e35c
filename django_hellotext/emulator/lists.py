"""Named groups of profiles; a list is found by its id or its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .refusals import not_found, not_unique
from .store import Row
from .validation import key
from .world import Answer, Call, World, deleted, page


def view(row: Row) -> dict[str, Any]:
    """Return a list as the API shows it."""
    return {"id": row["id"], "type": "list", "name": row["name"], "created_at": row["created_at"]}


def by_key(world: World, value: str, *, parameter: str = "id") -> Row:
    """Return the list with this id or name, or refuse with 404."""
    table = world.store["list"]
    row = table.get(value) or table.first("name", value.casefold())
    if row is None:
        raise not_found(parameter)
    return row


def named(world: World, name: str) -> Row:
    """Return the list called ``name``; it is made if missing (contract, ProfileAttributes)."""
    table = world.store["list"]
    return table.first("name", name.casefold()) or table.put(world.new_row(name=name))


def _name(world: World, call: Call, *, but: str | None = None) -> str:
    name: str = world.read(call.data, {"name": key()}, required=("name",))["name"]
    if world.store["list"].taken("name", name.casefold(), but=but):
        raise not_unique("name")
    return name


def create(world: World, call: Call) -> Answer:
    """Answer create_list."""
    return 201, view(world.store["list"].put(world.new_row(name=_name(world, call))))


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_list."""
    return 200, view(by_key(world, call.path["id"]))


def listing(world: World, call: Call) -> Answer:
    """Answer list_lists, perhaps those whose name begins with ``name``."""
    prefix = call.query.get("name")
    keep: Callable[[Row], bool] | None = None
    if isinstance(prefix, str):
        folded = prefix.casefold()
        keep = lambda row: row["name"].casefold().startswith(folded)  # noqa: E731
    return page(world, call, world.store["list"], plural="lists", view=view, keep=keep)


def update(world: World, call: Call) -> Answer:
    """Answer update_list."""
    row = by_key(world, call.path["id"])
    return 200, view(world.store["list"].put({**row, "name": _name(world, call, but=row["id"])}))


def delete(world: World, call: Call) -> Answer:
    """Answer delete_list: its members stay profiles."""
    row = by_key(world, call.path["id"])
    profiles = world.store["profile"]
    for profile in profiles.with_key("list", row["id"]):
        profiles.put({**profile, "lists": [id_ for id_ in profile["lists"] if id_ != row["id"]]})
    return deleted(world.store["list"], row, type_="list")
