"""Celery as this process sees it: the task, the broker, and the beat schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps

from ..beat import ABANDONED_TASK, DRAIN_TASK, PRUNE_TASK
from ..conf import hellotext_settings
from ..dispatch.celery import reach
from .findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from celery import Celery

PATIENCE = 3.0  # seconds for the broker to answer
RECENT = 15.0  # seconds; a hellotext_worker looks every second


def examine_celery(using: str) -> Iterator[Finding]:
    """The project's own app, whatever it is configured with. Celery is imported only here (demand D4)."""
    from celery.app import app_or_default

    app: Celery = app_or_default()
    app.loader.import_default_modules()
    if app.conf.task_always_eager:
        yield warning(
            "dispatcher.celery_eager",
            "Celery runs eagerly (task_always_eager)",
            "Nothing is published, and no visitor's request sends anything: rows wait for another worker.",
            "Take task_always_eager out where Celery is to send; in development run hellotext_worker.",
        )
    if DRAIN_TASK not in app.tasks:
        yield error(
            "dispatcher.task_unknown",
            f"The Celery app {app.main!r} does not know the task {DRAIN_TASK}",
            "Its workers throw our messages away as unknown.",
            "Call app.autodiscover_tasks() where the app is made, and restart the workers.",
        )
    if not app.conf.task_always_eager:
        yield _broker(app)
    yield from _beat(app, using)


def _broker(app: Celery) -> Finding:
    failures: list[BaseException] = []

    def try_it() -> None:
        try:
            reach(app, timeout=PATIENCE)
        except Exception as failure:
            failures.append(failure)

    # A look-up of a name is bounded by nothing else.
    thread = threading.Thread(target=try_it, name="hellotext-doctor", daemon=True)
    thread.start()
    thread.join(2 * PATIENCE)
    advice = "Start the broker, or correct CELERY_BROKER_URL. Nothing is lost: beat or a worker finds the rows."
    if thread.is_alive():
        return error(
            "dispatcher.broker_silent",
            f"The broker of Celery does not answer within {2 * PATIENCE} seconds",
            "No commit waits longer than BROKER_TIMEOUT for it, and no hint arrives.",
            advice,
        )
    if failures:
        # The message of a broker's error may hold an address with a password.
        cause = failures[0].__cause__ or failures[0]
        return error(
            "dispatcher.broker_down",
            f"The broker of Celery cannot be reached ({type(cause).__name__})",
            "Commits do not wait for it, and no hint arrives.",
            advice,
        )
    return ok("dispatcher.broker", "The broker of Celery answers, and the task is registered")


def _beat(app: Celery, using: str) -> Iterator[Finding]:
    entries = _entries(app)
    if DRAIN_TASK not in entries:
        from .dispatcher import drained_within

        if drained_within(using, max(RECENT, 5 * hellotext_settings.POLL_INTERVAL)):
            yield ok(
                "dispatcher.no_beat_but_worker",
                "The beat schedule has no drain of ours, and a worker looked just now",
                "A hellotext_worker seems to run beside Celery; then beat is not needed.",
            )
            return
        yield error(
            "dispatcher.no_beat",
            "The beat schedule has no drain of ours",
            "Rows whose hint was lost, or whose next attempt is due, stay until the next commit.",
            (
                "Add **beat_schedule() of django_hellotext.beat to CELERY_BEAT_SCHEDULE and run celery beat, or run a "
                "hellotext_worker."
            ),
        )
        return
    lacking = [PRUNE_TASK] if PRUNE_TASK not in entries else []
    if hellotext_settings.CART_ABANDONED_AFTER is not None and ABANDONED_TASK not in entries:
        lacking.append(ABANDONED_TASK)
    if lacking:
        yield warning(
            "dispatcher.beat_incomplete",
            f"The beat schedule lacks {', '.join(lacking)}",
            "Without prune delivered events pile up; without abandoned nobody looks for idle carts.",
            "Use **beat_schedule() of django_hellotext.beat, or run the commands from cron.",
        )
    queue = entries[DRAIN_TASK]
    if (queue or None) != hellotext_settings.QUEUE:
        yield warning(
            "dispatcher.beat_queue",
            f"Beat drains by the queue {queue!r}, and HELLOTEXT['QUEUE'] is {hellotext_settings.QUEUE or ''!r}",
            "Messages may lie in a queue that no worker reads.",
            "Give beat_schedule(queue=…) and QUEUE the same name, and a worker that reads it.",
        )
    if not lacking:
        yield ok("dispatcher.beat", "The beat schedule has our tasks; whether celery beat runs shows the worker line")


def _entries(app: Celery) -> dict[str, str]:
    """Each scheduled task with its queue, from the settings and from django-celery-beat's tables."""
    found: dict[str, str] = {}
    for entry in app.conf.beat_schedule.values():
        options: Mapping[str, Any] = entry.get("options") or {}
        found[str(entry.get("task"))] = str(options.get("queue") or "")
    if apps.is_installed("django_celery_beat"):
        name = "django_celery_beat.PeriodicTask"  # its app need not be installed
        periodic: Any = apps.get_model(name)
        rows = periodic._default_manager.filter(enabled=True, task__startswith="django_hellotext.")
        found.update((task, queue or "") for task, queue in rows.values_list("task", "queue"))
    return found
