"""The values that a body gives to a profile: contacts, addresses and properties, plain and in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import contacts, properties
from .refusals import Problem, Refused, gather, not_unique
from .store import Row
from .tables import canonical, contact_key
from .validation import Bad
from .world import World

CONTACTS = ("email", "phone", "address")
_BRACKET = re.compile(r"(email|phone|address|property|property_by_id)\[([^\[\]]+)\]", re.DOTALL)


def own_property(parameter: str) -> Refused:
    """Return the 422 for a contact that the profile does not have."""
    return Refused(422, Problem("not_found", "The profile has no such value.", parameter))


@dataclass(slots=True)
class Change:
    """One value for one property; ``value`` None removes it."""

    kind: str
    value: Any
    parameter: str
    definition: Row | None = None  # an existing definition
    name: str | None = None  # else the name of one to make for this profile
    default: bool = False  # the profile's default email, phone or address
    extra: bool = False  # a new default; the old one is kept


@dataclass(slots=True)
class Values:
    """All changes of one request, read and checked before anything is written."""

    world: World
    owner: str | None
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes)

    @classmethod
    def read(cls, world: World, data: Mapping[str, Any], *, updating: Row | None = None) -> Values:
        """Read every contact and property of ``data``; refuse with all problems found."""
        values = cls(world, None if updating is None else updating["id"])
        for kind in CONTACTS:
            if kind in data:
                values._plain(kind, data[kind])
            if updating is not None and f"new_default_{kind}" in data:
                values._contact(kind, data[f"new_default_{kind}"], f"new_default_{kind}", default=True, extra=True)
        for family in ("property", "property_by_id"):
            given = data.get(family)
            if isinstance(given, dict):
                for name, value in given.items():
                    values._property(family, name, value, f"{family}[{name}]")
            elif given is not None:
                values.problems.append(Problem("invalid", "This must be an object.", family))
        for parameter in data:
            match = _BRACKET.fullmatch(parameter)
            if match is None:
                continue
            value = data[parameter]
            if match[1] in CONTACTS:
                values._named(match[1], match[2], value, parameter)
            else:
                values._property(match[1], match[2], value, parameter)
        gather(values.problems)
        return values

    def contacts(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, value and parameter of every e-mail and phone that is set."""
        for change in self.changes:
            if change.kind in {"email", "phone"} and change.value is not None:
                yield change.kind, change.value, change.parameter

    def apply(self, row: Row) -> Row:
        """Return the profile with all changes made; definitions that are missing are made for it."""
        entries = list(row["values"])
        renewed = {change.definition["id"] for change in self.changes if change.definition and not change.default}
        for change in self.changes:
            entries = self._apply(row["id"], entries, change, renewed)
        return {**row, "values": entries}

    def _plain(self, kind: str, value: Any) -> None:
        if isinstance(value, dict) and (kind != "address" or (value and not value.keys() & contacts.ADDRESS_PARTS)):
            for name, entry in value.items():
                self._named(kind, name, entry, f"{kind}[{name}]")
            return
        self._contact(kind, None if value == {} else value, kind, default=True)

    def _named(self, kind: str, name: str, value: Any, parameter: str) -> None:
        if kind == "address" and name in contacts.ADDRESS_PARTS:
            self._contact(kind, {name: value}, parameter, default=True)
            return
        definition = self._definition(kind, name)
        if definition is None:
            try:
                properties.read_name(name, parameter)
            except Bad as bad:
                self.problems.append(bad.problem)
                return
        self._contact(kind, value, parameter, definition=definition, name=name)

    def _definition(self, kind: str, name: str) -> Row | None:
        if self.owner is None:
            return None
        table = self.world.store["property"]
        named = properties.name_key(self.world, kind=kind, name=name, owner=self.owner)
        row = table.get(name) or table.first(*named)
        return row if row is not None and row["kind"] == kind and row["profile"] == self.owner else None

    def _contact(
        self,
        kind: str,
        value: Any,
        parameter: str,
        *,
        definition: Row | None = None,
        name: str | None = None,
        default: bool = False,
        extra: bool = False,
    ) -> None:
        if value == "" or (value is None and kind == "address"):
            value = None
        else:
            try:
                value = properties.read_value(self.world, kind, value, parameter=parameter)
            except Bad as bad:
                self.problems.append(bad.problem)
                return
        self.changes.append(Change(kind, value, parameter, definition, name, default, extra))

    def _property(self, family: str, name: str, value: Any, parameter: str) -> None:
        if family == "property":
            definition = properties.by_name(self.world, name, owner=self.owner)
        else:
            definition = self.world.store["property"].get(name)
        if definition is None or definition["profile"] not in {None, self.owner}:
            self.problems.append(Problem("undefined_property", "This property was never defined.", parameter))
            return
        kind = definition["kind"]
        default = definition["built_in"] and kind in CONTACTS
        cleaned = None
        if value is not None and value != "" and value != []:
            try:
                cleaned = properties.read_value(self.world, kind, value, parameter=parameter)
            except Bad as bad:
                self.problems.append(bad.problem)
                return
            if definition["unique"] and kind not in {"email", "phone"}:
                self._refuse_shared(definition, cleaned, parameter)
        self.changes.append(Change(kind, cleaned, parameter, definition, default=default))

    def _refuse_shared(self, definition: Row, value: Any, parameter: str) -> None:
        if self.world.store["profile"].taken("value", definition["id"], canonical(value), but=self.owner):
            raise not_unique(parameter)

    def _apply(self, owner: str, entries: list[Row], change: Change, renewed: set[str]) -> list[Row]:
        if change.default:
            return self._apply_default(entries, change, renewed)
        definition = change.definition
        if definition is None:
            table = self.world.store["property"]
            name = change.name or ""
            definition = table.first(*properties.name_key(self.world, kind=change.kind, name=name, owner=owner))
            if definition is None and change.value is None:
                return entries
            if definition is None:
                definition = properties.define(self.world, kind=change.kind, name=name, owner=owner)
            elif definition["kind"] != change.kind:
                raise not_unique(change.parameter)
        return _replaced(entries, definition["id"], change)

    def _apply_default(self, entries: list[Row], change: Change, renewed: set[str]) -> list[Row]:
        """Set or remove the first entry of a kind. What is named in the same request is spoken for: ``renewed``."""
        places = [index for index, entry in enumerate(entries) if entry["kind"] == change.kind]
        if change.value is None:
            return [entry for index, entry in enumerate(entries) if index not in places[:1]]
        same = [index for index in places if _same(entries[index], change)]
        same = [index for index in same if entries[index]["property"] not in renewed]
        if same:
            moved = {**entries[same[0]], "value": change.value}
            rest = [entry for index, entry in enumerate(entries) if index != same[0]]
            return [*rest[: places[0]], moved, *rest[places[0] :]]
        new = _entry(properties.built_in(self.world, change.kind)["id"], change)
        if not places:
            return [*entries, new]
        if change.extra:
            return [*entries[: places[0]], new, *entries[places[0] :]]
        return [new if index == places[0] else entry for index, entry in enumerate(entries)]


def _same(entry: Row, change: Change) -> bool:
    if change.kind == "address":
        return bool(entry["value"] == change.value)
    return contact_key(change.kind, entry["value"]) == contact_key(change.kind, change.value)


def _entry(property_id: str, change: Change) -> Row:
    return {"property": property_id, "kind": change.kind, "value": change.value, "verified": False}


def _replaced(entries: list[Row], property_id: str, change: Change) -> list[Row]:
    old = next((entry for entry in entries if entry["property"] == property_id), None)
    if old is not None and old["value"] == change.value:
        return entries
    rest = [entry for entry in entries if entry["property"] != property_id]
    if change.value is None:
        return rest
    first = next((entry for entry in rest if entry["kind"] == change.kind), None)
    # A former default that gets a name is the same address, not a second one.
    rest = [entry for entry in rest if entry is first or entry["kind"] != change.kind or not _same(entry, change)]
    return [*rest, _entry(property_id, change)]
