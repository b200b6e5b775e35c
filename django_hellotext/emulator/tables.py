"""The kinds of objects that the emulator keeps, and the keys by which each is found."""

from __future__ import annotations

from collections.abc import Iterator

import simplejson

from .store import Key, KeysOf, Row, Table, Undo

CONTACT_KINDS = ("email", "phone")
_KEYED_KINDS = frozenset({"company", "mercadolibre", "number", "text", "url"})


def canonical(value: object) -> str:
    """Return JSON that is equal for equal values."""
    return simplejson.dumps(value, sort_keys=True)


def contact_key(kind: str, value: str) -> tuple[str, str]:
    """Return the key of an e-mail or phone; e-mails are compared without regard to case."""
    return (kind, value.lower() if kind == "email" else value)


def _profile(row: Row) -> Iterator[Key]:
    if row["deleted"]:
        return
    for entry in row["values"]:
        yield ("holds", entry["property"])
        if entry["kind"] in CONTACT_KINDS:
            yield contact_key(entry["kind"], entry["value"])
        if entry["kind"] in _KEYED_KINDS:
            yield ("value", entry["property"], canonical(entry["value"]))
    for list_id in row["lists"]:
        yield ("list", list_id)


def _property(row: Row) -> Iterator[Key]:
    if row["name"] is not None:
        folded = row["name"].casefold()
        yield ("name", row["profile"], folded)
        yield ("kind and name", row["profile"], row["kind"], folded)
    if row["profile"] is not None:
        yield ("profile", row["profile"])
    if row["built_in"]:
        yield ("built_in", row["kind"])


def _origin(row: Row) -> Iterator[Key]:
    if row["reference"] is not None:
        yield ("origin", row["reference"], row["source"])


def _catalogue(row: Row) -> Iterator[Key]:
    yield from _origin(row)
    if row["reference"] is not None:
        yield ("reference", row["reference"])
    if row["sku"] is not None:
        yield ("sku", row["sku"])
    if "product" in row:
        yield ("product", row["product"])


def _owned(row: Row) -> Iterator[Key]:
    yield from _origin(row)
    for name in ("profile", "session"):
        if row.get(name) is not None:
            yield (name, row[name])


def _list(row: Row) -> Iterator[Key]:
    yield ("name", row["name"].casefold())


def _named(row: Row) -> Iterator[Key]:
    yield ("name", row["name"])


def _coupon(row: Row) -> Iterator[Key]:
    yield ("code", row["code"])
    if row["reference"] is not None:
        yield ("reference", row["reference"])


def _session(row: Row) -> Iterator[Key]:
    if row["profile"] is not None:
        yield ("profile", row["profile"])


def _event(row: Row) -> Iterator[Key]:
    yield ("action", row["action"])
    for name in ("profile", "session"):
        if row[name] is not None:
            yield (name, row[name])
    if row["object"] is not None:
        yield ("object", row["object"]["id"], row["action"])


def _custom(row: Row) -> Iterator[Key]:
    yield ("type", row["object_type"])


KEYS: dict[str, KeysOf] = {
    "profile": _profile,
    "property": _property,
    "list": _list,
    "coupon": _coupon,
    "action": _named,
    "app": _named,
    "form": _named,
    "product": _catalogue,
    "variant": _catalogue,
    "cart": _owned,
    "order": _origin,
    "refund": _owned,
    "session": _session,
    "event": _event,
    "object": _custom,
}


class Store:
    """All tables, and the journal that undoes a refused request."""

    def __init__(self) -> None:
        self.journal: list[Undo] = []
        self.tables = {
            kind: Table(kind, keys=keys, journal=self.journal, by_activity=kind == "profile")
            for kind, keys in KEYS.items()
        }

    def __getitem__(self, kind: str) -> Table:
        return self.tables[kind]

    def counts(self) -> dict[str, int]:
        """Return how many rows each kind has."""
        return {kind: len(table) for kind, table in self.tables.items()}

    def commit(self) -> bool:
        """Keep what was written since the last commit; say whether anything was."""
        changed = bool(self.journal)
        self.journal.clear()
        return changed

    def roll_back(self) -> None:
        """Undo what was written since the last commit."""
        undo = self.journal[::-1]
        for table, id_, old in undo:
            table.undo(id_, old)
        self.journal.clear()
