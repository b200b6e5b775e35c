from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from django_hellotext.emulator import Emulator, EmulatorServer, Fault

TOKEN = {"Authorization": "Bearer test-token"}
PATIENCE = 60.0  # seconds; a bound that only a standstill reaches


class Line:
    """A bare connection."""

    def __init__(self, server: EmulatorServer) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=PATIENCE)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        """Read until the server closes."""
        received = b""
        while part := self.socket.recv(65_536):
            received += part
        return received

    def read_until(self, end: bytes) -> bytes:
        received = b""
        while not received.endswith(end):
            part = self.socket.recv(1)
            assert part, received
            received += part
        return received


def head(method: str, path: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Authorization: Bearer test-token", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def get(server: EmulatorServer, path: str, **options: Any) -> requests.Response:
    return requests.get(server.url + path, timeout=PATIENCE, **options)


def post(server: EmulatorServer, path: str, data: Any, **options: Any) -> requests.Response:
    return requests.post(server.url + path, json=data, headers=TOKEN, timeout=PATIENCE, **options)


def test_one_connection_serves_many_requests(server: EmulatorServer) -> None:
    with requests.Session() as session:
        for number in range(20):
            answer = session.post(f"{server.url}/v1/lists", json={"name": str(number)}, headers=TOKEN, timeout=PATIENCE)
            assert answer.status_code == 201
        assert len(server.connections) == 1


def test_requests_in_a_row_are_answered_in_their_order(server: EmulatorServer) -> None:
    body = b'{"name": "x"}'
    with Line(server) as line:
        line.write(
            head("POST", "/v1/lists", f"Content-Length: {len(body)}") + body
            + head("GET", "/v1/lists/x") + head("GET", "/v1/lists/y", "Connection: close")
        )  # fmt: skip
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", line.read())
    assert statuses == [b"201", b"200", b"404"]


def test_a_request_may_come_in_pieces(server: EmulatorServer) -> None:
    whole = head("POST", "/v1/lists", "Content-Length: 13", "Connection: close") + b'{"name": "x"}'
    with Line(server) as line:
        for byte in whole:
            line.write(bytes([byte]))
        assert line.read().startswith(b"HTTP/1.1 201 Created\r\n")


def test_a_chunked_body_is_put_together(server: EmulatorServer) -> None:
    chunks = b'7;x=1\r\n{"name"\r\n6\r\n: "x"}\r\n0\r\n'
    for trailer in (b"\r\n", b"X-Trailer: 1\r\n\r\n"):
        with Line(server) as line:
            line.write(head("POST", "/v1/lists", "Transfer-Encoding: chunked", "Connection: close") + chunks + trailer)
            assert line.read()[9:12] in {b"201", b"422"}


def test_a_client_that_asks_first_is_told_to_go_on(server: EmulatorServer) -> None:
    with Line(server) as line:
        line.write(head("POST", "/v1/lists", "Content-Length: 13", "Expect: 100-continue", "Connection: close"))
        assert line.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.write(b'{"name": "x"}')
        assert line.read().startswith(b"HTTP/1.1 201")


def test_an_old_client_is_closed_after_its_answer(server: EmulatorServer) -> None:
    with Line(server) as line:
        line.write(b"GET /_emulator/health HTTP/1.0\r\n\r\n")
        assert line.read().endswith(b'{"status":"ok","business_id":"test-business"}')


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nname : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"\r\n\r\nGET /_emulator/health HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
        (b"GET http://localhost/_emulator/health HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
        (b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_what_is_no_http_is_answered_and_closed(server: EmulatorServer, data: bytes, status: int) -> None:
    with Line(server) as line:
        line.write(data)
        assert int(line.read()[9:12]) == status


def test_two_megabytes_over_the_wire_are_refused_not_broken(server: EmulatorServer) -> None:
    assert post(server, "/v1/lists", {"name": "x" * 2_000_000}).status_code == 400


def test_a_late_answer_comes_late_and_the_next_waits_its_turn(server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("latency", seconds=0.1, times=1))
    with Line(server) as line:
        line.write(head("GET", "/v1/profiles") + head("GET", "/v1/lists", "Connection: close"))
        answers = line.read()
    assert answers.index(b'"profiles"') < answers.index(b'"lists"')


@pytest.mark.parametrize("kind", ["reset", "no_answer"])
def test_a_cut_connection_is_seen_as_one(server: EmulatorServer, kind: str) -> None:
    server.emulator.add_fault(Fault(kind, seconds=0.05, times=1))
    with pytest.raises(requests.ConnectionError):
        post(server, "/v1/lists", {"name": "x"})
    assert get(server, "/v1/lists/x", headers=TOKEN).status_code == (404 if kind == "reset" else 200)


def test_a_dripping_answer_is_whole_in_the_end(server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("drip", seconds=0.0005, times=1))
    assert post(server, "/v1/lists", {"name": "x"}).json()["name"] == "x"


def test_a_client_that_leaves_does_no_harm(server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("drip", seconds=0.01, times=1))
    server.emulator.add_fault(Fault("latency", seconds=0.05, times=1))
    for _ in range(2):
        with Line(server) as line:
            line.write(head("GET", "/v1/profiles"))
    assert get(server, "/_emulator/health").status_code == 200


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, f"it did not happen within {PATIENCE:g} seconds"
        time.sleep(0.01)


def refuses(server: EmulatorServer) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((server.host, server.port)) != 0


def test_connections_are_refused_for_a_while_on_the_same_port(server: EmulatorServer) -> None:
    port = server.port
    with Line(server) as line:
        line.write(head("GET", "/v1/profiles"))
        line.read_until(b"]}")
        server.emulator.add_fault(Fault("refuse", seconds=3))  # long enough to be noticed on a busy machine
        wait_for(lambda: refuses(server))
        with pytest.raises(ConnectionResetError):
            line.read()
    wait_for(lambda: not refuses(server))
    assert server.port == port
    assert get(server, "/v1/profiles", headers=TOKEN).status_code == 200


def test_connections_are_welcome_again_when_faults_are_cleared(server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("refuse", seconds=60))
    wait_for(lambda: refuses(server))
    server.emulator.clear_faults()
    wait_for(lambda: not refuses(server))


def test_a_request_may_be_the_one_that_closes_the_door(server: EmulatorServer) -> None:
    server.emulator.add_fault(Fault("refuse", seconds=0.2, times=1))
    assert not refuses(server)
    with pytest.raises(requests.ConnectionError):
        post(server, "/v1/lists", {"name": "x"})
    wait_for(lambda: not refuses(server))
    assert server.emulator.log[-1].accepted is False


def test_a_taken_port_is_an_error(server: EmulatorServer) -> None:
    with pytest.raises(OSError, match="in use"):
        EmulatorServer(Emulator(), port=server.port).start()


def test_a_stopped_server_is_gone_and_may_be_stopped_again() -> None:
    server = EmulatorServer(Emulator())
    server.start()
    with Line(server) as line:
        line.write(head("GET", "/v1/profiles"))
        line.read_until(b"]}")
        server.stop()
        assert line.read() == b""
    server.stop()
    assert refuses(server)


def test_control_over_http(server: EmulatorServer) -> None:
    def control(method: str, path: str, data: Any = None, **headers: str) -> requests.Response:
        return requests.request(method, f"{server.url}/_emulator{path}", json=data, headers=headers, timeout=PATIENCE)

    assert control("GET", "/health").json() == {"status": "ok", "business_id": "test-business"}
    assert control("POST", "/faults", {"kind": "error", "times": 1, "status": 502}).json()["faults"][0]["status"] == 502
    assert control("GET", "/faults").json()["faults"][0]["hits"] == 0
    assert (
        control("POST", "/faults", {"kind": "error", "status": 403, "type": "plan"}).json()["faults"][1]["type"]
        == "plan"
    )
    assert control("DELETE", "/faults").json()["faults"] == []
    assert control("POST", "/faults", {"kind": "flood"}).status_code == 400
    assert control("POST", "/faults", {"kind": "error", "rate": []}).status_code == 400
    assert control("POST", "/sessions", {"session": "2KAGgAgm"}).json() == {"session": "2KAGgAgm"}
    assert control("POST", "/sessions", {}).status_code == 400
    assert "/_emulator/health" in control("GET", "/unknown").json()["error"]
    assert control("GET", "/unknown").status_code == 404
    assert control("PUT", "/faults").headers["allow"] == "GET, POST, DELETE"
    assert control("GET", "/reset").status_code == 405
    assert requests.post(server.url, timeout=PATIENCE).status_code == 405
    for stranger in ("https://evil.example", "null", "http://[::1", "//"):
        assert control("POST", "/reset", None, Origin=stranger).status_code == 403
    assert control("POST", "/reset", None, Origin=server.url).status_code == 200
    assert control("GET", "/log?after=x").status_code == 400


def test_what_happened_is_read_over_http(server: EmulatorServer) -> None:
    made = post(server, "/v1/profiles", {"email": "a@example.com", "first_name": "Ada"}).json()["id"]
    metadata = {"hellotext_uuid": "u-1"}
    event = {"action": "page.viewed", "profile": made, "url": "https://x.example/", "metadata": metadata}
    post(server, "/v1/attribution/events", event)
    log = get(server, "/_emulator/log").json()
    assert [entry["status"] for entry in log["requests"]] == [201, 200]
    assert log["by_uuid"] == {"u-1": {"accepted": 1, "refused": 0}}
    assert get(server, "/_emulator/counts").json() == {"by_uuid": log["by_uuid"]}
    assert [entry["number"] for entry in get(server, "/_emulator/log?after=1&limit=5").json()["requests"]] == [2]
    state = get(server, "/_emulator/state").json()
    assert [row["first_name"] for row in state["profiles"]] == ["Ada"]
    assert len(state["events"]) == 1
    assert get(server, "/_emulator/overview").json()["counts"]["profiles"] == 1
    found = get(server, "/_emulator/objects?kind=event&q=PAGE.viewed").json()
    assert found["names"] == {made: "Ada"}
    assert get(server, "/_emulator/objects?kind=event&q=nothing").json()["objects"] == []
    assert get(server, "/_emulator/objects?kind=unknown").status_code == 404
    post(server, "/v1/profiles", {"email": "b@example.com", "last_name": made})
    for id_, ids in ((made, [made]), ("nobody", [])):
        found = get(server, f"/_emulator/objects?kind=profile&id={id_}").json()["objects"]
        assert [row["id"] for row in found] == ids
    assert len(get(server, f"/_emulator/timeline?profile={made}").json()["events"]) == 1
    assert get(server, "/_emulator/timeline?profile=nobody").status_code == 404


def test_a_timeline_is_newest_first_also_within_one_second(server: EmulatorServer) -> None:
    made = post(server, "/v1/profiles", {"email": "a@example.com"}).json()["id"]
    for number, at in enumerate((100, 200, 200, 50)):
        event = {"action": "page.viewed", "profile": made, "url": f"https://x.example/{number}", "tracked_at": at}
        post(server, "/v1/attribution/events", event)
    shown = get(server, f"/_emulator/timeline?profile={made}").json()["events"]
    assert [event["url"][-1] for event in shown] == ["2", "1", "0", "3"]


@pytest.mark.parametrize("value", [b'"\\ud800"', b'"\xed\xa0\x80"', b"NaN", b"1e999", b"-Infinity"])
def test_what_no_json_can_hold_is_shown_all_the_same(value: bytes, server: EmulatorServer) -> None:
    body, headers = b'{"first_name": %s}' % value, {**TOKEN, "Content-Type": "application/json"}
    requests.post(f"{server.url}/v1/profiles", data=body, headers=headers, timeout=PATIENCE)
    answer = get(server, "/_emulator/log")
    assert answer.status_code == 200
    # As strict as the browser that shows the page.
    entry = json.loads(answer.text, parse_constant=pytest.fail)["requests"][0]
    assert entry["status"] in (400, 422)
    assert list(entry["body_json"]) == ["first_name"]


def test_control_requests_are_not_in_the_log(server: EmulatorServer) -> None:
    for path in ("/", "/_emulator/state", "/favicon.ico"):
        get(server, path)
    assert server.emulator.log == []


def test_a_defect_of_a_handler_is_a_500_that_is_logged_and_the_server_goes_on(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(server.emulator.world.ids, "new", None)
        answer = post(server, "/v1/lists", {"name": "x"})
    assert answer.status_code == 500
    assert json.loads(answer.text)["errors"][0]["type"] == "internal"
    assert "the emulator failed at POST /v1/lists" in caplog.text
    assert post(server, "/v1/lists", {"name": "x"}).status_code == 201


def test_answers_carry_the_time_of_the_emulators_clock() -> None:
    """A client compares its own clock with it."""
    with EmulatorServer(Emulator(clock=lambda: 1_700_000_000.0)) as server:
        assert get(server, "/v1/lists", headers=TOKEN).headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_a_chunked_body_may_come_byte_by_byte(server: EmulatorServer) -> None:
    with Line(server) as line:
        line.write(head("POST", "/v1/lists", "Transfer-Encoding: chunked", "Connection: close"))
        for part in (b'd\r\n{"name": "y"}', b"\r\n0\r\n", b"X-Trailer", b": 1\r\n", b"\r\n"):
            line.write(part)
            time.sleep(0.01)
        assert line.read().startswith(b"HTTP/1.1 201")


def test_a_trailer_without_end_is_refused(server: EmulatorServer) -> None:
    with Line(server) as line:
        line.write(head("POST", "/v1/lists", "Transfer-Encoding: chunked") + b"0\r\nX: " + b"x" * 70_000)
        assert line.read().startswith(b"HTTP/1.1 431")


def test_an_answer_without_content_has_no_length(server: EmulatorServer) -> None:
    with Line(server) as line:
        line.write(head("OPTIONS", "/v1/public/businesses/test-business", "Connection: close"))
        answer = line.read()
    assert answer.startswith(b"HTTP/1.1 204")
    assert b"content-length" not in answer
