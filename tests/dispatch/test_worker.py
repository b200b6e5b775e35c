"""A real Celery worker delivers what hints tell of, however often they come (demands B2, D1, D2, D4)."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needed_module

needed_module("celery")

from django_hellotext.beat import DRAIN_TASK, PRUNE_TASK
from django_hellotext.emulator import EmulatorServer
from tests.processes.shop import Shop, wait_for

from .brokers import Broker
from .patience import PATIENCE

RECORD = """
from django.contrib.auth.models import User
from django.db import transaction
import django_hellotext
from tests.factories import make_customer
customer = User.objects.first() or make_customer()

def record(count):
    with transaction.atomic():
        for number in range(count):
            django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
"""
THREE_TIMES = "\nfor _ in range(3): record(5)\n"
# Two messages more in each round; the worker is idle when it begins.
MESSAGES_TWICE = """
import time
from django_hellotext.models import Event
from tests.dispatch.project import celery_app

for _ in range(2):
    while Event.objects.exclude(state="delivered").exists():
        time.sleep(0.05)
    record(20)
    for _ in range(2):
        celery_app.send_task("django_hellotext.drain")
"""

# The broker carries the hint, the pool runs the task: neither sees the other.
real = pytest.mark.parametrize(
    ("broker", "pool"),
    [
        pytest.param("redis", "prefork", marks=pytest.mark.redis),
        pytest.param("rabbitmq", "solo", marks=pytest.mark.rabbitmq),
    ],
    indirect=["broker"],
)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables."""
    shop = Shop(
        tmp_path_factory.mktemp("migrated"),
        "http://127.0.0.1:1",
        settings="tests.dispatch.project.settings",
        environment={"SHOP_BROKER": "memory://", "SHOP_QUEUE": "none"},
    )
    shop.open()
    return shop.folder / "shop.sqlite3"


@pytest.fixture
def shop(tmp_path: Path, migrated: Path, broker: Broker, server: EmulatorServer) -> Iterator[Shop]:
    shutil.copy(migrated, tmp_path / "shop.sqlite3")
    shop = Shop(
        tmp_path,
        server.url,
        settings="tests.dispatch.project.settings",
        # No beat runs here: a hint that a busy machine does not publish in time would be the last one.
        hellotext={"DISPATCH": "celery", "LEASE": 30.0, "BROKER_TIMEOUT": 20.0},
        environment={"SHOP_BROKER": broker.url, "SHOP_QUEUE": broker.queue},
    )
    try:
        yield shop
    finally:
        shop.close()


def start_worker(shop: Shop, *options: str) -> subprocess.Popen[bytes]:
    """Start a Celery worker of the shop, as its operator would."""
    celery = (sys.executable, "-m", "celery", "-A", "tests.dispatch.project", "worker", "--loglevel", "INFO")
    return shop.start(*celery, "--without-gossip", "--without-mingle", "--without-heartbeat", *options)


def stop(shop: Shop, worker: subprocess.Popen[bytes]) -> str:
    """Ask ``worker`` to end; answers what it printed."""
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=PATIENCE)
    return shop.output_of(worker)


def all_once(server: EmulatorServer, count: int) -> bool:
    counts = server.emulator.counts_by_uuid()
    return len(counts) == count and all(each["accepted"] == 1 for each in counts.values())


def drains(log: str) -> int:
    """Return how many drain tasks a worker with this log has finished."""
    return sum(f"Task {DRAIN_TASK}[" in line and "] succeeded" in line for line in log.splitlines())


@real
def test_a_worker_sends_each_row_once_though_each_message_comes_twice(
    shop: Shop, server: EmulatorServer, pool: str
) -> None:
    """The first rows were recorded before the worker started; only the hints of their commits tell of them."""
    code = RECORD + THREE_TIMES + MESSAGES_TWICE
    recorder = shop.start(sys.executable, "tests/manage.py", "shell", "--no-imports", "-c", code)
    wait_for(lambda: recorder.poll() is not None or len(shop.states()) == 15, what="the first rows")
    assert shop.states() == ["pending"] * 15, shop.output_of(recorder)
    worker = start_worker(shop, "--pool", pool, "--concurrency", "2")
    assert recorder.wait(timeout=5 * PATIENCE) == 0, shop.output_of(recorder) + shop.output_of(worker)
    wait_for(lambda: shop.states() == ["delivered"] * 55, what="the worker")
    # One message at least of the first rows, two at least of each round.
    wait_for(lambda: drains(shop.output_of(worker)) >= 5, what="the messages that came twice")
    log = stop(shop, worker)
    assert all_once(server, 55), server.emulator.counts_by_uuid()
    assert "Traceback" not in log
    # The project names neither task.
    assert {f"  . {DRAIN_TASK}", f"  . {PRUNE_TASK}"} <= set(log.splitlines())


@pytest.mark.redis
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_beat_delivers_rows_whose_hint_was_lost(shop: Shop, server: EmulatorServer, tmp_path: Path) -> None:
    shop.environment["SHOP_HELLOTEXT"] = json.dumps({"DISPATCH": "none"})
    shop.python(RECORD + "\nrecord(3)\n")
    worker = start_worker(shop, "--pool", "prefork", "--concurrency", "1", "--beat", "-s", str(tmp_path / "beat"))
    wait_for(lambda: shop.states() == ["delivered"] * 3, what="beat")
    stop(shop, worker)
    assert all_once(server, 3)
