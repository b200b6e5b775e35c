"""Definitions of the attributes of profiles, and the reading of a value by its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from typing import Any

from . import contacts
from .refusals import missing, not_allowed, not_found, not_unique, nothing_given, unknown
from .store import Row
from .tables import CONTACT_KINDS, canonical, contact_key
from .validation import Bad, FormText, choice, decimal_of, flag, integer, key, read, text, texts, web_address
from .world import Answer, Call, World, deleted, find, page

CREATABLE = ("address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url")
PERSONAL = frozenset({"address", "email", "phone"})
NEVER_UNIQUE = frozenset({"birthday", "checkbox", "date", "gender", "list", "tags"})
MOST_POSITIONS = 100_000
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def view(row: Row) -> dict[str, Any]:
    """Return a definition as the API shows it."""
    return {
        "id": row["id"],
        "type": "property",
        "created_at": row["created_at"],
        "kind": row["kind"],
        "name": row["name"],
        "position": row["position"],
        "profile": row["profile"],
        "unique": row["unique"],
    }


def read_name(value: Any, name: str) -> str:
    """Return the name of a definition: it neither begins with a digit nor holds curly brackets."""
    found: str = key()(value, name)
    if found[0].isdigit() or "{" in found or "}" in found:
        raise Bad("invalid", "A name must not begin with a digit nor hold curly brackets.", name)
    return found


def create(world: World, call: Call) -> Answer:
    """Answer create_property."""
    spec = {
        "kind": choice(*CREATABLE),
        "name": read_name,
        "position": integer(least=1, most=MOST_POSITIONS),
        "profile": key(),
        "unique": flag(),
    }
    values = world.read(call.data, spec, required=("kind",))
    owner = values.get("profile")
    if owner is None and values["kind"] in PERSONAL:
        raise missing("profile")
    if owner is not None and values["kind"] not in PERSONAL:
        raise not_allowed("Only an address, email or phone belongs to one profile.", parameter="profile")
    if owner is not None:
        _owner(world, owner)
    return 201, view(
        define(
            world,
            kind=values["kind"],
            name=values.get("name"),
            owner=owner,
            unique=values.get("unique", False),
            position=values.get("position"),
        )
    )


def define(
    world: World, *, kind: str, name: str | None, owner: str | None, unique: bool = False, position: int | None = None
) -> Row:
    """Add a definition; names are unique for all profiles, or for one profile and kind."""
    if name is not None and world.store["property"].taken(*name_key(world, kind=kind, name=name, owner=owner)):
        raise not_unique("name")
    row = world.new_row(
        kind=kind, name=name, position=0, profile=owner, unique=unique and kind not in NEVER_UNIQUE, built_in=False
    )
    return _place(world, row, position)


def name_key(world: World, *, kind: str, name: str, owner: str | None) -> tuple[Any, ...]:
    """Return the key under which one definition at most may have this name."""
    if owner is not None and world.reading.names_by_kind:
        return ("kind and name", owner, kind, name.casefold())
    return ("name", owner, name.casefold())


def _place(world: World, row: Row, position: int | None) -> Row:
    table = world.store["property"]
    if position is None and row["id"] not in table.rows:
        # Profiles bring their own definitions by the thousand: no look at all the others for each.
        world.last_position += 1
        return table.put({**row, "position": world.last_position})
    others = sorted((other for other in table.rows.values() if other["id"] != row["id"]), key=lambda r: r["position"])
    last = len(others) + 1
    place = last if position is None else min(position, last)
    for number, other in enumerate(others, start=1):
        wanted = number if number < place else number + 1
        if other["position"] != wanted:
            table.put({**other, "position": wanted})
    world.last_position = last
    return table.put({**row, "position": place})


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_property."""
    return 200, view(find(world.store["property"], call.path["id"]))


def listing(world: World, call: Call) -> Answer:
    """Answer list_properties, perhaps of one profile."""
    owner = call.query.get("profile")
    table = world.store["property"]
    owned: Iterable[Row] | None = None
    if owner is not None:
        owned = table.with_key("profile", owner) if isinstance(owner, str) else ()
    return page(world, call, table, plural="properties", view=view, few=owned)


def update(world: World, call: Call) -> Answer:
    """Answer update_property; an empty position moves it to the end."""
    table = world.store["property"]
    row = find(table, call.path["id"])
    whole = integer(least=1, most=MOST_POSITIONS)
    spec = {
        "name": read_name,
        "position": lambda value, name: None if value == "" else whole(value, name),
        "unique": flag(),
    }
    values = read(call.data, spec)
    if not values:
        raise nothing_given()
    name = values.get("name")
    if name is not None:
        named = name_key(world, kind=row["kind"], name=name, owner=row["profile"])
        if table.taken(*named, but=row["id"]):
            raise not_unique("name")
    if values.get("unique") and row["kind"] not in NEVER_UNIQUE and _shared(world, row):
        raise not_allowed("Two profiles share a value.", parameter="unique")
    changed = {**row, **{k: v for k, v in values.items() if k != "position"}}
    changed["unique"] = changed["unique"] and row["kind"] not in NEVER_UNIQUE
    if "position" in values:
        return 200, view(_place(world, changed, values["position"]))
    return 200, view(table.put(changed))


