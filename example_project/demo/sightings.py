"""An event as it was seen somewhere: recorded in the shop's database, or arrived at Hellotext."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Sighting:
    """What one place knows of an event. ``email`` is empty where no profile is named; amounts are major units."""

    uuid: str
    action: str
    email: str
    session: str
    kind: str
    reference: str
    amount: Decimal | None
    currency: str
    at: datetime
    state: str = ""
    error: str = ""

    def __str__(self) -> str:
        return f"{self.action} ({self.kind} {self.reference}, session {self.session or 'unknown'})"
