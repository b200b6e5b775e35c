"""Catches the session of a short link. A request without ``hello_session`` is left exactly as it is."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import cast
from urllib.parse import unquote_plus

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.http import escape_leading_slashes

from .conf import hellotext_settings
from .intake.current import handled
from .intake.sessions import COOKIE, PARAMETER, SESSION_KEY, session_in_query
from .intake.subjects import refuses_to_be_seen
from .intake.utm import UTM_KEY, utm_in_query
from .intake.visits import Visit
from .snippet.library import PRIVATE

logger = logging.getLogger("django_hellotext.middleware")

# Read and deleted by the script of the template tag, which then calls Hellotext.forget(): so it is no HttpOnly cookie,
# of this host alone, on the path "/".
FORGET_COOKIE = "hellotext_forget"
FORGET_SECONDS = 24 * 3600  # enough for the next page; later there is nobody left whom it could concern

# What Hellotext.js does with the session of an address (its models/session.js and models/cookies.js).
COOKIE_SECONDS = 10 * 365 * 24 * 3600
ACK_COOKIE = "hello_session_ack_at"
PLATFORMS = (".myshopify.com", ".vtexcommercestable.com.br", ".myvtex.com", ".wixsite.com")


class Kept(IntEnum):
    """What became of the session in the query string."""

    NOTHING = 0
    FAILED = 1
    STORED = 2


class HellotextMiddleware:
    """Hangs ``request.hellotext`` on the request, and puts a valid ``hello_session`` into the Django session.

    Touches nothing else: without the parameter, and while the app is not configured, there is no session access,
    no query, no ``Vary`` and no cookie (demands G1, G2). A response that stores the session, or that ends a login,
    is never cacheable for others (demand G3). A session store that fails costs the visitor nothing (demand B4).
    Stands after ``SessionMiddleware``; adds no thread hop of its own under ASGI (demand B7).
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request: with a response, under ASGI with an awaitable one."""
        if self.is_async:
            return self._answer(request)
        visit = request.hellotext = Visit(request)  # type: ignore[attr-defined]  # the attribute is ours
        kept = Kept.NOTHING
        if PARAMETER in request.META.get("QUERY_STRING", ""):
            kept = _keep(request)
            moved = _clean(request) if kept is Kept.STORED else None
            if moved is not None:
                return moved
        token = handled.set(request)
        try:
            response = cast(HttpResponseBase, self.get_response(request))
        finally:
            handled.reset(token)
        is_private = kept or visit.forgets or hasattr(request, PRIVATE)
        return _finished(response, request, kept, visit) if is_private else response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        visit = request.hellotext = Visit(request)  # type: ignore[attr-defined]  # the attribute is ours
        kept = Kept.NOTHING
        if PARAMETER in request.META.get("QUERY_STRING", ""):
            kept = await _keep_async(request)
            moved = None
            if kept is Kept.STORED and hellotext_settings.CLEAN_URLS:
                # The shop's consent hook may look into the database.
                moved = await sync_to_async(_clean)(request)
            if moved is not None:
                return moved
        token = handled.set(request)
        try:
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
        finally:
            handled.reset(token)
        is_private = kept or visit.forgets or hasattr(request, PRIVATE)
        return _finished(response, request, kept, visit) if is_private else response


def _to_keep(request: HttpRequest) -> str:
    """The session to store, if there is one, and a place for it."""
    session = session_in_query(request)
    return session if session and hasattr(request, "session") and hellotext_settings.active else ""


def _keep(request: HttpRequest) -> Kept:
    session = _to_keep(request)
    if not session:
        return Kept.NOTHING
    try:
        store, utm = request.session, utm_in_query(request)
        if store.get(SESSION_KEY) != session:
            store[SESSION_KEY] = session
            # The campaign of another session says nothing about this one.
            store.pop(UTM_KEY, None)
        if utm and store.get(UTM_KEY) != utm:
            store[UTM_KEY] = utm
    except Exception as error:
        _report(error)
        return Kept.FAILED
    return Kept.STORED


async def _keep_async(request: HttpRequest) -> Kept:
    session = _to_keep(request)
    if not session:
        return Kept.NOTHING
    try:
        store, utm = request.session, utm_in_query(request)
        if await store.aget(SESSION_KEY) != session:
            await store.aset(SESSION_KEY, session)
            await store.apop(UTM_KEY, None)
        if utm and await store.aget(UTM_KEY) != utm:
            await store.aset(UTM_KEY, utm)
    except Exception as error:
        _report(error)
        return Kept.FAILED
    return Kept.STORED


def _report(error: Exception) -> None:
    """The host's session store failed; a page that does not need it goes on (demand B4)."""
    logger.error("middleware.session_failed", extra={"error": type(error).__name__})
    if hellotext_settings.RAISE_ERRORS:
        raise error


def _finished(response: HttpResponseBase, request: HttpRequest, kept: Kept, visit: Visit) -> HttpResponseBase:
    """``response`` for this visitor alone."""
    patch_cache_control(response, private=True)
    if kept or hasattr(request, PRIVATE):
        patch_vary_headers(response, ["Cookie"])
    if visit.forgets:
        response.set_cookie(
            FORGET_COOKIE, "1", max_age=FORGET_SECONDS, secure=request.is_secure(), httponly=False, samesite="Lax"
        )
    return response


def _clean(request: HttpRequest) -> HttpResponseBase | None:
    """The way to the same address without the session, so that nobody forwards it (demand G6); ``None`` to go on.

    Only ``hello_session`` is taken out: the rest of the query is the host's, and Hellotext.js reads the campaign from
    it. As the library will not see the session any more, its cookie is set here as the library would have done. So a
    visitor who refuses to be seen stays where they are: they get no cookie (demand I2), and may still say yes there.
    """
    if request.method != "GET" or not hellotext_settings.CLEAN_URLS or _refuses(request):
        return None
    try:
        domain = _cookie_domain(request.get_host())
    except DisallowedHost:
        return None
    query = "&".join(
        part for part in request.META["QUERY_STRING"].split("&") if unquote_plus(part.partition("=")[0]) != PARAMETER
    )
    # A path that begins with two slashes would lead to another host.
    address = escape_leading_slashes(escape_uri_path(request.path)) + (f"?{iri_to_uri(query)}" if query else "")
    response = HttpResponseRedirect(address)
    patch_cache_control(response, private=True, no_store=True)
    patch_vary_headers(response, ["Cookie"])
    session = session_in_query(request)
    response.set_cookie(
        COOKIE, session, max_age=COOKIE_SECONDS, domain=domain, secure=request.is_secure(), samesite="Lax"
    )
    if ACK_COOKIE in request.COOKIES and request.COOKIES.get(COOKIE) != session:
        # Otherwise the library would take the new session for announced.
        response.delete_cookie(ACK_COOKIE, domain=domain)
    return response


def _refuses(request: HttpRequest) -> bool:
    try:
        return refuses_to_be_seen(request)
    except Exception as error:
        _report(error)
        return True


def _cookie_domain(host: str) -> str | None:
    """The domain of the library's cookies: the last two labels of ``host``, three under such as ``.co.uk``.

    ``None``, for this host alone, where a browser takes no domain: for an address of digits or a single name. Two
    cookies of one name would be told apart by nobody.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    labels = name.split(".")
    if len(labels) < 2 or name.startswith("[") or labels[-1].isdecimal():
        return None
    wide = next((suffix.count(".") for suffix in PLATFORMS if name.endswith(suffix)), 0)
    if not wide:
        wide = 2 if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 1
    return "." + ".".join(labels[-(wide + 1) :])
