"""``manage.py hellotext_prune``: delete what was delivered long ago."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.prune import Pruned, prune
from django_hellotext.management.base import HellotextCommand


class Command(HellotextCommand):
    help = (
        "Delete events delivered long ago; those with a key are emptied and keep it. Undelivered rows stay, unless "
        "they have waited as long for the adapter of a model that has none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, metavar="N", help="Age in days (HELLOTEXT['RETENTION'] by default).")
        parser.add_argument(
            "--seconds", type=float, metavar="S", help="Stop after about S seconds (no limit by default)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days, seconds = options["days"], options["seconds"]
        if days is None:
            days = hellotext_settings.RETENTION
        if days < 0:
            raise CommandError("--days must be 0 or more.")
        if seconds is not None and seconds <= 0:
            raise CommandError("--seconds must be greater than 0.")
        ends = time.monotonic() + seconds if seconds is not None else None
        done = Pruned()
        for alias in hellotext_settings.DATABASES:
            left = max(0.0, ends - time.monotonic()) if ends is not None else None
            done += prune(alias, days=days, seconds=left)
        rest = "" if done.complete else " The time is up, there is more."
        dropped = ""
        if done.dropped:
            rows = "row" if done.dropped == 1 else "rows"
            dropped = f" {done.dropped} undelivered {rows} dropped, because no adapter is registered for the model."
        self.out.line(f"{done.deleted} events deleted, {done.emptied} emptied.{dropped}{rest}")
