"""Ports of this machine: those of the services that tests use, and ports on which nothing listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
USUAL = {"postgres": 5432, "mariadb": 3306, "redis": 6379, "rabbitmq": 5672}
# TEST_REDIS_PORT and the like set other ports.
SERVICES = {name: int(os.environ.get(f"TEST_{name.upper()}_PORT") or port) for name, port in USUAL.items()}


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else is given meanwhile.

    It is taken without listening. Whoever asks for this very port may listen on it all the same.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Return whether a server listens on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
