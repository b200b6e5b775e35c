"""What Hellotext holds of people, for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_hellotext.emulator import Emulator
from django_hellotext.emulator.inspection import state


@pytest.fixture
def profiles(hellotext: Emulator) -> Callable[[], list[dict[str, Any]]]:
    """Every profile at Hellotext that was not cleared, oldest first."""

    def held() -> list[dict[str, Any]]:
        return [profile for profile in state(hellotext)["profiles"] if not profile.get("deleted")]

    return held


@pytest.fixture
def hellotext_app(hellotext: Emulator) -> Emulator:
    """The local Hellotext, under a name that leaves ``hellotext`` to the package itself."""
    return hellotext
