"""Ports on loopback: the usual one, or a free one when it is taken."""

from __future__ import annotations

import socket
from dataclasses import dataclass

HOST = "127.0.0.1"
CONNECT_SECONDS = 0.5


@dataclass(frozen=True)
class Port:
    """A port to listen on; ``instead_of`` is the usual one when that was taken, else None."""

    number: int
    instead_of: int | None = None

    @property
    def url(self) -> str:
        """The address of what listens there."""
        return f"http://{HOST}:{self.number}"

    @property
    def page(self) -> str:
        """The same for a browser: on a bare IP address Hellotext.js keeps no cookies."""
        return f"http://localhost:{self.number}"


def choose_port(usual: int) -> Port:
    """Return the usual port when nobody listens there, else a free one."""
    if not _is_taken(usual):
        return Port(usual)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return Port(probe.getsockname()[1], instead_of=usual)


def _is_taken(number: int) -> bool:
    with socket.socket() as probe:
        # Somebody who listens on every address would not always be noticed by binding.
        probe.settimeout(CONNECT_SECONDS)
        if probe.connect_ex((HOST, number)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return True
    return False
