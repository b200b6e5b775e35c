"""The elements that load Hellotext.js and start it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

from django.templatetags.static import static
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString

from .. import js
from ..conf import PUBLIC_API_URL, hellotext_settings
from .elements import NOTHING, checked_options
from .events import attached
from .faults import contained
from .nonce import nonce_for
from .permission import is_allowed

ELEMENT_ID = "hellotext-config"
STARTER = "django_hellotext/hellotext.js"
PRIVATE = "_hellotext_private_page"


def snippet(
    *, request: Any | None = None, nonce: object = None, options: Mapping[str, Any] | None = None
) -> SafeString:
    """The elements that load and initialise Hellotext.js, and the events that the view has for its page.

    Nothing while no valid Business ID is configured, nor for a visitor who refuses to be seen browsing. ``options``
    are those of ``Hellotext.initialize`` for this page; they win over ``HELLOTEXT["JS"]``. ``nonce`` may be lazy: it
    is read only when there is something to put it on.
    """
    if not is_allowed(request):
        return NOTHING
    starter = _starter_address()
    if starter is None:
        return NOTHING
    config = {"business": hellotext_settings.BUSINESS_ID, "options": _options(options or {}, request)}
    value = nonce_for(request, nonce)
    attribute = format_html(' nonce="{}"', value) if value else NOTHING
    return format_html(
        '{}{}<script src="{}" async data-hellotext-library{}{}></script>{}',
        json_script(config, ELEMENT_ID),
        format_html_join("", "{}", ((element,) for element in attached(request))),
        hellotext_settings.JS_URL,
        _integrity(),
        attribute,
        format_html('<script src="{}" async{}></script>', starter, attribute)
        if starter
        else format_html("<script{}>{}</script>", attribute, _starter()),
    )


def _options(of_the_tag: Mapping[str, Any], request: Any | None) -> dict[str, Any]:
    configured = {name: value for name, value in hellotext_settings.JS.items() if name not in js.OURS}
    base = hellotext_settings.BASE_URL.rstrip("/")
    if base != PUBLIC_API_URL:
        configured = {"apiRoot": f"{base}/v1", **configured}
    here = checked_options({name: value for name, value in of_the_tag.items() if value is not None}, where="hellotext")
    if "session" in here:
        _keep_private(request)
    return js.merged(configured, here)


def _keep_private(request: Any | None) -> None:
    """A page with somebody's own session in it is nobody else's (demand H2)."""
    if request is not None:
        setattr(request, PRIVATE, True)  # the middleware says so in the response
        request._cache_update_cache = False  # and Django's own caches leave it alone


def _integrity() -> SafeString:
    found = hellotext_settings.JS.get("integrity")
    return format_html(' integrity="{}" crossorigin="anonymous"', found) if found else NOTHING


def _starter_address() -> str | None:
    """Where the script that starts the library is; empty when it stands in the page, ``None`` when it is missing."""
    if hellotext_settings.JS.get("inline", True):
        return ""
    with contained("snippet.static_failed"):
        return static(STARTER)  # raises where collectstatic has not run
    return None


@functools.cache
def _starter() -> SafeString:
    """The script itself, without its comment: our own file, and the same text in both modes."""
    text = resources.files("django_hellotext").joinpath("static", *STARTER.split("/")).read_text(encoding="utf-8")
    return SafeString(text.partition("*/")[2].strip())
