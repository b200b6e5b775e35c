"""The memory of ``hellotext_sync`` on its way through a million objects, which it looks at without sending them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.servers import ROOT
from tests.testshop.models import Product

MEMORY = 200.0  # MB
PAGE = 10_000
COMMAND = (sys.executable, "tests/manage.py", "hellotext_sync", "product", "--dry-run", "--quiet")


def measure(short: bool) -> Iterator[Figure]:
    """Yield the most memory that the plan of a sync has held."""
    number = 20_000 if short else 1_000_000
    for begin in range(0, number, PAGE):
        Product.objects.bulk_create(
            Product(name=f"Product {n}", sku=f"SKU-{n}", price=n % 90 + 1) for n in range(begin, begin + PAGE)
        )
    began = time.monotonic()
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(COMMAND)} ended with {process.returncode}")
    seconds = time.monotonic() - began
    yield Figure(
        measure=f"memory of hellotext_sync --dry-run, {number:,} products",
        value=used.ru_maxrss / 1024,
        unit="MB",
        at_most=MEMORY,
        detail=f"{seconds:.0f} s, {number / seconds:,.0f} objects/s",
    )
