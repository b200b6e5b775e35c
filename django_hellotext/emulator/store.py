"""Where the emulator keeps its objects: tables of rows, found by id and by other keys, newest first.

A row is a dict that is never changed in place: a handler puts a new dict. So a refused request can be
undone from a journal, and nothing half-made survives it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Row = dict[str, Any]
Key = tuple[Any, ...]
KeysOf = Callable[[Row], Iterable[Key]]
Undo = tuple["Table", str, Row | None]

_ALPHABET = "ABDEGHJKLMNPQRSTVWXYZabdeghjklmnpqrstvwxyz23456789"
_ID_LENGTH = 8
_ID_SPACE = len(_ALPHABET) ** _ID_LENGTH
_ID_STRIDE = 25_214_903_917_001  # prime, so that counting in steps of it meets every id once


class Ids:
    """Short opaque ids, never given twice; the same seed gives the same ids again."""

    def __init__(self, *, seed: int) -> None:
        self._start = (seed * 7_919 + 1_234_567_891_011) % _ID_SPACE
        self.given = 0

    def new(self) -> str:
        """Return the next id."""
        self.given += 1
        number = (self._start + self.given * _ID_STRIDE) % _ID_SPACE
        letters = []
        for _ in range(_ID_LENGTH):
            number, rest = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[rest])
        return "".join(letters)


class Ordering:
    """Ids in an order that only grows at its new end; a removed id keeps its place as a cursor."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._at: dict[str, int] = {}
        self._who: dict[int, str] = {}
        self._next = 0

    def __contains__(self, id_: str) -> bool:
        return id_ in self._at

    def place(self, id_: str) -> int:
        """Return the place of ``id_``; the oldest has the least."""
        return self._at[id_]

    def append(self, id_: str) -> None:
        """Put ``id_`` at the new end, or back to the place it had."""
        place = self._at.get(id_)
        if place is None:
            place = self._next
            self._next += 1
            self._places.append(place)
        elif place not in self._who:
            index = bisect.bisect_left(self._places, place)
            if index == len(self._places) or self._places[index] != place:
                self._places.insert(index, place)
        self._at[id_] = place
        self._who[place] = id_

    def renew(self, id_: str) -> None:
        """Move ``id_`` to the new end."""
        place = self._at.pop(id_, None)
        if place is not None:
            self._who.pop(place, None)
        self.append(id_)
        if len(self._places) > 2 * len(self._who) + 1_024:
            self._places = sorted(self._who)

    def discard(self, id_: str) -> None:
        """Take ``id_`` out; it can still be used as a cursor."""
        self._who.pop(self._at[id_], None)

    def older(self, than: str | None = None) -> Iterator[str]:
        """Yield ids from the newest, or from the one before ``than``, to the oldest."""
        end = len(self._places) if than is None else bisect.bisect_left(self._places, self._at[than])
        for index in range(end - 1, -1, -1):
            found = self._who.get(self._places[index])
            if found is not None:
                yield found

    def among(self, few: Iterable[str], *, older: str | None = None, newer: str | None = None) -> Iterator[str]:
        """Yield those of ``few`` that are older than ``older``, newest first; or newer than ``newer``, oldest first."""
        places = sorted(self._at[id_] for id_ in few)
        if newer is not None:
            yield from (self._who[place] for place in places if place > self._at[newer])
            return
        end = self._next if older is None else self._at[older]
        yield from (self._who[place] for place in reversed(places) if place < end)

    def newer(self, than: str) -> Iterator[str]:
        """Yield ids from the one after ``than`` to the newest."""
        start = bisect.bisect_right(self._places, self._at[than])
        for index in range(start, len(self._places)):
            found = self._who.get(self._places[index])
            if found is not None:
                yield found


class Table:
    """The rows of one kind."""

    def __init__(self, kind: str, *, keys: KeysOf, journal: list[Undo], by_activity: bool = False) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self.created = Ordering()
        self.active = Ordering() if by_activity else self.created
        self._keys_of = keys
        self._keys: dict[str, tuple[Key, ...]] = {}
        self._index: dict[Key, dict[str, None]] = {}
        self._journal = journal

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, id_: str) -> Row | None:
        """Return the row with this id."""
        return self.rows.get(id_)

    def put(self, row: Row) -> Row:
        """Add ``row``, or replace the one with its id."""
        id_ = row["id"]
        old = self.rows.get(id_)
        self._journal.append((self, id_, old))
        self._write(id_, row)
        return row

    def remove(self, id_: str) -> None:
        """Delete the row with this id."""
        self._journal.append((self, id_, self.rows[id_]))
        self._erase(id_)

    def undo(self, id_: str, old: Row | None) -> None:
        """Bring back what was there before a ``put`` or a ``remove``."""
        if old is None:
            self._erase(id_)
        else:
            self._write(id_, old)

    def touch(self, id_: str) -> None:
        """Make this row the most recently active one."""
        if self.active is not self.created and id_ in self.rows:
            self.active.renew(id_)

    def with_key(self, *key: Any) -> Iterator[Row]:
        """Yield the rows that have this key, oldest first."""
        for id_ in list(self._index.get(key, ())):
            yield self.rows[id_]

    def first(self, *key: Any) -> Row | None:
        """Return the oldest row that has this key."""
        for id_ in self._index.get(key, ()):
            return self.rows[id_]
        return None

    def taken(self, *key: Any, but: str | None = None) -> bool:
        """Say whether a row other than ``but`` has this key."""
        return any(id_ != but for id_ in self._index.get(key, ()))

    def _write(self, id_: str, row: Row) -> None:
        if id_ not in self.rows:
            self.created.append(id_)
            if self.active is not self.created:
                self.active.append(id_)
        self.rows[id_] = row
        keys = tuple(dict.fromkeys(self._keys_of(row)))
        old = self._keys.get(id_, ())
        if keys == old:
            return
        self._unindex(id_, set(old).difference(keys))
        self._keys[id_] = keys
        for key in set(keys).difference(old):
            self._add_holder(key, id_)

    def _add_holder(self, key: Key, id_: str) -> None:
        """Note that a row has this key; the holders of a key stay in the order in which they were created."""
        holders = self._index.get(key)
        if holders is None:
            self._index[key] = {id_: None}
            return
        place = self.created.place
        is_newest = place(next(reversed(holders))) < place(id_)
        holders[id_] = None
        if not is_newest:
            self._index[key] = dict.fromkeys(sorted(holders, key=place))

    def _erase(self, id_: str) -> None:
        del self.rows[id_]
        self.created.discard(id_)
        if self.active is not self.created:
            self.active.discard(id_)
        self._unindex(id_, self._keys.pop(id_, ()))

    def _unindex(self, id_: str, keys: Iterable[Key]) -> None:
        for key in keys:
            holders = self._index[key]
            holders.pop(id_, None)
            if not holders:
                del self._index[key]
