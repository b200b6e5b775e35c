"""The emulator answers only those that name it by a host of its own, for every method and path."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_hellotext.emulator import Emulator, EmulatorServer, callers, wire
from django_hellotext.emulator.command import main

from .test_command import Run, get, run  # noqa: F401 - run is a fixture

PATIENCE = 60.0  # seconds; a bound that only a standstill reaches
PATHS = [
    "/",
    "/favicon.ico",
    "/_emulator/page.js",
    "/_emulator/health",
    "/_emulator/state",
    "/_emulator/log",
    "/_emulator/unknown",
    "/v1/profiles",
    "/v1/public/businesses/test-business",
    "/unknown",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
LOOPBACK = [
    "localhost",
    "LocalHost",
    "localhost:4010",
    "localhost.:4010",
    "hellotext.localhost:4010",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.8.9.10:4010",
    "[::1]",
    "[::1]:4010",
    "[0:0:0:0:0:0:0:1]:4010",
]
FOREIGN = [
    "evil.example",
    "evil.example:4010",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.evil.example:4010",
    "192.0.2.1:4010",
    "0.0.0.0:4010",
    "[2001:db8::1]:4010",
    "x",
    "",
    ":4010",
    "localhost:4010@evil.example",
    "evil.example@localhost",
    "localhost evil.example",
    "localhost,evil.example",
    "localhost/evil.example",
    "[::1",
    "::1",
    "[::1]evil.example",
    "127.1",
    "\u00e9.example",
]


def ask(server: EmulatorServer, host: str | None, path: str = "/", method: str = "GET", **headers: str) -> bytes:
    """Send one request over a bare connection, with this Host header or none."""
    lines = [f"{method} {path} HTTP/1.1", "Connection: close", "Authorization: Bearer test-token"]
    lines += [] if host is None else [f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    address = "127.0.0.1" if server.host == "0.0.0.0" else server.host  # noqa: S104 - compared, not bound
    with socket.create_connection((address, server.port), timeout=PATIENCE) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        received = b""
        while part := line.recv(65_536):
            received += part
    return received


def status_of(answer: bytes) -> int:
    return int(answer[9:12])


def message_of(answer: bytes) -> str:
    text: str = json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["message"]
    return text


@contextmanager
def listening(**options: Any) -> Iterator[EmulatorServer]:
    with EmulatorServer(Emulator(), **options) as server:
        yield server


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_points_to_this_machine_reaches_nothing(server: EmulatorServer, method: str, path: str) -> None:
    """DNS rebinding: the page's own domain is in Host and, where there is an Origin, in it as well."""
    before = server.emulator.version
    origin = {"Origin": f"http://evil.example:{server.port}"}
    for headers in ({}, origin):
        answer = ask(server, f"evil.example:{server.port}", path, method, **headers)
        assert status_of(answer) == 403
        assert b"test-business" not in answer
    assert server.emulator.version == before
    assert server.emulator.log == []


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/_emulator/state", "/v1/profiles"])
def test_other_hosts_are_refused(server: EmulatorServer, host: str, path: str) -> None:
    assert status_of(ask(server, host, path)) == 403


@pytest.mark.parametrize("host", [*LOOPBACK, None])
@pytest.mark.parametrize("path", ["/", "/_emulator/state", "/v1/profiles"])
def test_loopback_names_are_welcome_and_so_is_a_program_that_names_none(
    server: EmulatorServer, host: str | None, path: str
) -> None:
    assert status_of(ask(server, host, path)) == 200


def test_the_refusal_says_where_it_listens_and_how_to_allow_the_name(server: EmulatorServer) -> None:
    said = message_of(ask(server, "hellotext:4010", "/v1/profiles"))
    assert said == (
        f"The emulator is not known as hellotext. Use {server.url}, or allow the name: start the emulator with "
        "--allowed-host hellotext."
    )
    assert server.url in message_of(ask(server, "$(id)", "/v1/profiles"))
    assert "$" not in message_of(ask(server, "$(id)", "/v1/profiles"))


def test_the_address_in_the_request_line_counts_more_than_the_header(server: EmulatorServer) -> None:
    for address, host, status in (
        ("http://evil.example/_emulator/state", "localhost", 403),
        ("http://evil.example", "localhost", 403),
        ("http://localhost/_emulator/state", "evil.example", 200),
        (f"http://localhost:{server.port}", "localhost", 200),
    ):
        assert status_of(ask(server, host, address)) == status, address


def test_it_listens_on_ipv6_too() -> None:
    with listening(host="::1") as server:
        assert status_of(ask(server, f"[::1]:{server.port}")) == 200
        assert status_of(ask(server, f"localhost:{server.port}")) == 200
        assert status_of(ask(server, "[2001:db8::1]")) == 403


def test_in_a_container_it_is_known_by_its_address_and_the_names_that_are_allowed() -> None:
    with listening(host="0.0.0.0", allowed_hosts=["hellotext", "Shop.Test:8080", "[2001:DB8:0::1]"]) as server:  # noqa: S104 - of this test alone
        for host in ("hellotext:4010", "HELLOTEXT", "shop.test", "[2001:db8::1]:4010", "0.0.0.0:4010", "127.0.0.1"):
            assert status_of(ask(server, host)) == 200, host
        for host in ("evil.example", "xhellotext", "hellotext.evil.example", "www.shop.test"):
            assert status_of(ask(server, host)) == 403, host


def test_the_name_that_it_was_bound_to_is_its_own() -> None:
    with listening(host="LOCALHOST") as server:
        assert "localhost" in server.names


def test_the_address_that_a_client_has_reached_is_welcome() -> None:
    request = wire.Request("GET", "/", "", {"host": "172.17.0.2:4010"}, b"", keep_alive=True)
    assert not callers.complaint(request, allowed={"172.17.0.2"}, url="http://0.0.0.0:4010")
    assert callers.complaint(request, allowed={"172.17.0.3"}, url="http://0.0.0.0:4010")


def test_pages_of_other_origins_control_nothing_and_use_the_api_of_the_browser(server: EmulatorServer) -> None:
    """The shop's page, of another origin, sends what Hellotext.js sends."""
    host = f"127.0.0.1:{server.port}"
    for method, path in (("POST", "/_emulator/reset"), ("DELETE", "/_emulator/faults"), ("POST", "/_emulator/unknown")):
        assert status_of(ask(server, host, path, method, Origin="http://localhost:8000")) == 403
    own = ask(server, host, "/_emulator/reset", "POST", Origin=server.url)
    assert status_of(own) == 200
    preflight = {"Origin": "http://localhost:8000", "Access-Control-Request-Method": "GET"}
    answer = ask(server, host, "/v1/public/businesses/test-business", "OPTIONS", **preflight)
    assert status_of(answer) == 204


@pytest.mark.parametrize("name", ["http://hellotext", "a b", "", "*", "[::1"])
def test_a_name_that_is_none_is_refused_at_the_start(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--allowed-host", name])
    assert "without a scheme" in capsys.readouterr().err
    with pytest.raises(ValueError, match="without a scheme"):
        EmulatorServer(Emulator(), allowed_hosts=[name])


def test_the_command_allows_names(run: Run) -> None:  # noqa: F811 - a fixture
    process = run("--allowed-host", "hellotext", "--allowed-host", "shop.test")
    host, port = process.url.removeprefix("http://").split(":")
    server = EmulatorServer(Emulator(), host=host, port=int(port))
    for name, status in (("hellotext", 200), ("shop.test:80", 200), ("evil.example", 403)):
        assert status_of(ask(server, name, "/v1/lists")) == status
    assert get(process, "/v1/lists").status_code == 200
