"""What the hint after a commit costs whoever commits, beside the recorded row.

A transaction that asks for a wake is compared with the same transaction that does not. The broker is a Redis of our
own, which answers. A message goes out once a second and process; both the common commit and the one that publishes
are measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import transaction
from django.test.utils import override_settings

import django_hellotext as hellotext
from benchmarks.figures import Figure, rounds
from benchmarks.naive import send
from benchmarks.settings import HELLOTEXT
from benchmarks.shop import customers
from benchmarks.timing import side_by_side
from django_hellotext import dispatch
from django_hellotext.dispatch.courier import EVERY

LIMIT = 0.7


def measure(short: bool) -> Iterator[Figure]:
    """Yield the wake-up as a share of the row: on a busy site, on a quiet one, and the naive ``delay()``."""
    times, count = (10, 50) if short else (40, 100)
    customer = customers(1)[0]

    def record() -> None:
        hellotext.track("page.viewed", profile=customer, url="https://shop.example/tea?page=2")

    def bare() -> None:
        with transaction.atomic():
            pass

    def waking() -> None:
        with transaction.atomic():
            dispatch.wake("default")

    with transaction.atomic():
        (row,) = side_by_side(record, count=count, times=times)
        transaction.set_rollback(True)
    with override_settings(HELLOTEXT={**HELLOTEXT, "DISPATCH": "celery"}):
        dispatch.ask("default")  # imports Celery, and connects
        without, with_wake = side_by_side(bare, waking, count=count, times=times)
        wakes = rounds([(b - a) / row.median for a, b in zip(without.values, with_wake.values, strict=True)])
        detail = f"{wakes.median * row.median * 1e6:.0f} µs, the row {row.median * 1e6:.0f} µs"
        yield wakes.as_figure("the wake-up, one for each of many transactions", at_most=LIMIT, detail=detail)
        published = []
        for _ in range(3 if short else 15):
            time.sleep(EVERY * 1.1)  # until the next message may go out
            began = time.perf_counter()
            dispatch.ask("default")
            published.append(time.perf_counter() - began)
        alone = rounds([seconds / row.median for seconds in published])
        detail = f"{alone.median * row.median * 1e6:.0f} µs, at most once a second and process"
        yield alone.as_figure("the wake-up that publishes", detail=detail)
    (delay,) = side_by_side(lambda: send.delay(1, {}), count=count, times=times)
    naive = rounds([seconds / row.median for seconds in delay.values])
    yield naive.as_figure("naive: delay() after a commit", detail=f"{delay.median * 1e6:.0f} µs")
