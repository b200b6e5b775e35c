"""An app that makes the pages of a sync small: a few products then fill several."""

from __future__ import annotations

import os

from django.apps import AppConfig


class SmallPages(AppConfig):
    """Set the size of a page to ``SHOP_PAGE_SIZE``."""

    name = "tests.processes"
    label = "small_pages"

    def ready(self) -> None:
        from django_hellotext.intake import backfill

        if size := os.environ.get("SHOP_PAGE_SIZE"):
            backfill.SIZE = int(size)
