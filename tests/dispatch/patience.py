"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds; a bound that only a standstill reaches


def wait_for(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Look until ``condition`` holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"waited {seconds} s"
        time.sleep(0.01)
