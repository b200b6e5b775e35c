"""The visitor's session: read it, keep it, hand it over. Never the browser's word for a profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from django.conf import settings
from django.db.models import Model

if TYPE_CHECKING:
    from django.http import HttpRequest

PARAMETER = "hello_session"
COOKIE = "hello_session"
SESSION_KEY = "hellotext_session"
MAX_QUERY_LENGTH = 8192

# A UUID or a short opaque string; anything else is ignored without a trace (demand G1).
# Hellotext.js 2.5.5 writes what JavaScript calls nothing into its cookie while it has no session: one for everybody.
_NONE = frozenset({"undefined", "null"})
_VALID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def valid_session(value: object) -> str:
    """``value`` if it can be a Hellotext session, else the empty string."""
    return value if isinstance(value, str) and _VALID.fullmatch(value) and value not in _NONE else ""


def session_in_query(request: HttpRequest) -> str:
    """The session named by the query string, if it is there exactly once and valid.

    Reads the raw query string, so that a request without the parameter costs one substring search and a hostile
    one never raises what the host's own code would not have met.
    """
    query = request.META.get("QUERY_STRING", "")
    if PARAMETER not in query:
        return ""
    values = parameters_of(query).get(PARAMETER, [])
    return valid_session(values[0]) if len(values) == 1 else ""


def parameters_of(query: str) -> dict[str, list[str]]:
    """The parameters of a raw query string; none of one that is overlong, or no UTF-8."""
    if len(query) > MAX_QUERY_LENGTH:
        return {}
    try:
        return parse_qs(query, keep_blank_values=True, errors="strict")
    except ValueError:
        return {}


def session_of(request: HttpRequest) -> str:
    """The visitor's session: query string, then the cookie of Hellotext.js, then the Django session.

    The cookie is never staler than the Django session, and reading it adds no ``Vary``. The Django session is
    only opened when the visitor sent its cookie (demand G2).
    """
    found = session_in_query(request) or valid_session(request.COOKIES.get(COOKIE))
    if found or not may_have_session(request):
        return found
    return valid_session(request.session.get(SESSION_KEY))


async def asession_of(request: HttpRequest) -> str:
    """``session_of`` for asynchronous code."""
    found = session_in_query(request) or valid_session(request.COOKIES.get(COOKIE))
    if found or not may_have_session(request):
        return found
    return valid_session(await request.session.aget(SESSION_KEY))


def may_have_session(request: HttpRequest) -> bool:
    """Whether there is a Django session to read, without touching it."""
    return hasattr(request, "session") and (
        settings.SESSION_COOKIE_NAME in request.COOKIES or bool(request.session.accessed)
    )


def keep(request: HttpRequest, session: str) -> None:
    """Put ``session`` into the Django session of the visitor."""
    if not hasattr(request, "session"):
        return
    # A session without a key holds what the middleware captured, and may not be saved.
    if request.session.get(SESSION_KEY) != session or not request.session.session_key:
        request.session[SESSION_KEY] = session


def user_of(request: Any) -> Any | None:
    """The logged-in user of ``request``.

    A lazy ``request.user`` is only read when a session cookie came; one that is there already, because somebody has
    just logged in or a token of an API was read, costs nothing.
    """
    if not (may_have_session(request) or issubclass(type(vars(request).get("user")), Model)):
        return None
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None
