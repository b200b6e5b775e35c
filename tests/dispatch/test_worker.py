"""A real Celery worker delivers what hints tell of, however often they come (demands B2, D1, D2, D4)."""

from __future__ import annotations

import functools
import json
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
with transaction.atomic():
    for number in range({count}):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{{number}}")
"""
TWICE = """
from tests.dispatch.project import celery_app
for _ in range(2):
    celery_app.send_task("django_hellotext.drain")
"""

real = pytest.mark.parametrize(
    "broker",
    [pytest.param("redis", marks=pytest.mark.redis), pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)],
    indirect=True,
)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def shop(tmp_path: Path, broker: Broker, server: EmulatorServer) -> Iterator[Shop]:
    shop = Shop(
        tmp_path,
        server.url,
        settings="tests.dispatch.project.settings",
        # No beat runs here: a hint that a busy machine does not publish in time would be the last one.
        hellotext={"DISPATCH": "celery", "LEASE": 30.0, "BROKER_TIMEOUT": 20.0},
        environment={"SHOP_BROKER": broker.url, "SHOP_QUEUE": broker.queue},
    )
    try:
        yield shop.open()
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


def all_delivered(shop: Shop, count: int) -> bool:
    return shop.states() == ["delivered"] * count


def all_once(server: EmulatorServer, count: int) -> bool:
    counts = server.emulator.counts_by_uuid()
    return len(counts) == count and all(each["accepted"] == 1 for each in counts.values())


@real
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_a_worker_sends_each_row_once_though_each_message_comes_twice(
    shop: Shop, server: EmulatorServer, pool: str
) -> None:
    worker = start_worker(shop, "--pool", pool, "--concurrency", "2")
    for count in (20, 40):
        shop.python(RECORD.format(count=20) + TWICE)
        wait_for(functools.partial(all_delivered, shop, count), what="the worker")
    log = stop(shop, worker)
    assert all_once(server, 40), server.emulator.counts_by_uuid()
    assert log.count("Task django_hellotext.drain[") >= 6
    assert "Traceback" not in log


@real
def test_rows_recorded_while_no_worker_ran_arrive_when_one_starts(shop: Shop, server: EmulatorServer) -> None:
    for _ in range(3):
        shop.python(RECORD.format(count=5))
    assert shop.states() == ["pending"] * 15
    worker = start_worker(shop, "--pool", "solo")
    wait_for(lambda: shop.states() == ["delivered"] * 15, what="the worker")
    stop(shop, worker)
    assert all_once(server, 15)


@pytest.mark.redis
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_the_worker_knows_both_tasks_without_the_project_naming_them(shop: Shop) -> None:
    worker = start_worker(shop, "--pool", "solo")
    wait_for(lambda: " ready." in shop.output_of(worker), what="the worker")
    lines = stop(shop, worker).splitlines()
    assert f"  . {DRAIN_TASK}" in lines
    assert f"  . {PRUNE_TASK}" in lines


@pytest.mark.redis
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_beat_delivers_rows_whose_hint_was_lost(shop: Shop, server: EmulatorServer, tmp_path: Path) -> None:
    shop.environment["SHOP_HELLOTEXT"] = json.dumps({"DISPATCH": "none"})
    shop.python(RECORD.format(count=3))
    worker = start_worker(shop, "--pool", "prefork", "--concurrency", "1", "--beat", "-s", str(tmp_path / "beat"))
    wait_for(lambda: shop.states() == ["delivered"] * 3, what="beat")
    stop(shop, worker)
    assert all_once(server, 3)
