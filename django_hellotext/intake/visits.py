"""``request.hellotext``: what a request says of its visitor, read when somebody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

from asgiref.sync import sync_to_async

from .. import consent
from ..actions import Purpose
from .counting import is_counted
from .current import current_request
from .impersonation import is_impersonated
from .sessions import asession_of, session_of, user_of
from .tracking import track
from .utm import autm_of, utm_of

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

__all__ = ["Visit", "current_request", "is_counted", "visit_of"]


class Visit:
    """The visit that a request belongs to. Making one reads nothing, and it does not keep its request alive.

    Asked for anything after its request is over, it raises ``ReferenceError``.

    ``forgets``: the visitor has logged out in this request, so that the next page is to call ``Hellotext.forget()``.
    """

    __slots__ = ("_reference", "forgets")

    def __init__(self, request: HttpRequest) -> None:
        # Weak: a circle would leave every request to the garbage collector, at several times the price of all this.
        self._reference = ref(request)
        self.forgets = False

    @property
    def _request(self) -> HttpRequest:
        request = self._reference()
        if request is None:
            raise ReferenceError("The request of this visit is over.")
        return request

    @property
    def session(self) -> str:
        """The visitor's Hellotext session, or the empty string.

        From the query string, then the cookie of Hellotext.js, then the Django session. The cookie is never staler
        than the Django session, and reading it adds no ``Vary`` (demand G2). Empty for somebody who acts as a
        customer, as far as that shows without opening the Django session. Asynchronous code asks ``asession()``.
        """
        return "" if self._is_known_impersonation() else session_of(self._request)

    async def asession(self) -> str:
        """``session`` for asynchronous code."""
        return "" if self._is_known_impersonation() else await asession_of(self._request)

    @property
    def utm(self) -> Mapping[str, str]:
        """The visitor's campaign: ``source``, ``medium``, ``campaign``, ``term`` and ``content``, as far as known.

        From the same three places as ``session``. Asynchronous code asks ``autm()``.
        """
        return utm_of(self._request)

    async def autm(self) -> Mapping[str, str]:
        """``utm`` for asynchronous code."""
        return await autm_of(self._request)

    def consent(self, purpose: str = Purpose.BROWSE) -> bool | None:
        """Whether the visitor allows ``purpose``: ``browse``, ``transact`` or ``message``; ``None`` if nobody knows.

        Raises ``ValueError`` for another purpose.
        """
        return consent.decide(self._request, purpose=Purpose(purpose), subject=user_of(self._request))

    def track(self, action: str, obj: Model | None = None, **given: Any) -> None:
        """Record that this visitor did ``action``: ``django_hellotext.track`` with this request."""
        track(action, obj, request=self._request, **given)

    def atrack(self, action: str, obj: Model | None = None, **given: Any) -> Awaitable[None]:
        """``track`` for asynchronous code; the one database call runs in a thread.

        May be awaited after the answer: it holds on to the request.
        """
        return sync_to_async(track)(action, obj, request=self._request, **given)

    def _is_known_impersonation(self) -> bool:
        # Opening the session only to look for this would make every page vary by cookie.
        session = getattr(self._request, "session", None)
        return bool(getattr(session, "accessed", False)) and is_impersonated(self._request)


def visit_of(request: HttpRequest) -> Visit:
    """The visit of ``request``; made here where the middleware has made none."""
    found = getattr(request, "hellotext", None)
    if isinstance(found, Visit):
        return found
    visit = Visit(request)
    request.hellotext = visit  # type: ignore[attr-defined]  # the attribute is ours
    return visit
