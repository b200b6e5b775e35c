"""Who may: the visitor of a page, a monitor with its token, staff with permissions."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from ..conf import hellotext_settings
from ..models import PROXIES, RemoteObject

logger = logging.getLogger("django_hellotext.rest")

APP = "django_hellotext"
VIEW_STATUS = f"{APP}.view_account"
VIEW_PERSONAL_DATA = f"{APP}.view_personal_data"


class PageAuthentication(SessionAuthentication):
    """Django's session, with the CSRF check for everybody.

    DRF checks logged-in users only; a foreign page could give an anonymous visitor somebody else's session, which
    the next login would attach to the visitor's profile.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """The logged-in user, or ``None``. Raises ``PermissionDenied`` (403) when the CSRF check fails."""
        self.enforce_csrf(request)
        user = getattr(request._request, "user", None)
        return (user, None) if user is not None and user.is_active else None


class PageThrottle(SimpleRateThrottle):
    """So many sessions a minute from one user or address.

    Django REST framework's ``DEFAULT_THROTTLE_RATES["hellotext_session"]`` changes the rate. A cache that fails lets
    the visitor through (demand B4).
    """

    scope = "hellotext_session"
    DEFAULT_RATE = "30/min"

    def get_rate(self) -> str:
        """The rate, read live; a wrong one counts as not set."""
        rates = api_settings.DEFAULT_THROTTLE_RATES or {}
        return str(rates.get(self.scope) or self.DEFAULT_RATE)

    def parse_rate(self, rate: str | None) -> tuple[int | None, int | None]:
        """The number of requests and the seconds for them."""
        try:
            return super().parse_rate(rate)
        except (ValueError, KeyError, IndexError) as error:
            raise ImproperlyConfigured(f"DEFAULT_THROTTLE_RATES[{self.scope!r}] must be like '30/min'.") from error

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """A key of fixed length: what a client says of its address may be anything."""
        user = getattr(request, "user", None)
        who = f"user {user.pk}" if user is not None and user.is_authenticated else f"at {self.get_ident(request)}"
        return f"hellotext-throttle-{hashlib.sha256(who.encode('utf-8', 'replace')).hexdigest()}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the request may go on."""
        try:
            return super().allow_request(request, view)
        except ImproperlyConfigured:
            raise
        except Exception as error:
            # The host's cache: whatever it raises must not reach a visitor.
            logger.error("rest.throttle_failed", extra={"error": type(error).__name__})
            return True


class Monitor(AnonymousUser):
    """Whoever holds ``HELLOTEXT["STATUS_TOKEN"]``; may read the status and nothing else."""


class StatusTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` with ``HELLOTEXT["STATUS_TOKEN"]``; while none is set, no token is right."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Monitor, None] | None:
        """The monitor; ``None`` for a request without a bearer token. Raises ``AuthenticationFailed`` (401)."""
        given = request.headers.get("Authorization", "")
        scheme, _space, token = given.partition(" ")
        expected = hellotext_settings.STATUS_TOKEN
        if scheme.lower() != self.keyword.lower() or not expected:
            return None
        # Headers are latin-1 text; compare_digest takes no other text than ASCII.
        if not secrets.compare_digest(token.strip().encode("utf-8", "replace"), expected.encode("utf-8")):
            raise AuthenticationFailed(_("Invalid token."))
        return Monitor(), None

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer to nobody a 401."""
        return self.keyword


class MayReadStatus(BasePermission):
    """The token, or a member of staff who may see the accounts."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the status is shown."""
        user = request.user
        return isinstance(user, Monitor) or (is_staff(user) and user.has_perm(VIEW_STATUS))


def is_staff(user: Any) -> bool:
    """Whether ``user`` works here; the host may have no user at all for a stranger."""
    return bool(getattr(user, "is_authenticated", False) and user.is_active and user.is_staff)


def may_see_event(user: Any) -> bool:
    """As in the admin, the right to change includes that to see."""
    return bool(user.has_perm(f"{APP}.view_event") or user.has_perm(f"{APP}.change_event"))


def kinds_for(user: Any, verb: str) -> list[str]:
    """The kinds of mirrored objects that ``user`` may ``view`` or ``change``; each has permissions of its own."""
    verbs = {"view": ("view", "change")}.get(verb, (verb,))

    def may(model: type[RemoteObject]) -> bool:
        return any(user.has_perm(f"{APP}.{each}_{model._meta.model_name}") for each in verbs)

    return [str(proxy.KIND) for proxy in PROXIES if may(proxy) or may(RemoteObject)]
