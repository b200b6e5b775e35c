"""A first sync beside a naive loop that posts each product, those after it, a check, and what a save costs the host.

The other side is the emulator in a process of its own: it takes the same time for both. For the first sync it answers
as from a distance; a naive loop spends its time with waiting for that.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.figures import Figure, ratios
from benchmarks.processes import end, memory_of, wait_for
from benchmarks.servers import ROOT
from benchmarks.timing import side_by_side
from tests.testshop.models import Product

MEMORY = 200.0  # MB
DISTANCE = 0.05  # seconds that an answer over the internet takes at least
NAIVE = 10  # the naive loop posts one product in so many; the time of one is the same


def measure(short: bool) -> Iterator[Figure]:
    """Yield the figures of a catalogue that grows."""
    first, checked = (400, 1_000) if short else (20_000, 100_000)
    yield from _saves(short)
    with _hellotext() as url:
        settings.HELLOTEXT["BASE_URL"] = url
        _stock(0, first)
        with _at_a_distance(url):
            naive = _seconds(lambda: _post_each(url, first // NAIVE)) * NAIVE
            ours = _seconds(_sync)
        detail = (
            f"{first:,} products, answers after {DISTANCE * 1000:.0f} ms: {ours:.0f} s, {first / ours:.0f}/s; "
            f"a loop of requests.post {naive:.0f} s"
        )
        yield Figure(measure="first sync beside a naive loop", value=ours / naive, at_most=1.0, detail=detail)
        before = _requests(url)
        again = _seconds(_sync)
        detail = f"{_requests(url) - before} requests; {first / again:,.0f} objects/s"
        yield Figure(measure=f"second sync of {first:,}", value=again, unit="s", detail=detail)
        yield Figure(measure="requests of a second sync", value=_requests(url) - before, unit="", at_most=0)
        _stock(first, checked)
        _sync()
        before = _requests(url)
        looked = _seconds(lambda: _sync("--check"))
        detail = f"{_requests(url) - before} requests; {checked / looked:,.0f} objects/s"
        yield Figure(measure=f"--check of {checked:,}", value=looked, unit="s", detail=detail)
        yield Figure(measure="memory of all that", value=memory_of(os.getpid()), unit="MB", at_most=MEMORY)


def _saves(short: bool) -> Iterator[Figure]:
    product = Product.objects.create(name="Tea", sku="T-1", price=1)
    times, count = (10, 20) if short else (40, 50)
    with transaction.atomic():
        # Django's own raw save runs the same statement, and no receiver of ours records anything.
        ours, theirs = side_by_side(product.save, lambda: product.save_base(raw=True), count=count, times=times)
        transaction.set_rollback(True)
    detail = f"{ours.median * 1e6:.0f} µs, without us {theirs.median * 1e6:.0f} µs"
    yield ratios(ours, theirs).as_figure(f"a save of a product, {connection.vendor}", detail=detail)
    product.delete()
    call_command("hellotext_prune", verbosity=0, stdout=io.StringIO())


def _stock(begin: int, end: int) -> None:
    for number in range(begin, end, 1000):
        Product.objects.bulk_create(
            Product(name=f"Product {n}", sku=f"SKU-{n}", price=n % 90 + 1)
            for n in range(number, min(number + 1000, end))
        )


def _sync(*arguments: str) -> None:
    call_command("hellotext_sync", "product", *arguments, quiet=True, stdout=io.StringIO(), stderr=io.StringIO())


def _post_each(url: str, count: int) -> None:
    """What people write: one POST after another, and a row for each answer."""
    for product in Product.objects.order_by("pk")[:count]:
        body = {"name": product.name, "reference": f"naive-{product.pk}", "source": "naive"}
        headers = {"Authorization": "Bearer bench-token"}
        answer = requests.post(f"{url}/v1/attribution/products", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        Product.objects.filter(pk=product.pk).update(extra={"hellotext": answer.json()["id"]})


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _requests(url: str) -> int:
    entries = requests.get(f"{url}/_emulator/log?after=0&limit=1", timeout=30).json()["requests"]
    return int(entries[-1]["number"]) if entries else 0


@contextmanager
def _at_a_distance(url: str) -> Iterator[None]:
    faults = f"{url}/_emulator/faults"
    requests.post(faults, json={"kind": "latency", "seconds": DISTANCE}, timeout=30).raise_for_status()
    try:
        yield
    finally:
        requests.delete(faults, timeout=30).raise_for_status()


@contextmanager
def _hellotext() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "hellotext.log"
        command = [sys.executable, "-m", "django_hellotext.emulator", "--port", "0", "--token", "bench-token"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: b" at http" in log.read_bytes(), what="the emulator")
            yield log.read_text().split(" at ", 1)[1].split()[0]
        finally:
            end(process)
