"""What is verified outside the customer's own row: their profile has to be looked at again."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import post_delete, post_save

from ..adapters import registry
from ..adapters.verification import ALLAUTH
from ..conf import hellotext_settings
from .changes import change_named, record_changes
from .faults import contained
from .ledger import alias_for
from .receivers import is_paused

_UID = "django_hellotext.verified"


def connect() -> None:
    """Listen to django-allauth's e-mail addresses, where it is installed."""
    if not apps.is_installed(ALLAUTH):
        return
    model = apps.get_app_config("account").get_model("EmailAddress")
    for signal in (post_save, post_delete):
        signal.connect(address_changed, sender=model, dispatch_uid=_UID)


@contained
def address_changed(
    sender: Any = None, instance: Any = None, *, using: str | None = None, raw: bool = False, **kwargs: Any
) -> None:
    """An address was confirmed, added or taken away: its user's profile may gain or lose it."""
    if raw or is_paused() or not hellotext_settings.active or not isinstance(instance, models.Model):
        return
    user: Any = instance._meta.get_field("user")
    adapter = registry.for_model(user.related_model)
    key = getattr(instance, user.attname)
    if adapter is None or adapter.kind != "profile" or key is None:
        return
    record_changes([change_named(adapter.label, key)], using=alias_for(using, instance))
