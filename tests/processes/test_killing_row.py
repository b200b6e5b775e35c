"""One object ends every worker process that renders it; all others arrive, and this one fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_hellotext.emulator import EmulatorServer

from .shop import NO_TIMEOUTS, Shop, take_in, wait_for

EXIT = 9
MOST = 5  # attempts
OTHERS = 20
RECORD = f"""
import django_hellotext
from tests.factories import make_customer, make_product
for number in range({OTHERS}):
    product = make_product(name="poison" if number == {OTHERS // 2} else "fine")
    django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{{number}}")
"""
WORKER = f"""
import os
import django
django.setup()
from django.core.management import call_command
from django_hellotext.adapters import registry
from tests.testshop.models import Product

def brand(self, product):
    if product.name == "poison":
        os._exit({EXIT})
    return "fine"

type(registry.for_model(Product)).get_brand = brand
call_command("hellotext_worker")
"""


@pytest.fixture
def shop(tmp_path: Path, server: EmulatorServer) -> Iterator[Shop]:
    shop = Shop(tmp_path, server.url, hellotext={**NO_TIMEOUTS, "MAX_ATTEMPTS": MOST}).open(prepared_by=RECORD)
    yield shop
    shop.close()


def test_all_others_arrive_and_the_workers_stop_ending(shop: Shop, server: EmulatorServer) -> None:
    def failed() -> list[tuple[object, ...]]:
        sql = "SELECT state, error_type FROM django_hellotext_remoteobject WHERE state = 'failed'"
        return shop.rows(sql)

    ends = 0
    worker = shop.start(sys.executable, "-c", WORKER)
    while not failed():
        wait_for(lambda: bool(shop.processes[-1].poll() or failed()), what="the end of the worker, or of the row")
        if worker.poll() is None:
            break
        assert worker.poll() == EXIT, shop.output_of(worker)
        ends += 1
        assert ends <= MOST, "the row ends workers for ever"
        take_in(server)
        shop.end_leases()
        worker = shop.start(sys.executable, "-c", WORKER)
    assert failed() == [("failed", "killed_worker")]
    wait_for(lambda: shop.states() == ["delivered"] * OTHERS, what="the events")
    waiting = "SELECT 1 FROM django_hellotext_remoteobject WHERE state NOT IN ('failed', 'synced')"
    wait_for(lambda: not shop.rows(waiting), what="the other objects")
    assert worker.poll() is None
