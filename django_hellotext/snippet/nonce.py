"""The nonce of the page's Content Security Policy, wherever it comes from (demand H1)."""

from __future__ import annotations

from typing import Any

from .faults import contained


def nonce_for(request: Any | None, given: object = None) -> str:
    """The nonce: ``given`` by the template's context, of django-csp, or of Django 6 and later; else empty.

    A lazy nonce is made by being read, and only then is it sent in the header: ask only when there is something
    to put it on. One that fails to be made counts as none.
    """
    with contained("snippet.nonce_failed"):
        # Compared with None, never asked for its truth: a lazy nonce is false until somebody has read it.
        found = given
        if found is None:
            found = getattr(request, "csp_nonce", None)  # django-csp
        if found is None:
            found = getattr(request, "_csp_nonce", None)  # Django's own middleware; get_nonce() reads the same
        return "" if found is None else str(found)
    return ""
