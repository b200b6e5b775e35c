"""What every handler works on: the business's options, clock, ids and objects; and what it is called with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from . import validation
from .parameters import Parameters
from .reading import STRICT, Reading
from .refusals import Problem, Refused, malformed, not_found
from .store import Ids, Ordering, Row, Table
from .tables import Store

DEFAULT_LIMIT = 25
GREATEST_LIMIT = 100
BUILT_IN_PROPERTIES = ("address", "birthday", "company", "email", "gender", "mercadolibre", "phone")

Answer = tuple[int, dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen about the emulated business.

    ``delay_events``: seconds until an accepted event shows in listings. ``strict_sessions``: server-side
    events and carts with a session that no browser announced are refused. ``conflict_answer``: what an
    attachment that was refused answers as ``profile``, "null" or "owner"; the sources disagree. ``reading``: what
    holds where they disagree otherwise.
    """

    delay_events: float = 0.0
    strict_sessions: bool = False
    conflict_answer: str = "null"
    country_code: str = "UY"
    country_prefix: str = "598"
    currency: str = "USD"
    reading: Reading = STRICT


@dataclass(slots=True)
class Call:
    """One request to a handler: parameters of the path, of the query and of the body."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=Parameters)
    data: dict[str, Any] = field(default_factory=Parameters)


class World:
    """One emulated business."""

    def __init__(self, *, business_id: str, seed: int, options: Options, clock: Callable[[], float]) -> None:
        self.business_id = business_id
        self.options = options
        self.clock = clock
        self.ids = Ids(seed=seed)
        self.store = Store()
        self.note = ""  # why an accepted request had no effect; read and cleared by the core
        self.last_position = 0  # of a property; greater than every other
        self._add_built_in_properties()

    def now(self) -> int:
        """Return the time in whole epoch seconds."""
        return int(self.clock())

    @property
    def reading(self) -> Reading:
        """Return what holds where the sources disagree."""
        return self.options.reading

    def read(
        self, data: dict[str, Any], spec: Mapping[str, validation.Reader], *, required: Collection[str] = ()
    ) -> dict[str, Any]:
        """Read parameters of which some are required, as ``validation.read`` does."""
        return validation.read(data, spec, required=required, null_is_empty=self.reading.null_is_empty)

    def money(self) -> validation.Reader:
        """Return a reader of amounts with a currency; the business's own when none is given."""
        return validation.money(default_currency=self.options.currency, null_is_empty=self.reading.null_is_empty)

    def quantity(self, *, zero: bool = False) -> validation.Reader:
        """Return a reader of quantities."""
        return validation.quantity(zero=zero, whole=self.reading.whole_quantities)

    def new_row(self, **values: Any) -> Row:
        """Return a row with a new id and the present time."""
        return {"id": self.ids.new(), "created_at": self.now(), **values}

    def _add_built_in_properties(self) -> None:
        for position, kind in enumerate(BUILT_IN_PROPERTIES, start=1):
            row = self.new_row(
                kind=kind, name=None, position=position, profile=None, unique=kind == "email", built_in=True
            )
            self.store["property"].put(row)
            self.last_position = position
        self.store.commit()


def find(table: Table, id_: str, *, parameter: str = "id") -> Row:
    """Return the row with this id, or refuse with 404."""
    row = table.get(id_)
    if row is None:
        raise not_found(parameter)
    return row


def deleted(table: Table, row: Row, *, type_: str) -> Answer:
    """Delete a row and return the answer of every delete operation."""
    table.remove(row["id"])
    return 200, {"id": row["id"], "type": type_, "deleted": True}


def limit_of(call: Call) -> int:
    """Return the page size, from 1 to 100 (contract, Limit)."""
    given = call.query.get("limit")
    if given is None:
        return DEFAULT_LIMIT
    if not (isinstance(given, str) and given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= GREATEST_LIMIT):
        raise malformed(f"This must be from 1 to {GREATEST_LIMIT}.", parameter="limit")
    return int(given)


def page(
    world: World,
    call: Call,
    table: Table,
    *,
    plural: str,
    view: Callable[[Row], dict[str, Any]],
    keep: Callable[[Row], bool] | None = None,
    order: Ordering | None = None,
    few: Iterable[Row] | None = None,
) -> Answer:
    """Answer one page of a table, newest first.

    A cursor that never was an object is refused, and one that was deleted, unless the world's reading lets it mark
    its place still. ``few``: the only rows that come into question, where an index knows them.
    """
    limit = limit_of(call)
    after, before = cursor(call, "starting_after"), cursor(call, "ending_before")
    if after is not None and before is not None:
        problem = Problem("ambiguous_parameter", "Give starting_after or ending_before.", "ending_before")
        raise Refused(400, problem)
    if order is None:
        order = table.created
    for name, value in (("starting_after", after), ("ending_before", before)):
        gone = world.reading.deleted_refused and value not in table.rows
        if value is not None and (gone or value not in order):
            raise Refused(400, Problem("not_found", "No such object.", name))
    if few is not None:
        ids = order.among((row["id"] for row in few), older=after, newer=before)
    else:
        ids = order.newer(before) if before is not None else order.older(after)
    rows = (row for row in map(table.rows.__getitem__, ids) if keep is None or keep(row))
    found = list(islice(rows, limit))
    if before is not None:
        found.reverse()
    return 200, {plural: [view(row) for row in found]}


def cursor(call: Call, name: str) -> str | None:
    """Return a cursor of the query; an empty one counts as absent."""
    value = call.query.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise malformed("This must be an id.", parameter=name)
    return value
