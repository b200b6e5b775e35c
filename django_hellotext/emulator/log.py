"""The record of every request: what came, what was answered, whether it took effect, which fault was at work.

The double must not hide what it forgives: repeated, refused and dropped requests are all here, and counted
by the UUID that our events carry in their metadata.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

UUID_KEY = "hellotext_uuid"  # in an event's metadata
KEPT_REQUESTS = 100_000
KEPT_BODY = 64 * 1024  # bytes of a body or an answer


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request. ``status`` is what the client was sent, 0 when it got no answer."""

    number: int
    at: float  # epoch seconds
    method: str
    path: str
    query: str
    status: int
    uuid: str
    accepted: bool
    fault: str
    reason: str
    ignored: tuple[str, ...]  # parameters without effect, because no source documents them here
    operation: str
    milliseconds: float
    body: bytes
    answer: bytes

    @property
    def body_json(self) -> Any:
        """Return the body, as JSON where it is JSON, else as text; None when there was none."""
        return _readable(self.body)

    @property
    def answer_json(self) -> Any:
        """Return the answer, as JSON where it is JSON, else as text; None when there was none."""
        return _readable(self.answer)

    def payload(self) -> dict[str, Any]:
        """Return the entry for ``/_emulator/log``."""
        return {
            "number": self.number,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "uuid": self.uuid,
            "accepted": self.accepted,
            "fault": self.fault,
            "reason": self.reason,
            "ignored": list(self.ignored),
            "operation": self.operation,
            "milliseconds": round(self.milliseconds, 3),
            "body_json": self.body_json,
            "answer_json": self.answer_json,
        }


def _readable(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


class RequestLog:
    """The newest requests, and counts over all of them. The caller holds the emulator's lock."""

    def __init__(self, *, keep: int = KEPT_REQUESTS) -> None:
        self.entries: deque[LoggedRequest] = deque(maxlen=keep)
        self.total = 0
        self.accepted = 0
        self.by_uuid: dict[str, dict[str, int]] = {}

    @property
    def dropped(self) -> int:
        """Return how many of the oldest entries are no longer kept; the counts still hold them."""
        return self.total - len(self.entries)

    def add(self, entry: LoggedRequest) -> None:
        """Keep and count one request."""
        self.total += 1
        self.accepted += entry.accepted
        self.entries.append(entry)
        if entry.uuid:
            counts = self.by_uuid.setdefault(entry.uuid, {"accepted": 0, "refused": 0})
            counts["accepted" if entry.accepted else "refused"] += 1

    def after(self, number: int, *, limit: int | None = None) -> list[LoggedRequest]:
        """Return the entries after ``number``, oldest first; with ``limit`` only the newest of them."""
        fresh: list[LoggedRequest] = list(islice(self._newest_first(number), limit))
        fresh.reverse()
        return fresh

    def _newest_first(self, number: int) -> Iterator[LoggedRequest]:
        for entry in reversed(self.entries):
            if entry.number <= number:
                return
            yield entry


def uuid_of(data: dict[str, Any]) -> str:
    """Return our UUID from an event's metadata, or an empty string."""
    metadata = data.get("metadata")
    value = metadata.get(UUID_KEY) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else ""
