from __future__ import annotations

from typing import NoReturn

import pytest

from django_hellotext.emulator import Emulator
from django_hellotext.emulator.store import Row

from .calling import Caller
from .shop import Shop


class Indexed(dict[str, Row]):
    """The rows of a table; nobody may go through them all, as if there were a hundred thousand."""

    def values(self) -> NoReturn:
        raise AssertionError("every row was looked at")


@pytest.fixture
def call(emulator: Emulator) -> Caller:
    """Calls the emulator; every answer is held against the contract."""
    return Caller(emulator)


@pytest.fixture
def shop(call: Caller) -> Shop:
    """One object of each kind."""
    return Shop(call)
