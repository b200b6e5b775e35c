"""The tasks for Celery, found by its ``autodiscover_tasks()``. Without Celery this module is empty (demand D4).

They carry no data, and know no ``eta``, ``countdown`` or retry: times are kept in the rows (demands D1, D7). Both
are correct however often and wherever they run at once.
"""

from __future__ import annotations

from ..beat import ABANDONED_TASK, DRAIN_TASK, PRUNE_TASK, SYNC_TASK

try:
    from celery import shared_task
except ImportError:  # pragma: no cover - Celery is optional; the tests of imports run without it
    pass
else:
    # Our own end comes after DRAIN_SECONDS. Limits that a project sets for all its tasks would cut a drain off in
    # the middle of a request; these only end one that hangs. Acknowledged early: nothing needs to come twice.
    SOFT_LIMIT = 600  # seconds
    HARD_LIMIT = 630  # seconds

    @shared_task(
        name=DRAIN_TASK, ignore_result=True, acks_late=False, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT
    )
    def drain(*aliases: str) -> None:
        """Send what is due."""
        from .work import drain_in_turn, look_after_runs

        drain_in_turn(aliases)
        look_after_runs()

    @shared_task(
        name=PRUNE_TASK, ignore_result=True, acks_late=False, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT
    )
    def prune() -> None:
        """Delete delivered events that are older than ``HELLOTEXT["RETENTION"]`` days."""
        from .work import prune_all

        prune_all()

    @shared_task(
        name=ABANDONED_TASK, ignore_result=True, acks_late=False, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT
    )
    def abandoned() -> None:
        """Record ``cart.abandoned`` for the carts that have become idle."""
        from .work import abandoned_all

        abandoned_all()

    @shared_task(name=SYNC_TASK, ignore_result=True, acks_late=False, soft_time_limit=SOFT_LIMIT, time_limit=HARD_LIMIT)
    def sync(run: int) -> None:
        """Note the next page of ``hellotext_sync --async``, and send what is due."""
        from .work import sync_next

        sync_next(run)
