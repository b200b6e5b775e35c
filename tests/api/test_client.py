"""The client itself: what goes over the wire, byte for byte, what is logged, what cannot be configured."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils.module_loading import import_string
from openapi_core.testing import MockRequest, MockResponse

from django_hellotext import __version__
from django_hellotext.api import Address, HellotextClient, LineItem, Money
from django_hellotext.api.backends import ConsoleBackend, DummyBackend, HttpBackend
from django_hellotext.api.operations import OPERATIONS
from django_hellotext.exceptions import ConfigurationError, ConnectionFailed, NotFound, ValidationError
from tests.contract import Operation, openapi, server_operations

from .conftest import TOKEN
from .wire import WireServer, json_answer


def test_a_profile_goes_out_byte_for_byte(server: WireServer, client: HellotextClient) -> None:
    client.profiles.create(
        first_name="Žofia 🦊",
        email="will.e@acme.com",
        emails={"work": "w@acme.com"},
        phones={"mobile": "+59899000001"},
        addresses={"home": "Av. 1248"},
        address=Address(city="Montevideo", street_number="1248"),
        lists=["Beauty & Care"],
        properties={"Größe": Decimal("42.50"), "vip": True},
        properties_by_id={"gVlpOkwJ": "x"},
    )
    assert (
        server.last.body
        == (
            '{"first_name":"Žofia 🦊","email":"will.e@acme.com","email[work]":"w@acme.com",'
            '"phone[mobile]":"+59899000001","address[home]":"Av. 1248","lists":["Beauty & Care"],'
            '"property[Größe]":42.50,"property[vip]":true,"property_by_id[gVlpOkwJ]":"x",'
            '"address":{"city":"Montevideo","street":{"number":"1248"}}}'
        ).encode()
    )


def test_an_order_goes_out_without_float_noise(server: WireServer, client: HellotextClient) -> None:
    client.orders.create(
        delivery="deliver",
        items=[LineItem("vxqQJ3Yg", Decimal("0.1") + Decimal("0.2"), Money(Decimal("89.90"), "EUR"))],
        metadata={"at": datetime(2026, 2, 3, 4, 5, tzinfo=UTC), "gift": None},
        reference="1234",
    )
    assert server.last.body == (
        b'{"delivery":"deliver","metadata":{"at":"2026-02-03T04:05:00+00:00","gift":null},"reference":"1234",'
        b'"items":[{"product":"vxqQJ3Yg","quantity":0.3,"price":{"amount":89.90,"currency":"EUR"}}]}'
    )


def test_the_head_of_a_request_is_complete_and_holds_nothing_else(server: WireServer, client: HellotextClient) -> None:
    client.lists.create(name="Greens")
    assert server.last.head.split(b"\r\n")[0] == b"POST /v1/lists HTTP/1.1"
    assert server.last.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {TOKEN}",
        "content-length": "17",
        "content-type": "application/json",
        "user-agent": f"django-hellotext/{__version__}",
    }


def test_a_call_without_a_body_has_no_content_type(server: WireServer, client: HellotextClient) -> None:
    client.profiles.subscribe("MzYwlE50")
    assert server.last.body == b""
    assert "content-type" not in server.last.headers
    assert server.last.headers["content-length"] == "0"


def test_a_delete_can_carry_a_body(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"verified": False})
    client.profiles.unverify("MzYwlE50", phone="+59899000001")
    assert (server.last.method, server.last.body) == ("DELETE", b'{"phone":"+59899000001"}')


def test_a_query_is_percent_encoded(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"profiles": []})
    client.profiles.list(email="a+b@c.de", properties={"Größe": "4 2&"})
    assert server.last.target == "/v1/profiles?limit=25&email=a%2Bb%40c.de&property%5BGr%C3%B6%C3%9Fe%5D=4%202%26"


def test_a_path_in_the_base_url_is_kept(server: WireServer) -> None:
    client = HellotextClient(token=TOKEN, base_url=f"{server.url}/gateway/")
    client.lists.create(name="Greens")
    client.close()
    assert server.last.path == "/gateway/v1/lists"


@pytest.mark.parametrize(
    ("status", "level", "text"),
    [(200, logging.INFO, "POST /v1/lists 200 in"), (422, logging.WARNING, "POST /v1/lists 422 in")],
)
def test_each_call_writes_one_record(
    status: int,
    level: int,
    text: str,
    server: WireServer,
    client: HellotextClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = [{"type": "parameter_not_unique", "parameter": "name", "message": "secret message"}]
    server.answer = json_answer({"id": "zN4Xx4Km", "errors": errors}, status=status)
    caplog.set_level(logging.DEBUG, logger="django_hellotext.api")
    with contextlib.suppress(ValidationError):
        client.lists.create(name="Greens")
    (record,) = [record for record in caplog.records if record.name == "django_hellotext.api"]
    said = vars(record)
    assert record.levelno == level
    assert record.getMessage().startswith(text)
    assert (said["method"], said["path"], said["status"]) == ("POST", "/v1/lists", status)
    assert said["duration"] > 0
    assert len(said["request_id"]) == 32
    refused = ("ValidationError", "parameter_not_unique", "name") if status == 422 else ("", "", "")
    assert (said["error"], said["error_type"], said["error_parameter"]) == refused
    assert "secret message" not in record.getMessage()
    assert "Greens" not in record.getMessage()


def test_the_error_and_the_record_carry_the_same_request_id(
    server: WireServer, client: HellotextClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = json_answer({}, status=404)
    caplog.set_level(logging.DEBUG, logger="django_hellotext.api")
    with pytest.raises(NotFound) as caught:
        client.lists.retrieve("Greens")
    assert vars(caplog.records[-1])["request_id"] == caught.value.request_id
    with pytest.raises(NotFound) as again:
        client.lists.retrieve("Greens")
    assert again.value.request_id != caught.value.request_id
    assert "x-request-id" not in server.last.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://api.hellotext.com",
        "https://api.hellotext.com/",
        "http://localhost:4010",
        "http://127.0.0.1:4010",
        "http://127.9.9.9",
        "http://[::1]:4010",
    ],
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    assert HellotextClient(token="t", base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.hellotext.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://example.localhost",
        "http://0.0.0.0",
    ],
)
def test_plain_http_elsewhere_must_be_allowed_explicitly(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http"):
        HellotextClient(token="t", base_url=url)
    assert HellotextClient(token="t", base_url=url, allow_http=True).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.hellotext.com",
        "ftp://api.hellotext.com",
        "https://",
        "https://user:password@api.hellotext.com",
        "https://api.hellotext.com/?a=b",
        "https://api.hellotext.com/#a",
        "https://api.hellotext.com/v1",
        "https://api.hellotext.com/v1/",
        "https://api.hellotext.com:port",
        "https://[::1",
        "https://api.hellotext.com/a b",
        None,
        7,
    ],
)
def test_a_base_url_that_cannot_be_right_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HellotextClient(token="t", base_url=url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "tökén", "a\x00", None, 7, b"t"])
def test_a_token_that_cannot_be_right_is_refused(token: Any) -> None:
    with pytest.raises(ConfigurationError, match="token"):
        HellotextClient(token=token)


def test_a_client_with_other_limits_shares_the_connections(server: WireServer, client: HellotextClient) -> None:
    client.lists.create(name="Greens")
    client.with_options(timeout=(1, 2), deadline=3).lists.create(name="Greens")
    assert server.connections == 1
    assert client.with_options().backend is client.backend


@pytest.mark.parametrize("operation", server_operations(), ids=str)
def test_the_dummy_agrees_to_every_operation_as_the_contract_says(operation: Operation) -> None:
    sent: list[tuple[str, str]] = []

    class Watched(DummyBackend):
        def send(self, request: Any) -> Any:
            answer = super().send(request)
            sent.append((request.path, answer.body.decode()))
            call = MockRequest("https://api.hellotext.com", request.method.lower(), request.path)
            given = MockResponse(answer.body, status_code=answer.status, content_type="application/json")
            openapi().validate_response(call, given)
            return answer

    client = HellotextClient(token="t", backend=Watched())
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", "MzYwlE50")
    client.request(operation.method, path)
    assert len(sent) == 1
    assert len(OPERATIONS) == 74


def test_the_dummy_can_be_worked_with() -> None:
    client = HellotextClient(token="t", backend=DummyBackend())
    assert client.profiles.create(email="a@b.c").id.startswith("dummy-")
    assert client.orders.create(delivery="deliver").id.startswith("dummy-")
    assert client.order_items.create("x", product="y").id.startswith("dummy-")
    assert client.events.track(action="page.viewed", session="s", url="https://a.b").status == "received"
    assert client.sessions.attach("s", profile="p").attached
    assert client.lists.add_profile("Greens", "p").id == "p"
    assert client.lists.delete("items").id == "items"
    assert client.profiles.retrieve("verify").id == "verify"
    assert client.profiles.unsubscribe("p").state == "unsubscribed"
    assert not client.profiles.unverify("p", email="a@b.c").verified
    assert list(client.orders.list()) == []
    with pytest.raises(NotFound):
        client.request("GET", "/v1")
    client.close()


def test_the_console_is_readable() -> None:
    stream = io.StringIO()
    client = HellotextClient(token="t", backend=ConsoleBackend(stream=stream))
    client.carts.create(profile="MzYwlE50", items=[LineItem("vxqQJ3Yg", 2, Money(Decimal("89.90"), "EUR"))])
    client.lists.list(name="Gr")
    text = stream.getvalue()
    assert "POST /v1/attribution/carts\n{" in text
    assert '"amount": 89.90' in text
    assert '"name": "Gr"' in text
    assert "not sent; answered 201" in text


@pytest.mark.openssl
def test_tls_is_verified_with_the_ca_bundle_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with tls_server(tmp_path) as port:
        client = HellotextClient(token="t", base_url=f"https://localhost:{port}")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        with pytest.raises(ConnectionFailed, match="certificate"):
            client.lists.create(name="Greens")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        for _ in range(3):
            assert client.lists.create(name="Greens").id == "zN4Xx4Km"
        client.close()


class tls_server:  # noqa: N801
    """An HTTPS server for localhost with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        self._certificate = folder / "cert.pem"
        self._key = folder / "key.pem"

    def __enter__(self) -> int:
        subprocess.run(
            [
                *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
                *["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                *["-keyout", str(self._key), "-out", str(self._certificate)],
            ],
            check=True,
            capture_output=True,
        )

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps({"id": "zN4Xx4Km"}).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self._server.server_port

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def test_a_carrier_can_be_built_by_its_dotted_path() -> None:
    for name in ("HttpBackend", "ConsoleBackend", "DummyBackend"):
        build: Callable[[], Any] = import_string(f"django_hellotext.api.backends.{name}")
        assert type(build()).__name__ == name
    assert repr(HttpBackend()) == "<HttpBackend>"


def test_the_client_needs_neither_settings_nor_models() -> None:
    script = (
        "import sys\n"
        "from django_hellotext.api import HellotextClient\n"
        "from django_hellotext.api.backends import DummyBackend\n"
        "client = HellotextClient(token='t', backend=DummyBackend())\n"
        "assert client.profiles.create(email='will.e@acme.com').id\n"
        "assert 'django.db' not in sys.modules, 'imports the database'\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, env=environment, timeout=60)
