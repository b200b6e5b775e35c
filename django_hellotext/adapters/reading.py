"""What becomes of an attribute that cannot be read: it is left out and recorded, and the row goes without it.

Only the attributes that a row cannot do without stop it. ``strict`` makes every fault of the shop's code raise, for
conformance tests.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, connections

from django_hellotext.adjustments import AdjustmentKind, adjust
from django_hellotext.exceptions import ConfigurationError, TrackingError
from django_hellotext.redaction import mask
from django_hellotext.savepoints import HostCode, causes_of, database_of, is_aborted, raise_if_lost

T = TypeVar("T")

logger = logging.getLogger("django_hellotext.adapters")

_strict: ContextVar[bool] = ContextVar("hellotext_strict", default=False)
_apart: ContextVar[bool] = ContextVar("hellotext_apart", default=False)
_warned: set[tuple[str, str]] = set()  # attributes and classes of errors


class Where(str):
    """The adapter and the attribute, for messages; ``attribute`` is the field of an adjustment."""

    attribute: str


class UnreadableError(ConfigurationError):
    """A value of a type that the attribute cannot be read from, such as a mapping for an address on the web."""


class QueryFailed(Exception):
    """A query of one attribute failed inside a transaction, in which nothing more can be read now.

    The savepoint around the whole rendering is rolled back, and each attribute is then read in one of its own.
    """


@contextmanager
def strict() -> Iterator[None]:
    """Raise the fault of any attribute instead of leaving the attribute out. Values that are no use are left out."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


def is_strict() -> bool:
    """Return whether a fault of an attribute raises here."""
    return _strict.get()


def rendered(render: Callable[[], T], *, using: str) -> T:
    """Return what ``render`` makes of an object of the database ``using``, inside of ``HostCode``.

    After a failed query it is called a second time, with a savepoint for each attribute: the fault of one then costs
    the others nothing. That is not done from the start because hardly any query fails.
    """
    try:
        with HostCode(using):
            return render()
    except QueryFailed as error:
        raise_if_lost(error, using)
    token = _apart.set(True)
    try:
        with HostCode(using):
            return render()
    finally:
        _apart.reset(token)


@contextmanager
def readable_data() -> Iterator[None]:
    """Raise ``TrackingError`` for a value of the wrong type, which is data, too; not inside of ``strict()``."""
    try:
        yield
    except UnreadableError as error:
        if _strict.get():
            raise
        raise TrackingError(str(error), reason="number_invalid") from error


def read_apart(read: Callable[..., T], obj: Any, *arguments: Any) -> T:
    """Return ``read(obj, *arguments)``, in a savepoint of its own where ``rendered`` has found one to be needed."""
    if not _apart.get():
        return read(obj, *arguments)
    with HostCode(database_of(obj)):
        return read(obj, *arguments)


def leave_out(error: Exception, obj: Any, *, where: str) -> None:
    """Record that the attribute at ``where`` is left out, because reading it from ``obj`` raised ``error``.

    Raises ``error`` inside of ``strict()`` unless only the data is at fault, ``OperationalError`` if the connection to
    the database is lost, ``QueryFailed`` if nothing more can be read before a rollback.
    """
    is_data = isinstance(error, TrackingError)
    if _strict.get() and not is_data:
        raise error
    using = database_of(obj)
    connection = connections[using]
    if connection.in_atomic_block and not _apart.get():
        is_query = any(isinstance(one, DatabaseError | InterfaceError) for one in causes_of(error))
        if is_query or connection.needs_rollback or is_aborted(connection):
            raise QueryFailed(f"{where}: {type(error).__name__}: {error}") from error
    raise_if_lost(error, using)
    said = _without(str(error), where)
    if is_data or isinstance(error, UnreadableError):
        adjust(field_of(where), AdjustmentKind.LEFT_OUT, said[:1].upper() + said[1:])
        return
    adjust(field_of(where), AdjustmentKind.ATTRIBUTE_FAILED, f"{type(error).__name__}: {said}")
    _warn_once(str(where), type(error).__name__, mask(error))


def field_of(where: str) -> str:
    """Return the attribute of ``where`` for an adjustment."""
    return getattr(where, "attribute", where)


def _without(message: str, where: str) -> str:
    """Return ``message`` without the name of the attribute, which the adjustment has already."""
    return message.removeprefix(f"{where}: ").removeprefix(str(where)).strip()


def _warn_once(where: str, kind: str, message: str) -> None:
    """Log once for each attribute and kind of error: a table of a million products would repeat it."""
    if (where, kind) not in _warned:
        _warned.add((where, kind))
        logger.warning("attribute.failed: %s is left out, because reading it raised %s: %s", where, kind, message)
