"""The campaign that brought a visitor: the UTM parameters of the link, as Hellotext.js keeps them.

Names are Hellotext's own (contract: UtmParams): ``source``, ``medium``, ``campaign``, ``term``, ``content``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .sessions import may_have_session, parameters_of

if TYPE_CHECKING:
    from django.http import HttpRequest

NAMES = ("source", "medium", "campaign", "term", "content")
PREFIX = "utm_"
COOKIE = "hello_utm"
UTM_KEY = "hellotext_utm"
MAX_VALUE = 200  # characters of one value
MAX_COOKIE = 4096  # characters of JSON; browsers keep no longer cookie


def valid_utm(found: object) -> dict[str, str]:
    """What of ``found`` is a campaign: known names with short, printable text. Anything else is left out (G1)."""
    if not isinstance(found, Mapping):
        return {}
    return {name: value for name in NAMES if (value := _text(found.get(name)))}


def utm_in_query(request: HttpRequest) -> dict[str, str]:
    """The UTM parameters of the query string, each one that is there exactly once and valid."""
    query = request.META.get("QUERY_STRING", "")
    if PREFIX not in query:
        return {}
    found = parameters_of(query)
    named = {name: found.get(PREFIX + name, []) for name in NAMES}
    return valid_utm({name: values[0] for name, values in named.items() if len(values) == 1})


def utm_in_cookie(request: HttpRequest) -> dict[str, str]:
    """The campaign that Hellotext.js keeps in its cookie ``hello_utm``, which is JSON."""
    raw = request.COOKIES.get(COOKIE, "")
    if not raw or len(raw) > MAX_COOKIE:
        return {}
    try:
        return valid_utm(json.loads(unquote(raw, errors="strict") if raw.startswith("%7B") else raw))
    except (ValueError, RecursionError):  # no JSON, or brackets by the thousand
        return {}


def utm_of(request: HttpRequest) -> dict[str, str]:
    """The visitor's campaign: query string, then the cookie of Hellotext.js, then the Django session.

    The order, and the reasons for it, are those of ``session_of``.
    """
    found = utm_in_query(request) or utm_in_cookie(request)
    if found or not may_have_session(request):
        return found
    return valid_utm(request.session.get(UTM_KEY))


async def autm_of(request: HttpRequest) -> dict[str, str]:
    """``utm_of`` for asynchronous code."""
    found = utm_in_query(request) or utm_in_cookie(request)
    if found or not may_have_session(request):
        return found
    return valid_utm(await request.session.aget(UTM_KEY))


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_VALUE or not value.isprintable():
        return ""
    return value.strip()
