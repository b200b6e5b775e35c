"""The emulator's objects in a file, so that the next start goes on where this one ended."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from ..files import PRIVATE, replace_file
from .core import Emulator
from .tables import KEYS

VERSION = 1


class StateError(Exception):
    """The file is no state of an emulator."""


def check(path: Path) -> None:
    """Raise ``StateError`` when ``path`` could not be written in the end, before anything is lost by it."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StateError(f"{path.parent} is no folder that can be written to.")


def save(emulator: Emulator, path: Path) -> None:
    """Write every object to ``path``, for this user alone; the old file stays whole until the new one is."""
    with emulator.locked():
        world = emulator.world
        state = {
            "version": VERSION,
            "business_id": emulator.business_id,
            "ids": world.ids.given,
            "tables": {
                kind: [table.rows[id_] for id_ in reversed(list(table.created.older()))]
                for kind, table in world.store.tables.items()
            },
            "activity": list(reversed(list(world.store["profile"].active.older()))),
        }
        text = simplejson.dumps(state, separators=(",", ":"), ensure_ascii=False)
    replace_file(path, text.encode("utf-8"), mode=PRIVATE)


def load(emulator: Emulator, path: Path) -> None:
    """Replace the emulator's objects by those in ``path``; raises ``StateError``."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        if state["version"] != VERSION or set(state["tables"]) != set(KEYS):
            raise StateError(f"{path} is of another version of the emulator.")
        emulator.reset()
        with emulator.locked():
            _fill(emulator, state)
    except (ValueError, ArithmeticError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"{path} is no state of an emulator.") from error


def _fill(emulator: Emulator, state: dict[str, Any]) -> None:
    world = emulator.world
    for kind, rows in state["tables"].items():
        table = world.store[kind]
        for id_ in list(table.rows):
            if kind != "session":  # those given on the command line stay
                table.remove(id_)
        for row in rows:
            table.put(row)
    for id_ in state["activity"]:
        world.store["profile"].touch(id_)
    world.last_position = max((row["position"] for row in world.store["property"].rows.values()), default=0)
    world.ids.given = max(world.ids.given, int(state["ids"]))
    world.store.commit()
