"""A back end for Django's tasks that keeps them until somebody runs them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend


class Shelf(BaseTaskBackend):
    """Tasks lie in a list, like in a real queue; ``run_all`` is the worker."""

    tasks: ClassVar[list[tuple[Any, list[Any], dict[str, Any]]]] = []

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Keep the task."""
        self.validate_task(task)
        self.tasks.append((task, list(args), dict(kwargs)))
        return TaskResult(
            task=task,
            id=str(len(self.tasks)),
            status=TaskResultStatus.READY,
            enqueued_at=None,
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )

    @classmethod
    def run_all(cls) -> None:
        """Run what was kept, in order."""
        while cls.tasks:
            task, args, kwargs = cls.tasks.pop(0)
            task.call(*args, **kwargs)
