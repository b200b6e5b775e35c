"""What the middleware and ``@track`` add to a view that does nothing, in CPU time.

The view is the whole of Django's handling of a request with no other middleware: the URL is resolved, the view is
called, its response returned. Both sides have the same URL in a site of one page, because each pattern that does not
match costs time, too. The event's own cost is another group's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import path

from benchmarks.figures import Figure, ratios, rounds
from benchmarks.settings import HELLOTEXT
from benchmarks.timing import side_by_side
from benchmarks.views import empty, missing, tracked_missing, tracked_page, tracked_product

VISITOR = "hello_session=7c9e6679-7425-40de-944b-e07fc1f90ae7; sessionid=x1"


def refuse(request: HttpRequest | None, purpose: str, subject: object) -> bool:
    """The hook of a shop whose visitor said no."""
    return False


def measure(short: bool) -> Iterator[Figure]:
    """Yield a figure for the middleware and one for each reason to record nothing."""
    times = 15 if short else 60
    plain = WSGIHandler()
    with override_settings(MIDDLEWARE=["django_hellotext.middleware.HellotextMiddleware"]):
        with_middleware = WSGIHandler()
    page = _request(cookies="sessionid=x1", query="page=2")
    yield _compared(
        "middleware, request without hello_session",
        _ask(plain, page, empty),
        _ask(with_middleware, page, empty),
        0.10,
        times,
    )
    stranger, visitor = {"cookies": "csrftoken=y"}, {"cookies": VISITOR}
    for reason, bare, tracked, who, consent in (
        ("an error response", missing, tracked_missing, visitor, None),
        ("a bot", empty, tracked_product, stranger, None),
        ("consent refused", empty, tracked_page, visitor, refuse),
        ("consent refused, about an object", empty, tracked_product, visitor, refuse),
    ):
        with override_settings(HELLOTEXT={**HELLOTEXT, "CONSENT": consent}):
            yield _compared(
                f"@track that records nothing: {reason}",
                _ask(plain, _request(**who), bare),
                _ask(plain, _request(**who), tracked),
                0.15,
                times,
            )


def _request(*, cookies: str = "", query: str = "") -> Mapping[str, Any]:
    return RequestFactory().get("/page", HTTP_COOKIE=cookies, QUERY_STRING=query).environ


def _ask(handler: WSGIHandler, environ: Mapping[str, Any], view: Callable[..., HttpResponse]) -> Callable[[], object]:
    site = (path("page", view),)

    def ask() -> object:
        request = WSGIRequest(dict(environ))
        request.urlconf = site
        return handler.get_response(request)

    return ask


def _compared(what: str, bare: Callable[[], object], ours: Callable[[], object], at_most: float, times: int) -> Figure:
    with CaptureQueriesContext(connection) as queries:
        ours()
    empty, full = side_by_side(bare, ours, count=1000, times=times, clock=time.process_time)
    added = [ratio - 1 for ratio in ratios(full, empty).values]
    detail = (
        f"{rounds(added).median * empty.median * 1e6:.1f} µs on {empty.median * 1e6:.1f} µs; "
        f"{len(queries) or 'no'} quer{'y' if len(queries) == 1 else 'ies'}"
    )
    return rounds(added).as_figure(what, at_most=at_most, detail=detail)
