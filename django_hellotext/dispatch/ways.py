"""The ways a hint may take. None of them ever raises into the host (promise 7)."""

from __future__ import annotations

import functools
import logging

from django.utils.module_loading import import_string

from ..beat import SYNC_TASK
from ..conf import hellotext_settings
from .courier import Hint

logger = logging.getLogger("django_hellotext.dispatch")

# By name, not by import: dispatch stands below the engine.
SYNC_TIMEOUT = 5.0  # seconds for each step of a connection; nobody's request waits
ENGINE = "django_hellotext.delivery.drain"


def ask(using: str) -> None:
    """Ask for a drain of ``using`` now, in the way that ``HELLOTEXT["DISPATCH"]`` names.

    Costs at most ``BROKER_TIMEOUT`` seconds, and that once for each outage of the broker.
    """
    way = ""
    try:
        way = hellotext_settings.DISPATCH
        if way == "celery":
            from . import celery

            celery.ask(using)
        elif way == "tasks":
            from . import tasks

            tasks.ask(using)
        elif way == "immediate":
            import_string(ENGINE)(using)
    except Exception as error:
        _complain(way, type(error).__name__)


def ask_for_sync(run: int, *, timeout: float = SYNC_TIMEOUT) -> bool:
    """Ask the project's workers for the next page of the sync ``run``, whose number is all that the message carries.

    Not for a request: it takes up to ``timeout`` seconds. Answers whether there are workers to ask; raises whatever
    the broker raises.
    """
    hint = Hint((run,), queue=hellotext_settings.QUEUE, task=SYNC_TASK)
    if hellotext_settings.DISPATCH == "celery":
        from . import celery

        return celery.publish(hint, timeout=timeout)
    if hellotext_settings.DISPATCH == "tasks":  # pragma: no cover - Django 6 only
        from . import tasks

        return tasks.publish(hint, timeout=timeout)
    return False


@functools.lru_cache(maxsize=32)
def _complain(way: str, error: str) -> None:
    """Once for each kind of fault and process: every commit would repeat it."""
    logger.error("dispatch.failed", extra={"way": way, "error": error})


def arguments_for(using: str) -> tuple[str, ...]:
    """What the message carries: nothing, or with several databases the alias (demand D7)."""
    return (using,) if len(hellotext_settings.DATABASES) > 1 else ()
