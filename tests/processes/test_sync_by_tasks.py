"""``hellotext_sync --async`` with the workers of Django's own tasks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from django_hellotext.emulator import EmulatorServer
from tests.needs import needed_module

from .shop import Shop, wait_for

if django.VERSION < (6, 0):
    pytest.skip("django.tasks came with Django 6.0", allow_module_level=True)
needed_module("django_tasks_db")

PRODUCTS = "/v1/attribution/products"
COUNT = 550  # more than a page
STOCK = f"""
from tests.testshop.models import Product
Product.objects.bulk_create([Product(name=f"Product {{n}}", sku=f"SKU-{{n}}", price=1) for n in range({COUNT})])
"""


@pytest.fixture
def shop(tmp_path: Path, server: EmulatorServer) -> Iterator[Shop]:
    options = {"LEASE": 12.0, "DEADLINE": 2.0, "READ_TIMEOUT": 2.0}
    shop = Shop(tmp_path, server.url, settings="tests.processes.tasks_settings", hellotext=options).open()
    yield shop
    shop.close()


@pytest.mark.timeout(300)
def test_two_workers_of_djangos_tasks_take_a_run_to_its_end(shop: Shop, server: EmulatorServer) -> None:
    shop.python(STOCK)
    run = json.loads(shop.manage("hellotext_sync", "--async", "--json"))["run"]
    assert not server.emulator.log
    [(tasks,)] = shop.rows("SELECT COUNT(*) FROM django_tasks_database_dbtaskresult WHERE status = 'READY'")
    assert tasks == 1
    for _ in range(2):
        shop.start(sys.executable, "tests/manage.py", "db_worker", "--interval", "0.1", "--no-startup-delay")
    finished = f"SELECT finished_at FROM django_hellotext_syncrun WHERE id = {run} AND finished_at IS NOT NULL"  # noqa: S608 - a number of ours
    wait_for(lambda: bool(shop.rows(finished)), what="the end of the run", patience=240)
    created = [entry.body_json["reference"] for entry in server.emulator.log if entry.path == PRODUCTS]
    assert len(created) == len(set(created)) == COUNT
    failed = "SELECT task_path, traceback FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"
    assert shop.rows(failed) == []
    [(pages,)] = shop.rows(
        "SELECT COUNT(*) FROM django_tasks_database_dbtaskresult WHERE task_path LIKE '%background.sync'"
    )
    assert pages >= 2
    shop.manage("hellotext_sync", "--check")
