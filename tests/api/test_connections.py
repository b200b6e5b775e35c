"""Connections: kept alive, one for each thread and process, and never the reason for a needless unknown."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from types import FrameType

import pytest
from urllib3 import PoolManager

from django_hellotext.api import HellotextClient
from django_hellotext.api.backends import HttpBackend
from django_hellotext.api.backends.transport import CURRENT_CALL, Call, DeadlineAdapter
from django_hellotext.exceptions import ApiError, ConnectionFailed, Outcome, OutcomeUnknown
from tests.ports import closed_port

from .wire import Answer, Captured, WireServer, json_answer, raw_answer

Serve = Callable[[Answer], WireServer]
Connect = Callable[..., HellotextClient]


def test_calls_of_one_thread_share_one_connection(server: WireServer, client: HellotextClient) -> None:
    for _ in range(20):
        client.profiles.create(first_name="Will E")
    assert (len(server.requests), server.connections) == (20, 1)


def test_a_refusal_keeps_the_connection(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"errors": [{"type": "not_found"}]}, status=404)
    for _ in range(3):
        with pytest.raises(ApiError):
            client.profiles.retrieve("MzYwlE50")
    assert server.connections == 1


def test_each_thread_has_its_own_connection(server: WireServer, client: HellotextClient) -> None:
    together = threading.Barrier(4)
    finished: list[int] = []

    def work(number: int) -> None:
        together.wait(60)
        for index in range(10):
            client.profiles.create(first_name=f"{number}-{index}")
        finished.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(finished) == [0, 1, 2, 3]
    sent = {request.json["first_name"] for request in server.requests}
    assert sent == {f"{number}-{index}" for number in range(4) for index in range(10)}
    assert server.connections == 4


def test_a_session_of_another_process_is_left_alone(
    server: WireServer, client: HellotextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.profiles.create(first_name="Will E")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    client.profiles.create(first_name="Will E")
    assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection(server: WireServer, client: HellotextClient) -> None:
    client.profiles.create(first_name="parent before")
    child = os.fork()
    if child == 0:  # pragma: no cover - coverage does not follow the fork
        try:
            client.profiles.create(first_name="child")
        finally:
            os._exit(sys.exc_info()[0] is not None)
    assert os.waitpid(child, 0)[1] == 0
    client.profiles.create(first_name="parent after")

    connections = {request.json["first_name"]: request.connection for request in server.requests}
    assert connections == {"parent before": 1, "child": 2, "parent after": 1}


def test_a_connection_that_the_server_has_closed_is_not_used_again(server: WireServer, client: HellotextClient) -> None:
    for _ in range(5):
        client.profiles.create(first_name="Will E")
        server.cut()
    assert (len(server.requests), server.connections) == (5, 5)


def test_a_connection_that_was_idle_for_long_is_replaced(server: WireServer, connect: Connect) -> None:
    client = connect(server, backend=HttpBackend(max_idle=0.0))
    client.profiles.create(first_name="Will E")
    client.profiles.create(first_name="Will E")
    assert server.connections == 2


def test_an_answer_that_closes_the_connection_is_read(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"id": "MzYwlE50"}, headers={"Connection": "close"}, keep=False)
    assert [client.profiles.create(first_name="Will E").id for _ in range(3)] == ["MzYwlE50"] * 3


def test_an_answer_without_a_length_is_read_to_its_end(server: WireServer, client: HellotextClient) -> None:
    def until_closed(_: Captured, connection: socket.socket) -> bool:
        connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"id": "MzYwlE50"}')
        return False

    server.answer = until_closed
    assert client.profiles.create(first_name="Will E").id == "MzYwlE50"


def test_a_closed_client_works_again(server: WireServer, client: HellotextClient) -> None:
    client.profiles.create(first_name="Will E")
    client.close()
    client.profiles.create(first_name="Will E")
    assert server.connections == 2


def test_threads_may_begin_to_call_while_the_client_is_closed(server: WireServer, client: HellotextClient) -> None:
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def call_from_another_thread() -> None:
        called = threading.Event()

        def work() -> None:
            client.lists.create(name="Greens")
            called.set()
            ended.wait(60)  # a thread's connection lives as long as the thread

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert called.wait(60)

    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and "weakref" in frame.f_code.co_filename and len(threads) < 12:
            call_from_another_thread()

    before = sys.getprofile()
    try:
        for _ in range(3):
            call_from_another_thread()
        sys.setprofile(interrupt)
        client.close()
    finally:
        sys.setprofile(before)
        ended.set()
    for thread in threads:
        thread.join(60)
    assert len(threads) > 3  # somebody did come in between
    assert server.connections == len(threads)


def test_a_refused_connection_was_certainly_not_sent(connect: Connect, serve: Serve) -> None:
    with closed_port() as port, pytest.raises(ConnectionFailed) as caught:
        HellotextClient(token="t", base_url=f"http://127.0.0.1:{port}").profiles.create(first_name="Will E")
    assert (caught.value.outcome, caught.value.may_have_applied) == (Outcome.RETRY, False)


def test_an_unknown_host_was_certainly_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConnectionFailed, match="gaierror"):
        HellotextClient(token="t", base_url="https://nowhere.invalid").profiles.create(first_name="Will E")


def test_a_proxy_that_refuses_was_certainly_not_passed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(raw_answer(407, b"", headers={"Proxy-Authenticate": "Basic"}))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ConnectionFailed, match="407"):
        HellotextClient(token="t", base_url="https://api.hellotext.example").profiles.create(first_name="Will E")


def test_a_proxy_of_the_environment_is_used(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(json_answer({"id": "MzYwlE50"}))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = HellotextClient(token="t", base_url="http://api.hellotext.example", allow_http=True)
    client.profiles.create(first_name="Will E")
    client.close()
    assert proxy.last.target == "http://api.hellotext.example/v1/profiles"


@pytest.fixture
def proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> WireServer:
    """A proxy that the environment names for everything but loopback."""
    running = serve(json_answer({"id": "proxy"}))
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, running.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "localhost,127.0.0.1,::1")
    return running


def test_no_proxy_is_taken_to_a_host_that_the_environment_excepts(
    proxy: WireServer, server: WireServer, client: HellotextClient
) -> None:
    for _ in range(2):
        assert client.lists.create(name="Greens").id == "MzYwlE50"
    assert (len(server.requests), proxy.requests) == (2, [])


def test_one_carrier_takes_the_proxy_to_one_host_and_not_to_another(
    proxy: WireServer, server: WireServer, client: HellotextClient
) -> None:
    far = HellotextClient(token="t", base_url="http://api.hellotext.example", allow_http=True, backend=client.backend)
    answers = [each.lists.create(name="Greens").id for each in (far, client, far, client)]
    assert answers == ["proxy", "MzYwlE50", "proxy", "MzYwlE50"]


def test_a_changed_environment_counts_from_the_next_connection(
    proxy: WireServer, server: WireServer, client: HellotextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.lists.create(name="Greens").id == "MzYwlE50"
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    assert client.lists.create(name="Greens").id == "MzYwlE50"  # looked up once, not with each request
    client.close()
    assert client.lists.create(name="Greens").id == "proxy"


def test_the_token_of_a_proxy_is_no_part_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://somebody:secret-word@127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConnectionFailed) as caught:
        HellotextClient(token="t", base_url="https://api.hellotext.example").lists.retrieve("Greens")
    assert "secret-word" not in f"{caught.value!r} {vars(caught.value)!r}"


def reset(_: Captured, connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def cut_off(_: Captured, connection: socket.socket) -> bool:
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"id": "Mz')
    return False


def close_at_once(_: Captured, __: socket.socket) -> bool:
    return False


@pytest.mark.parametrize("answer", [reset, cut_off, close_at_once])
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_an_answer_that_breaks_off_leaves_the_outcome_unknown(
    answer: Answer, reused: bool, server: WireServer, client: HellotextClient
) -> None:
    if reused:
        client.profiles.create(first_name="Will E")
    server.answer = answer
    with pytest.raises(OutcomeUnknown) as caught:
        client.profiles.create(first_name="Will E")
    assert (caught.value.outcome, caught.value.may_have_applied) == (Outcome.UNKNOWN, True)
    with pytest.raises(OutcomeUnknown) as caught:
        client.profiles.retrieve("MzYwlE50")
    assert caught.value.outcome is Outcome.RETRY  # a read changes nothing
    with pytest.raises(OutcomeUnknown):
        client.profiles.delete("MzYwlE50")
    assert [request.method for request in server.requests[reused:]] == ["POST", "GET", "DELETE"]  # nothing is repeated


def test_a_netrc_file_cannot_replace_the_token(
    server: WireServer, client: HellotextClient, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:
        file.write("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", netrc)
    client.profiles.create(first_name="Will E")
    assert server.last.headers["authorization"].startswith("Bearer ")


def test_a_cookie_is_not_kept(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"id": "MzYwlE50"}, headers={"Set-Cookie": "sticky=1; Path=/"})
    client.profiles.create(first_name="Will E")
    client.profiles.create(first_name="Will E")
    assert "cookie" not in server.last.headers


def test_a_call_whose_time_is_up_waits_for_nothing() -> None:
    call = Call(connect=1, read=1, deadline=0)
    with pytest.raises(TimeoutError, match="deadline"):
        call.left(1)


def test_behind_a_socks_proxy_a_failure_counts_as_unknown() -> None:
    adapter = DeadlineAdapter()
    adapter.proxy_manager["socks5://127.0.0.1:1"] = PoolManager()
    call = Call(connect=1, read=1, deadline=1)
    marker = CURRENT_CALL.set(call)
    try:
        adapter.proxy_manager_for("socks5://127.0.0.1:1")
    finally:
        CURRENT_CALL.reset(marker)
    assert call.sent


def test_a_missing_socks_library_is_a_failure_that_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ApiError) as caught:
        HellotextClient(token="t", base_url="https://api.hellotext.example", deadline=1).lists.retrieve("Greens")
    assert caught.value.outcome is Outcome.RETRY
