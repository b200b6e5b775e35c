"""Whether somebody is looking: crawlers, previews and prefetched pages are nobody (demand G8).

Consent is another question, which ``consent`` answers. Only what says that somebody browses is left out here; orders
and other facts of the shop are recorded whoever causes them.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from crawlerdetect import CrawlerDetect
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string

from ..actions import BUILT_IN, Purpose, purpose_of
from ..conf import hellotext_settings
from ..savepoints import HostCode
from .sessions import parameters_of

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_hellotext.counting")

PREVIEW = "hello_preview"  # with it in the address Hellotext.js sends nothing either (hellotext-facts §8)
MAX_USER_AGENT = 512  # characters that are looked at; browsers stay far below

# Headers with which a browser says that it fetches a page before anybody has asked for it, or for a thumbnail.
ADVANCE_HEADERS = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
ADVANCE_WORDS = ("prefetch", "prerender", "preview")


def is_counted(request: HttpRequest) -> bool:
    """Whether ``request`` is somebody looking at a page.

    ``False`` for HEAD, for a prefetched or previewed page, and for a known crawler. ``HELLOTEXT["SHOULD_TRACK"]``
    has the last word: ``(request) -> True | False | None``; one that raises has nothing to say.
    """
    answer = _ask_hook(request)
    if answer is not None:
        return answer
    if request.method == "HEAD" or is_in_advance(request) or is_preview(request):
        return False
    return not is_crawler(request.META.get("HTTP_USER_AGENT", ""))


def is_missed(action: str, request: HttpRequest | None) -> bool:
    """Whether ``action`` only says that somebody browses, and the request says that nobody does.

    Cart events that name items are facts: something is in the cart now.
    """
    if request is None or purpose_of(action) is not Purpose.BROWSE:
        return False
    spec = BUILT_IN.get(action)
    return not (spec and spec.names_items) and not is_counted(request)


def is_in_advance(request: HttpRequest) -> bool:
    """Whether the page is fetched before anybody has asked for it."""
    meta = request.META
    return any(word in meta[name].lower() for name in ADVANCE_HEADERS if name in meta for word in ADVANCE_WORDS)


def is_preview(request: HttpRequest) -> bool:
    """Whether the page is only shown to somebody who edits a campaign."""
    query = request.META.get("QUERY_STRING", "")
    return PREVIEW in query and PREVIEW in parameters_of(query)


def is_crawler(user_agent: str) -> bool:
    """Whether ``user_agent`` names a known crawler, by the list of Crawler-Detect; nothing names none."""
    return bool(user_agent) and bool(_detector().is_crawler(user_agent[:MAX_USER_AGENT]))


@lru_cache(maxsize=1)
def _detector() -> CrawlerDetect:
    # It remembers its answers for the last thousand user agents; its pattern is compiled when it is first asked.
    return CrawlerDetect()


def _ask_hook(request: HttpRequest) -> bool | None:
    hook = hellotext_settings.SHOULD_TRACK
    if hook is None:
        return None
    try:
        call = import_string(hook) if isinstance(hook, str) else hook
        with HostCode(DEFAULT_DB_ALIAS):
            answer = call(request)
    except Exception:
        # The host's own code: whatever it raises must not reach a visitor.
        logger.exception("should_track.failed")
        return None
    return answer if isinstance(answer, bool) else None
