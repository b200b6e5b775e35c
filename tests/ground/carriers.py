"""What settings under test name by dotted path."""

from __future__ import annotations

from typing import Any

not_a_backend = object()


def decide(request: Any, purpose: str, subject: Any) -> bool:
    """A consent hook that says yes."""
    return True


def __getattr__(name: str) -> Any:
    """``Queue``, a back end for Django's tasks with workers elsewhere; made when it is named, for Django 6 alone."""
    if name != "Queue":
        raise AttributeError(name)
    from django.tasks.backends.base import BaseTaskBackend

    class Queue(BaseTaskBackend):
        """Takes tasks for somebody else."""

        def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
            raise NotImplementedError

    return Queue
