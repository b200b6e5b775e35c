"""What becomes of an attribute whose reading raises: it is left out, and the rest of the object goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError

from django_hellotext.adjustments import AdjustmentKind, adjust

T = TypeVar("T")


def read_or_leave_out(field: str, read: Callable[[], T]) -> T | None:
    """Return what ``read`` returns; ``None`` if it raises, with an adjustment of ``field``.

    An error of the database is raised on: it says nothing about the object, which is read again later.
    """
    try:
        return read()
    except Exception as error:  # the shop's own code
        if _is_of_database(error):
            raise
        reason = f"Reading it raised {type(error).__name__}."
        adjust(field, AdjustmentKind.ATTRIBUTE_FAILED, reason)
        return None


def _is_of_database(error: BaseException | Any) -> bool:
    while error is not None:
        if isinstance(error, DatabaseError | InterfaceError):
            return True
        error = error.__cause__ or error.__context__
    return False
