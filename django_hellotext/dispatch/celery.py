"""Hints by Celery, which is imported only when ``DISPATCH`` says so (demand D4).

``.delay()`` is not for a request: with a dead Redis it takes 0.6 s, and 6 s with ``retry=False``, because the
connection has retries of its own. So the connection is ours: one attempt, each step of it bounded (demand B2).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..beat import DRAIN_TASK, EXPIRES
from ..conf import hellotext_settings
from .courier import Carrier, Hint, courier_for
from .ways import arguments_for

if TYPE_CHECKING:
    from celery import Celery


def ask(using: str) -> None:
    """Publish a hint for ``using`` by the project's Celery app; under eager Celery nothing.

    An eager task would do the sending in the request, and ``send_task`` under eager Celery would publish.
    """
    from celery.app import app_or_default

    app: Celery = app_or_default()  # the app of this thread, which need not be that of the courier's
    if app.conf.task_always_eager:
        return
    hint = Hint(arguments_for(using), queue=hellotext_settings.QUEUE)
    courier_for(app, functools.partial(CeleryCarrier, app)).ask(hint, timeout=hellotext_settings.BROKER_TIMEOUT)


def publish(hint: Hint, *, timeout: float) -> bool:
    """Carry ``hint`` now, in this thread; answers ``False`` under eager Celery. Raises what the broker raises."""
    from celery.app import app_or_default

    app: Celery = app_or_default()
    if app.conf.task_always_eager:
        return False
    carrier = CeleryCarrier(app, timeout)
    try:
        carrier.carry(hint)
    finally:
        carrier.close()
    return True


def reach(app: Celery, *, timeout: float) -> None:
    """Connect to the broker of ``app`` and leave it again, each step within ``timeout`` seconds. Raises what it raises.

    Not for a request: looking up a name is bounded by nothing.
    """
    carrier = CeleryCarrier(app, timeout)
    try:
        carrier.greet()
    finally:
        carrier.close()


class CeleryCarrier(Carrier):
    """A connection to the broker of ``app``, each step of which takes ``timeout`` seconds at most."""

    def __init__(self, app: Celery, timeout: float) -> None:
        self._app = app
        # No heartbeats: nobody would send them between two hints, and the connection is closed when it is idle.
        self._connection = app.connection_for_write(connect_timeout=timeout, heartbeat=0)
        driver = self._connection.get_transport_cls().driver_type
        self._connection.transport_options = {**(self._connection.transport_options or {}), **_bounds(driver, timeout)}
        self._producer = app.amqp.Producer(self._connection, auto_declare=False)

    def carry(self, hint: Hint) -> None:
        """Publish the task's name and nothing else."""
        options: dict[str, Any] = {"result_cls": _NoResult, **({"queue": hint.queue} if hint.queue else {})}
        self._app.send_task(
            hint.task or DRAIN_TASK,
            args=hint.arguments,
            producer=self._producer,
            retry=False,
            ignore_result=True,
            # A drain that comes late says nothing new; the next page of a sync has to come.
            expires=None if hint.task else EXPIRES,
            add_to_parent=False,
            **options,
        )

    def greet(self) -> None:
        """Open a channel, which is as far as one comes without publishing."""
        _ = self._connection.default_channel

    def close(self) -> None:
        """Say goodbye, so that RabbitMQ does not log a lost client; bounded like every step."""
        self._connection.release()


class _NoResult:
    """What ``send_task`` answers: without it, it would set up the project's result backend."""

    def __init__(self, task_id: str) -> None:
        self.ignored = True


def _bounds(driver: str, timeout: float) -> dict[str, Any]:
    """The options of a transport that bound each step, and leave trying again to the courier."""
    once = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    if driver == "redis":
        return {**once, "socket_timeout": timeout, "socket_connect_timeout": timeout, "retry_on_timeout": False}
    if driver == "amqp":
        return {**once, "read_timeout": timeout, "write_timeout": timeout}
    return once
