"""A worker dies in the middle of sending, and another goes on (promise 2, demands A4, C3, C4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from django_hellotext.emulator import Emulator, EmulatorServer, Fault
from tests.ports import closed_port

from .shop import ARE_EVENTS, NO_TIMEOUTS, Shop, take_in, wait_for

MOST = 60
RECORD = f"""
import django_hellotext
from tests.factories import make_customer
customer = make_customer()
for number in range({MOST}):
    django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{{number}}")
"""
EVENTS = "/v1/attribution/events"


@pytest.fixture
def options() -> dict[str, float]:
    return NO_TIMEOUTS


@pytest.fixture
def shop(tmp_path: Path, server: EmulatorServer, options: dict[str, float]) -> Iterator[Shop]:
    shop = Shop(tmp_path, server.url, hellotext=options).open(prepared_by=RECORD)
    yield shop
    shop.close()


def keep(count: int, shop: Shop) -> None:
    """Leave only the first ``count`` of the recorded events."""
    shop.database.execute(
        f"DELETE FROM django_hellotext_event WHERE {ARE_EVENTS} AND id NOT IN"  # noqa: S608 - texts of ours
        f" (SELECT id FROM django_hellotext_event WHERE {ARE_EVENTS} ORDER BY id LIMIT {count})"
    )
    assert shop.states() == ["pending"] * count


def accepted(server: EmulatorServer) -> list[str]:
    """The pages whose views were accepted, in the order of their arrival."""
    return [
        entry.body_json["url"]
        for entry in server.emulator.log
        if entry.path == EVENTS and entry.method == "POST" and entry.accepted
    ]


def pages(count: int) -> list[str]:
    return [f"https://shop.example/{number}" for number in range(count)]


@pytest.mark.parametrize("applied", [True, False], ids=["accepted and then silent", "never accepted"])
def test_nothing_is_lost_or_doubled_when_a_worker_is_killed_in_mid_send(
    shop: Shop, server: EmulatorServer, applied: bool
) -> None:
    fault = Fault(kind="no_answer", path=EVENTS, method="POST", skip=1, times=1, seconds=100, applied=applied)
    server.emulator.add_fault(fault)
    keep(3, shop)
    worker = shop.start_worker()
    wait_for(lambda: any(entry.fault for entry in server.emulator.log), what="the second event on its way")
    shop.kill(worker)
    assert "sending" in shop.states()
    take_in(server)
    shop.end_leases()
    shop.start_worker()
    wait_for(lambda: shop.states() == ["delivered"] * 3, what="three delivered events")
    assert accepted(server) == pages(3)


def test_an_event_that_never_arrived_is_sent_again_once(shop: Shop, server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault(kind="reset", path=EVENTS, method="POST", times=1))
    keep(2, shop)
    shop.start_worker()
    wait_for(lambda: shop.states() == ["delivered"] * 2, what="two delivered events")
    assert accepted(server) == pages(2)


@pytest.mark.parametrize("options", [{"READ_TIMEOUT": 1.0}], ids=["a timeout"])
def test_an_event_that_arrived_without_an_answer_is_not_sent_again(shop: Shop, server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault(kind="no_answer", path=EVENTS, method="POST", times=1, seconds=30))
    keep(2, shop)
    shop.start_worker()
    wait_for(lambda: shop.states() == ["delivered"] * 2, what="two delivered events")
    assert accepted(server) == pages(2)


def test_a_row_committed_right_before_a_crash_is_delivered(shop: Shop, server: EmulatorServer) -> None:
    """Demand C3: delivery never depends on what runs after the commit."""
    keep(0, shop)
    shop.python(
        "import os, django_hellotext\n"
        "from django.db import transaction\n"
        "from tests.factories import make_customer\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    with transaction.atomic():\n"
        "        customer = make_customer(username='last')\n"
        "        django_hellotext.track('page.viewed', profile=customer, url='https://shop.example/0')\n"
        "        transaction.on_commit(lambda: os._exit(9))\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9\n"
    )
    shop.start_worker()
    wait_for(lambda: shop.states() == ["delivered"], what="the event")
    assert accepted(server) == pages(1)


def test_four_workers_at_once_send_each_event_once_and_in_order(shop: Shop, server: EmulatorServer) -> None:
    """Demands C5, D2."""
    assert len(shop.states()) == MOST
    for _ in range(4):
        shop.start_worker()
    wait_for(lambda: shop.states() == ["delivered"] * MOST, what="sixty delivered events")
    assert accepted(server) == pages(MOST)


def test_an_unreachable_hellotext_costs_no_event(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(closed_port())
        shop = Shop(tmp_path, f"http://127.0.0.1:{port}", hellotext=NO_TIMEOUTS).open(prepared_by=RECORD)
        stack.callback(shop.close)
        keep(2, shop)
        worker = shop.start_worker()
        wait_for(
            lambda: bool(shop.rows("SELECT 1 FROM django_hellotext_remoteobject WHERE error_type <> ''")),
            what="a refusal",
        )
        with EmulatorServer(Emulator(token="test-token", business_id="test-business"), port=port) as server:
            wait_for(lambda: shop.states() == ["delivered"] * 2, what="two delivered events")
            assert accepted(server) == pages(2)
        assert worker.poll() is None
