"""Somebody who answers like Hellotext, and costs next to nothing.

    python -m benchmarks.answerer PORT LATENCY

The emulator checks every value, which takes a core at a thousand requests a second; on a small machine that would
be in every figure. Hellotext runs elsewhere, so here is only its delay: an event is answered after ``LATENCY``
seconds, anything else at once. It counts requests and connections, and notes when the first event came and the last
one was answered. The group ``emulator`` measures the emulator itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

EVENTS = b"POST /v1/attribution/events "
RECEIVED = json.dumps({"status": "received"}).encode()


@dataclass
class Tally:
    """What has arrived since the last reset; times are monotonic seconds.

    ``connections`` are those over which an event came.
    """

    events: int = 0
    connections: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def seconds(self) -> float:
        """From the first event's arrival to the last one's answer."""
        return self.last - self.first

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the answer of ``/tally``."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)


class Answerer:
    """What all connections share."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.tally = Tally()
        self.profiles = 0

    def answer_for(self, head: bytes) -> tuple[int, bytes]:
        """Status and body for anything but an event."""
        if head.startswith(b"GET /reset "):
            self.tally = Tally()
            return 200, b"{}"
        if head.startswith(b"GET /tally "):
            return 200, json.dumps(asdict(self.tally)).encode()
        if head.startswith(b"POST /v1/profiles "):
            self.profiles += 1
            return 201, json.dumps({"id": f"newcomer{self.profiles}"}).encode()  # unlike the IDs of those who are there
        return 404, json.dumps({"errors": [{"type": "not_found", "message": "Not here."}]}).encode()


class Connection(asyncio.Protocol):
    """One client over keep-alive."""

    def __init__(self, shared: Answerer) -> None:
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._counted_in: Tally | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        wire = transport.get_extra_info("socket")
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (whole := self._take()) is not None:
            self._handle(*whole)

    def _take(self) -> tuple[bytes, bytes] | None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = 0
        place = head.lower().find(b"content-length:")
        if place >= 0:
            length = int(head[place + 15 :].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return head, rest[:length]

    def _handle(self, head: bytes, body: bytes) -> None:
        if not head.startswith(EVENTS):
            status, answer = self._shared.answer_for(head)
            self._write(status, answer, keep=b"connection: close" not in head.lower())
            return
        tally = self._shared.tally
        tally.events += 1
        tally.first = tally.first or time.monotonic()
        if self._counted_in is not tally:
            self._counted_in = tally
            tally.connections += 1
        if self._shared.latency:
            asyncio.get_running_loop().call_later(self._shared.latency, self._received)
        else:
            self._received()

    def _received(self) -> None:
        self._shared.tally.last = time.monotonic()
        self._write(200, RECEIVED, keep=True)

    def _write(self, status: int, body: bytes, *, keep: bool) -> None:
        if self._transport is None:
            return
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        if not keep:
            self._transport.close()


async def serve(port: int, latency: float) -> None:
    """Answer until the process is ended."""
    shared = Answerer(latency)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(shared), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
