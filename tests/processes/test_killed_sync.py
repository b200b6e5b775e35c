"""A sync is killed, and another goes on: each object is there once (demands F1, D6, A4)."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_hellotext.emulator import EmulatorServer, Fault

from .shop import Shop, wait_for

PRODUCTS = "/v1/attribution/products"
STOCK = """
from tests.testshop.models import Product
Product.objects.bulk_create([Product(name=f"Product {{n}}", sku=f"SKU-{{n}}", price=1) for n in range({count})])
"""
COUNT = 550  # more than a page


@pytest.fixture
def shop(tmp_path: Path, server: EmulatorServer) -> Iterator[Shop]:
    # A slow machine takes a while to render a claim; a row is begun while twice DEADLINE is left of its lease.
    shop = Shop(tmp_path, server.url, hellotext={"LEASE": 12.0, "DEADLINE": 2.0, "READ_TIMEOUT": 2.0}).open()
    yield shop
    shop.close()


def created(server: EmulatorServer) -> Counter[str]:
    """How often the creation of each product was accepted, by its reference."""
    entries = [entry for entry in server.emulator.log if entry.path == PRODUCTS and entry.method == "POST"]
    return Counter(entry.body_json["reference"] for entry in entries if entry.accepted)


@pytest.mark.timeout(600)
def test_a_sync_that_is_killed_three_times_creates_each_object_once(shop: Shop, server: EmulatorServer) -> None:
    shop.python(STOCK.format(count=COUNT))
    for share, resume in ((0.1, []), (0.5, ["--resume"]), (0.9, ["--resume"])):
        # From there on each answer takes its time: what is left is not done before a busy machine has seen it.
        left = int(share * COUNT) - sum(created(server).values())
        server.emulator.clear_faults()
        server.emulator.add_fault(Fault(kind="latency", path=PRODUCTS, method="POST", seconds=1.0, skip=left))
        process = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--quiet", *resume)
        wait_for(
            lambda share=share: len(created(server)) >= share * COUNT,  # type: ignore[misc]  # bound at once
            what=f"{share:.0%} of the products",
            patience=120,
        )
        assert process.poll() is None, shop.output_of(process)
        shop.kill(process)
    server.emulator.clear_faults()
    last = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--resume", "--quiet", "--wait", "60")
    wait_for(lambda: last.poll() is not None, what="the end of the sync", patience=120)
    assert last.returncode == 0, shop.output_of(last)
    found = created(server)
    assert len(found) == COUNT
    assert found.most_common(1)[0][1] == 1
    [(synced,)] = shop.rows("SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state = 'synced'")
    assert synced == COUNT


@pytest.mark.timeout(600)
def test_many_requests_at_once_do_not_lock_a_file_of_sqlite(shop: Shop, server: EmulatorServer) -> None:
    """Only one thread writes; the shop's own visitors write meanwhile, too."""
    server.emulator.add_fault(Fault(kind="latency", path=PRODUCTS, method="POST", seconds=0.1))
    shop.python(STOCK.format(count=400))
    sync = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--concurrency", "12", "--wait", "60")
    wait_for(lambda: len(created(server)) >= 20, what="the first products", patience=120)
    shop.python(STOCK.format(count=20))
    wait_for(lambda: sync.poll() is not None, what="the end of the sync", patience=120)
    assert sync.returncode == 0, shop.output_of(sync)
    assert created(server).most_common(1)[0][1] == 1
    [(synced,)] = shop.rows("SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state = 'synced'")
    assert synced >= 400


@pytest.mark.timeout(600)
def test_two_syncs_at_once_are_refused_and_a_dead_one_is_not_in_the_way(shop: Shop, server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault(kind="latency", path=PRODUCTS, method="POST", seconds=1.5))
    shop.python(STOCK.format(count=300))
    first = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--quiet")
    wait_for(lambda: len(created(server)) >= 1, what="the first product", patience=120)
    for arguments in ([], ["--resume"]):
        second = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", *arguments)
        wait_for(lambda second=second: second.poll() is not None, what="the refusal", patience=120)  # type: ignore[misc]  # bound at once
        assert second.returncode == 4
        assert "Another sync is at work" in shop.output_of(second)
    assert first.poll() is None
    shop.kill(first)
    server.emulator.clear_faults()
    third = shop.start(sys.executable, "tests/manage.py", "hellotext_sync", "--wait", "60")
    wait_for(lambda: third.poll() is not None, what="the end of the third", patience=120)
    assert third.returncode == 0, shop.output_of(third)
    assert "was stopped; this one looks at all anew" in shop.output_of(third)
    assert created(server).most_common(1)[0][1] == 1