def _shared(world: World, row: Row) -> bool:
    seen: set[str] = set()
    for profile in world.store["profile"].with_key("holds", row["id"]):
        for value in {canonical(e["value"]) for e in profile["values"] if e["property"] == row["id"]}:
            if value in seen:
                return True
            seen.add(value)
    return False


def delete(world: World, call: Call) -> Answer:
    """Answer delete_property: its values go with it."""
    row = find(world.store["property"], call.path["id"])
    if row["built_in"]:
        raise not_allowed("A built-in property cannot be deleted.", parameter="id")
    profiles = world.store["profile"]
    for profile in profiles.with_key("holds", row["id"]):
        profiles.put({**profile, "values": [e for e in profile["values"] if e["property"] != row["id"]]})
    return deleted(world.store["property"], row, type_="property")


def built_in(world: World, kind: str) -> Row:
    """Return the unnamed definition of a kind, which every business has."""
    row = world.store["property"].first("built_in", kind)
    if row is None:  # pragma: no cover - they are made with the world and cannot be deleted
        raise not_found("kind")
    return row


def by_name(world: World, name: str, *, owner: str | None) -> Row | None:
    """Return the definition called ``name``, of this profile or of all; else the unnamed one of that kind."""
    table = world.store["property"]
    folded = name.casefold()
    return table.first("name", owner, folded) or table.first("name", None, folded) or table.first("built_in", folded)


def _owner(world: World, owner: str) -> None:
    profile = world.store["profile"].get(owner)
    if profile is None or profile["deleted"]:
        raise unknown("profile")


def _date(value: Any, name: str, *, iso: bool) -> dict[str, int | None]:
    if isinstance(value, str) and not iso:
        raise Bad("invalid", "This must be an object with day, month and year.", name)
    if isinstance(value, str):
        try:
            if not _DATE.fullmatch(value):
                raise ValueError(value)
            day = date.fromisoformat(value)
        except ValueError:
            raise Bad("invalid", "This must be a date such as 1985-11-03.", name) from None
        return {"day": day.day, "month": day.month, "year": day.year}
    if not isinstance(value, dict):
        raise Bad("invalid", "This must be a date.", name)
    bounds = {"day": 31, "month": 12, "year": 9_999}
    parts = {
        part: None if value.get(part) is None else integer(least=1, most=most)(value[part], f"{name}[{part}]")
        for part, most in bounds.items()
    }
    if not any(parts.values()):
        raise Bad("parameter_invalid_empty", "This parameter must not be empty.", name)
    return parts


def _tags(value: Any, name: str) -> list[str]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    found: list[str] = texts()(value, name)
    return found


def read_value(world: World, kind: str, value: Any, *, parameter: str) -> Any:
    """Return a property's value in the shape of its kind (contract, ProfileProperty)."""
    readers: dict[str, Callable[[Any, str], Any]] = {
        "address": contacts.address,
        "email": contacts.email,
        "phone": partial(contacts.phone, prefix=world.options.country_prefix),
        "birthday": partial(_date, iso=world.reading.iso_dates),
        "date": partial(_date, iso=world.reading.iso_dates),
        "checkbox": flag(),
        "number": lambda v, name: decimal_of(v, name, strings=isinstance(v, FormText)),
        "tags": _tags,
        "url": web_address(),
    }
    return readers.get(kind, text())(value, parameter)


def matches(world: World, kind: str, value: Any, wanted: Any) -> bool:
    """Say whether a stored value of a kind is the one that a filter names; a filter that is none of the kind is not.

    Numbers and flags are compared as such, e-mails without regard to case, phones in E.164; tags and parts of dates
    and addresses need only be among the stored ones. A date may be ISO 8601 text.
    """
    if kind == "tags":
        return bool(wanted) and set(_tags(wanted, "property")) <= set(value)
    try:
        if kind in {"birthday", "date"}:
            wanted = _date(wanted, "property", iso=True)
        elif kind == "address" and isinstance(wanted, str):
            wanted = {"street": {"name": str(wanted), "number": None}}
        elif kind != "address":
            wanted = read_value(world, kind, wanted, parameter="property")
    except Bad:
        return False
    if isinstance(value, dict):
        return isinstance(wanted, dict) and _is_part(wanted, value)
    if kind in CONTACT_KINDS:
        return contact_key(kind, value) == contact_key(kind, wanted)
    return bool(value == wanted)


def _is_part(wanted: dict[str, Any], value: dict[str, Any]) -> bool:
    for name, part in wanted.items():
        if isinstance(part, dict) and isinstance(value.get(name), dict):
            if not _is_part(part, value[name]):
                return False
        elif part is not None and part != value.get(name):
            return False
    return any(part is not None for part in wanted.values())
