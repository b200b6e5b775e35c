"""Who sends: the worker last seen, and the way in which commits ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .. import clock
from ..api import HellotextClient
from ..conf import hellotext_settings
from ..delivery.standing import PATIENCE, standing
from .checked import from_checks
from .findings import Finding, error, ok, warning
from .words import ago

OWN = frozenset({"hellotext.E010", "hellotext.E011", "hellotext.W002"})


def examine_dispatch(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """Whether what ``HELLOTEXT["DISPATCH"]`` names can carry a hint to a worker."""
    wrong = list(from_checks(OWN.__contains__))
    yield from wrong
    way = hellotext_settings.DISPATCH
    if wrong:
        return
    if way == "celery":
        from . import broker

        yield from broker.examine_celery(using)
    elif way == "tasks":  # pragma: no cover - Django 6 only
        yield ok(
            "dispatcher.tasks",
            "Commits ask Django's tasks for a worker",
            "They have no clock: hellotext_worker, beside them or from cron, looks for what is due later.",
        )
    elif way == "immediate":
        yield warning(
            "dispatcher.immediate",
            "HELLOTEXT['DISPATCH'] is 'immediate'",
            "Whoever commits talks to Hellotext and waits for it, your visitors too.",
            "Leave it to tests and demonstrations; choose 'none', 'celery' or 'tasks'.",
        )
    else:
        yield ok("dispatcher.polling", "The worker looks for rows by itself (DISPATCH is 'none')")


def examine_worker(using: str, client: HellotextClient | None) -> Iterator[Finding]:
    """When a worker last looked after this database, whoever it is."""
    found = standing(using)
    limit = clock.now() - PATIENCE
    rows_wait = found.waiting_since is not None and found.waiting_since < limit
    advice = {
        "celery": "Start celery worker and celery beat; see how-to/celery.",
        "tasks": "Start the workers of TASKS['default'] and a hellotext_worker; see how-to/celery.",
    }.get(hellotext_settings.DISPATCH, "Start manage.py hellotext_worker beside the site; see how-to/worker.")
    if found.drained_at is None:
        kind = error if rows_wait else warning
        yield kind(
            "worker.never",
            f"No worker has ever looked after the database {using!r}",
            "What is recorded stays here until one runs.",
            advice,
        )
    elif found.drained_at < limit:
        kind = error if rows_wait else warning
        yield kind(
            "worker.silent",
            f"The last worker looked after {using!r} {ago(found.drained_at)}",
            "One that runs looks every few seconds. What is recorded stays here until one runs.",
            advice,
        )
    else:
        yield ok(
            "worker.seen",
            f"A worker looked after {using!r} {ago(found.drained_at)}",
        )


def drained_within(using: str, seconds: float) -> bool:
    """Whether a worker looked after ``using`` in the last ``seconds``."""
    drained_at = standing(using).drained_at
    return drained_at is not None and clock.now() - drained_at < timedelta(seconds=seconds)
