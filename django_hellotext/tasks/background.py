"""The tasks for Django's own task framework (Django 6 and later); before that this module is empty.

A module of its own, because Django looks at ``settings.TASKS`` while a task is defined.
"""

from __future__ import annotations

import django

if django.VERSION >= (6, 0):  # pragma: no cover - Django 6 only
    from django.tasks import task

    from ..conf import hellotext_settings
    from .work import abandoned_all, drain_in_turn, look_after_runs, prune_all, sync_next

    _QUEUE = hellotext_settings.QUEUE or "default"

    @task(queue_name=_QUEUE)
    def drain(*aliases: str) -> None:
        """Send what is due."""
        drain_in_turn(aliases)
        look_after_runs()

    @task(queue_name=_QUEUE)
    def prune() -> None:
        """Delete delivered events that are older than ``HELLOTEXT["RETENTION"]`` days."""
        prune_all()

    @task(queue_name=_QUEUE)
    def abandoned() -> None:
        """Record ``cart.abandoned`` for the carts that have become idle."""
        abandoned_all()

    @task(queue_name=_QUEUE)
    def sync(run: int) -> None:
        """Note the next page of ``hellotext_sync --async``, and send what is due."""
        sync_next(run)
