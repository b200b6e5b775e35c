"""A port of this machine on which nobody listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else is given meanwhile.

    It is taken without listening. Whoever asks for this very port may listen on it all the same.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]
