"""The carrier that reaches an emulator in the same process, without a socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django_hellotext.api.backends.base import BaseBackend, PreparedRequest, RawResponse
from django_hellotext.exceptions import ConnectionFailed, OutcomeUnknown

from .core import Emulator


class MemoryBackend(BaseBackend):
    """Carries requests to ``emulator``; without one it makes its own, reached as ``.emulator``.

    Faults show as over a socket: a refused connection raises ConnectionFailed, a reset, silence or an answer
    slower than the request's read time-out or deadline raises OutcomeUnknown. ``sleep`` takes seconds and waits
    for a latency that is shorter than that.
    """

    def __init__(self, emulator: Emulator | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.emulator = Emulator() if emulator is None else emulator
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def send(self, request: PreparedRequest) -> RawResponse:
        """Carry one request. Raises ConnectionFailed or OutcomeUnknown."""
        if self.emulator.refusing():
            raise self._failed(ConnectionFailed, request, "connection refused")
        response = self.emulator.handle(
            request.method,
            request.path,
            query=urlsplit(request.url).query,
            headers=request.headers,
            body=request.body or b"",
        )
        if response.cut == "refuse":
            raise self._failed(ConnectionFailed, request, "connection refused")
        if response.cut in {"reset", "no_answer"}:
            raise self._failed(OutcomeUnknown, request, response.cut)
        patience = min(request.timeout[1], request.deadline)
        if response.cut == "drip" and response.seconds * len(response.body) >= request.deadline:
            raise self._failed(OutcomeUnknown, request, "the answer came too slowly")
        if response.delay >= patience:
            raise self._failed(OutcomeUnknown, request, "no answer in time")
        if response.delay:
            self._sleep(response.delay)
        return RawResponse(response.status, dict(response.headers), response.body, response.delay)

    def _failed(
        self, error: type[ConnectionFailed | OutcomeUnknown], request: PreparedRequest, detail: str
    ) -> ConnectionFailed | OutcomeUnknown:
        return error(detail, method=request.method, path=request.path, request_id=request.request_id)
