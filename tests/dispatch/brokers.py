"""Brokers to publish to: real ones, and those that fail in one way each."""

from __future__ import annotations

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from kombu import Connection, Queue

from tests.ports import HOST, SERVICES

from .patience import wait_for

REDIS = f"redis://{HOST}:{SERVICES['redis']}/9"
RABBITMQ = f"amqp://guest:guest@{HOST}:{SERVICES['rabbitmq']}//"


@dataclass
class Broker:
    """One queue of a broker, which no other test uses."""

    url: str
    queue: str = field(default_factory=lambda: f"hellotext-test-{uuid.uuid4().hex}")

    def app(self, **conf: Any) -> Celery:
        """A Celery app of this broker, without Django."""
        app = Celery("tests", broker=self.url, fixups=[], set_as_current=False)
        app.conf.update(task_default_queue=self.queue, **conf)
        return app

    def messages(self, *, queue: str | None = None) -> list[Any]:
        """Take all messages off the queue: kombu's messages, with ``headers`` and ``body``."""
        found = []
        with Connection(self.url) as connection:
            name = queue or self.queue
            place: Any = Queue(name, routing_key=name)
            taker = connection.SimpleQueue(place, no_ack=True)
            with contextlib.closing(taker), contextlib.suppress(taker.Empty):
                while True:
                    found.append(taker.get(block=False))
        return found

    def next_message(self, *, queue: str | None = None) -> Any:
        """The one message that arrives within ``PATIENCE`` seconds."""
        found: list[Any] = []

        def has_arrived() -> bool:
            found.extend(self.messages(queue=queue))
            return bool(found)

        wait_for(has_arrived)
        (message,) = found
        return message

    def close(self) -> None:
        """Leave nothing behind."""
        with Connection(self.url) as connection:
            channel: Any = connection.default_channel
            if connection.transport.driver_type == "redis":
                # What Queue.delete() leaves to the process that declared it.
                bindings = (f"_kombu.{kind}.{self.queue}" for kind in ("binding", "binding_permanent"))
                channel.client.delete(self.queue, *bindings)
            else:
                Queue(self.queue, channel=channel).delete()


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def text_of(message: Any) -> str:
    """Everything that the broker holds of ``message``, as text."""
    body = message.body if isinstance(message.body, str) else bytes(message.body).decode()
    return json.dumps([message.headers, message.properties, message.delivery_info, body], default=str)
