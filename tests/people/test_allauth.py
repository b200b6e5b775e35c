"""django-allauth's verified addresses are understood where it is installed (demand A10)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.needs import needed_module

ROOT = Path(__file__).parents[2]


def test_an_account_becomes_the_guest_when_allauth_has_confirmed_the_email() -> None:
    """A10: claimed only, the account is somebody else; confirmed, it is the guest. No query for each customer.

    W103: allauth knows nothing of phones, so that one that would silently stay away is named at start-up.
    """
    needed_module("allauth")
    done = subprocess.run(
        [sys.executable, "-m", "tests.people.allauth_shop"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "claimed: linked False",
        "confirmed: linked True",
        "a guest's name counts False",
        "queries for 21 customers 2",
        "with an e-mail 21",
        "a phone ['hellotext.W103']",
        "a phone and a hook []",
    ]
