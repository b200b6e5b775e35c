"""Read one value of several: if that raises, it is left out, and the others go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .reading import Where, leave_out, read_apart

T = TypeVar("T")


def read_or_leave_out(field: str, read: Callable[[], T], obj: Any = None) -> T | None:
    """Return what ``read`` returns; ``None`` if it raises, with an adjustment of ``field``.

    :param obj: the object of the shop that is read, if there is one. Raises as ``reading.leave_out`` does.
    """
    try:
        found: T = read_apart(_read, obj, read)
    except Exception as error:  # the shop's own code
        where = Where(field)
        where.attribute = field
        leave_out(error, obj, where=where)
        return None
    return found


def _read(_: Any, read: Callable[[], T]) -> T:
    return read()
