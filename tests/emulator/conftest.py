from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_hellotext.emulator import Emulator, EmulatorServer

from .calling import Caller
from .shop import Shop


@pytest.fixture
def call(emulator: Emulator) -> Caller:
    """Calls the emulator; every answer is held against the contract."""
    return Caller(emulator)


@pytest.fixture
def shop(call: Caller) -> Shop:
    """One object of each kind."""
    return Shop(call)


@pytest.fixture
def server(emulator: Emulator) -> Iterator[EmulatorServer]:
    """The emulator over HTTP on a free port."""
    with EmulatorServer(emulator) as running:
        yield running
