"""A site whose broker dies: ``python -m benchmarks.broken_broker refused|silent|naive``; prints seconds as JSON.

The Redis is a real one that was used before. ``refused``: it is killed, its port refuses. ``silent``: it is stopped
in mid-life, the kernel still takes connections, and nobody ever answers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .servers import Redis

AFTERWARDS = 200  # publishes while the breaker is open


def main() -> None:
    """Publish once to a broker that works, then to the dead one, then while the breaker is open."""
    way = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="bench_") as folder, Redis(Path(folder)) as redis:
        os.environ["BENCH_BROKER_URL"] = redis.url
        os.environ["BENCH_HELLOTEXT"] = json.dumps({"DISPATCH": "celery"})
        import django

        django.setup()
        publish = _publisher(naive=way == "naive")
        publish()
        time.sleep(1.1)  # until the next message may go out
        redis.process.send_signal(signal.SIGSTOP if way == "silent" else signal.SIGKILL)
        if way != "silent":
            redis.process.wait()
        first = _seconds(publish)
        later = [_seconds(publish) for _ in range(AFTERWARDS if way != "naive" else 0)]
        print(json.dumps({"first": first, "later": later}))
        redis.process.send_signal(signal.SIGCONT)


def _publisher(*, naive: bool) -> Callable[[], object]:
    from django_hellotext import dispatch

    from .naive import send

    if not naive:
        return lambda: dispatch.ask("default")

    def delay() -> None:
        try:
            send.delay(1, {})
        except send.OperationalError:
            return

    return delay


def _seconds(publish: Callable[[], object]) -> float:
    began = time.perf_counter()
    publish()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
