"""Run the shop's own code inside the host's transaction without the risk of aborting it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# pq.TransactionStatus.INERROR, the same number in psycopg 2 and 3.
IN_ERROR = 3


def is_aborted(connection: BaseDatabaseWrapper) -> bool:
    """Return whether PostgreSQL has aborted the open transaction because a query in it failed."""
    if connection.vendor != "postgresql" or connection.connection is None:
        return False
    return bool(connection.connection.info.transaction_status == IN_ERROR)  # pragma: no cover - PostgreSQL only


def raise_if_lost(error: BaseException, using: str) -> None:
    """Raise ``OperationalError`` if ``error`` of the shop's code means that the connection or transaction is lost.

    Call it outside of ``HostCode``. No later query can succeed then, and the object that was read is not to blame.
    """
    connection = connections[using]
    is_lost = connection.in_atomic_block and connection.needs_rollback
    if not is_lost and any(isinstance(one, OperationalError | InterfaceError) for one in causes_of(error)):
        is_lost = connection.connection is None or not connection.is_usable()
    if is_lost:
        raise OperationalError(f"The connection to the database {using!r} was lost: {error}") from error


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and the errors that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def database_of(obj: Any) -> str:
    """Return the alias that ``obj`` was loaded from; the default one for anything but a loaded object."""
    return getattr(getattr(obj, "_state", None), "db", None) or DEFAULT_DB_ALIAS


class _Setting(threading.local):
    """A flag of this thread: it is setting a savepoint, which is no query of the shop's code."""

    savepoint = False


_setting = _Setting()


class HostCode:
    """A block of the shop's own code: if one of its queries fails, only the block is rolled back.

    PostgreSQL would otherwise abort the whole transaction. The block is also rolled back if the code inside it has
    caught the error of its query. Most code makes no query, so the savepoint is set right before the first one. Blocks
    may be nested: a query sets the savepoint of the innermost block only. Does nothing outside of ``atomic()``.

    A class, because this runs at every save and ``contextmanager`` takes several times as long.
    """

    __slots__ = ("_atomic", "_connection", "_using")

    def __init__(self, using: str) -> None:
        self._using = using
        self._connection: BaseDatabaseWrapper | None = None
        self._atomic: transaction.Atomic | None = None

    def __enter__(self) -> None:
        connection = connections[self._using]
        if connection.in_atomic_block:
            self._connection = connection
            connection.execute_wrappers.append(self._execute)

    def __exit__(self, *error: Any) -> None:
        if self._connection is None:
            return
        try:
            if self._atomic is not None:
                self._leave(self._atomic, error)
        finally:
            # Last, or an outer block would take the end of this savepoint for a query of its own.
            self._connection.execute_wrappers.pop()

    def _leave(self, atomic: transaction.Atomic, error: tuple[Any, ...]) -> None:
        if error[0] is None and self._connection is not None and is_aborted(self._connection):
            lost = DatabaseError("A query failed, and its error was caught.")  # pragma: no cover - PostgreSQL only
            atomic.__exit__(DatabaseError, lost, None)  # pragma: no cover - PostgreSQL only
        else:
            atomic.__exit__(*error)

    def _execute(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self._atomic is None and not _setting.savepoint and self._is_innermost():
            atomic = transaction.atomic(using=self._using)
            _setting.savepoint = True
            try:
                atomic.__enter__()
            finally:
                _setting.savepoint = False
            self._atomic = atomic
        return execute(sql, params, many, context)

    def _is_innermost(self) -> bool:
        wrappers = self._connection.execute_wrappers if self._connection is not None else []
        blocks = (getattr(wrapper, "__self__", None) for wrapper in reversed(wrappers))
        return next((block for block in blocks if isinstance(block, HostCode)), self) is self
