from __future__ import annotations

from django.apps import AppConfig


class OtherShopConfig(AppConfig):
    """A shop in two cities, each with a database of its own."""

    name = "tests.othershop"
    label = "tienda"
    default_auto_field = "django.db.models.BigAutoField"
