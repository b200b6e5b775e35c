"""``manage.py hellotext_export``: what we hold of a person, as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from django_hellotext.conf import hellotext_settings
from django_hellotext.intake.erasure import export_customer
from django_hellotext.management.base import HellotextCommand
from django_hellotext.management.people import person_named


class Command(HellotextCommand):
    """Prints what we hold of a person."""

    help = "Print what django-hellotext holds of a person as JSON, for a request of access. It is personal data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("who", help="An e-mail, or app.Model:pk of a customer, or of an order or cart of a guest.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print. Raises ``CommandError`` for who is not known."""
        if not hellotext_settings.active:
            raise CommandError("django-hellotext is not configured; see manage.py check.")
        found = export_customer(person_named(options["who"]))
        self.out.document(json.dumps(found, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
