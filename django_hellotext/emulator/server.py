"""The thin server: sockets and time around the pure core. One event loop in one thread, no Django."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterable
from email.utils import formatdate
from types import TracebackType
from typing import Any

from . import callers, control, wire
from .core import Emulator, EmulatorResponse

BACKLOG = 512
REOPEN_SECONDS = 0.2  # between attempts to take the port back
GRACE_SECONDS = 1.0  # for answers under way when the server ends


class Connection(asyncio.Protocol):
    """One client: reads requests, asks the core, writes answers; one at a time, in order."""

    def __init__(self, server: EmulatorServer) -> None:
        self._server = server
        self._reader = wire.Reader()
        self._transport: asyncio.Transport | None = None
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._address = ""  # of this machine, as the client sees it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream server makes no other
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._address = sock.getsockname()[0]
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; what was still to be written is dropped."""
        self._server.connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what arrived; while an answer is under way it waits its turn."""
        self._reader.feed(data)
        self._work()

    def _work(self) -> None:
        while self._transport is not None and not self._busy:
            try:
                request = self._reader.next()
            except wire.WireError as error:
                self._refuse(error.status, "invalid", error.message)
                return
            if request is None:
                if self._reader.wants_continue:
                    self._reader.wants_continue = False
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            server = self._server
            complaint = callers.complaint(request, allowed={*server.names, self._address}, url=server.url)
            if complaint:
                self._refuse(403, "forbidden", complaint)
                return
            if control.owns(request.path):
                self._send(request, control.answer(server.emulator, request))
            else:
                response = server.emulator.handle(
                    request.method, request.path, query=request.query, headers=request.headers, body=request.body
                )
                self._carry(request, response)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        if self._transport is None:
            return
        body = json.dumps({"errors": [{"type": kind, "message": message}]}).encode()
        headers = {"content-type": "application/json"}
        self._transport.write(wire.answer(status, headers, body, keep_alive=False))
        self._transport.close()

    def _carry(self, request: wire.Request, response: EmulatorResponse) -> None:
        """Send the answer as the fault wants it; without one this is a plain ``_send``."""
        if not response.delay and not response.cut:
            self._send(request, response)
            return
        self._busy = True
        self._later(response.delay, self._carry_now, request, response)

    def _carry_now(self, request: wire.Request, response: EmulatorResponse) -> None:
        if response.cut == "drip":
            self._drip(
                wire.answer(response.status, self._headers(response), response.body, keep_alive=False), response.seconds
            )
        elif response.cut == "no_answer":
            self._later(response.seconds, self.close)
        elif response.cut in {"reset", "refuse"}:
            self.reset()
        else:
            self._busy = False
            self._send(request, response)
            self._work()

    def _headers(self, response: EmulatorResponse) -> dict[str, str]:
        # By its own clock, as any origin server: clients compare theirs with it.
        return {"date": formatdate(self._server.emulator.world.clock(), usegmt=True), **response.headers}

    def _drip(self, rest: bytes, seconds: float) -> None:
        if self._transport is None:
            return
        self._transport.write(rest[:1])
        if len(rest) > 1:
            self._later(seconds, self._drip, rest[1:], seconds)
        else:
            self.close()

    def _later(self, seconds: float, what: Any, *arguments: Any) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, what, *arguments)

    def _send(self, request: wire.Request, response: EmulatorResponse) -> None:
        if self._transport is None:
            return
        head_only = request.method == "HEAD"
        self._transport.write(
            wire.answer(
                response.status,
                self._headers(response),
                response.body,
                keep_alive=request.keep_alive,
                head_only=head_only,
            )
        )
        if not request.keep_alive:
            self.close()

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Let the client see a connection reset by its peer."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class EmulatorServer:
    """Serves an emulator over HTTP in a thread of its own; a context manager.

    ``port`` 0 takes a free one; ``url`` and ``port`` are known once it has started. ``allowed_hosts`` are names under
    which clients may call it, beside ``localhost``, loopback addresses and the address that it listens on; raises
    ``ValueError`` for one that is neither a name nor an address.
    """

    def __init__(
        self, emulator: Emulator, *, host: str = "127.0.0.1", port: int = 0, allowed_hosts: Iterable[str] = ()
    ) -> None:
        self.emulator = emulator
        self.host = host
        self.port = port
        self.names = {host.lower(), *map(callers.host_name, allowed_hosts)}
        self.connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: socket.socket | None = None
        self._arriving: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._reopen: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """Return the address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def __enter__(self) -> EmulatorServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve; raises ``OSError`` when the port is taken."""
        listener = self._listening()
        self.port = listener.getsockname()[1]
        self._loop = loop = asyncio.new_event_loop()
        self._listen(loop, listener)
        self.emulator.on_refuse = self._refuse_from_any_thread
        self._thread = threading.Thread(target=self._run, args=(loop,), name="hellotext-emulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, let answers under way out, close every connection. May be called twice."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        self.emulator.on_refuse = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(self._end())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _listening(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        listener.setblocking(False)
        return listener

    def _listen(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        # Accepted by hand: asyncio's own server leaks a connection that arrives while it is being closed.
        self._listener = listener
        loop.add_reader(listener, self._accept, loop, listener)

    def _hang_up(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._listener is not None:
            loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        try:
            arrived, _ = listener.accept()
        except OSError:  # the client has left again, or no file descriptor is free; the next one is tried anew
            return
        arrived.setblocking(False)
        task = loop.create_task(self._welcome(loop, arrived))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _welcome(self, loop: asyncio.AbstractEventLoop, arrived: socket.socket) -> None:
        await loop.connect_accepted_socket(lambda: Connection(self), arrived)

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        if self._reopen is not None:
            self._reopen.cancel()
        self._hang_up(loop)
        if self._arriving:
            await asyncio.wait(self._arriving)
        for connection in list(self.connections):
            connection.close()
        deadline = loop.time() + GRACE_SECONDS
        while self.connections and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self.connections):
            connection.reset()
        await asyncio.sleep(0)

    def _refuse_from_any_thread(self, seconds: float) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended at this moment; there is nothing to refuse
                loop.call_soon_threadsafe(self._refuse_for, seconds)

    def _refuse_for(self, seconds: float) -> None:
        """Stop listening for a while, and reset whoever is connected."""
        loop = asyncio.get_running_loop()
        if self._reopen is not None:
            self._reopen.cancel()
            self._reopen = None
        if seconds > 0:
            self._hang_up(loop)
            for connection in list(self.connections):
                connection.reset()
        if self._listener is None:
            self._reopen = loop.call_later(seconds, self._listen_again, loop)

    def _listen_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reopen = None
        try:
            self._listen(loop, self._listening())
        except OSError:  # somebody took the port meanwhile; try until it is free again
            self._reopen = loop.call_later(REOPEN_SECONDS, self._listen_again, loop)
