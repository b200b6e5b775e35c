"""What a commit pays when the broker is dead."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Figure, rounds
from benchmarks.servers import ROOT
from django_hellotext.conf import hellotext_settings


def measure(short: bool) -> Iterator[Figure]:
    """Yield the first publish that finds it dead, and those that follow, each round in a new process."""
    times = 2 if short else 7
    patience = hellotext_settings.BROKER_TIMEOUT * 1000
    for way, bound in (("refused", 5.0), ("silent", patience)):
        found = [_lives(way) for _ in range(times)]
        first = rounds([one.first * 1000 for one in found])
        yield first.as_figure(f"the broker is {way}: the first publish", unit="ms", at_most=bound)
        later = rounds([statistics.median(one.later) * 1000 for one in found])
        slowest = rounds([max(one.later) * 1000 for one in found]).median
        detail = f"the slowest of {len(found[0].later)} {slowest:.2f} ms"
        yield later.as_figure(f"the broker is {way}: while the breaker is open", unit="ms", at_most=1.0, detail=detail)
    naive = rounds([_lives("naive").first * 1000 for _ in range(min(times, 3))])
    yield naive.as_figure("the broker is refused: naive delay()", unit="ms")


@dataclass(frozen=True)
class Outage:
    """Seconds of the first publish that finds the broker dead, and of those that follow."""

    first: float
    later: list[float]


def _lives(way: str) -> Outage:
    command = [sys.executable, "-m", "benchmarks.broken_broker", way]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    return Outage(**json.loads(done.stdout.splitlines()[-1]))
