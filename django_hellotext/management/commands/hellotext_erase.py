"""``manage.py hellotext_erase``: forget a customer."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from django_hellotext.conf import hellotext_settings
from django_hellotext.intake.erasure import forget_customer, remember_customer
from django_hellotext.management.base import HellotextCommand
from django_hellotext.management.people import person_named


class Command(HellotextCommand):
    """Erases what we hold of a person and has their profile at Hellotext cleared."""

    help = (
        "Erase what django-hellotext holds of a person, and have their profile at Hellotext cleared by the worker. "
        "Without --yes it only says what would happen."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("who", help="An e-mail, or app.Model:pk of a customer, or of an order or cart of a guest.")
        parser.add_argument("--yes", action="store_true", help="Do it. There is no way back.")
        parser.add_argument(
            "--lift", action="store_true", help="Take the tombstone of an e-mail away: the person has come back."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, or say what would be erased. Raises ``CommandError`` for who is not known."""
        if not hellotext_settings.active:
            raise CommandError("django-hellotext is not configured; see manage.py check.")
        who = options["who"]
        if options["lift"]:
            if "@" not in who:
                raise CommandError("--lift takes an e-mail.")
            self.out.line(f"{remember_customer(who)} tombstones taken away.")
            return
        for done in forget_customer(person_named(who), dry_run=not options["yes"]):
            verb = "Erased" if options["yes"] else "Would erase"
            waiting = "wait to be cleared" if options["yes"] else "would be cleared"
            self.out.line(
                f"{verb} on {done.using}: {done.customers} profiles, {done.events} events, {done.sessions} sessions, "
                f"{done.changes} unsent changes; {done.at_hellotext} {waiting} at Hellotext."
            )
            self.out.line("What remains:")
            for line in done.remains:
                self.out.line(f"  {line}")
        if not options["yes"]:
            self.out.line("Nothing was changed. Add --yes to do it.")
