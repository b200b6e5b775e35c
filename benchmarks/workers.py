"""The two workers that are compared, as processes of their own, and a delivery by either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .machine import busy_seconds, wait_for_quiet
from .processes import cpu_of, cpu_of_family, end, wait_for
from .servers import ROOT, Answerer

if TYPE_CHECKING:
    from celery import Celery

THREADS = 16
PATIENCE = float(os.environ.get("BENCH_PATIENCE", "60"))  # seconds to wait for a machine that others have left
OPEN = ("pending", "sending", "uncertain")


@dataclass(frozen=True)
class Delivery:
    """What one delivery took. ``seconds`` run from the first event's arrival to the last one's answer.

    ``others`` is the share of the machine that went into none of this.
    """

    number: int
    seconds: float
    worker_cpu: float
    servers_cpu: float
    connections: int
    others: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.number / self.seconds


class Worker:
    """A worker process that sends to ``answerer``; a context manager."""

    account = ""

    def __init__(self, answerer: Answerer, command: list[str]) -> None:
        self.answerer = answerer
        environment = {**os.environ, "BENCH_BASE_URL": answerer.url}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """End it."""
        end(self.process)

    def make_rows(self, template: int, number: int, people: list[str]) -> None:
        """Leave ``number`` events behind; ours begins with them at once."""
        from .shop import events

        events(template, number=number, keys=people, account=self.account)

    def begin(self) -> None:
        """Let it go."""

    def rest(self) -> None:
        """Let it wait."""

    def deliver(self, template: int, number: int, people: list[str]) -> Delivery:
        """Deliver ``number`` events of ``people``."""
        from django_hellotext.models import Event

        wait_for_quiet(patience=PATIENCE)
        rows = Event.objects.filter(account=self.account or "bench/benchmark", state__in=OPEN)
        self.answerer.reset()
        worker, answerer = cpu_of(self.process.pid), self.answerer.cpu()
        self.make_rows(template, number, people)
        busy, own, servers, began = busy_seconds(), time.process_time(), servers_cpu(), time.monotonic()
        self.begin()
        tally = self.answerer.tally
        seconds = 60 + number / 10
        wait_for(lambda: tally().events >= number, what="the last event", seconds=seconds, every=0.2)
        wait_for(lambda: not rows.exists(), what="the last result", every=0.2)
        self.rest()
        found, elapsed = tally(), time.monotonic() - began
        if found.events != number:
            raise RuntimeError(f"{found.events} requests for {number} events")
        worker, servers = cpu_of(self.process.pid) - worker, servers_cpu() - servers
        ours = worker + servers + self.answerer.cpu() - answerer + time.process_time() - own
        others = max(0.0, (busy_seconds() - busy - ours) / elapsed / (os.cpu_count() or 1))
        return Delivery(number, found.seconds, worker, servers, found.connections, others)


class Ours(Worker):
    """``manage.py hellotext_worker``."""

    def __init__(self, answerer: Answerer, *, concurrency: int = THREADS) -> None:
        super().__init__(answerer, ["django", "hellotext_worker", "--concurrency", str(concurrency)])


class Naive(Worker):
    """A Celery worker with a pool of threads, and a task for each event; see ``naive``."""

    account = "naive/benchmark"

    def __init__(self, answerer: Answerer) -> None:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        pool = ["--pool", "threads", "--concurrency", str(THREADS)]
        super().__init__(answerer, ["celery", "-A", "benchmarks.naive", "worker", "-Q", "nothing", *pool, *quiet])
        # Not before it listens to what it is told.
        wait_for(lambda: bool(_app().control.ping(timeout=0.5)), what="Celery's worker")

    def make_rows(self, template: int, number: int, people: list[str]) -> None:
        """Leave a row and a message for each event; they wait until the worker is told of the queue."""
        from django_hellotext.models import Event

        from .naive import QUEUE, send

        super().make_rows(template, number, people)
        rows = Event.objects.filter(account=self.account, state__in=OPEN).order_by("pk")
        for pk, person, uuid in rows.values_list("pk", "profile_pk", "uuid"):
            payload = {
                "action": "page.viewed",
                "profile": f"profile{person}",
                "url": "https://shop.example/tea?page=2",
                "metadata": {"shelf": "tea", "hellotext_uuid": str(uuid)},
                "tracked_at": 1_765_000_000,
            }
            send.apply_async((pk, payload), queue=QUEUE)

    def begin(self) -> None:
        """Name the queue."""
        from .naive import QUEUE

        _app().control.add_consumer(QUEUE)

    def rest(self) -> None:
        """Take the queue away."""
        from .naive import QUEUE

        _app().control.cancel_consumer(QUEUE)


def bare(answerer: Answerer, number: int) -> float:
    """The rate of threads that only send; see ``bare``."""
    wait_for_quiet(patience=PATIENCE)
    answerer.reset()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.bare", answerer.url, str(number), str(THREADS)], cwd=ROOT, check=True
    )
    return number / answerer.tally().seconds


def servers_cpu() -> float:
    """CPU seconds of database and broker so far."""
    pids: dict[str, int] = json.loads(os.environ["BENCH_SERVERS"])
    return cpu_of_family(pids["postgres"]) + cpu_of(pids["redis"])


def _app() -> Celery:
    from .naive import app

    return app
