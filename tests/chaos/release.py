"""A release that lacks the adapters of some models: it is older than they are, or newer and without them."""

from __future__ import annotations

import os

from django.apps import AppConfig, apps

from django_hellotext.adapters import registry


class Release(AppConfig):
    """Takes the adapters of the models in ``SHOP_WITHOUT`` out of the process."""

    name = "tests.chaos"
    label = "chaos_release"

    def ready(self) -> None:
        for label in os.environ.get("SHOP_WITHOUT", "").split():
            registry.unregister(apps.get_model(label))
