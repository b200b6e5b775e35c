"""The memory of a worker over many events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from benchmarks.figures import Figure
from benchmarks.processes import memory_of
from benchmarks.servers import Answerer
from benchmarks.shop import customers, template
from benchmarks.workers import Ours

BOUND = 10.0  # MB


def measure(short: bool) -> Iterator[Figure]:
    """Yield how far the worker's memory moves after the first tenth."""
    step = 2_000 if short else 10_000
    people = [str(person.pk) for person in customers(1000)]
    pattern = template(customers(1)[0])
    seen = []
    with Answerer(latency=0.0) as answerer, closing(Ours(answerer)) as worker:
        for _ in range(11):
            worker.deliver(pattern, step, people)
            seen.append(memory_of(worker.process.pid))
    warm = seen[0]
    moved = [megabytes - warm for megabytes in seen[1:]]
    furthest = max(moved, key=abs)
    detail = f"{step * 10:,} events after {step:,}: {warm:.0f} MB, then {', '.join(f'{m:+.1f}' for m in moved)}"
    yield Figure(
        measure="a worker's memory after warm-up", value=abs(furthest), unit="MB", at_most=BOUND, detail=detail
    )
