"""One keep-alive connection over a bare socket: a client that costs so little that it is not what is measured."""

from __future__ import annotations

import json
import socket
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Wire(AbstractContextManager["Wire"]):
    """Sends one request after the other to ``url`` with ``token``, and reads each answer."""

    def __init__(self, url: str, *, token: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._token = token
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, method: str, path: str, data: object = None) -> tuple[int, bytes]:
        """Send one request and return status and body. Raises ``ConnectionError`` when nothing more comes."""
        body = b"" if data is None else json.dumps(data).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        buffer = self._rest
        while b"\r\n\r\n" not in buffer:
            buffer += self._more()
        answer_head, _, rest = buffer.partition(b"\r\n\r\n")
        length = int(answer_head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._more()
        self._rest = rest[length:]
        return int(answer_head[9:12]), rest[:length]

    def _more(self) -> bytes:
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionError("the answer was cut off")
        return received
