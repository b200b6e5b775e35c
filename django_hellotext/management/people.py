"""Who is meant on the command line."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import models

from django_hellotext.adapters import registry
from django_hellotext.conf import hellotext_settings


def person_named(who: str) -> models.Model | str:
    """An e-mail as it is, or the object that ``app.Model:pk`` names. Raises ``CommandError`` for anything else."""
    if "@" in who:
        return who
    label, colon, pk = who.partition(":")
    adapter = registry.for_label(label.lower())
    if not colon or adapter is None:
        raise CommandError("Name an e-mail, or app.Model:pk of a model with an adapter, such as auth.User:5.")
    for alias in hellotext_settings.DATABASES:
        try:
            found: models.Model | None = adapter.model._base_manager.using(alias).filter(pk=pk).first()
        except (ValueError, ValidationError):
            found = None
        if found is not None:
            return found
    raise CommandError(f"There is no {label} with this key.")
