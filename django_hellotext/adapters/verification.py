"""Whether an e-mail or a phone of an account is certainly the customer's (demand A10).

Asked in this order: the shop's hook ``HELLOTEXT["VERIFIED"]``; django-allauth, where it is installed, which knows of
e-mails; else the shop's word counts, and what stands in the account is taken as verified.
"""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from django_hellotext import emails
from django_hellotext.conf import hellotext_settings

logger = logging.getLogger("django_hellotext.adapters")

ALLAUTH = "allauth.account"
ALLAUTH_EMAILS = "emailaddress_set"

# By the hook's identity, which stays its own while it is kept here.
_complained: dict[tuple[int, type], Any] = {}


def is_verified(customer: Any, kind: str, value: str) -> bool:
    """Whether ``value`` (``kind`` is ``"email"`` or ``"phone"``) of ``customer`` may be what a profile is found by.

    A hook that raises, or answers with anything but ``True``, says no.
    """
    hook = hellotext_settings.VERIFIED
    if hook is not None:
        return _ask(hook, customer, kind, value)
    if knows_emails(type(customer)):
        return kind == "email" and _is_confirmed_by_allauth(customer, value)
    return True


def knows_emails(model: type) -> bool:
    """Whether django-allauth knows which e-mails of ``model`` are confirmed."""
    return apps.is_installed(ALLAUTH) and issubclass(model, get_user_model())


def _ask(hook: Any, customer: Any, kind: str, value: str) -> bool:
    try:
        call = import_string(hook) if isinstance(hook, str) else hook
        return call(customer, kind, value) is True
    except Exception as error:
        # The host's own code. Said once in a process, not for each customer.
        fault = (id(hook), type(error))
        if fault not in _complained:
            _complained[fault] = hook
            logger.exception("verified.hook_failed", extra={"kind": kind})
        return False


def _is_confirmed_by_allauth(customer: Any, value: str) -> bool:
    # All of them, so that a prefetched set costs no query.
    addresses = getattr(customer, ALLAUTH_EMAILS).all()
    wanted = emails.canonical(value)
    return any(address.verified and emails.canonical(address.email) == wanted for address in addresses)
