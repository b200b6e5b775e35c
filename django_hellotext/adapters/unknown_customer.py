"""Profiles of customers of whom nothing can be sent: an event without a session needs somebody who did it.

No row of the host stands behind them. Each customer, and each order of nobody, has one of its own, so that what two
people do is never one person's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .links import Link
from .profile import ProfileAdapter

UNKNOWN_CUSTOMERS = "hellotext.unknown_customer"
"""The label under which such profiles are mirrored; their key names the customer, order or refund."""
FIRST_NAME = "Guest"


@dataclass(frozen=True)
class UnknownCustomer:
    """A customer of whom only the key is known."""

    pk: str


def unknown_customer(of: Link) -> Link:
    """Return the profile that stands in for the customer ``of``, or for the customer of the order or refund ``of``."""
    return Link("profile", UNKNOWN_CUSTOMERS, f"{of.label}:{of.pk}"[-255:])


class UnknownCustomerAdapter(ProfileAdapter):
    """Reads an ``UnknownCustomer``. Made by the package itself; a shop registers none."""

    @property
    def label(self) -> str:
        """Not that of a model."""
        return UNKNOWN_CUSTOMERS

    def build(self, obj: UnknownCustomer) -> dict[str, Any]:
        """The least that Hellotext makes a profile of."""
        return {"first_name": FIRST_NAME}

    def shaped(self, obj: Any, name: str) -> Any:
        """Nothing else is known."""
        return FIRST_NAME if name == "first_name" else None
