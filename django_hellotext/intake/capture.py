"""Put the ``hello_session`` of a short link into the Django session.

A visitor's first Django session is a row in most session stores, so it waits for the response: ``capture`` sets the
values in memory, where the view sees them, and ``settle`` lets Django's ``SessionMiddleware`` save them or not.
"""

from __future__ import annotations

import logging
from enum import IntEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..conf import hellotext_settings
from .counting import is_counted
from .sessions import SESSION_KEY, session_in_query
from .utm import UTM_KEY, utm_in_query

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("django_hellotext.middleware")


class Capture(IntEnum):
    """The result of ``capture``."""

    NOTHING = 0  # the query string names no valid session
    FAILED = 1  # the host's session store raised
    DEFERRED = 2  # set in a Django session that is not saved yet
    STORED = 3  # set in a Django session that exists


def capture(request: HttpRequest) -> Capture:
    """Set the session and the campaign of the query string in the Django session."""
    session = _to_capture(request)
    if not session:
        return Capture.NOTHING
    try:
        store, utm = request.session, utm_in_query(request)
        stored = store.get(SESSION_KEY)
        is_new = _is_new(store)
        if stored != session:
            store[SESSION_KEY] = session
            # The campaign of another session says nothing about this one.
            store.pop(UTM_KEY, None)
        if utm and store.get(UTM_KEY) != utm:
            store[UTM_KEY] = utm
    except Exception as error:
        report(error)
        return Capture.FAILED
    return _defer(store) if is_new else Capture.STORED


async def acapture(request: HttpRequest) -> Capture:
    """``capture`` for asynchronous code."""
    session = _to_capture(request)
    if not session:
        return Capture.NOTHING
    try:
        store, utm = request.session, utm_in_query(request)
        stored = await store.aget(SESSION_KEY)
        is_new = _is_new(store)
        if stored != session:
            await store.aset(SESSION_KEY, session)
            await store.apop(UTM_KEY, None)
        if utm and await store.aget(UTM_KEY) != utm:
            await store.aset(UTM_KEY, utm)
    except Exception as error:
        report(error)
        return Capture.FAILED
    return _defer(store) if is_new else Capture.STORED


def settle(request: HttpRequest, response: HttpResponseBase) -> None:
    """Save a deferred capture with ``response``, or drop it.

    Errors, crawlers, prefetched pages, previews, and methods other than GET are not worth a Django session.
    """
    try:
        store = getattr(request, "session", None)
        if store is None or store.modified:
            # The host itself has begun a session in this request, or ended one.
            return
        if request.method == "GET" and response.status_code < HTTPStatus.BAD_REQUEST and is_counted(request):
            store.modified = True
        else:
            drop(request)
    except Exception as error:
        report(error)


def drop(request: HttpRequest) -> None:
    """Take a deferred capture out again: ``SESSION_SAVE_EVERY_REQUEST`` saves every session that is not empty."""
    for key in (SESSION_KEY, UTM_KEY):
        request.session.pop(key, None)
    request.session.modified = False


def report(error: Exception) -> None:
    """Log an error of the host's session store or hook, so that a page that does not need it goes on."""
    logger.error("middleware.session_failed", extra={"error": type(error).__name__})
    if hellotext_settings.RAISE_ERRORS:
        raise error


def _to_capture(request: HttpRequest) -> str:
    """Return the session to store, if there is one, and a place for it."""
    session = session_in_query(request)
    return session if session and hasattr(request, "session") and hellotext_settings.active else ""


def _is_new(store: SessionBase) -> bool:
    """Return whether nothing is saved yet. Loading clears the key of a session that has expired or never existed."""
    return not store.session_key and not store.modified


def _defer(store: SessionBase) -> Capture:
    store.modified = False
    return Capture.DEFERRED
