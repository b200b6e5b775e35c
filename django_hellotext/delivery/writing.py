"""Tell a value that the database cannot store from a database that is in trouble.

A lost connection, a lock or a missing table says nothing about a row: such an error passes, and the rows stay claimed
until their lease ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from django.db import DatabaseError, DataError, IntegrityError, connections, transaction

T = TypeVar("T")

# MariaDB reports a character that the column's character set lacks as an operational error with this code.
_INCORRECT_STRING = 1366


class Unwritable(Exception):
    """The database cannot store this value. ``str()`` of it names the database's error."""


def write(call: Callable[[], T], *, using: str) -> T:
    """Return what ``call`` returns. Raises ``Unwritable`` when the database cannot store a value that it writes."""
    try:
        with _savepoint(using):
            return call()
    except (DatabaseError, UnicodeError) as error:
        if not is_about_a_value(error):
            raise
        raise Unwritable(f"{type(error).__name__}: {error}") from error


def is_about_a_value(error: Exception) -> bool:
    """Return whether ``error`` was caused by a value that was written."""
    return isinstance(error, DataError | IntegrityError | UnicodeError) or error.args[:1] == (_INCORRECT_STRING,)


def _savepoint(using: str) -> AbstractContextManager[object]:
    """A savepoint inside a transaction of PostgreSQL, which an error would abort; workers write without one."""
    connection = connections[using]
    is_needed = connection.in_atomic_block and connection.vendor == "postgresql"
    return transaction.atomic(using=using) if is_needed else nullcontext()
