"""The second shop has a user model of its own, and so a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("othershop")
def test_the_second_shop_keeps_the_same_promises() -> None:
    """Demands E1 to E8 on a shop that differs in every respect; on the database of ``TEST_DATABASE_URL``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    options = ["-q", "-p", "no:cacheprovider", "--create-db", "--ds=tests.othershop.settings"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/othershop/proof.py"],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
