"""How fast events leave, and what that costs, beside a Celery task for each event.

The limit is what the requests themselves allow: 16 at once, each as long as Hellotext takes to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from benchmarks.figures import Figure, Rounds, ratios, rounds
from benchmarks.servers import Answerer
from benchmarks.shop import customers, template, with_hot_key
from benchmarks.workers import THREADS, Delivery, Naive, Ours, bare

DEMANDS = {0.05: 0.92, 0.02: 0.85}  # share of the limit, by latency in seconds


def measure(short: bool) -> Iterator[Figure]:
    """Yield the figures of both workers at both latencies."""
    times, number = (1, 1000) if short else (3, 5000)
    people = [str(person.pk) for person in customers(1000)]
    pattern = template(customers(1)[0])
    for latency, demand in DEMANDS.items():
        with (
            Answerer(latency=latency) as answerer,
            closing(Ours(answerer)) as our_worker,
            closing(Naive(answerer)) as their_worker,
        ):
            theirs, ours, alone = [], [], []
            for _ in range(times):
                alone.append(bare(answerer, number))
                theirs.append(their_worker.deliver(pattern, number, people))
                ours.append(our_worker.deliver(pattern, number, people))
            yield from _speed(ours, theirs, latency=latency, demand=demand)
            what = f"{THREADS} at once, {latency * 1000:.0f} ms: threads and nothing else"
            yield rounds([rate * latency / THREADS for rate in alone]).as_figure(
                what, detail="what the machine allows now"
            )
            yield from _costs(ours, theirs, latency=latency)
            if latency == max(DEMANDS):
                yield from _keys(our_worker, pattern, people, short=short, latency=latency)


def _speed(ours: Sequence[Delivery], theirs: Sequence[Delivery], *, latency: float, demand: float) -> Iterator[Figure]:
    limit = THREADS / latency
    what = f"{THREADS} at once, {latency * 1000:.0f} ms: share of {limit:.0f}/s"
    yield _rounds(ours, lambda one: one.rate / limit).as_figure(what, at_least=demand, detail=_behind(ours))
    yield _rounds(theirs, lambda one: one.rate / limit).as_figure(f"{what}, naive Celery", detail=_behind(theirs))


def _costs(ours: Sequence[Delivery], theirs: Sequence[Delivery], *, latency: float) -> Iterator[Figure]:
    at = f"{latency * 1000:.0f} ms"
    costs: tuple[tuple[str, Callable[[Delivery], float], float], ...] = (
        ("CPU of the worker", lambda one: one.worker_cpu / one.number * 1000, 0.35),
        ("CPU of database and broker", lambda one: one.servers_cpu / one.number * 1000, 0.1),
    )
    for what, cost, bound in costs:
        own, other = _rounds(ours, cost), _rounds(theirs, cost)
        detail = f"{own.median:.2f} s per 1,000 events, naive Celery {other.median:.2f} s"
        yield ratios(own, other).as_figure(f"{what}, {at}", at_most=bound, detail=detail)
    opened = _rounds(ours, lambda one: one.connections)
    detail = f"for {ours[0].number} events; naive Celery {theirs[0].connections}"
    yield opened.as_figure(f"connections opened, {at}", unit="", at_most=2 * THREADS, detail=detail)


def _keys(worker: Ours, pattern: int, people: list[str], *, short: bool, latency: float) -> Iterator[Figure]:
    times, number, few = (1, 1000, 60) if short else (3, 5000, 200)
    hot = [worker.deliver(pattern, number, with_hot_key(people, number=number, share=0.01)) for _ in range(times)]
    limit = min(THREADS, 100) / latency
    figure = _rounds(hot, lambda one: one.rate / limit)
    yield figure.as_figure(f"one hot key for 1 %: share of {limit:.0f}/s", at_least=0.85, detail=_behind(hot))
    single = [worker.deliver(pattern, few, people[:1]) for _ in range(times)]
    limit = 1 / latency
    figure = _rounds(single, lambda one: one.rate / limit)
    yield figure.as_figure(f"a single key: share of {limit:.0f}/s", at_least=0.85, detail=_behind(single))


def _rounds(deliveries: Sequence[Delivery], value: Callable[[Delivery], float]) -> Rounds:
    return rounds([value(one) for one in deliveries])


def _behind(deliveries: Sequence[Delivery]) -> str:
    rate = _rounds(deliveries, lambda one: one.rate).median
    others = _rounds(deliveries, lambda one: one.others).median
    return f"{rate:.0f}/s; others took {others:.0%} of the machine"
