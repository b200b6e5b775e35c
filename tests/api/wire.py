"""A server on a real loopback socket that keeps what arrives and answers what a test tells it to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import simplejson


@dataclass(frozen=True)
class Captured:
    """One request as it came over the socket. ``connection`` counts the connections from 1."""

    connection: int
    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}

    @property
    def json(self) -> Any:
        return simplejson.loads(self.body, use_decimal=True)


Answer = Callable[[Captured, socket.socket], bool]
"""Writes an answer to the socket; returns whether the connection stays open."""


def raw_answer(status: int, body: bytes, *, headers: dict[str, str] | None = None, keep: bool = True) -> Answer:
    """An ordinary answer with a length."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode()

    def answer(_: Captured, connection: socket.socket) -> bool:
        connection.sendall(head + body)
        return keep

    return answer


def json_answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None, keep: bool = True) -> Answer:
    """An ordinary answer with JSON."""
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    return raw_answer(status, json.dumps(data).encode(), headers=all_headers, keep=keep)


@dataclass
class WireServer:
    """Answers every request with ``answer``, which a test may replace at any time."""

    answer: Answer
    requests: list[Captured] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Captured:
        return self.requests[-1]

    def cut(self) -> None:
        """Close every connection from this side and wait until that is done."""
        for connection in list(self._open):
            with suppress(OSError):  # closed from the other side already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(10)

    def wait_closing(self, seconds: float) -> bool:
        """Wait up to ``seconds``, less when the server is being closed. For answers that take their time."""
        return self._closing.wait(seconds)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                while (captured := _read(connection, number)) is not None:
                    self.requests.append(captured)
                    if not self.answer(captured, connection):
                        return
            except OSError:
                return
            finally:
                self._open.discard(connection)


def _read(connection: socket.socket, number: int) -> Captured | None:
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            return None
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(Captured(number, head, b"").headers.get("content-length", "0"))
    while len(body) < length and (block := connection.recv(65536)):
        body += block
    return Captured(number, head, body)
