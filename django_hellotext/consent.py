"""The one decision about consent: yes, no, or "as recorded".

Asked when a fact is recorded, again without a request when it is sent, and by the template tag (demands I2, H4).
The shop's own word is ``HELLOTEXT["CONSENT"]``: a callable or dotted path
``(request_or_None, purpose, subject) -> True | False | None``, where ``subject`` is the customer's model instance
where one is known, else the object of the event, else ``None``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

from .actions import Purpose
from .conf import hellotext_settings
from .savepoints import HostCode, database_of

logger = logging.getLogger("django_hellotext.consent")

_known_faults: dict[tuple[int, Purpose, type], Any] = {}


def decide(request: Any | None, *, purpose: Purpose, subject: Any = None) -> bool | None:
    """Whether ``purpose`` is allowed for ``subject``; ``None`` leaves what was recorded before.

    A hook that raises counts as a refusal to ``browse`` and as "as recorded" otherwise, so that a broken banner
    neither tracks a visitor nor loses an order. ``Sec-GPC: 1`` refuses ``browse`` where the hook is silent,
    and so does ``DNT: 1`` with ``HELLOTEXT["DO_NOT_TRACK"]``.
    """
    return _decision(hellotext_settings.CONSENT, request, purpose, subject)


def is_refused(request: Any, *, purpose: Purpose, customer: Callable[[Any], Any]) -> bool:
    """Whether ``purpose`` is refused, for a request of which little is known yet.

    ``customer`` finds who is logged in; it is only asked where there is a hook to tell, because it may cost a query.
    """
    hook = hellotext_settings.CONSENT
    return _decision(hook, request, purpose, None if hook is None else customer(request)) is False


def signals_refusal(request: Any) -> bool:
    """Whether the browser asks not to be followed: ``Sec-GPC: 1``, and ``DNT: 1`` with ``DO_NOT_TRACK``."""
    said = request.META
    return said.get("HTTP_SEC_GPC") == "1" or (said.get("HTTP_DNT") == "1" and hellotext_settings.DO_NOT_TRACK)


def _decision(hook: Any, request: Any | None, purpose: Purpose, subject: Any) -> bool | None:
    answer = None if hook is None else _ask(hook, request, purpose, subject)
    if answer is not None:
        return answer
    return False if purpose is Purpose.BROWSE and request is not None and signals_refusal(request) else None


def _ask(hook: Any, request: Any | None, purpose: Purpose, subject: Any) -> bool | None:
    refused = False if purpose is Purpose.BROWSE else None
    try:
        call = import_string(hook) if isinstance(hook, str) else hook
        with HostCode(database_of(subject)):
            answer = call(request, purpose._value_, subject)  # .value takes three times as long
    except Exception as error:
        # The host's own code: whatever it raises must not reach a visitor.
        if _is_news(hook, purpose, type(error)):
            logger.exception("consent.hook_failed", extra={"purpose": purpose.value})
        return refused
    if answer is None or isinstance(answer, bool):
        return answer
    if _is_news(hook, purpose, type(answer)):
        logger.error("consent.hook_answer", extra={"purpose": purpose.value, "type": type(answer).__name__})
    return refused


def _is_news(hook: Any, purpose: Purpose, fault: type) -> bool:
    """Whether this has not been logged before in this process: a broken hook would log every request."""
    # By its identity, because a callable need not be hashable; kept, so that the identity stays its own.
    key = (id(hook), purpose, fault)
    if key in _known_faults:
        return False
    _known_faults[key] = hook
    return True
