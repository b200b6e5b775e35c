"""``manage.py hellotext_emulator``: a local Hellotext to develop and test against."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import CommandParser

from django_hellotext.emulator import command
from django_hellotext.management.base import HellotextCommand


class Command(HellotextCommand):
    """Serves the emulator until SIGTERM or SIGINT; needs no settings, no database, no checks."""

    help = "Serve a local Hellotext that behaves like the real one, with a page that shows what arrived."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the same options as ``python -m django_hellotext.emulator``."""
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        code = command.serve(argparse.Namespace(**options), say=self.out.line)
        if code:
            sys.exit(code)
