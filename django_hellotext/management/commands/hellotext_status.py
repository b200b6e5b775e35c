"""``manage.py hellotext_status``: how delivery stands, in a terminal."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, no_translations
from django.db import DatabaseError, connections
from django.utils import timezone

from django_hellotext import clock
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import advice
from django_hellotext.delivery.overview import Overview, overview
from django_hellotext.delivery.standing import COUNTED_TO, Condition, worst
from django_hellotext.management.base import HellotextCommand
from django_hellotext.management.commands.hellotext_worker import stopped_by_signals
from django_hellotext.management.showing import columns, duration, wrapped
from django_hellotext.redaction import mask
from django_hellotext.sanitize import one_line

# Exit codes; docs/reference/status.md describes them.
PAUSED, BAD, UNKNOWN = 1, 2, 4
CODES = {
    Condition.OK: 0,
    Condition.PAUSED: PAUSED,
    Condition.STALLED: BAD,
    Condition.HALTED: BAD,
    Condition.FOREIGN: BAD,
    Condition.INACTIVE: UNKNOWN,
}

EVERY = 2.0  # seconds between two looks of --watch
MOST_REFUSALS = 8  # types that are shown
LABEL = 13  # columns before what is said

HOME, CLEAR, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Command(HellotextCommand):
    """Looks, and changes nothing."""

    help = (
        "Show what waits and since when, what was delivered and how fast, and what was refused. Exit codes: 0 fine, "
        "1 paused (goes on by itself), 2 nothing is sent until somebody acts, 4 not configured, or the database "
        "cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--database", metavar="ALIAS", help="Only this one of HELLOTEXT['DATABASES'].")
        parser.add_argument(
            "--watch",
            nargs="?",
            type=float,
            const=EVERY,
            metavar="SECONDS",
            help=f"Look again every SECONDS ({EVERY:g} by default), until Ctrl-C.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document, with --watch one a line.")

    @no_translations  # half of what it says would be in another language than the rest
    def handle(self, *args: Any, **options: Any) -> None:
        """Look, once or until told to stop; ends with the exit code of the last look, see ``help``."""
        if not hellotext_settings.active:
            raise CommandError(
                "django-hellotext is not configured: set HELLOTEXT['BUSINESS_ID'], ['API_TOKEN'] and "
                "['ENVIRONMENT'], and see manage.py check.",
                returncode=UNKNOWN,
            )
        aliases = self._aliases(options["database"])
        every = options["watch"]
        if every is None:
            self._end(self._look(aliases, as_json=options["json"]))
            return
        if not 0 < every < 86_400:
            raise CommandError("--watch must be a number of seconds greater than 0.", returncode=UNKNOWN)
        self._end(self._watch(aliases, every=every, as_json=options["json"]))

    def _aliases(self, wanted: str | None) -> Sequence[str]:
        known = hellotext_settings.DATABASES
        if wanted is None:
            return known
        if wanted not in known:
            raise CommandError(
                f"--database {wanted!r} is none of HELLOTEXT['DATABASES']: {', '.join(known)}.", returncode=UNKNOWN
            )
        return [wanted]

    def _end(self, code: int) -> None:
        self.stdout.flush()
        if code:
            sys.exit(code)

    def _look(self, aliases: Sequence[str], *, as_json: bool) -> int:
        try:
            found = [overview(alias) for alias in aliases]
        except DatabaseError as error:
            raise CommandError(f"The database could not be read: {mask(error)}", returncode=UNKNOWN) from error
        self.out.lines([_document(found)] if as_json else _lines(found, width=columns()))
        return _code(found)

    def _watch(self, aliases: Sequence[str], *, every: float, as_json: bool) -> int:
        on_screen = self.stdout.isatty() and not as_json
        code = 0
        with stopped_by_signals() as stop:
            if on_screen:
                self.out.raw(HIDE_CURSOR + CLEAR)
            try:
                while not stop.is_set():
                    try:
                        found = [overview(alias) for alias in aliases]
                        code = _code(found)
                        lines = [_document(found)] if as_json else [*_lines(found, width=columns()), ""]
                    except DatabaseError as error:
                        connections.close_all()
                        code = UNKNOWN
                        text = f"The database could not be read, trying again: {mask(error)}"
                        lines = [json.dumps({"error": text})] if as_json else [text, ""]
                    self._draw(lines) if on_screen else self.out.lines(lines)
                    stop.wait(every)
            finally:
                if on_screen:
                    self.out.raw(SHOW_CURSOR)
        return code

    def _draw(self, lines: Sequence[str]) -> None:
        """Write over what is there, line by line, in one go: nothing is blank in between, and nothing scrolls."""
        size = shutil.get_terminal_size((100, 24))
        told = f"{timezone.localtime(clock.now()):%H:%M:%S}, Ctrl-C ends it"
        shown = [*lines[: size.lines - 2], told]
        drawn = "".join(f"{one_line(line)[: size.columns]}{REST_OF_LINE}\n" for line in shown)
        self.out.raw(f"{HOME}{drawn}{REST_OF_SCREEN}")


def _code(found: Sequence[Overview]) -> int:
    return CODES[worst([one.standing.condition for one in found])]


def _lines(found: Sequence[Overview], *, width: int) -> list[str]:
    lines: list[str] = []
    for one in found:
        name = f"{hellotext_settings.account} on {one.standing.using}"
        lines += [*([""] if lines else []), name, ""]
        for label, said in _said(one):
            for place, line in enumerate(wrapped(said, width=max(width - LABEL, 30), hanging=0) or [""]):
                lines.append(f"{'' if place else label:<{LABEL}}{line}")
    return lines


def _said(one: Overview) -> Iterator[tuple[str, str]]:
    standing = one.standing
    condition = standing.condition
    yield "State", f"{condition.value}: {advice.for_condition(condition, next_try=standing.halted_until)}"
    yield "Waiting", _waiting(one)
    for left in standing.left:
        rows = "row" if left.total == 1 else "rows"
        yield "Left", f"{left.total:,} {rows}, the oldest since {_ago(left.since, one.now)}: {left.why}"
    if standing.backfill_since:
        yield "Back-fill", f"the oldest since {_ago(standing.backfill_since, one.now)}"
    yield (
        "Delivered",
        (
            f"{one.this_hour.delivered:,} since {timezone.localtime(one.hours[-1].at):%H:%M}, "  # type: ignore[arg-type]  # an hour begins at a time, only a day has a date
            f"{one.lately.delivered:,} in 24 hours"
        ),
    )
    latency = one.latency
    if latency.p50 is None or latency.p95 is None:
        yield "Latency", "nothing was measured in 24 hours"
    else:
        yield "Latency", f"half within about {duration(latency.p50)}, 95 of 100 within about {duration(latency.p95)}"
    refused = sum(refusal.count for refusal in one.refusals)
    yield "Refused", f"{refused:,}{' or more' if one.refusals_capped else ''} wait for a person" if refused else "none"
    for refusal in one.refusals[:MOST_REFUSALS]:
        yield "", f"{refusal.count:,} x {refusal.of}: {refusal.type or 'no type'}"
    if len(one.refusals) > MOST_REFUSALS:
        yield "", f"and {len(one.refusals) - MOST_REFUSALS} types more"
    if one.conflicts:
        sessions = "session" if one.conflicts == 1 else "sessions"
        yield "Conflicts", f"{one.conflicts:,} {sessions} of another customer; nothing to do"
    paused = f"open since Hellotext said {standing.paused_reason}" if standing.paused_reason else "closed"
    yield "Breaker", paused
    yield "Credentials", f"refused: {standing.halted_reason}" if standing.halted_reason else "not refused"
    yield "Last drain", _ago(standing.drained_at, one.now, "ago") if standing.drained_at else "never"


def _waiting(one: Overview) -> str:
    counts = one.standing.counts
    said = [f"{_many(_open(counts[name]))} {name}" for name in counts]
    said.append(f"{_many(one.standing.changes)} unseen changes")
    since = one.standing.waiting_since
    return f"{', '.join(said)}{f'; the oldest since {_ago(since, one.now)}' if since else ''}"


def _open(states: Any) -> int:
    return sum(count for state, count in states.items() if state != "failed")


def _many(count: int) -> str:
    return f"{count:,}{'+' if count >= COUNTED_TO else ''}"


def _ago(moment: datetime, now: datetime, word: str = "") -> str:
    return f"{duration(max(0.0, (now - moment).total_seconds()))} {word}".strip()


def _document(found: Sequence[Overview]) -> str:
    document = {
        "state": worst([one.standing.condition for one in found]),
        "code": _code(found),
        "account": hellotext_settings.account,
        "now": found[0].now if found else clock.now(),
        "counted_to": COUNTED_TO,
        "databases": [_of_one(one) for one in found],
    }
    return json.dumps(document, default=_plain)


def _of_one(one: Overview) -> dict[str, Any]:
    standing = one.standing
    return {
        "database": standing.using,
        "state": standing.condition,
        "counts": standing.counts,
        "unseen_changes": standing.changes,
        "waiting_since": standing.waiting_since,
        "backfill_since": standing.backfill_since,
        "last_drain": standing.drained_at,
        "paused_until": standing.paused_until,
        "paused_reason": standing.paused_reason,
        "halted_at": standing.halted_at,
        "halted_until": standing.halted_until,
        "halted_reason": standing.halted_reason,
        "delivered": {"this_hour": one.this_hour.delivered, "24_hours": one.lately.delivered},
        "latency": {"count": one.latency.count, "p50": one.latency.p50, "p95": one.latency.p95},
        "refused": [
            {"of": each.of, "type": each.type, "count": each.count, "advice": each.advice} for each in one.refusals
        ],
        "refused_capped": one.refusals_capped,
        "session_conflicts": one.conflicts,
        "left": [{"model": left.label, "counts": left.counts, "since": left.since} for left in standing.left],
    }


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
