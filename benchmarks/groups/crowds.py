"""Two worker processes on one queue, against one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from benchmarks.figures import Figure, ratios, rounds
from benchmarks.servers import Answerer
from benchmarks.shop import customers, template
from benchmarks.workers import THREADS, Ours

LATENCY = 0.05


def measure(short: bool) -> Iterator[Figure]:
    """Yield the speed of two as a multiple of the speed of one."""
    times, number = (1, 2000) if short else (3, 6000)
    people = [str(person.pk) for person in customers(1000)]
    pattern = template(customers(1)[0])
    alone, together, others = [], [], []
    for _ in range(times):
        with Answerer(latency=LATENCY) as answerer, closing(Ours(answerer)) as worker:
            # Both have started before either counts.
            worker.deliver(pattern, 200, people)
            one = worker.deliver(pattern, number, people)
            with closing(Ours(answerer)):
                worker.deliver(pattern, 200, people)
                two = worker.deliver(pattern, number, people)
        alone.append(one.rate)
        together.append(two.rate)
        others.append(max(one.others, two.others))
    both = ratios(rounds(together), rounds(alone))
    limit = 2 * THREADS / LATENCY
    detail = f"{rounds(alone).median:.0f}/s and {rounds(together).median:.0f}/s of {limit:.0f}/s"
    yield both.as_figure(f"two workers against one, {LATENCY * 1000:.0f} ms", at_least=1.8, detail=detail)
