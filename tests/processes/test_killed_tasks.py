"""Workers of Django's own tasks die in the middle of sending (promises 2 and 3, demands A4, C4, C9)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import django
import pytest

from tests.needs import needed_module

if django.VERSION < (6, 0):
    pytest.skip("django.tasks came with Django 6.0", allow_module_level=True)
needed_module("django_tasks_db")
needed_module("celery")

from tests.chaos.arena import Arena, waiting

from .shop import Shop, wait_for

FAULTS = ("latency:seconds=0.05", "no_answer:rate=0.03,seconds=30", "reset:rate=0.03", "error:rate=0.05,status=503")
FACTS = 60
KILLS = 3
# Django's tasks have no clock. This is what a project has instead, whatever it may be.
TICK = "from django_hellotext.tasks import background; background.drain.enqueue()"
TICKS = 60  # a bound that only a standstill reaches
IN_HAND = "SELECT 1 FROM django_hellotext_event WHERE state = 'sending' LIMIT 1"
CUT_OFF = "SELECT COUNT(*) FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING'"
RAISED = "SELECT task_path, traceback FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"


def start_worker(shop: Shop) -> subprocess.Popen[bytes]:
    """A worker of django-tasks-db that has come up."""
    command = ("tests/manage.py", "db_worker", "--interval", "0.1", "--no-startup-delay", "-v2")
    worker = shop.start(sys.executable, *command)
    wait_for(lambda: "Starting worker" in shop.output_of(worker), what="a worker of tasks")
    return worker


def stop_with_work_in_hand(shop: Shop, workers: list[subprocess.Popen[bytes]]) -> None:
    """Hold ``workers`` at a moment at which one of them is sending; chance alone may miss it on a busy machine."""

    def signal_all(number: signal.Signals) -> None:
        for worker in workers:
            worker.send_signal(number)

    def is_caught() -> bool:
        if not shop.rows(IN_HAND):
            return False
        signal_all(signal.SIGSTOP)
        if shop.rows(IN_HAND):
            return True
        signal_all(signal.SIGCONT)
        return False

    wait_for(is_caught, what="a worker with work in hand")


@pytest.mark.timeout(900)
@pytest.mark.postgres
def test_each_fact_arrives_once_and_in_order_while_workers_of_tasks_are_killed() -> None:
    with Arena("killed-tasks", "postgres", short=True, seed=1) as arena:
        shop, hellotext = arena.open(
            *(part for fault in FAULTS for part in ("--fault", fault)),
            hellotext={"DISPATCH": "tasks", "DRAIN_SECONDS": 5.0},
            settings="tests.processes.tasks_settings",
        )
        workers = [start_worker(shop) for _ in range(2)]
        traffic = arena.traffic(shop, FACTS, "--keys", "30", "--rate", "12")
        stop_with_work_in_hand(shop, workers)
        for worker in workers:
            shop.kill(worker)
        workers = [start_worker(shop) for _ in range(2)]
        for _ in range(KILLS):
            arena.until(lambda: bool(shop.rows(IN_HAND)), patience=2.0)
            time.sleep(arena.random.uniform(0.0, 0.2))
            shop.kill(workers.pop(0))
            workers.append(start_worker(shop))
        arena.finished(shop, traffic)
        # Nobody commits any more, so nobody gives a hint; what the dead had in hand is taken up all the same.
        for _ in range(TICKS):
            if not waiting(shop):
                break
            shop.python(TICK)
        assert not waiting(shop)
        account = arena.account(shop, hellotext)
        assert account.is_clean, account.notes
        assert account.recorded == account.once > FACTS
        [(cut_off,)] = shop.rows(CUT_OFF)
        assert cut_off >= 1, "no worker died with a drain in hand, so this proves nothing"
        assert shop.rows(RAISED) == []
        assert all(worker.poll() is None for worker in workers)
