"""What the visitor has said about cookies, and what that means for Hellotext."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

COOKIE = "cookies"
YES, NO = "yes", "no"
DAYS = 180  # until the banner asks again

# What Hellotext.js keeps in the browser; it goes when the visitor takes the yes back.
OF_HELLOTEXT = (
    "hello_session",
    "hello_session_ack_at",
    "hello_utm",
    "hello_user_id",
    "hello_user_source",
    "hello_user_identification_hash",
)


def answer_of(request: HttpRequest) -> str:
    """Return the visitor's answer, or nothing as long as there is none."""
    found = request.COOKIES.get(COOKIE, "")
    return found if found in (YES, NO) else ""


def consent(request: HttpRequest | None, purpose: str, subject: object) -> bool | None:
    """Say for django-hellotext what the visitor allows: ``HELLOTEXT["CONSENT"]``.

    Nobody is watched before saying yes. An order is not a matter of cookies: it is told in any case.
    """
    if purpose != "browse" or request is None:
        return None
    return answer_of(request) == YES
