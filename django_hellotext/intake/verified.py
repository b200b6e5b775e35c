"""What is verified outside the customer's own row: their profile has to be looked at again."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models.signals import post_delete, post_save

from .. import clock
from ..adapters import registry
from ..adapters.verification import ALLAUTH
from ..conf import hellotext_settings
from ..models import Change
from .changes import record_changes
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


def address_changed(sender: Any, instance: Any, *, using: str, raw: bool = False, **kwargs: Any) -> None:
    """An address was confirmed, added or taken away: its user's profile may gain or lose it."""
    user = type(instance)._meta.get_field("user").related_model
    adapter = registry.for_model(user)
    if raw or adapter is None or adapter.kind != "profile" or not hellotext_settings.active or is_paused():
        return
    change = Change(
        account=hellotext_settings.account,
        label=adapter.label,
        object_pk=str(instance.user_id),
        happened_at=clock.now(),
    )
    record_changes([change], using=alias_for(using, None, None))
