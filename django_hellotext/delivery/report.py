"""What a drain did, in rows."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Report:
    """What a drain did, in rows."""

    folded: int = 0
    delivered: int = 0
    synced: int = 0
    unchanged: int = 0
    removed: int = 0
    attached: int = 0
    skipped: int = 0
    retried: int = 0
    uncertain: int = 0
    failed: int = 0
    given_back: int = 0

    def add(self, other: Report) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def settled(self) -> int:
        """Rows that reached an end."""
        sent = self.delivered + self.synced + self.attached + self.removed
        return sent + self.unchanged + self.skipped + self.failed
