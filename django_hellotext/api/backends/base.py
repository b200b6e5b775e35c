"""What a carrier of requests is: one call in, one answer out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from django_hellotext.redaction import mask_path


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One request, ready to go. Its ``repr`` shows no header, no query and no body.

    :ivar url: the whole URL with query. :ivar path: percent-encoded path without query.
    :ivar timeout: (connect, read) in seconds. :ivar deadline: hard total in seconds.
    """

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: tuple[float, float]
    deadline: float
    request_id: str = ""

    def __repr__(self) -> str:
        size = 0 if self.body is None else len(self.body)
        return f"<PreparedRequest {self.method} {mask_path(self.path)} ({size} bytes) {self.request_id}>"


@dataclass(frozen=True, slots=True)
class RawResponse:
    """One answer as it came. Header names are lower-case, ``duration`` is in seconds; ``repr`` shows no body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    duration: float = 0.0


class BaseBackend(ABC):
    """A carrier. Built as ``Backend(**options)``; must be safe to share between threads and across a fork."""

    @abstractmethod
    def send(self, request: PreparedRequest) -> RawResponse:
        """Carry one request, once.

        Raises only ConnectionFailed (certainly not sent) and OutcomeUnknown (may have been sent, no complete answer).
        Every HTTP status is an answer, not an exception.
        """

    def close(self) -> None:  # noqa: B027 - most carriers hold nothing
        """Release connections. The backend may be used again afterwards."""
