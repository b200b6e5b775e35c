"""``manage.py hellotext_doctor``: why does nothing arrive? What is wrong, what it means, and what to do."""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.utils import translation

from django_hellotext import __version__
from django_hellotext.conf import hellotext_settings
from django_hellotext.doctor import Finding, Mark, examine, worst
from django_hellotext.management.base import HellotextCommand
from django_hellotext.management.showing import columns, wrapped

# Exit codes; docs/reference/doctor.md describes them.
WARNINGS, ERRORS, NOT_BEGUN = 1, 2, 4

SCHEMA = 1  # of the document that --json prints; grows when a key changes its meaning or goes away
PATIENCE = 30.0  # seconds for each wait of --send-test
SIGNS = {Mark.OK: "✓", Mark.WARNING: "!", Mark.ERROR: "✗", Mark.SKIPPED: "-"}
WORDS = {Mark.OK: "ok", Mark.WARNING: "warning", Mark.ERROR: "error", Mark.SKIPPED: "not looked at"}
LEVELS = ("warning", "error")


class Command(HellotextCommand):
    """Parses, examines, and shows each finding as it comes."""

    help = (
        "Find out why nothing arrives at Hellotext: settings, database, credentials, worker, site, adapters, and what "
        "waits. Exit codes: 0 all is well, 1 warnings, 2 errors, 4 not begun."
    )
    # The doctor says what is wrong itself; Django's own checks would end it before it could.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--database", action="append", metavar="ALIAS", help="Only this one of HELLOTEXT['DATABASES'].")
        add("--no-network", action="store_true", help="Do not ask Hellotext; look at this side only.")
        add("--send-test", action="store_true", help="Send one event through the whole way, to a test profile.")
        add("--wait", metavar="SECONDS", help=f"With --send-test: wait so long for each step ({PATIENCE:g}).")
        add("--fail-level", choices=LEVELS, default="warning", help="From which mark on the exit code is not 0.")
        add("--json", action="store_true", help="Print the result as one JSON document.")
        add("--quiet", action="store_true", help="Print only what is not well.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine. Raises ``CommandError`` with the exit code unless all is well, see ``help``."""
        aliases = self._aliases(options["database"])
        if options["send_test"] and options["no_network"]:
            raise _not_begun("--send-test needs the network; leave --no-network out.")
        wait = _seconds(options["wait"])
        # Like the system checks, whose texts stand among its own, the doctor speaks English. What is rendered to see
        # whether it can be is no news for somebody without logging: it would stand between the lines.
        with translation.override(None), _silent("django_hellotext"):
            found = []
            for finding in examine(
                aliases,
                network=not options["no_network"],
                send_test=wait if options["send_test"] else None,
            ):
                found.append(finding)
                if not options["json"] and (not options["quiet"] or finding.state in (Mark.WARNING, Mark.ERROR)):
                    self._show(finding)
        mark = worst(found)
        code = {Mark.ERROR: ERRORS, Mark.WARNING: WARNINGS}.get(mark, 0)
        if code == WARNINGS and options["fail_level"] == "error":
            code = 0
        if options["json"]:
            self.out.document(_document(found, mark, code))
        if code:
            raise CommandError(_summary(found), returncode=code)
        if not options["json"] and not options["quiet"]:
            self.out.line(_summary(found))

    def _aliases(self, wanted: list[str] | None) -> list[str]:
        for alias in wanted or ():
            if alias not in hellotext_settings.DATABASES:
                known = ", ".join(hellotext_settings.DATABASES)
                raise _not_begun(f"{alias!r} is none of HELLOTEXT['DATABASES']: {known}.")
        return list(dict.fromkeys(wanted or ()))

    def _show(self, finding: Finding) -> None:
        style = {Mark.OK: self.style.SUCCESS, Mark.WARNING: self.style.WARNING, Mark.ERROR: self.style.ERROR}
        width = columns()
        sign = SIGNS[finding.state]
        title = finding.title if finding.state is Mark.OK else f"{WORDS[finding.state]}: {finding.title}"
        first, *others = wrapped(f"{sign} {title}", width=width)
        paint = style.get(finding.state, str)
        self.out.line(first.removeprefix(sign), mark=paint(sign))
        self.out.lines(others)
        for text in (finding.meaning, finding.advice and f"→ {finding.advice}"):
            self.out.lines(wrapped(text, width=width, indent=2))
        if finding.state in (Mark.WARNING, Mark.ERROR):
            self.out.line(f"  {finding.page}")


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep records off the terminal that no handler of the project wants."""
    handler = logging.NullHandler()
    logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(name).removeHandler(handler)


def _document(found: Iterable[Finding], mark: Mark, code: int) -> str:
    findings = [
        {
            "code": one.code,
            "state": one.state.value,
            "family": one.family,
            "database": one.database,
            "title": one.title,
            "meaning": one.meaning,
            "advice": one.advice,
            "page": one.page,
        }
        for one in found
    ]
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "account": hellotext_settings.account if hellotext_settings.active else "",
        "state": mark.value,
        "code": code,
        "findings": findings,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _summary(found: list[Finding]) -> str:
    counts = {mark: sum(one.state is mark for one in found) for mark in Mark}
    if not counts[Mark.ERROR] and not counts[Mark.WARNING]:
        return f"All is well: {_many(counts[Mark.OK], 'line')} looked at."
    return f"{_many(counts[Mark.ERROR], 'error')}, {_many(counts[Mark.WARNING], 'warning')}."


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _not_begun(message: str) -> CommandError:
    return CommandError(message, returncode=NOT_BEGUN)


def _seconds(text: Any) -> float:
    if text is None:
        return PATIENCE
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise _not_begun(f"--wait must be a number of seconds from 0 to 3600, not {text!r}.")
    return seconds
