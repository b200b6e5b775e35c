"""Staff who act as a customer: neither their browser nor what they look at is the customer's (demand G5)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string

from ..conf import hellotext_settings
from ..savepoints import HostCode
from .sessions import may_have_session

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_hellotext.impersonation")

# Where known packages note in the Django session that somebody acts as somebody else. None of them is imported.
HIJACK = "hijack_history"  # django-hijack 3: the real users, the last one last; empty once released
LOGINAS = "loginas_from_user"  # django-loginas 0.3: the real user, signed


def is_impersonated(request: HttpRequest) -> bool:
    """Whether whoever is logged in is somebody else in truth.

    Known are django-hijack and django-loginas; ``HELLOTEXT["IMPERSONATED"]``, ``(request) -> bool``, knows others.
    A hook that raises counts as yes: a session too few can be borne, a wrong one cannot be taken back. Reads the
    Django session, where the visitor has one.
    """
    if _ask_hook(request):
        return True
    if not may_have_session(request):
        return False
    session = request.session
    flag = getattr(settings, "LOGINAS_FROM_USER_SESSION_FLAG", LOGINAS)
    return bool(session.get(HIJACK)) or session.get(flag) is not None


def changes_account(request: HttpRequest, user: Any) -> bool:
    """Whether ``request``, which logs ``user`` in, came from somebody who was logged in as somebody else.

    This is how impersonation begins and ends, before any package has left its note. The browser is the other one's.
    """
    known = (getattr(request, name, None) for name in ("_cached_user", "_acached_user"))
    return any(before is not None and before.is_authenticated and before.pk != user.pk for before in known)


def _ask_hook(request: HttpRequest) -> bool:
    hook = hellotext_settings.IMPERSONATED
    if hook is None:
        return False
    try:
        call = import_string(hook) if isinstance(hook, str) else hook
        with HostCode(DEFAULT_DB_ALIAS):
            return bool(call(request))
    except Exception:
        # The host's own code: whatever it raises must not reach a visitor.
        logger.exception("impersonated.failed")
        return True
