"""Profiles: matched by e-mail or phone, with named contacts, property values, lists and consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from . import lists, properties
from .profile_values import Values, own_property
from .refusals import missing, not_found, not_unique, nothing_given
from .store import Row
from .tables import CONTACT_KINDS, contact_key
from .validation import flag, read, text, texts
from .world import Answer, Call, World, cursor, limit_of, page

_NAMES = {"first_name": text(empty=True), "last_name": text(empty=True), "lists": texts()}


def view(world: World, row: Row) -> dict[str, Any]:
    """Return a profile as the API shows it."""
    definitions = world.store["property"].rows
    values = [entry for entry in row["values"] if entry["property"] in definitions]
    by_kind: dict[str, list[str]] = {"email": [], "phone": []}
    verified: dict[str, list[str]] = {"email": [], "phone": []}
    shown = []
    for entry in values:
        kind = entry["kind"]
        line = {
            "id": entry["property"],
            "kind": kind,
            "name": definitions[entry["property"]]["name"],
            "value": entry["value"],
        }
        if kind in by_kind:
            line["verified"] = entry["verified"]
            by_kind[kind].append(entry["value"])
            if entry["verified"]:
                verified[kind].append(entry["value"])
        shown.append(line)
    groups = world.store["list"].rows
    return {
        "id": row["id"],
        "type": "profile",
        "blocked": row["blocked"],
        "created_at": row["created_at"],
        "emails": by_kind["email"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "lists": [lists.view(groups[id_]) for id_ in row["lists"] if id_ in groups],
        "phones": by_kind["phone"],
        "properties": shown,
        "state": row["state"],
        "verified_emails": verified["email"],
        "verified_phones": verified["phone"],
    }


def live(world: World, id_: str, *, parameter: str = "id") -> Row:
    """Return a profile that was not cleared, or refuse with 404."""
    row = world.store["profile"].get(id_)
    if row is None or row["deleted"]:
        raise not_found(parameter)
    return row


def create(world: World, call: Call) -> Answer:
    """Answer create_profile: a known e-mail or phone finds its profile instead (demand: contract x-rules)."""
    names = read(call.data, {**_NAMES, "subscribe": flag()})
    values = Values.read(world, call.data)
    if not names and not values:
        raise nothing_given()
    table = world.store["profile"]
    row = _match(world, values)
    if row is None:
        row = world.new_row(
            number=len(table) + 481_516,
            first_name=None,
            last_name=None,
            blocked=False,
            state="unconfirmed",
            deleted=False,
            values=[],
            lists=[],
        )
        table.put(row)
    if names.get("subscribe"):
        row = {**row, "state": "subscribed"}
    row = _named(world, row, names, replace=False)
    table.put(row)
    table.put(values.apply(row))
    table.touch(row["id"])
    return 201, {"id": row["id"]}


def _match(world: World, values: Values) -> Row | None:
    table = world.store["profile"]
    matches: dict[str, Row] = {}
    for kind, contact, parameter in values.contacts():
        row = table.first(*contact_key(kind, contact))
        if row is not None:
            if matches and row["id"] not in matches:
                raise not_unique(parameter)
            matches[row["id"]] = row
    return next(iter(matches.values()), None)


def _named(world: World, row: Row, names: dict[str, Any], *, replace: bool) -> Row:
    changed = dict(row)
    for name in ("first_name", "last_name"):
        if name in names:
            changed[name] = names[name] or None
    if "lists" in names:
        ids = [lists.named(world, name)["id"] for name in names["lists"]]
        kept = [] if replace else row["lists"]
        changed["lists"] = list(dict.fromkeys([*kept, *ids]))
    return changed


def retrieve(world: World, call: Call) -> Answer:
    """Answer retrieve_profile."""
    return 200, view(world, live(world, call.path["id"]))


def update(world: World, call: Call) -> Answer:
    """Answer update_profile: an empty value removes, ``lists`` replaces membership."""
    table = world.store["profile"]
    row = live(world, call.path["id"])
    names = read(call.data, _NAMES)
    values = Values.read(world, call.data, updating=row)
    if not names and not values:
        raise nothing_given()
    for kind, contact, parameter in values.contacts():
        if table.taken(*contact_key(kind, contact), but=row["id"]):
            raise not_unique(parameter)
    table.put(values.apply(_named(world, row, names, replace=True)))
    table.touch(row["id"])
    return 200, {"id": row["id"], "updated": True}


def delete(world: World, call: Call) -> Answer:
    """Answer delete_profile: its values go, the profile stays for a later subscription (contract x-rules)."""
    row = live(world, call.path["id"])
    cleared: dict[str, Any] = {"first_name": None, "last_name": None, "values": [], "lists": [], "state": "unconfirmed"}
    world.store["profile"].put({**row, **cleared, "deleted": True})
    owned = list(world.store["property"].with_key("profile", row["id"]))
    for definition in owned:
        world.store["property"].remove(definition["id"])
    return 200, {"id": row["id"], "type": "profile", "deleted": True}


def subscribe(world: World, call: Call) -> Answer:
    """Answer subscribe_profile; it restores a cleared profile."""
    row = world.store["profile"].get(call.path["id"])
    if row is None:
        raise not_found()
    return _state(world, row, "subscribed")


def unsubscribe(world: World, call: Call) -> Answer:
    """Answer unsubscribe_profile."""
    return _state(world, live(world, call.path["id"]), "unsubscribed")


def _state(world: World, row: Row, state: str) -> Answer:
    table = world.store["profile"]
    changed = table.put({**row, "state": state, "deleted": False})
    table.touch(row["id"])
    return 200, view(world, changed)


def verify(world: World, call: Call) -> Answer:
    """Answer verify_profile."""
    return _verify(world, call, verified=True)


def unverify(world: World, call: Call) -> Answer:
    """Answer unverify_profile."""
    return _verify(world, call, verified=False)


def _verify(world: World, call: Call, *, verified: bool) -> Answer:
    row = live(world, call.path["id"])
    values = Values.read(world, {k: v for k, v in call.data.items() if k in {"email", "phone"} and isinstance(v, str)})
    read(call.data, {"email": text(), "phone": text()})
    if not values:
        raise missing("email")
    wanted = {contact_key(kind, contact): parameter for kind, contact, parameter in values.contacts()}
    entries = []
    for entry in row["values"]:
        if entry["kind"] in {"email", "phone"} and contact_key(entry["kind"], entry["value"]) in wanted:
            wanted.pop(contact_key(entry["kind"], entry["value"]))
            entry = {**entry, "verified": verified}
        entries.append(entry)
    if wanted:
        raise own_property(next(iter(wanted.values())))
    world.store["profile"].put({**row, "values": entries})
    return 200, {"verified": verified}


def listing(world: World, call: Call) -> Answer:
    """Answer list_profiles: newest activity first, or by creation or name; all filters are inferred names."""
    contacts = _wanted_contacts(call)
    keep = _filter(world, call, contacts)
    order = call.query.get("order")
    table = world.store["profile"]
    if order == "alphabetically":
        return _alphabetical(world, call, keep)
    return page(
        world,
        call,
        table,
        plural="profiles",
        view=lambda row: view(world, row),
        keep=keep,
        order=table.created if order == "created_at" else table.active,
        few=table.with_key(*contact_key(*contacts[0])) if contacts else None,
    )


def _wanted_contacts(call: Call) -> list[tuple[str, str]]:
    return [(kind, call.query[kind]) for kind in CONTACT_KINDS if isinstance(call.query.get(kind), str)]


def _alphabetical(world: World, call: Call, keep: Callable[[Row], bool]) -> Answer:
    table = world.store["profile"]
    rows = sorted(
        filter(keep, table.rows.values()),
        key=lambda row: ((row["last_name"] or "").casefold(), (row["first_name"] or "").casefold(), row["id"]),
    )
    ids = [row["id"] for row in rows]
    limit = limit_of(call)
    after, before = cursor(call, "starting_after"), cursor(call, "ending_before")
    if before in ids:
        end = ids.index(before)
        chosen = ids[max(0, end - limit) : end]
    else:
        start = ids.index(after) + 1 if after in ids else 0
        chosen = list(islice(ids, start, start + limit))
    return 200, {"profiles": [view(world, table.rows[id_]) for id_ in chosen]}


def _filter(world: World, call: Call, contacts: list[tuple[str, str]]) -> Callable[[Row], bool]:
    wanted = {name: call.query[name] for name in ("first_name", "last_name") if isinstance(call.query.get(name), str)}
    by_property = call.query.get("property")
    if not isinstance(by_property, dict):
        by_property = {}

    def keep(row: Row) -> bool:
        if row["deleted"]:
            return False
        if any((row[name] or "").casefold() != value.casefold() for name, value in wanted.items()):
            return False
        if any(contact_key(*contact) not in _contacts(row) for contact in contacts):
            return False
        return all(_holds(world, row, name, value) for name, value in by_property.items())

    return keep


def _contacts(row: Row) -> Iterator[tuple[str, str]]:
    for entry in row["values"]:
        if entry["kind"] in CONTACT_KINDS:
            yield contact_key(entry["kind"], entry["value"])


def _holds(world: World, row: Row, name: str, value: object) -> bool:
    definitions = world.store["property"].rows
    for entry in row["values"]:
        definition = definitions.get(entry["property"])
        if definition is None:
            continue
        named = definition["name"] if definition["name"] is not None else definition["kind"]
        if named.casefold() != name.casefold():
            continue
        if world.reading.filter_by_kind:
            if properties.matches(world, entry["kind"], entry["value"], value):
                return True
        elif str(entry["value"]) == value:
            return True
    return False
