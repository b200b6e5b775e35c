"""Where a demo keeps its database, its logs and what the emulator remembers: one folder for each that runs."""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demo.options import Refusal

USUAL = Path(__file__).resolve().parent.parent / "var"
LOCK = "demo.lock"


@dataclass(frozen=True)
class Folder:
    """A folder that is this demo's alone while ``lock`` is open; ``instead_of`` is the usual one when it was taken."""

    path: Path
    lock: IO[bytes]
    instead_of: Path | None = None

    def notes(self) -> list[str]:
        """Return what is to be said about a folder that was taken."""
        if self.instead_of is None:
            return []
        return [f"A demo runs here already: this one keeps its own shop in {self.path}."]


def choose_folder(environment: Mapping[str, str]) -> Folder:
    """Return the usual folder, or one inside it while another demo has that: two workers would share one database.

    Raises ``Refusal`` when ``DATABASE_URL`` makes them share it all the same.
    """
    usual = Path(environment.get("SHOP_VAR") or USUAL).resolve()
    lock = _locked(usual)
    if lock is not None:
        return Folder(usual, lock)
    if environment.get("DATABASE_URL"):
        raise Refusal("A demo runs in this folder already, perhaps with this DATABASE_URL. End that one with Ctrl-C.")
    for number in itertools.count(2):
        path = usual / str(number)
        lock = _locked(path)
        if lock is not None:
            return Folder(path, lock, instead_of=usual)
    raise AssertionError("counting does not end")


def open_private(path: Path) -> IO[bytes]:
    """Open a file for writing that only this user can read; raises ``OSError`` where ``path`` is a symbolic link."""
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def _locked(path: Path) -> IO[bytes] | None:
    """Lock ``path`` for as long as this process lives or the file is open; None when another one has it."""
    # It holds the customers of a shop: the database, the logs, and what the emulator was sent.
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = open_private(path / LOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
