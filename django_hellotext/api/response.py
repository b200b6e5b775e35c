"""A successful answer, and what a resource needs of a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A successful answer. ``data``: the JSON object; ``headers``: lower-case names; ``duration``: seconds."""

    status: int
    data: dict[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    duration: float
    request_id: str


class Requester(Protocol):
    """The one method of the client that resources call."""

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> ApiResponse:
        """Send one request; see :meth:`django_hellotext.api.client.HellotextClient.request`."""
        ...
