"""What Hellotext has: its lists, read page by page into a private temporary database.

There is no filter by reference and no list of changes, so a comparison has to read everything (contract, "Paging").
Memory stays flat: the database is a file without a name that the operating system takes back, whatever happens.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from ..api import HellotextClient
from ..conf import hellotext_settings
from ..emails import canonical
from ..exceptions import ApiError, NotFound, Outcome, RateLimited, ValidationError
from ..models import Kind
from .definitions import Definition, missing

T = TypeVar("T")

PAGE = 100
TRIES = 5
ROUNDS = 20  # times that the first pages are read again until they bring nothing new
CHUNK = 400  # values of one statement

# Where each kind is listed. Variants have no list: they come with their products.
FAMILIES: Mapping[str, str] = {
    Kind.PROFILE: "profiles",
    Kind.PROPERTY: "properties",
    Kind.LIST: "lists",
    Kind.ACTION: "actions",
    Kind.FORM: "forms",
    Kind.APP: "apps",
    Kind.PRODUCT: "products",
    Kind.COUPON: "coupons",
    Kind.CART: "carts",
    Kind.ORDER: "orders",
    Kind.REFUND: "refunds",
    Kind.VARIANT: "variants",
}
# By what an object is known again, the surest first.
KEYS: Mapping[str, tuple[str, ...]] = {
    Kind.PROFILE: ("email", "phone"),
    Kind.PRODUCT: ("reference", "sku"),
    Kind.VARIANT: ("reference", "sku"),
    Kind.COUPON: ("code",),
    Kind.CART: ("reference",),
    Kind.ORDER: ("reference",),
    Kind.REFUND: ("reference",),
}
BY_NAME = ("name",)


def keys_of(kind: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """By what the object with ``values`` (a payload, or remote JSON) is known, as pairs of a key and its value."""
    found = []
    for key in KEYS.get(kind, BY_NAME):
        several = values.get(f"{key}s") if key in ("email", "phone") else None
        texts = [values.get(key), *(several if isinstance(several, list | tuple) else ())]
        found += [(key, _folded(key, str(text))) for text in texts if text]
    return found


class Listing:
    """A context manager. ``heard`` is told how many objects of a kind have been read."""

    def __init__(
        self, client: HellotextClient, *, heard: Callable[[str, int], None] = lambda kind, count: None
    ) -> None:
        self._client = client
        self._heard = heard
        self._read: set[str] = set()

    def __enter__(self) -> Self:
        self._base = sqlite3.connect("")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("CREATE TABLE object (kind, id, raw, claimed DEFAULT 0, PRIMARY KEY (kind, id))")
        self._base.execute("CREATE TABLE known (kind, by, value, id)")
        self._base.execute("CREATE INDEX known_by ON known (kind, by, value)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def read(self, kind: str) -> None:
        """Read the list of ``kind``, once. Raises ``ApiError`` when Hellotext cannot be asked."""
        listed = Kind.PRODUCT.value if kind == Kind.VARIANT else kind
        if listed in self._read:
            return
        self._read.add(listed)
        if listed == Kind.PROFILE:
            self._read_moving(listed)
        else:
            for items in self._pages(listed):
                self._keep(listed, items)

    def read_newest(self, kind: str) -> None:
        """Read what is new in the list of ``kind`` since it was read. Raises ``ApiError`` as ``read`` does."""
        for items in self._pages(kind):
            if self._keep(kind, items) < len(items):
                return

    def raw(self, kind: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The remote JSON of those of ``ids`` that are listed."""
        found = {}
        for some in _chunks(list(ids)):
            places = ", ".join("?" * len(some))
            sql = f"SELECT id, raw FROM object WHERE kind = ? AND id IN ({places})"  # noqa: S608 - places only
            found.update({id: json.loads(raw) for id, raw in self._base.execute(sql, [kind, *some])})
        return found

    def find(self, kind: str, by: str, values: Iterable[str]) -> dict[str, list[str]]:
        """The IDs of the objects that are known by each of ``values``."""
        found: dict[str, list[str]] = {}
        for some in _chunks(list(values)):
            places = ", ".join("?" * len(some))
            sql = f"SELECT DISTINCT value, id FROM known WHERE kind = ? AND by = ? AND value IN ({places})"  # noqa: S608
            for value, id in self._base.execute(sql, [kind, by, *some]):
                found.setdefault(value, []).append(id)
        return found

    def claim(self, kind: str, ids: Iterable[str]) -> None:
        """Note that the shop knows ``ids``."""
        self._base.executemany("UPDATE object SET claimed = 1 WHERE kind = ? AND id = ?", [(kind, id) for id in ids])

    def claimed(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Return which of ``ids`` have been claimed."""
        found: set[str] = set()
        for some in _chunks(list(ids)):
            places = ", ".join("?" * len(some))
            sql = f"SELECT id FROM object WHERE kind = ? AND claimed = 1 AND id IN ({places})"  # noqa: S608
            found.update(id for (id,) in self._base.execute(sql, [kind, *some]))
        return found

    def unclaimed_objects(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the ID and the remote JSON of each object of ``kind`` that nobody has claimed."""
        rows = self._base.execute("SELECT id, raw FROM object WHERE kind = ? AND claimed = 0", [kind])
        for id, raw in rows:
            yield id, json.loads(raw)

    def unclaimed(self, kind: str) -> int:
        """How many objects of ``kind`` nobody has claimed."""
        rows = self._base.execute("SELECT COUNT(*) FROM object WHERE kind = ? AND claimed = 0", [kind])
        return int(rows.fetchone()[0])

    def count(self, kind: str) -> int:
        """How many objects of ``kind`` there are."""
        return int(self._base.execute("SELECT COUNT(*) FROM object WHERE kind = ?", [kind]).fetchone()[0])

    def undefined(self) -> list[Definition]:
        """What the settings define and Hellotext does not have. Raises ``ApiError`` when it cannot be asked."""
        return patiently(lambda: missing(self._client))

    def is_gone(self, kind: str, id: str) -> bool:
        """Whether Hellotext itself says that there is no such object. Raises ``ApiError`` when it cannot be asked."""
        family = getattr(self._client, FAMILIES[kind])
        try:
            patiently(lambda: family.retrieve(id))
        except NotFound:
            return True
        return False

    def _read_moving(self, kind: str) -> None:
        """A list that is sorted by last activity: who is active while it is read moves to its front.

        Whoever is met twice is kept once; the front is read again until it brings nobody new.
        """
        for items in self._pages(kind):
            self._keep(kind, items)
        for _ in range(ROUNDS):
            news = 0
            for items in self._pages(kind):
                fresh = self._keep(kind, items)
                news += fresh
                if not fresh:
                    break
            if not news:
                return

    def _pages(self, kind: str) -> Iterator[tuple[Any, ...]]:
        """The pages of a list, newest first.

        A cursor that has moved to the front begins the list again, and one that is gone is no cursor: then the object
        before it serves. What is met again and again ends the walk.
        """
        family = getattr(self._client, FAMILIES[kind])
        cursors: list[str] = []
        repeated, before = 0, -1
        while True:
            page = _after(family, cursors)
            if page is None:
                return
            yield page.items
            if len(page.items) < PAGE:
                return
            cursors = [item.id for item in page.items]
            known = self.count(kind)
            repeated, before = (repeated + 1 if known == before else 0), known
            if repeated > known // PAGE + ROUNDS:
                return

    def _keep(self, kind: str, items: Iterable[Any]) -> int:
        """Keep ``items``; answers how many are new."""
        before = self.count(kind)
        for item in items:
            self._keep_one(kind, item.id, item.raw)
            if kind == Kind.PRODUCT:
                for variant in item.variants:
                    self._keep_one(Kind.VARIANT.value, variant.id, variant.raw)
        count = self.count(kind)
        self._heard(kind, count)
        return count - before

    def _keep_one(self, kind: str, id: str, raw: Mapping[str, Any]) -> None:
        text = json.dumps(raw, default=str)
        kept = self._base.execute("INSERT OR IGNORE INTO object (kind, id, raw) VALUES (?, ?, ?)", [kind, id, text])
        if kept.rowcount:
            rows = [(kind, by, value, id) for by, value in keys_of(kind, raw)]
            self._base.executemany("INSERT INTO known VALUES (?, ?, ?, ?)", rows)


def patiently(call: Callable[[], T]) -> T:
    """What ``call`` answers; a refusal that passes is waited for. Raises the last ``ApiError``."""
    for place in range(TRIES):
        if hellotext_settings.RATE is not None:
            time.sleep(1.0 / hellotext_settings.RATE)
        try:
            return call()
        except ApiError as error:
            if error.outcome is not Outcome.RETRY or place == TRIES - 1:
                raise
            asked = error.retry_after if isinstance(error, RateLimited) else None
            time.sleep(min(asked or 0.5 * 2.0**place, 60.0))
    raise AssertionError("unreachable")


def _after(family: Any, cursors: list[str]) -> Any:
    """The page after the last of ``cursors`` that is one; ``None`` when the list has ended or none is left."""
    if not cursors:
        return patiently(lambda: family.list(limit=PAGE))
    for cursor in reversed(cursors):
        try:
            page = patiently(lambda cursor=cursor: family.list(limit=PAGE, starting_after=cursor))  # type: ignore[misc]  # bound
        except (NotFound, ValidationError):
            continue
        return page if page.items else None
    return None


def _folded(key: str, text: str) -> str:
    return canonical(text) if key == "email" else text


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(values), CHUNK):
        yield values[begin : begin + CHUNK]
