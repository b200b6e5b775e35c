"""The scenarios, by name. Each is a function from its arena to the account that it ended with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..account import Account
from ..arena import Arena

VENDORS = ("sqlite", "postgres", "mariadb")
SERVERS = ("postgres", "mariadb")


@dataclass(frozen=True)
class Scenario:
    """``vendors`` are the databases of a full run, ``short`` those of a short one."""

    name: str
    vendors: tuple[str, ...]
    short: tuple[str, ...]
    play: Callable[[Arena], Account]


ALL: list[Scenario] = []


def scenario(
    name: str, *, vendors: tuple[str, ...] = VENDORS, short: tuple[str, ...] = ("sqlite",)
) -> Callable[[Callable[[Arena], Account]], Callable[[Arena], Account]]:
    """Register a scenario."""

    def register(play: Callable[[Arena], Account]) -> Callable[[Arena], Account]:
        ALL.append(Scenario(name, vendors, short, play))
        return play

    return register


def load() -> list[Scenario]:
    """Every scenario, in the order of a run."""
    from . import kills  # noqa: F401, I001 - they register themselves, the longest first
    from . import syncs  # noqa: F401 - as above
    from . import (  # noqa: F401 - as above
        answers,
        brokers,
        clocks,
        databases,
        forks,
        network,
        order,
        prerequisites,
        releases,
        rollbacks,
        rows,
    )

    return ALL
