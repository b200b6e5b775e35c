"""Hints by Django's own tasks (Django 6 and later), imported only when ``DISPATCH`` says so."""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.utils.module_loading import import_string

from ..beat import SYNC_TASK
from ..conf import hellotext_settings
from .courier import Carrier, Hint, courier_for
from .ways import arguments_for

# By name, not by import: dispatch stands below the engine.
TASK = "django_hellotext.tasks.background.drain"
TASKS = {SYNC_TASK: "django_hellotext.tasks.background.sync"}


def ask(using: str) -> None:  # pragma: no cover - Django 6 only
    """Enqueue a hint for ``using``; nothing with a back end that has no worker (the Immediate and the Dummy one)."""
    if not has_workers():
        return
    hint = Hint(arguments_for(using), queue=hellotext_settings.QUEUE)
    courier_for(TASK, TaskCarrier).ask(hint, timeout=hellotext_settings.BROKER_TIMEOUT)


def publish(hint: Hint, *, timeout: float) -> bool:  # pragma: no cover - Django 6 only
    """Enqueue ``hint`` now; answers ``False`` with a back end that has no worker. Raises what the back end raises."""
    if not has_workers():
        return False
    TaskCarrier(timeout).carry(hint)
    return True


def has_workers() -> bool:  # pragma: no cover - Django 6 only
    """Whether the default back end of ``settings.TASKS`` leaves its tasks to workers."""
    from django.tasks import task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend

    return not isinstance(task_backends["default"], ImmediateBackend | DummyBackend)


class TaskCarrier(Carrier):  # pragma: no cover - Django 6 only
    """Enqueues by whatever back end ``settings.TASKS`` names."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    def carry(self, hint: Hint) -> None:
        """Enqueue the task, with nothing in it."""
        task: Any = import_string(TASKS.get(hint.task, TASK))
        task = task.using(queue_name=hint.queue) if hint.queue else task
        try:
            task.enqueue(*hint.arguments)
        finally:
            # A back end that keeps its queue in a database has opened a connection for this thread.
            connections.close_all()

    def close(self) -> None:
        """Nothing is kept."""
