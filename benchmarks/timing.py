"""Two things timed side by side: in turns, so that what disturbs the machine disturbs both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from .figures import Rounds, rounds

Clock = Callable[[], float]


def side_by_side(
    *actions: Callable[[], object], count: int, times: int, clock: Clock = time.perf_counter
) -> list[Rounds]:
    """Seconds that each of ``actions`` takes once, ``times`` rounds of ``count`` calls each, in turns."""
    found: list[list[float]] = [[] for _ in actions]
    for action in actions:
        _time(action, count, clock)
    for turn in range(times):
        places = list(range(len(actions)))
        if turn % 2:
            places.reverse()
        for place in places:
            found[place].append(_time(actions[place], count, clock))
    return [rounds(values) for values in found]


def _time(action: Callable[[], object], count: int, clock: Clock) -> float:
    gc.collect()
    gc.disable()
    try:
        began = clock()
        for _ in range(count):
            action()
        return (clock() - began) / count
    finally:
        gc.enable()
