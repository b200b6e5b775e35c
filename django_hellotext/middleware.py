"""Catches the session of a short link. A request without ``hello_session`` is left exactly as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import unquote_plus

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import is_valid_path
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.http import escape_leading_slashes
from django.utils.translation import get_language_from_path, get_language_from_request, override

from .conf import hellotext_settings
from .intake.capture import Capture, acapture, capture, drop, report, settle
from .intake.current import handled
from .intake.sessions import COOKIE, PARAMETER, session_in_query
from .intake.subjects import refuses_to_be_seen
from .intake.visits import Visit
from .snippet.library import PRIVATE

# Read and deleted by the script of the template tag, which then calls Hellotext.forget(): so it is no HttpOnly cookie,
# of this host alone, on the path "/".
FORGET_COOKIE = "hellotext_forget"
FORGET_SECONDS = 24 * 3600  # enough for the next page; later there is nobody left whom it could concern

# What Hellotext.js does with the session of an address (its models/session.js and models/cookies.js).
COOKIE_SECONDS = 10 * 365 * 24 * 3600
ACK_COOKIE = "hello_session_ack_at"
PLATFORMS = (".myshopify.com", ".vtexcommercestable.com.br", ".myvtex.com", ".wixsite.com")


class HellotextMiddleware:
    """Hangs ``request.hellotext`` on the request, and puts a valid ``hello_session`` into the Django session.

    The view and the events of the request see the value at once. A Django session that begins with it is saved only
    when the response is fine and the visitor is no crawler.

    Touches nothing else: without the parameter, and while the app is not configured, there is no session access,
    no query, no ``Vary`` and no cookie. A response to a valid ``hello_session``, or one that ends a login, is never
    cacheable for others. A session store that fails costs the visitor nothing. Stands after ``SessionMiddleware``;
    under ASGI it uses a thread only for the shop's hooks, at the first visit.
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
        captured = Capture.NOTHING
        if PARAMETER in request.META.get("QUERY_STRING", ""):
            captured = capture(request)
            moved = _clean(request) if captured >= Capture.DEFERRED else None
            if moved is not None:
                if captured is Capture.DEFERRED:
                    _settle_moved(request, moved)
                return moved
        token = handled.set(request)
        try:
            response = cast(HttpResponseBase, self.get_response(request))
        finally:
            handled.reset(token)
        if captured is Capture.DEFERRED:
            settle(request, response)
        is_private = captured or visit.forgets or hasattr(request, PRIVATE)
        return _finished(response, request, captured, visit) if is_private else response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        visit = request.hellotext = Visit(request)  # type: ignore[attr-defined]  # the attribute is ours
        captured = Capture.NOTHING
        if PARAMETER in request.META.get("QUERY_STRING", ""):
            captured = await acapture(request)
            moved = None
            if captured >= Capture.DEFERRED and hellotext_settings.CLEAN_URLS:
                # The shop's consent hook may look into the database.
                moved = await sync_to_async(_clean)(request)
            if moved is not None:
                if captured is Capture.DEFERRED:
                    await sync_to_async(_settle_moved)(request, moved)
                return moved
        token = handled.set(request)
        try:
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
        finally:
            handled.reset(token)
        if captured is Capture.DEFERRED:
            # The shop's hook SHOULD_TRACK may look into the database.
            await sync_to_async(settle)(request, response)
        is_private = captured or visit.forgets or hasattr(request, PRIVATE)
        return _finished(response, request, captured, visit) if is_private else response


def _finished(response: HttpResponseBase, request: HttpRequest, captured: Capture, visit: Visit) -> HttpResponseBase:
    """``response`` for this visitor alone."""
    patch_cache_control(response, private=True)
    if captured or hasattr(request, PRIVATE):
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


def _settle_moved(request: HttpRequest, moved: HttpResponseBase) -> None:
    """Settle at a redirect of ours: the status of the page is not known yet, only whether there is a view for it.

    Which language the page is in, and whether Django will add a prefix or a slash, is decided by middleware after us.
    """
    path, urlconf = request.path_info, getattr(request, "urlconf", None)
    language = get_language_from_path(path) or get_language_from_request(request)
    paths = [path, f"/{language}{path}"]
    if settings.APPEND_SLASH:
        paths += [f"{one}/" for one in paths if not one.endswith("/")]
    with override(language):
        leads_somewhere = any(is_valid_path(one, urlconf) for one in paths)
    if leads_somewhere:
        settle(request, moved)
    else:
        drop(request)


def _refuses(request: HttpRequest) -> bool:
    try:
        return refuses_to_be_seen(request)
    except Exception as error:
        report(error)
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
