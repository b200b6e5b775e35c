"""``manage.py hellotext_sync``: bring Hellotext level with the shop, look whether it is, or adopt what is there."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from django_hellotext import dispatch
from django_hellotext.adapters import Adapter
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import adoption, inspection, plan, revenue, runs
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.listing import Listing
from django_hellotext.delivery.relinking import relink_events
from django_hellotext.delivery.syncing import Choice, Looked, Sync, home, key_of, what_holds
from django_hellotext.exceptions import ApiError
from django_hellotext.intake import backfill
from django_hellotext.management import money
from django_hellotext.management.adjusted import adjusted_lines, as_json
from django_hellotext.management.advice import advice_for
from django_hellotext.management.asking import NOT_BEGUN, PATIENCE, check_modes, choice_of, not_begun, number, seconds
from django_hellotext.management.base import HellotextCommand
from django_hellotext.management.commands.hellotext_worker import stopped_by_signals
from django_hellotext.management.showing import Progress, columns, table, undisturbed, wrapped
from django_hellotext.models import SyncRun
from django_hellotext.redaction import mask

# Exit codes; docs/reference/sync.md describes them.
UNFINISHED, REFUSED, DRIFT = 1, 2, 3  # and NOT_BEGUN


class Command(HellotextCommand):
    """Parses, calls the delivery, and shows what came of it."""

    help = (
        "Bring Hellotext level with the shop: whatever is new or changed is sent, what is equal is not. Exit codes: "
        "0 in step, 1 could not finish (go on with --resume), 2 something was refused, 3 --check found drift, "
        "4 not begun."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("labels", nargs="*", metavar="app.Model|kind", help="Only these models or kinds (by default all).")
        add("--full", action="store_true", help="Send what is unchanged as well.")
        add("--since", metavar="DATE", help="Only objects changed since then (2026-01-31, or with a time).")
        add("--limit", metavar="N", help="Send no more than N objects; the next run goes on.")
        add("--dry-run", action="store_true", help="Say what would be sent, with an example of each; send nothing.")
        add("--check", action="store_true", help="Look for drift on both sides; change nothing.")
        add("--money", action="store_true", help="With --check: compare the revenue of orders per day and currency.")
        add("--repair", action="store_true", help="Look for drift on both sides, then mend it.")
        add("--pull", action="store_true", help="Adopt what Hellotext has already; send nothing.")
        add("--source", action="append", metavar="NAME", help="With --pull: adopt objects of this source, too.")
        add("--events", action="store_true", help="Send the orders' history as well, each event with its own time.")
        add("--async", action="store_true", help="Leave the work to the project's own workers.")
        add("--resume", action="store_true", help="Go on with the run that was stopped.")
        add("--concurrency", metavar="N", help="Requests at once (HELLOTEXT['CONCURRENCY'] by default).")
        add("--wait", metavar="SECONDS", help=f"Wait so long for what cannot be sent at once ({PATIENCE:g}).")
        add("--json", action="store_true", help="Print the result as one JSON document.")
        add("--quiet", action="store_true", help="Print errors only.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for. Raises ``CommandError`` with an exit code, see ``help``."""
        if not hellotext_settings.active:
            raise CommandError(
                "django-hellotext is not configured: set HELLOTEXT['BUSINESS_ID'], ['API_TOKEN'] and "
                "['ENVIRONMENT'], and see manage.py check.",
                returncode=NOT_BEGUN,
            )
        self.options = options
        self._reading, self._read = "", 0
        self._undefined: list[str] = []
        self.progress = Progress(self.stderr, quiet=options["quiet"] or (options["json"] and not self.stderr.isatty()))
        check_modes(options)
        choice = choice_of(options)
        try:
            if options["dry_run"]:
                self._plan(choice)
            elif options["money"]:
                self._compare_revenue(choice)
            elif options["check"] or options["repair"]:
                self._inspect(choice)
            elif options["pull"]:
                self._pull(choice)
            else:
                self._sync(choice)
        except ApiError as error:
            self.progress.end()
            raise CommandError(f"Hellotext could not be read: {error}", returncode=UNFINISHED) from error
        except DatabaseError as error:
            self.progress.end()
            raise CommandError(f"The database could not be used: {mask(error)}", returncode=UNFINISHED) from error

    # Modes

    def _plan(self, choice: Choice) -> None:
        found = plan.plan(choice, begun=self._begun(choice), looked=self._looked)
        self.progress.end()
        if self.options["json"]:
            self._print_json(mode="dry-run", code=0, kinds=[asdict(one) for one in found])
            return
        head = ("kind", "model", "create", "update", "unchanged", "delete", "left out", "faulty", "events")
        rows = [tuple(asdict(one).values())[: len(head)] for one in found]
        self._say(*table(head, rows, width=columns()))
        for one in found:
            for name, example in one.examples.items():
                self._say("", f"{one.kind} {one.model}, {name}, for example:")
                self._say(*json.dumps(example, indent=2, ensure_ascii=False).split("\n"))
        self._say("", "Nothing was sent and nothing was written.")

    def _inspect(self, choice: Choice) -> None:
        with self._listing() as listing:
            self._undefined = [] if choice.labels else [str(one) for one in listing.undefined()]
            found = inspection.inspect(
                choice, listing, mend=self.options["repair"], begun=self._begun(choice), looked=self._looked
            )
        self.progress.end()
        if self.options["check"]:
            runs.note_check(choice, found, undefined=len(self._undefined))
        drift = sum(one.total for one in found) + len(self._undefined)
        code = DRIFT if drift else 0
        if self.options["json"]:
            if self.options["check"]:
                kinds = [{**asdict(one), "total": one.total} for one in found]
                definitions = {"missing": self._undefined}
                self._print_json(mode="check", code=code, definitions=definitions, kinds=kinds, adjusted=as_json())
        else:
            for name in self._undefined:
                self._say(f"Not defined there: {name}")
            head = ("kind", "model", "in step", *(name.replace("_", " ") for name in inspection.DRIFTS), "left out")
            rows = [
                (o.kind, o.model, o.in_step, *(getattr(o, name) for name in inspection.DRIFTS), o.left_out)
                for o in found
            ]
            self._say(*table(head, rows, width=columns()))
            for one in found:
                for name, example in one.examples.items():
                    self._say(*wrapped(f"{name.replace('_', ' ')}, for example {example}", width=columns()))
            if self.options["check"]:
                self._say(*adjusted_lines(width=columns()))
        if self.options["repair"]:
            self._sync(choice, found)
        elif drift:
            raise CommandError(
                f"{drift:,} object{'' if drift == 1 else 's'} not in step; --repair mends that.", returncode=DRIFT
            )
        else:
            self._say("Both sides are in step.")

    def _compare_revenue(self, choice: Choice) -> None:
        with self._listing() as listing:
            found = revenue.compare_revenue(choice, listing, begun=self._begun(Choice()), looked=self._looked)
        self.progress.end()
        code = DRIFT if found.differing else 0
        if self.options["json"]:
            self._print_json(mode="money", code=code, **money.document(found))
        else:
            self._say(*money.report(found, width=columns()))
        if code:
            many = "1 order differs" if found.differing == 1 else f"{found.differing:,} orders differ"
            raise CommandError(f"Revenue does not agree: {many}.", returncode=code)
        self._say("Revenue agrees to the minor unit.")

    def _pull(self, choice: Choice) -> None:
        with self._listing() as listing:
            found = adoption.pull(
                choice,
                listing,
                sources=self.options["source"] or (),
                begun=self._begun(choice),
                looked=self._looked,
            )
        self.progress.end()
        if self.options["json"]:
            self._print_json(mode="pull", code=0, kinds=[asdict(one) for one in found])
            return
        head = ("kind", "model", "looked at", "known", "adopted", "differing", "here only", "unclear", "there only")
        rows = [tuple(asdict(one).values())[:9] for one in found]
        self._say(*table(head, rows, width=columns()))
        for one in found:
            for source, count in one.sources.items():
                self._say(
                    f"{count:,} of {one.model} would fit objects of the source {source!r}: adopt them with "
                    f"--source {source}"
                )
        self._say("Nothing was sent. What differs is sent by: manage.py hellotext_sync")

    @contextmanager
    def _listing(self) -> Iterator[Listing]:
        held = what_holds(home())
        if held:
            raise CommandError(f"Hellotext is not asked: {held}.", returncode=UNFINISHED)
        client = client_from_settings()
        try:
            with Listing(client, heard=self._heard) as listing:
                yield listing
        finally:
            client.close()

    def _sync(self, choice: Choice, drift: Sequence[inspection.Drift] = ()) -> None:
        in_tasks = self.options["async"]
        if in_tasks and hellotext_settings.DISPATCH not in ("celery", "tasks"):
            raise not_begun("--async leaves the work to Celery or to Django's tasks: set HELLOTEXT['DISPATCH'].")
        concurrency, patience = number("concurrency", self.options["concurrency"]), seconds(self.options["wait"])
        try:
            if self.options["resume"]:
                run, earlier = runs.resume(in_tasks=in_tasks), None
            else:
                run, earlier = runs.begin(choice, in_tasks=in_tasks)
        except runs.SyncRefused as refused:
            raise not_begun(str(refused)) from None
        if in_tasks:
            self._hand_over(run)
            return
        if earlier is not None:
            self._say(f"The run of {earlier.started_at:%Y-%m-%d %H:%M} UTC was stopped; this one looks at all anew.")
        choice = Choice.from_json(run.options)
        self._current = ""
        begun = self._begun(choice, run)

        def looked(page: Looked) -> None:
            key = key_of(page.adapter, page.using)
            if key != self._current:
                self._current = key
                begun(page.adapter, page.using)
            self._looked(page)

        with stopped_by_signals() as stop, undisturbed(self.progress):
            sync = Sync(
                run,
                concurrency=concurrency,
                patience=patience,
                looked=looked,
                arrived=self.progress.arrived,
                stop=stop,
            )
            finished = sync.go()
        self.progress.end(complete=finished)
        self._linked = self._relink() if self.options["repair"] and finished else (0, 0)
        self._show(sync, finished=finished, stopped=stop.is_set(), drift=drift)

    def _relink(self) -> tuple[int, int]:
        """Give the events that were sent while their customer could not be to the customer; see ``relink_events``."""
        client = client_from_settings()
        try:
            found = [relink_events(client, using=alias) for alias in hellotext_settings.DATABASES]
        finally:
            client.close()
        return sum(linked for linked, _ in found), sum(gone for _, gone in found)

    def _hand_over(self, run: SyncRun) -> None:
        """Leave ``run`` to the project's workers."""
        sync = Sync(run)
        sync.define()
        try:
            asked = dispatch.ask_for_sync(run.pk)
        except Exception as error:
            reason = mask(f"{type(error).__name__}: {error}")
            raise CommandError(
                f"The broker could not be reached ({reason}). Nothing is lost; go on with --resume.",
                returncode=UNFINISHED,
            ) from error
        if not asked:
            SyncRun.objects.using(home()).finish([run.pk])
            raise not_begun("--async needs workers: Celery runs eagerly here, or TASKS names a back end without any.")
        if self.options["json"]:
            self._print_json(mode="async", code=0, run=run.pk, finished=False)
        self._say(f"Run {run.pk} is left to the project's workers. When they are done, look with --check.")

    # What came of it

    def _show(self, sync: Sync, *, finished: bool, stopped: bool, drift: Sequence[inspection.Drift]) -> None:
        run = sync.run
        outcomes, troubles = runs.outcomes_of(run), [*runs.clashes_of(sync.brought), *runs.troubles_of(run)]
        refused = sum(one.count for one in troubles)
        waiting = sum(one.waiting for one in outcomes)
        code = UNFINISHED if not finished else REFUSED if refused else 0
        linked, gone = self._linked
        if self.options["json"]:
            errors = [{**asdict(one), "advice": advice_for(one.type)} for one in troubles]
            kinds = [asdict(one) for one in outcomes]
            definitions = {"created": [str(one) for one in sync.brought.created], "error": sync.define_error}
            self._print_json(
                mode="repair" if self.options["repair"] else "sync",
                code=code,
                run=run.pk,
                finished=finished,
                definitions=definitions,
                kinds=kinds,
                errors=errors,
                **({"events": {"linked": linked, "not_found": gone}} if linked or gone else {}),
                **({"drift": [{**asdict(one), "total": one.total} for one in drift]} if drift else {}),
            )
        else:
            for one in sync.brought.created:
                self._say(f"Brought into being: {one}")
            head = ("kind", "model", "looked at", "sent", "unchanged", "deleted", "left out", "refused", "waiting")
            rows = [tuple(asdict(one).values()) for one in outcomes]
            self._say(*table(head, rows, width=columns()))
            if linked or gone:
                self._say(f"Events given to their customers: {linked:,}; not found any more: {gone:,}.")
        if refused and not self.options["json"]:
            self.err.lines(self._errors(troubles))
        if not finished:
            why = _why_unfinished(waiting, stopped=stopped, define_error=sync.define_error)
            raise CommandError(why, returncode=UNFINISHED)
        if refused:
            raise CommandError(f"{_many(refused, 'row')} refused; the rest is in step.", returncode=REFUSED)

    def _errors(self, troubles: Sequence[runs.Trouble]) -> Iterator[str]:
        for one in troubles:
            parameter = f" ({one.parameter})" if one.parameter else ""
            yield from ("", f"{one.count:,} x {one.kind}: {one.type}{parameter}")
            yield from wrapped(f"for example {one.example}: {one.message}", width=columns(), indent=2)
            yield from wrapped(advice_for(one.type), width=columns(), indent=2)

    # Showing

    def _begun(self, choice: Choice, run: SyncRun | None = None) -> Any:
        def begun(adapter: Adapter, using: str) -> None:
            several = len(hellotext_settings.DATABASES) > 1
            name = f"{adapter.model._meta.label} on {using}" if several else adapter.model._meta.label
            total = 0
            if not self.options["quiet"]:
                total = backfill.count_of(adapter, using=using, since=choice.since)
            counts = run.counts.get(key_of(adapter, using), {}) if run is not None else {}
            self.progress.begin(name, total, done=counts.get("looked_at", 0))

        return begun

    def _heard(self, kind: str, count: int) -> None:
        if self._reading != kind:
            self._reading, self._read = kind, 0
            self.progress.begin(f"Hellotext's list of each {kind}", None)
        self.progress.advance(count - self._read)
        self._read = count

    def _looked(self, page: Looked) -> None:
        self.progress.page(page.objects, under_way=page.noted)

    def _say(self, *lines: str) -> None:
        if not self.options["quiet"] and not self.options["json"]:
            self.out.lines(lines)

    def _print_json(self, **document: Any) -> None:
        self.out.document(json.dumps(document, ensure_ascii=False, default=str))


def _many(count: int, name: str) -> str:
    return f"{count:,} {name} was" if count == 1 else f"{count:,} {name}s were"


def _why_unfinished(waiting: int, *, stopped: bool, define_error: str) -> str:
    if stopped:
        return "Stopped. What was in hand is finished; go on with: manage.py hellotext_sync --resume"
    reasons = [reason for alias in hellotext_settings.DATABASES if (reason := what_holds(alias))]
    if define_error and not reasons:
        return f"The definitions could not be brought into being: {define_error} Go on with --resume."
    why = "; ".join(dict.fromkeys(reasons)) or "they wait for another worker, or for their next attempt"
    return (
        f"{waiting:,} objects could not be sent now: {why}. Nothing is lost: a worker sends them, or go on with: "
        "manage.py hellotext_sync --resume"
    )
