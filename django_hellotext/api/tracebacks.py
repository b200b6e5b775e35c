"""Keep what a call was given out of error reports: error trackers show the local variables of every frame."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from traceback import clear_frames
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def hide_locals(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate ``function``: an exception that leaves it keeps its traceback, without the local variables.

    They hold e-mails, phones and whole payloads, and in the HTTP libraries the token.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        handled = sys.exception()  # of the caller, whose frames are not ours to clear
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            clear_locals(error, until=handled)
            raise

    return call


def clear_locals(error: BaseException, *, until: BaseException | None = None) -> None:
    """Clear the local variables of the frames of ``error``, and of what it came from up to ``until``."""
    chain: list[BaseException] = [error]
    for one in chain:
        clear_frames(one.__traceback__)
        origins = [origin for origin in (one.__cause__, one.__context__) if origin is not None]
        chain += [origin for origin in origins if origin is not until and origin not in chain]
