"""A sync is killed, and another goes on: each object is there once (demands F1, D6, A4)."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from django_hellotext.emulator import EmulatorServer, Fault

from .databases import PATIENCE
from .shop import NO_TIMEOUTS, Shop, take_in, wait_for

PRODUCTS = "/v1/attribution/products"
COUNT, PAGE = 100, 40
STOCK = f"""
from tests.testshop.models import Product
Product.objects.bulk_create([Product(name=f"Product {{n}}", sku=f"SKU-{{n}}", price=1) for n in range({COUNT})])
"""
WRITES = 20
WRITER = f"""
import pathlib, time
from tests.testshop.models import Product
print("ready", flush=True)
while not pathlib.Path("{{go}}").exists():
    time.sleep(0.01)
for n in range({WRITES}):
    Product.objects.create(name=f"Late {{{{n}}}}", sku=f"LATE-{{{{n}}}}", price=1)
"""
SYNC = (sys.executable, "tests/manage.py", "hellotext_sync")
SYNCED = "SELECT COUNT(*) FROM django_hellotext_remoteobject WHERE state = 'synced'"
# Longer than any test takes: the answers that a sync waits for when it is killed.
SLOW = Fault(kind="latency", path=PRODUCTS, method="POST", seconds=100.0)


@pytest.fixture
def shop(tmp_path: Path, server: EmulatorServer) -> Iterator[Shop]:
    shop = Shop(tmp_path, server.url, hellotext=NO_TIMEOUTS, environment={"SHOP_PAGE_SIZE": str(PAGE)})
    yield shop.open(prepared_by=STOCK)
    shop.close()


def kill_and_let_leases_end(sync: subprocess.Popen[bytes], shop: Shop, server: EmulatorServer) -> None:
    """Kill ``sync`` while it waits for answers, and let the time of its leases be over."""
    assert sync.poll() is None, shop.output_of(sync)
    shop.kill(sync)
    take_in(server)
    server.emulator.clear_faults()
    shop.end_leases()


def created(server: EmulatorServer) -> Counter[str]:
    """How often the creation of each product was accepted, by its reference."""
    entries = [entry for entry in server.emulator.log if entry.path == PRODUCTS and entry.method == "POST"]
    return Counter(entry.body_json["reference"] for entry in entries if entry.accepted)


@pytest.mark.timeout(600)
def test_a_sync_that_is_killed_three_times_creates_each_object_once(shop: Shop, server: EmulatorServer) -> None:
    for share, resume in ((0.1, []), (0.5, ["--resume"]), (0.9, ["--resume"])):
        wanted = int(share * COUNT)
        server.emulator.add_fault(replace(SLOW, skip=wanted - len(created(server))))
        sync = shop.start(*SYNC, "--quiet", "--wait", "60", *resume)
        wait_for(lambda wanted=wanted: len(created(server)) >= wanted, what=f"{wanted} products")  # type: ignore[misc]  # bound at once
        kill_and_let_leases_end(sync, shop, server)
    last = shop.start(*SYNC, "--resume", "--quiet", "--wait", "60")
    assert last.wait(timeout=PATIENCE) == 0, shop.output_of(last)
    found = created(server)
    assert len(found) == COUNT
    assert found.most_common(1)[0][1] == 1
    assert shop.rows(SYNCED) == [(COUNT,)]


@pytest.mark.timeout(600)
def test_many_requests_at_once_do_not_lock_a_file_of_sqlite(shop: Shop, server: EmulatorServer, tmp_path: Path) -> None:
    """Only one thread writes; the shop's own visitors write meanwhile, too."""
    server.emulator.add_fault(Fault(kind="latency", path=PRODUCTS, method="POST", seconds=0.1))
    go = tmp_path / "go"
    code = WRITER.format(go=go)
    writer = shop.start(sys.executable, "tests/manage.py", "shell", "--no-imports", "-c", code)
    wait_for(lambda: "ready" in shop.output_of(writer) or writer.poll() is not None, what="the visitors")
    sync = shop.start(*SYNC, "--concurrency", "12", "--wait", "60")
    wait_for(lambda: len(created(server)) >= WRITES, what="the first products")
    go.touch()
    assert writer.wait(timeout=PATIENCE) == 0, shop.output_of(writer)
    assert sync.wait(timeout=PATIENCE) == 0, shop.output_of(sync)
    assert created(server).most_common(1)[0][1] == 1
    [(synced,)] = shop.rows(SYNCED)
    assert synced >= COUNT


@pytest.mark.timeout(600)
def test_two_syncs_at_once_are_refused_and_a_dead_one_is_not_in_the_way(shop: Shop, server: EmulatorServer) -> None:
    server.emulator.add_fault(SLOW)
    first = shop.start(*SYNC, "--quiet")
    wait_for(lambda: len(created(server)) >= 1, what="the first product")
    for arguments in ([], ["--resume"]):
        second = shop.start(*SYNC, *arguments)
        assert second.wait(timeout=PATIENCE) == 4, shop.output_of(second)
        assert "Another sync is at work" in shop.output_of(second)
    kill_and_let_leases_end(first, shop, server)
    third = shop.start(*SYNC, "--wait", "60")
    assert third.wait(timeout=PATIENCE) == 0, shop.output_of(third)
    assert "was stopped; this one looks at all anew" in shop.output_of(third)
    found = created(server)
    assert len(found) == COUNT
    assert found.most_common(1)[0][1] == 1
