"""No request begins that may not end within its row's lease (step 6 of the walk)."""

from __future__ import annotations

import time

from ..api import HellotextClient
from ..api.backends.base import BaseBackend, PreparedRequest, RawResponse


class NotBegunError(Exception):
    """A request was not to begin any more, and has not left. What left before it may be sent again without harm."""


class _Timed(BaseBackend):
    """Passes requests on until ``last_start`` (monotonic, seconds); then it raises ``NotBegunError``."""

    def __init__(self, backend: BaseBackend, *, last_start: float) -> None:
        self._backend = backend
        self._last_start = last_start

    def send(self, request: PreparedRequest) -> RawResponse:
        if time.monotonic() >= self._last_start:
            raise NotBegunError
        return self._backend.send(request)


def within(client: HellotextClient, *, last_start: float) -> HellotextClient:
    """``client`` for the requests of one row, none of which begins after ``last_start`` (monotonic, seconds).

    An order of many lines is corrected line by line. Whoever went on after the end of its lease would add the lines
    that its successor adds at the same time.
    """
    return client.with_options(backend=_Timed(client.backend, last_start=last_start))
