"""The total deadline holds against every way of being slow (design, step 6: a dripping server outlives time-outs)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from django_hellotext.api import HellotextClient
from django_hellotext.exceptions import ConnectionFailed, Outcome, OutcomeUnknown

from .wire import Answer, Captured, WireServer, json_answer

DEADLINE = 1.0  # seconds; until then the request has been sent, on a busy machine, too
TOLERANCE = 15.0  # seconds; a busy machine wakes late, and without the deadline each of these takes longer
DRIP = 0.1  # seconds between two bytes: far below every read time-out

Serve = Callable[[Answer], WireServer]
Connect = Callable[..., HellotextClient]


def dripping(text: bytes) -> tuple[list[WireServer], Answer]:
    server: list[WireServer] = []

    def answer(_: Captured, connection: socket.socket) -> bool:
        def drip(byte: int) -> bool:
            connection.sendall(bytes([byte]))
            return not server[0].wait_closing(DRIP)

        return all(map(drip, text))

    return server, answer


DRIPPED = {
    "status line": b"HTTP/1.1 200 " + b"O" * 500,
    "headers": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: a\r\n" * 90,
    "informational answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500,
    "chunked body": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100,
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 500\r\n\r\n" + b" " * 500,
}


def test_a_server_that_drips_is_left_at_the_deadline(serve: Serve, connect: Connect) -> None:
    """Each way of dripping at the same time, from a server of its own to a client of its own."""
    clients = {}
    for name, text in DRIPPED.items():
        server, answer = dripping(text)
        server.append(serve(answer))
        clients[name] = connect(server[0], deadline=DEADLINE)

    def ask(name: str) -> tuple[str, OutcomeUnknown, float]:
        started = monotonic()
        with pytest.raises(OutcomeUnknown) as caught:
            clients[name].profiles.create(first_name="Will E")
        return name, caught.value, monotonic() - started

    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        for name, error, took in pool.map(ask, clients):
            assert took < DEADLINE + TOLERANCE, name
            assert error.outcome is Outcome.UNKNOWN, name
            assert error.duration == pytest.approx(DEADLINE, abs=TOLERANCE), name


def test_a_silent_server_is_left_at_the_read_timeout_when_that_is_shorter(serve: Serve, connect: Connect) -> None:
    def silent(_: Captured, __: socket.socket) -> bool:
        server.wait_closing(30)
        return False

    server = serve(silent)
    started = monotonic()
    with pytest.raises(OutcomeUnknown):
        connect(server, timeout=(1, 0.2), deadline=20).profiles.create(first_name="Will E")
    assert monotonic() - started < 0.2 + TOLERANCE


def test_a_call_can_have_its_own_deadline(serve: Serve, connect: Connect) -> None:
    server, answer = dripping(b"HTTP/1.1 200 " + b"O" * 5000)
    server.append(serve(answer))
    client = connect(server[0])
    started = monotonic()
    with pytest.raises(OutcomeUnknown):
        client.request("GET", "/v1/profiles", deadline=DEADLINE)
    with pytest.raises(OutcomeUnknown):
        client.with_options(deadline=DEADLINE).profiles.retrieve("MzYwlE50")
    assert monotonic() - started < 2 * DEADLINE + 2 * TOLERANCE  # without it, the client's own: 20 each


def test_a_server_that_does_not_read_the_body_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HellotextClient(
            token="t", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=(1, 200), deadline=DEADLINE
        )
        started = monotonic()
        with pytest.raises(OutcomeUnknown):
            client.forms.create(name="x", metadata={"filler": "x" * 40_000_000})
        client.close()
    assert monotonic() - started < DEADLINE + 3 * TOLERANCE


def test_a_proxy_that_drips_is_left_at_the_deadline_and_nothing_was_sent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, answer = dripping(b"HTTP/1.1 200 " + b"O" * 500)
    server.append(serve(answer))
    monkeypatch.setenv("HTTPS_PROXY", server[0].url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    client = HellotextClient(token="t", base_url="https://api.hellotext.example", deadline=DEADLINE)
    started = monotonic()
    with pytest.raises(ConnectionFailed):
        client.profiles.create(first_name="Will E")
    assert monotonic() - started < DEADLINE + TOLERANCE
    assert server[0].last.method == "CONNECT"
    assert "authorization" not in server[0].last.headers


def test_a_tls_handshake_that_never_ends_is_left_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HellotextClient(
            token="t",
            base_url=f"https://127.0.0.1:{listener.getsockname()[1]}",
            timeout=(60, 60),
            deadline=DEADLINE,
        )
        started = monotonic()
        with pytest.raises(ConnectionFailed):
            client.profiles.create(first_name="Will E")
        client.close()
    assert monotonic() - started < DEADLINE + TOLERANCE


def test_a_name_look_up_that_hangs_is_left_at_the_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = HellotextClient(token="t", base_url="https://api.hellotext.example", timeout=(0.2, 5))
    started = monotonic()
    try:
        with pytest.raises(ConnectionFailed):
            client.profiles.create(first_name="Will E")
    finally:
        released.set()
    assert monotonic() - started < 0.2 + TOLERANCE


def test_a_slow_server_within_the_limits_is_waited_for(serve: Serve, connect: Connect) -> None:
    def slowly(captured: Captured, connection: socket.socket) -> bool:
        server.wait_closing(0.2)
        return json_answer({"id": "MzYwlE50"})(captured, connection)

    server = serve(slowly)
    assert connect(server).profiles.create(first_name="Will E").id == "MzYwlE50"
