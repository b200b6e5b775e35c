"""Just enough HTTP/1.1: requests out of a stream of bytes, and answers into one.

Written by hand because ``http.server`` reads headers with the e-mail parser and writes an answer in several
pieces, which is far too slow for a double that must not be the bottleneck; and the package's own dependencies
hold no other server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

LONGEST_HEAD = 64 * 1024  # bytes
LARGEST_REQUEST = 16 * 1024 * 1024  # bytes of a body that is read at all
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,32768}) HTTP/1\.([01])")
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r\n")
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class WireError(Exception):
    """What arrived is no HTTP that this server speaks; the connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Reader:
    """Collects bytes and gives whole requests, one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None
        self._length = 0
        self._chunks: bytearray | None = None
        self.wants_continue = False

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self._buffer += data

    def next(self) -> Request | None:
        """Return the next whole request, or None until more arrives; raises ``WireError``."""
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        request = self._head
        if self._chunks is not None:
            if not self._read_chunks(self._chunks):
                return None
            request.body = bytes(self._chunks)
        else:
            if len(self._buffer) < self._length:
                return None
            request.body = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
        self._head, self._chunks, self._length, self.wants_continue = None, None, 0, False
        return request

    def _read_head(self) -> Request | None:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise WireError(431, "The head is too long.")
            return None
        if end > LONGEST_HEAD:
            raise WireError(431, "The head is too long.")
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        match = _REQUEST_LINE.fullmatch(lines[0])
        if match is None:
            raise WireError(400, "The request line cannot be read.")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise WireError(400, "A header cannot be read.")
            key = name.decode("latin-1").lower()
            if key in {"content-length", "host"} and key in headers:
                raise WireError(400, f"The header {key} is repeated.")
            headers[key] = value.decode("latin-1").strip()
        self._measure(headers)
        target = match[2].decode("latin-1")
        path, _, query = target.partition("?")
        if path.startswith(("http://", "https://")):
            # The address of such a request takes the place of the Host header (RFC 9112, section 3.2.2).
            _, _, headers["host"], *rest = path.split("/", 3)
            path = "/" + "".join(rest)
        connection = headers.get("connection", "").lower()
        keep_alive = "close" not in connection if match[3] == b"1" else "keep-alive" in connection
        return Request(match[1].decode(), path, query, headers, b"", keep_alive)

    def _measure(self, headers: Mapping[str, str]) -> None:
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise WireError(400, "This transfer coding is not understood.")
            self._chunks = bytearray()
        elif length is not None:
            if not _LENGTH.fullmatch(length):
                raise WireError(400, "The content length is no number.")
            self._length = int(length)
            if self._length > LARGEST_REQUEST:
                raise WireError(413, "The body is too large.")
        self.wants_continue = headers.get("expect", "").lower() == "100-continue"

    def _read_chunks(self, into: bytearray) -> bool:
        while True:
            match = _CHUNK.match(self._buffer)
            if match is None:
                if len(self._buffer) > 256 or b"\r\n" in self._buffer:
                    raise WireError(400, "A chunk cannot be read.")
                return False
            size = int(match[1], 16)
            if len(into) + size > LARGEST_REQUEST:
                raise WireError(413, "The body is too large.")
            end = match.end() + size
            if size == 0:
                return self._read_trailer(match.end())
            if len(self._buffer) < end + 2:
                return False
            if self._buffer[end : end + 2] != b"\r\n":
                raise WireError(400, "A chunk cannot be read.")
            into += self._buffer[match.end() : end]
            del self._buffer[: end + 2]

    def _read_trailer(self, start: int) -> bool:
        if self._buffer[start : start + 2] == b"\r\n":
            del self._buffer[: start + 2]
            return True
        end = self._buffer.find(b"\r\n\r\n", start)
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise WireError(431, "The trailer is too long.")
            return False
        del self._buffer[: end + 4]
        return True


def answer(status: int, headers: Mapping[str, str], body: bytes, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """Return the bytes of one answer, to be written in one piece."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {_line(value)}" for name, value in headers.items()]
    if status != 204:
        lines.append(f"content-length: {len(body)}")
    lines.append("connection: keep-alive" if keep_alive else "connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head if head_only or status == 204 else head + body


def _line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
