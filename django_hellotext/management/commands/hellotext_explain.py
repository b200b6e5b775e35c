"""``manage.py hellotext_explain shop.order 1001``: why was this, or was this not, sent?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.explain import Explanation, explain_object, explain_row
from django_hellotext.management.base import HellotextCommand
from django_hellotext.models import Event, RemoteObject, Session

ROWS = {"event": Event, "object": RemoteObject, "session": Session}


class Command(HellotextCommand):
    help = "Say why an object of the shop, or a row, was or was not sent to Hellotext. Sends and changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="The model, such as shop.order; or event, object or session for a row.")
        parser.add_argument(
            "key",
            help="The primary key, or the reference at Hellotext, such as an order's number; for a row the key that "
            "the admin shows in its address.",
        )
        parser.add_argument("--database", help="The alias to look at (the first of HELLOTEXT['DATABASES']).")
        parser.add_argument("--json", action="store_true", help="Print JSON with a stable code for each line.")

    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"] or hellotext_settings.DATABASES[0]
        if using not in hellotext_settings.DATABASES:
            raise CommandError(f"{using!r} is none of HELLOTEXT['DATABASES'].")
        explanation = self._explain(options["model"], options["key"], using)
        if options["json"]:
            lines = [{"code": line.code, "text": line.text, "depth": line.depth} for line in explanation.lines]
            document = {"subject": explanation.subject, "lines": lines}
            self.out.document(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            self.out.lines(explanation.as_lines())

    def _explain(self, name: str, key: str, using: str) -> Explanation:
        model = ROWS.get(name.lower())
        if model is None:
            return explain_object(name, key, using=using)
        row = model._default_manager.using(using).filter(pk=int(key)).first() if key.isdecimal() else None
        if row is None:
            raise CommandError(f"There is no {name} {key}.")
        return explain_row(row, using=using)
