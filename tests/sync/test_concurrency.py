"""``hellotext_sync --concurrency``: so many requests are under way at once, and never more."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Change, RemoteObject, State
from tests.factories import make_product

from .conftest import Run

pytestmark = pytest.mark.django_db

PRODUCTS = "/v1/attribution/products"
COUNT = 24
PATIENCE = 60.0  # seconds; a bound that only a standstill reaches


class Gauge:
    """Stands for the time that Hellotext takes: holds each answer back until ``wanted`` are waited for at once."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.peak = 0
        self._now = 0
        self._lock = threading.Lock()
        self._reached = threading.Event()

    def __call__(self, seconds: float) -> None:
        with self._lock:
            self._now += 1
            self.peak = max(self.peak, self._now)
            if self._now >= self.wanted:
                self._reached.set()
        self._reached.wait(PATIENCE)
        time.sleep(seconds)  # one that is too many would come now
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [([], 5), (["--concurrency", "1"], 1), (["--concurrency", "3"], 3), (["--concurrency", "8"], 8)],
    ids=["as the setting says", "one by one", "fewer", "more"],
)
def test_so_many_requests_are_under_way_at_once_and_never_more(
    hellotext: Emulator, sync: Run, settings: Any, arguments: list[str], wanted: int
) -> None:
    gauge = Gauge(wanted)
    options = {"emulator": hellotext, "sleep": gauge}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "BACKEND_OPTIONS": options, "CONCURRENCY": 5}
    hellotext.add_fault(Fault(kind="latency", path=PRODUCTS, method="POST", seconds=0.02))
    for _ in range(COUNT):
        make_product()
    Change.objects.all().delete()
    ran = sync("product", *arguments)
    assert (ran.code, ran.counts("product")["sent"]) == (0, COUNT)
    assert gauge.peak == wanted
    assert RemoteObject.objects.filter(state=State.SYNCED).count() == COUNT
