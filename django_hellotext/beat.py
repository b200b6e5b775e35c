"""The periodic tasks, for the project's Celery settings. Imports nothing of Django: settings may import it."""

from __future__ import annotations

from typing import Any

DRAIN_TASK = "django_hellotext.drain"
PRUNE_TASK = "django_hellotext.prune"
ABANDONED_TASK = "django_hellotext.abandoned"
SYNC_TASK = "django_hellotext.sync"

EXPIRES = 300.0  # seconds; while no worker runs messages pile up, and one that is older says nothing new


def beat_schedule(
    *, drain_every: float = 10.0, prune_hour: int = 3, abandoned_every: float = 60.0, queue: str | None = None
) -> dict[str, Any]:
    """Entries for ``CELERY_BEAT_SCHEDULE``: drain every ``drain_every`` seconds, prune once a day, and look for
    abandoned carts every ``abandoned_every`` seconds, which does nothing unless ``CART_ABANDONED_AFTER`` is set.

    ``prune_hour`` is in Celery's own time zone. ``queue`` is the queue that ``HELLOTEXT["QUEUE"]`` names, if it does.
    Needs Celery. The drain is what finds rows whose hint was lost or whose next attempt is due::

        CELERY_BEAT_SCHEDULE = {**beat_schedule(drain_every=10)}
    """
    from celery.schedules import crontab

    options: dict[str, Any] = {"expires": EXPIRES, "ignore_result": True}
    if queue is not None:
        options["queue"] = queue
    return {
        "hellotext-drain": {"task": DRAIN_TASK, "schedule": drain_every, "options": dict(options)},
        "hellotext-prune": {
            "task": PRUNE_TASK,
            "schedule": crontab(hour=prune_hour, minute=17),
            "options": {**options, "expires": 3600.0},
        },
        "hellotext-abandoned": {"task": ABANDONED_TASK, "schedule": abandoned_every, "options": dict(options)},
    }
