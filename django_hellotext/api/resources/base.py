"""What every family of operations shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isfunction
from typing import Any, TypeVar

from django_hellotext.api.arguments import Arguments, check_limit, check_text
from django_hellotext.api.pages import HasId, Page
from django_hellotext.api.response import Requester
from django_hellotext.api.tracebacks import hide_locals
from django_hellotext.api.types.reading import Raw, Unreadable
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset
from django_hellotext.exceptions import InvalidResponse

T = TypeVar("T")
Listed = TypeVar("Listed", bound=HasId)

DEFAULT_LIMIT = 25
"""Page size of the API. It is always sent, so that a short page can be told from a full one."""


class Resource:
    """A family of operations on one client."""

    def __init_subclass__(cls) -> None:
        """Hide the arguments of every operation from error trackers."""
        super().__init_subclass__()
        for name, operation in list(vars(cls).items()):
            if isfunction(operation) and not name.startswith("_"):
                setattr(cls, name, hide_locals(operation))

    def __init__(self, client: Requester) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _call(
        self,
        method: str,
        path: str,
        build: Callable[[Raw], T],
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> T:
        response = self._client.request(method, path, json=json, params=params)
        try:
            return build(response.data)
        except Unreadable as error:
            problem = str(error)
        raise InvalidResponse(
            problem,
            method=method,
            path=path,
            status=response.status,
            duration=response.duration,
            request_id=response.request_id,
        )

    def _delete(self, path: str, *, id: str) -> Deleted:
        # Any 2xx is success: an answer without content still says that this object is gone.
        return self._call("DELETE", path, lambda raw: Deleted.from_json(raw or {"id": id}))

    def _page(
        self,
        path: str,
        envelope: str,
        build: Callable[[Raw], Listed],
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
        filters: Arguments | None = None,
    ) -> Page[Listed]:
        size = check_limit(limit)
        if starting_after is not UNSET and ending_before is not UNSET:
            raise ValueError("starting_after and ending_before exclude each other.")
        wanted = {} if filters is None else filters.values

        @hide_locals
        def fetch(after: str | None, before: str | None) -> Page[Listed]:
            params: dict[str, Any] = {"limit": size, **wanted}
            if after is not None:
                params["starting_after"] = after
            if before is not None:
                params["ending_before"] = before
            items = self._call("GET", path, lambda raw: _read_page(raw, envelope, build), params=params)
            return Page(items, limit=size, backwards=before is not None, fetch=fetch)

        return fetch(_cursor("starting_after", starting_after), _cursor("ending_before", ending_before))


def _cursor(name: str, value: str | Unset) -> str | None:
    return None if value is UNSET else check_text(name, value, empty=False)


def _read_page(raw: Raw, envelope: str, build: Callable[[Raw], Listed]) -> tuple[Listed, ...]:
    items = raw.get(envelope)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unreadable(f"The answer has no list of {envelope}.")
    return tuple(build(item) for item in items)
