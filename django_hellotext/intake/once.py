"""Memory of what a transaction has recorded already, so that one edit of an admin form is one row (demand E3).

It must never say "recorded" of a row that is gone. Django makes a new list of commit hooks at every commit and
at every rollback, of a savepoint too, whoever asked for it; so the very list is the sign that nothing was undone
since. After a savepoint is rolled back all of it is forgotten, which costs one more row for an object at most.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from ..models import Change
from ..models.changes import removals

Key = tuple[str, str, str, str]

# In the data of a Change: the amount of the event that its status may become, and the transaction it was saved in.
AMOUNT, TRANSACTION = "amount", "transaction"


@dataclass(frozen=True)
class _Said:
    """What the newest Change of an object has said."""

    status: str | None
    deleted: bool
    session: str
    data: dict[str, Any]
    amount: list[str] | None
    lane: int


class _Memory:
    """What one transaction of one connection has recorded."""

    def __init__(self, hooks: list[Any], removed: int) -> None:
        self.hooks = hooks
        self.removed = removed
        self.said: dict[Key, _Said] = {}


class _Memories(threading.local):
    """Each thread's, by alias; verified at every use."""

    def __init__(self) -> None:
        self.of: dict[str, _Memory] = {}


_memories = _Memories()


class _Transactions(threading.local):
    """The open transaction of each alias: a commit hook that lives as long as it does, and its ID."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[Callable[[], None], str]] = {}


_transactions = _Transactions()


def transaction_id(using: str) -> str:
    """Return an ID of the open transaction of ``using``, the same in all its savepoints; empty outside of ``atomic()``.

    Django drops a commit hook when the transaction ends, and when the savepoint is rolled back in which it was
    registered. So while the hook is there, everything that was recorded with its ID is there, too.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        return ""
    hook, name = _transactions.of.get(using, (None, ""))
    if hook is None or all(waiting[1] is not hook for waiting in connection.run_on_commit):

        def mark_transaction() -> None:
            """Do nothing: that Django still holds this hook is the information."""

        name = uuid.uuid4().hex
        _transactions.of[using] = mark_transaction, name
        transaction.on_commit(mark_transaction, using=using, robust=True)
    return name


def news(changes: Iterable[Change], *, using: str) -> list[Change]:
    """Those of ``changes`` that say more than this transaction has recorded so far.

    Each status that differs from the last one is news, so that no transition is lost (demand A6); so is a deletion, a
    session, and any other data that was not there before. Outside a transaction every call is.
    """
    memory = _memory(using)
    said = memory.said if memory is not None else {}
    met: dict[Key, _Said] = {}
    found = []
    for change in changes:
        key = _key(change)
        before = met.get(key) or said.get(key)
        if before is None or change.overtaken_at is not None or _says_more(change, before):
            found.append(change)
            met[key] = _said(change, before)
    return found


def remember(changes: Iterable[Change], *, using: str) -> None:
    """Note that ``changes`` are in the table."""
    memory = _memory(using)
    if memory is None:
        return
    for change in changes:
        key = _key(change)
        memory.said[key] = _said(change, memory.said.get(key))


def _memory(using: str) -> _Memory | None:
    connection = connections[using]
    # Where the host itself decides when to commit, nothing tells us of it.
    if not (connection.in_atomic_block and connection.commit_on_exit):
        return None
    memory = _memories.of.get(using)
    if memory is None or memory.hooks is not connection.run_on_commit or memory.removed != removals():
        memory = _memories.of[using] = _Memory(connection.run_on_commit, removals())
    return memory


def _key(change: Change) -> Key:
    # The lines of a cart are each a fact of their own, and so is a related object for each kind that depends on it.
    part = change.data.get("line", {}).get("key") or change.data.get("dependent") or ""
    return change.account, change.label, change.object_pk, part


def _facts(change: Change) -> dict[str, Any]:
    """Return the data of ``change`` without its amount, which is compared on its own."""
    return {name: value for name, value in change.data.items() if name not in (AMOUNT, TRANSACTION)}


def _says_more(change: Change, before: _Said) -> bool:
    return (
        change.deleted != before.deleted
        or (change.status is not None and change.status != before.status)
        or bool(change.session and change.session != before.session)
        or bool(_facts(change) and _facts(change) != before.data)
        or change.data.get(AMOUNT, before.amount) != before.amount
        or change.lane < before.lane
    )


def _said(change: Change, before: _Said | None) -> _Said:
    return _Said(
        status=change.status if change.status is not None or before is None else before.status,
        deleted=change.deleted,
        session=change.session or (before.session if before else ""),
        data=_facts(change) or (before.data if before else {}),
        amount=change.data.get(AMOUNT, before.amount if before else None),
        lane=min(change.lane, before.lane if before else change.lane),
    )
