"""One hint for each transaction, after its commit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction

from ..conf import hellotext_settings
from .ways import ask


def wake(using: str) -> None:
    """Ask for a drain of ``using`` after the commit, once for each transaction; at once where there is none.

    Under manual transaction management (``set_autocommit(False)``) it does nothing: nobody would tell us of the
    commit. The worker or beat finds the row.
    """
    if hellotext_settings.DISPATCH == "none":
        return
    connection = connections[using]
    if not connection.in_atomic_block:
        if connection.get_autocommit():
            ask(using)
        return
    callback = _callback(using)
    if _is_asked(connection.run_on_commit, callback, using):
        return
    _places.found[using] = len(connection.run_on_commit)
    # Named and robust: a fault of ours never ends the host's later callbacks (demand B6).
    transaction.on_commit(callback, using=using, robust=True)


class _Places(threading.local):
    """Where this thread's transactions keep our callbacks. It is a guess and always verified."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}


_places = _Places()
_callbacks: dict[str, Callable[[], None]] = {}


def _is_asked(waiting: list[Any], callback: Callable[[], None], using: str) -> bool:
    """Whether ``callback`` waits for this commit already.

    Django's own list is the memory, because it follows savepoints: what was asked in one that is rolled back is
    forgotten. The guess spares a host with thousands of callbacks of its own the search.
    """
    place = _places.found.get(using, 0)
    if place < len(waiting) and waiting[place][1] is callback:
        return True
    for place, entry in enumerate(waiting):
        if entry[1] is callback:
            _places.found[using] = place
            return True
    return False


def _callback(using: str) -> Callable[[], None]:
    """The function that asks for ``using``: always the same one, so that it is recognised."""
    if using not in _callbacks:

        def ask_after_commit() -> None:
            ask(using)

        _callbacks.setdefault(using, ask_after_commit)
    return _callbacks[using]
