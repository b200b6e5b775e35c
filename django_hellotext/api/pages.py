"""Pages of a collection, and the walk through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from django_hellotext.exceptions import InvalidResponse


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
    (contract, "Paging"). Objects that arrive meanwhile can move: profiles are sorted by last activity.

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
        cursor = self.items[-1].id
        page = self._fetch(cursor, None)
        if page.items and page.items[-1].id == cursor:
            raise InvalidResponse("The list does not move on: the next page ends where this one did.", method="GET")
        return page if page.items else None

    def newer(self) -> Page[T] | None:
        """Return the page of the next newer objects, None when there is none."""
        if not self.items or (self.backwards and len(self.items) < self.limit):
            return None
        cursor = self.items[0].id
        page = self._fetch(None, cursor)
        if page.items and page.items[0].id == cursor:
            raise InvalidResponse("The list does not move on: the next page begins where this one did.", method="GET")
        return page if page.items else None
