"""Connections that keep a promise ``requests`` does not make: one total deadline for a call.

The time-outs of ``requests`` count anew with every byte that arrives, so a server that drips its headers or its body
holds a caller for ever. Here every wait on the socket (name look-up, connect, proxy, TLS, sending, each read) gets
only what is left of the call's deadline.

The connection also notes the moment from which the request may have left, which is what tells
:class:`~django_hellotext.exceptions.ConnectionFailed` from :class:`~django_hellotext.exceptions.OutcomeUnknown`.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
from contextvars import ContextVar
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from django_hellotext.redaction import mask_path


class _Target(str):
    """The path and query of a request, which urllib3 writes into its debug log: shown masked and without the query."""

    __slots__ = ()

    def __str__(self) -> str:
        return mask_path(self.reveal().partition("?")[0])

    __repr__ = __str__

    def reveal(self) -> str:
        """The plain text, for the request itself."""
        return str.__str__(self)


_SEND_BLOCK = 16384  # bytes handed to the socket between two looks at the clock


class Call:
    """The clock of one call, and whether its request may have left."""

    __slots__ = ("connect", "ends", "read", "sent")

    def __init__(self, *, connect: float, read: float, deadline: float) -> None:
        self.connect = connect
        self.read = read
        self.ends = monotonic() + deadline
        self.sent = False

    def left(self, limit: float) -> float:
        """Seconds that one wait may take: ``limit``, or less. Raises TimeoutError when the deadline has passed."""
        left = self.ends - monotonic()
        if left <= 0:
            raise TimeoutError("the total deadline of the call has passed")
        return min(limit, left)


CURRENT_CALL: ContextVar[Call] = ContextVar("django_hellotext_call")


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket's file, giving each read only what is left of the deadline."""

    def __init__(self, file: Any, sock: socket.socket) -> None:
        self._file = file
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        call = CURRENT_CALL.get()
        self._sock.settimeout(call.left(call.read))
        size: int | None = self._file.raw.readinto(buffer)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """A response whose status line, headers and body are all read through :class:`_DeadlineReader`."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp, sock))


class _DeadlineMixin:
    """What a plain and a TLS connection share."""

    response_class: Any = _DeadlineResponse
    _connecting = False

    def connect(self) -> None:
        self._connecting = True  # a proxy's CONNECT goes through send() as well, and is not our request
        try:
            super().connect()  # type: ignore[misc]  # urllib3's
        finally:
            self._connecting = False

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        plain = url.reveal() if isinstance(url, _Target) else url
        return super().putrequest(method, plain, *args, **kwargs)  # type: ignore[misc]  # urllib3's

    def send(self, data: Any) -> None:
        """Send a block of the request; from here on it may have left."""
        if self.sock is None:
            self.connect()
        call = CURRENT_CALL.get()
        view = memoryview(data)
        for start in range(0, len(view), _SEND_BLOCK):
            self.sock.settimeout(call.left(call.read))
            call.sent = call.sent or not self._connecting
            self.sock.sendall(view[start : start + _SEND_BLOCK])

    def _new_conn(self) -> socket.socket:
        call = CURRENT_CALL.get()
        host, port = self._dns_host, self.port  # type: ignore[attr-defined]
        failure: OSError = OSError("no address")
        try:
            for address in _resolve(host, port, seconds=call.left(call.connect)):
                try:
                    sock = create_connection(
                        (address, port),
                        call.left(call.connect),
                        source_address=self.source_address,  # type: ignore[attr-defined]
                        socket_options=self.socket_options,  # type: ignore[attr-defined]
                    )
                except OSError as error:
                    failure = error
                    continue
                sock.settimeout(call.left(call.connect))  # the TLS handshake as a whole counts against this
                self.sock = sock
                return sock
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error  # type: ignore[arg-type]
        except TimeoutError as error:
            failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"Connecting to {host} timed out.") from failure
        raise NewConnectionError(self, f"Connecting to {host} failed: {failure}") from failure  # type: ignore[arg-type]


class _PlainConnection(_DeadlineMixin, HTTPConnection):
    response_class: Any


class _TLSConnection(_DeadlineMixin, HTTPSConnection):
    response_class: Any


class _DiscreetMixin:
    """What a plain and a TLS pool share: neither logs whom a request is about (demand I1)."""

    def _make_request(self, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super()._make_request(conn, method, _Target(url), *args, **kwargs)  # type: ignore[misc]  # urllib3's


class _PlainPool(_DiscreetMixin, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(_DiscreetMixin, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class DeadlineAdapter(HTTPAdapter):
    """The transport adapter of ``requests`` with these connections, one kept alive, nothing repeated.

    A SOCKS proxy keeps its own kind of connection: there the deadline is only looked at between blocks of the body,
    and every failure counts as an unknown outcome.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_deadline_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if proxy.lower().startswith("socks"):
            CURRENT_CALL.get().sent = True  # these connections do not tell when the request left: assume that it did
        else:
            _use_deadline_pools(manager)
        return manager


def _use_deadline_pools(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}


def _resolve(host: str, port: int, *, seconds: float) -> list[str]:
    """Return the addresses of ``host``. A look-up cannot be interrupted, so it gets a thread that may be left behind.

    Raises socket.gaierror, or TimeoutError after ``seconds``.
    """
    found: list[str] = []
    failure: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failure.append(error)
        else:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    thread = threading.Thread(target=look_up, name="hellotext-dns", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"looking up {host} took too long")
    if failure:
        raise failure[0] if isinstance(failure[0], OSError) else socket.gaierror(str(failure[0]))
    return found
