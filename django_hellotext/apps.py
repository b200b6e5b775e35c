from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HellotextConfig(AppConfig):
    """The app. Starting it makes no query and no request (demand K2)."""

    name = "django_hellotext"
    label = "django_hellotext"
    verbose_name = _("Hellotext")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Bind checks, adapters and receivers."""
        from .adapters import registry
        from .checks import log_mistakes, register_checks
        from .intake import verified
        from .intake.receivers import connect

        register_checks()
        registry.autodiscover()
        connect()
        verified.connect()
        log_mistakes()
