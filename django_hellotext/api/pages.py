"""Pages of a collection, and the walk through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from django_hellotext.exceptions import InvalidResponse, NotFound, ValidationError

MOST_CURSORS = 10  # objects of one page that are tried as its end


class HasId(Protocol):
    """What every listed object has."""

    @property
    def id(self) -> str:
        """Hellotext's ID."""
        ...


T = TypeVar("T", bound=HasId)


class Page(Generic[T]):
    """One page, newest first. Iterating goes on through the following pages, asked for one at a time.

    A page that was asked for with ``ending_before`` iterates backwards: towards newer objects, oldest first. Only one
    page is held in memory. There is no total and no next link: a page shorter than its limit is the last one
    (contract, "Paging"). Objects that arrive meanwhile can move: profiles are sorted by last activity. When the object
    at the end of the page was deleted meanwhile, the one before it marks the place.

    :ivar items: the objects of this page alone. :ivar limit: the page size that was asked for.
    """

    def __init__(
        self,
        items: tuple[T, ...],
        *,
        limit: int,
        backwards: bool,
        fetch: Callable[[str | None, str | None], Page[T]],
    ) -> None:
        self.items = items
        self.limit = limit
        self.backwards = backwards
        self._fetch = fetch

    def __repr__(self) -> str:
        return f"<Page of {len(self.items)}, limit {self.limit}>"

    def __iter__(self) -> Iterator[T]:
        return self.auto_paging_iter()

    def auto_paging_iter(self) -> Iterator[T]:
        """Yield every object from this page on, in the page's direction. Raises ApiError when a page cannot be read."""
        page: Page[T] | None = self
        while page is not None:
            yield from reversed(page.items) if page.backwards else page.items
            page = page.newer() if page.backwards else page.older()

    def older(self) -> Page[T] | None:
        """Return the page of the next older objects, None when there is none."""
        if not self.items or (not self.backwards and len(self.items) < self.limit):
            return None
        page = self._beyond(self.items[::-1], lambda cursor: self._fetch(cursor, None))
        if page.items and page.items[-1].id == self.items[-1].id:
            raise InvalidResponse("The list does not move on: the next page ends where this one did.", method="GET")
        return page if page.items else None

    def newer(self) -> Page[T] | None:
        """Return the page of the next newer objects, None when there is none."""
        if not self.items or (self.backwards and len(self.items) < self.limit):
            return None
        page = self._beyond(self.items, lambda cursor: self._fetch(None, cursor))
        if page.items and page.items[0].id == self.items[0].id:
            raise InvalidResponse("The list does not move on: the next page begins where this one did.", method="GET")
        return page if page.items else None

    def _beyond(self, candidates: tuple[T, ...], fetch: Callable[[str], Page[T]]) -> Page[T]:
        """Return the page beyond the first of ``candidates`` that exists; raise the error of the first otherwise."""
        refused: NotFound | ValidationError | None = None
        for candidate in candidates[:MOST_CURSORS]:
            try:
                return fetch(candidate.id)
            except (NotFound, ValidationError) as error:
                if error.type != "not_found":
                    raise
                refused = refused or error
        assert refused is not None  # noqa: S101 - a page that leads on has objects
        raise refused
