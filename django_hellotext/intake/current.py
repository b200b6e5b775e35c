"""The request in which the code at hand runs, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..adapters import Link

if TYPE_CHECKING:
    from django.http import HttpRequest

# Set and reset by the middleware alone. A context variable: neither another thread nor another task sees it (B7).
handled: ContextVar[HttpRequest | None] = ContextVar("django_hellotext_request", default=None)

KEPT = "_hellotext_kept"  # the attribute of a request


def current_request() -> HttpRequest | None:
    """The request that is being answered; ``None`` in a command, in a worker, and without the middleware."""
    return handled.get()


def keep_here(label: str, pk: str, session: str) -> None:
    """Note that the object ``label`` ``pk`` keeps ``session``; empty where it was made in this request without one."""
    request = current_request()
    if request is not None:
        request.__dict__.setdefault(KEPT, {})[label, pk] = session


def known_here(places: Sequence[Link]) -> tuple[str, list[Link]]:
    """The session that the first of ``places`` keep, as far as this request knows, and where else to look for it.

    What was made in this very request need not be looked up. That is the usual checkout, and planning a look-up costs
    PostgreSQL half as much as the row. Nothing has to be forgotten with a transaction: the visitor stays the same.
    """
    request = current_request()
    kept: dict[tuple[str, str], str] = request.__dict__.get(KEPT, {}) if request is not None else {}
    for number, place in enumerate(places):
        session = kept.get((place.label, place.pk))
        if session is None:
            return "", list(places[number:])
        if session:
            return session, []
    return "", []
