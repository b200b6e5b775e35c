"""The bookshop as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class BookshopConfig(AppConfig):
    """The shop itself; its integration with Hellotext is in ``hellotext.py``."""

    name = "bookshop"
    verbose_name = "Bookshop"
    default_auto_field = "django.db.models.BigAutoField"
