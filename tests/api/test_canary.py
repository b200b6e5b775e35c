"""No path of the client shows the token, or whom a request is about."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import pickle
import re
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from django_hellotext.api import Address, HellotextClient
from django_hellotext.api.backends import (
    BaseBackend,
    ConsoleBackend,
    DummyBackend,
    HttpBackend,
    PreparedRequest,
    RawResponse,
    transport,
)
from django_hellotext.exceptions import ApiError, ConfigurationError, ConnectionFailed
from tests.ports import closed_port

from .conftest import TOKEN
from .wire import Answer, Captured, WireServer, json_answer, raw_answer

BODY = "body-canary"


def cut_off(_: Captured, connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    return False


def silence(_: Captured, connection: socket.socket) -> bool:
    connection.recv(1)
    return False


ANSWERS: dict[str, Answer] = {
    **{str(status): json_answer({"errors": [{"type": "x"}]}, status=status) for status in (302, 401, 403, 404, 422)},
    "429": raw_answer(429, b"", headers={"Retry-After": "1"}),
    "500": raw_answer(500, b"<html>"),
    "no JSON": raw_answer(200, b"<html>"),
    "no ID": json_answer({}),
    "too large": raw_answer(200, b" " * 10_000_000),
    "cut off": cut_off,
    "silence": silence,
    "echo": lambda captured, connection: json_answer(
        {"errors": [{"type": "invalid", "message": captured.head.decode("latin-1")}]}, status=422
    )(captured, connection),
}


@contextlib.contextmanager
def all_logs() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(exc_info)s"))
    names = ["", "django_hellotext", "django_hellotext.api", "urllib3", "requests"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    try:
        yield stream
    finally:
        logging.getLogger().removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def everything_about(error: BaseException) -> str:
    """What an error tracker could show: the chain, every frame but the test's own with its locals, a pickle."""
    assert error.__cause__ is None  # nothing of the HTTP library comes along, whose frames hold the headers
    assert error.__context__ is None
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    theirs = [frame for frame in frames if frame.filename != __file__]
    assert theirs
    shown = [repr(error), str(error), repr(vars(error)), *(repr(frame.locals) for frame in theirs)]
    with contextlib.suppress(TypeError):
        shown.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(shown)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_token_and_the_body_show_nowhere_when_a_call_fails(
    name: str, server: WireServer, connect: Callable[..., HellotextClient]
) -> None:
    # Only silence is not waited for to its end; its request must have arrived, too, on a busy machine.
    client = connect(server, deadline=2.0 if name == "silence" else 60.0)
    server.answer = ANSWERS[name]
    with all_logs() as logs, pytest.raises(ApiError) as caught:
        client.forms.create(name=BODY)
    assert TOKEN in server.last.headers["authorization"]
    assert BODY in server.last.body.decode()
    assert_clean(everything_about(caught.value), logs.getvalue())
    assert BODY not in str(caught.value)
    assert BODY not in repr(vars(caught.value))
    assert BODY not in logs.getvalue()


def test_the_token_shows_nowhere_when_nothing_answers() -> None:
    with closed_port() as port:
        for url in (f"http://127.0.0.1:{port}", "https://nowhere.invalid"):
            with all_logs() as logs, pytest.raises(ApiError) as caught:
                HellotextClient(token=TOKEN, base_url=url).lists.retrieve("Greens")
            assert_clean(everything_about(caught.value), logs.getvalue())


def test_the_token_shows_nowhere_when_a_call_succeeds(server: WireServer, client: HellotextClient) -> None:
    with all_logs() as logs:
        result = client.lists.create(name="Greens")
    response = client.request("GET", "/v1/lists/Greens")
    assert_clean(logs.getvalue(), repr(result), repr(response), repr(client), repr(client.lists), repr(client.backend))


@pytest.mark.parametrize("proxied", [False, True])
def test_nobody_is_named_in_the_logs_of_the_http_library(
    proxied: bool, server: WireServer, client: HellotextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    if proxied:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        client = HellotextClient(token=TOKEN, base_url="http://api.hellotext.example", allow_http=True)
    server.answer = json_answer({"id": "a", "profiles": []})
    with all_logs() as logs:
        client.profiles.list(email="will.e@acme.com", phone="+59899000001", first_name="Wilhelmina")
        client.lists.retrieve("will.e@acme.com")
    client.close()
    start = "http://api.hellotext.example" if proxied else ""
    query = "limit=25&email=will.e%40acme.com&first_name=Wilhelmina&phone=%2B59899000001"
    assert [request.target for request in server.requests] == [
        f"{start}/v1/profiles?{query}",
        f"{start}/v1/lists/will.e%40acme.com",
    ]
    assert "urllib3" in logs.getvalue()
    for said in ("will.e", "9900000", "Wilhelmina"):
        assert said not in logs.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://api.hellotext.com"},
        {"base_url": "ftp://x"},
        {"base_url": 7},
        {"timeout": 5},
        {"deadline": -1},
        {"token": f"{TOKEN} "},
        {"token": f"{TOKEN}\n"},
        {"token": TOKEN.encode()},
    ],
)
def test_the_token_shows_nowhere_when_the_client_cannot_be_made(options: dict[str, Any]) -> None:
    def make(**arguments: Any) -> HellotextClient:
        return HellotextClient(**arguments)

    with pytest.raises((ConfigurationError, TypeError, ValueError)) as caught:
        make(**{"token": TOKEN, **options})
    assert_clean(everything_about(caught.value))


def test_a_client_cannot_be_pickled_and_says_why(client: HellotextClient) -> None:
    with pytest.raises(TypeError, match="one per process") as caught:
        pickle.dumps(client)
    assert_clean(str(caught.value))


def test_an_error_of_a_carrier_is_completed_with_the_call() -> None:
    class Refusing(BaseBackend):
        def send(self, request: PreparedRequest) -> RawResponse:
            raise ConnectionFailed("refused")

    with pytest.raises(ConnectionFailed) as caught:
        HellotextClient(token=TOKEN, backend=Refusing()).lists.retrieve("will.e@acme.com")
    error = caught.value
    assert (error.method, error.path) == ("GET", "/v1/lists/w***@acme.com")
    assert error.request_id
    assert error.duration is not None
    assert_clean(everything_about(error))


def test_a_fault_of_a_carrier_does_not_show_the_token() -> None:
    class Broken(BaseBackend):
        def send(self, request: PreparedRequest) -> RawResponse:
            raise RuntimeError(f"cannot send {request!r} with {dict(request.headers)}")

    with pytest.raises(RuntimeError) as caught:
        HellotextClient(token=TOKEN, backend=Broken()).lists.retrieve("Greens")
    assert_clean(everything_about(caught.value))


class TimeLimit(BaseException):
    """What a worker raises in the middle of anything, such as Celery's SoftTimeLimitExceeded."""


def test_the_token_shows_nowhere_when_a_call_is_interrupted_while_it_is_sent(
    server: WireServer, client: HellotextClient
) -> None:
    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code is transport._DeadlineMixin.send.__code__:
            sys.setprofile(None)
            raise TimeLimit

    own = ValueError("what the caller was handling")
    before = sys.getprofile()
    try:
        try:
            raise own
        except ValueError:
            with pytest.raises(TimeLimit) as caught:
                sys.setprofile(interrupt)
                client.forms.create(name=BODY)
    finally:
        sys.setprofile(before)
    assert server.requests == []
    frames = everywhere(caught.value)
    assert "create" in [frame.name for frame in frames if "django_hellotext" in frame.filename]
    assert_clean(*(repr(frame.locals) for frame in frames))
    assert own.__traceback__ is not None
    client.lists.create(name="Greens")  # nothing half-sent is left on a connection
    assert server.last.path == "/v1/lists"


def everywhere(error: BaseException | None) -> list[traceback.FrameSummary]:
    """The frames of an error and of all that it came from, but the test's own."""
    frames: list[traceback.FrameSummary] = []
    while error is not None:
        frames += traceback.TracebackException.from_exception(error, capture_locals=True).stack
        error = error.__cause__ or error.__context__
    return [frame for frame in frames if frame.filename != __file__]


@pytest.mark.parametrize("backend", [HttpBackend(), DummyBackend(), ConsoleBackend(stream=io.StringIO())])
def test_no_object_of_the_client_shows_the_token(backend: BaseBackend) -> None:
    client = HellotextClient(token=TOKEN, backend=backend)
    seen = [repr(client), str(client), f"{client}", repr(vars(client)), repr(backend), repr(vars(backend))]
    seen.extend(repr(item) for item in gc.get_referents(client))
    assert_clean(*seen)


def test_the_console_shows_neither_the_token_nor_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    client = HellotextClient(token=TOKEN, backend=ConsoleBackend())
    client.profiles.create(first_name="Will E", email="will.e@acme.com", phones={"mobile": "+59899000001"})
    client.profiles.list(email="will.e@acme.com")
    shown = capsys.readouterr().out
    assert_clean(shown)
    assert "Will E" not in shown
    assert "will.e" not in shown
    assert "9900000" not in shown
    assert "POST /v1/profiles" in shown


PERSON = {
    "first_name": "Wilhelmina",
    "email": "will.e@acme.com",
    "phone": "+59899000001",
    "emails": {"work": "wile@work.example"},
    "properties": {"Nickname": "Canariana"},
    "address": Address(city="Montecanario"),
}
PERSONAL = ("Wilhelmina", "will.e", "9900000", "99.000.001", "wile@", "wile e", "Canariana", "Montecanario")
EVERY_CALL: dict[str, Callable[[HellotextClient], object]] = {
    "create": lambda client: client.profiles.create(**PERSON),  # type: ignore[arg-type]  # one mapping for several types
    "update": lambda client: client.profiles.update("wile@work.example", **PERSON),  # type: ignore[arg-type]  # one mapping for several types
    "retrieve": lambda client: client.profiles.retrieve("will.e@acme.com"),
    "delete": lambda client: client.profiles.delete("will.e@acme.com"),
    "list": lambda client: client.profiles.list(email="will.e@acme.com", phone="+59899000001"),
    "verify": lambda client: client.profiles.verify("MzYwlE50", phone="+59899000001"),
    "track": lambda client: client.events.track(action="x", session="s", metadata={"to": "will.e@acme.com"}),
    "request": lambda client: client.request(
        "POST", "/v1/lists/will.e%40acme.com", json={"email": "will.e@acme.com"}, params={"phone": "+59899000001"}
    ),
}
FAILURES = ("404", "429", "500", "no JSON", "no ID", "cut off", "silence", "echo")


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("call", EVERY_CALL)
def test_nobody_stands_in_a_local_variable_when_a_call_fails(
    name: str, call: str, server: WireServer, connect: Callable[..., HellotextClient]
) -> None:
    server.answer = json_answer([]) if name == "no ID" else ANSWERS[name]
    client = connect(server, deadline=0.3 if name == "silence" else 60.0)
    with all_logs() as logs, pytest.raises(ApiError) as caught:
        EVERY_CALL[call](client)
    assert_impersonal(everything_about(caught.value), logs.getvalue())


@pytest.mark.parametrize("call", EVERY_CALL)
def test_nobody_stands_in_a_local_variable_when_nothing_answers(call: str) -> None:
    with closed_port() as port, all_logs() as logs, pytest.raises(ConnectionFailed) as caught:
        EVERY_CALL[call](HellotextClient(token=TOKEN, base_url=f"http://127.0.0.1:{port}"))
    assert_impersonal(everything_about(caught.value), logs.getvalue())


def test_nobody_stands_in_a_local_variable_when_the_second_page_fails(
    server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer({"profiles": [{"id": "a"}]})
    page = client.profiles.list(email="will.e@acme.com", limit=1)
    server.answer = ANSWERS["500"]
    with pytest.raises(ApiError) as caught:
        list(page)
    assert_impersonal(everything_about(caught.value))


@pytest.mark.parametrize(
    "arguments",
    [{"email": 7}, {"emails": {"[": "will.e@acme.com"}}, {"properties": {"x": object()}}, {"first_name": "\ud800"}],
)
def test_nobody_stands_in_a_local_variable_when_an_argument_is_wrong(
    client: HellotextClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        client.profiles.create(**{**PERSON, **arguments})
    assert_impersonal(*(repr(frame.locals) for frame in everywhere(caught.value)))


def test_the_locals_of_the_caller_stay(client: HellotextClient, server: WireServer) -> None:
    server.answer = ANSWERS["404"]

    def caller() -> None:
        order = 1234
        try:
            raise KeyError("what the caller was handling")
        except KeyError:
            client.lists.retrieve(str(order))

    with pytest.raises(ApiError) as caught:
        caller()
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert [frame.locals["order"] for frame in frames.stack if frame.name == "caller" and frame.locals] == ["1234"]
    assert frames.__context__ is not None
    assert [frame.locals["order"] for frame in frames.__context__.stack if frame.locals] == ["1234"]
    assert "request" in [frame.name for frame in frames.stack]  # the lines are all there


SAID = [
    f"unknown token {TOKEN}",
    f"unknown token {TOKEN.removeprefix('ALK_')}",
    f"{TOKEN}-is-unknown",
    f"token={TOKEN}&email=will.e%40acme.com&again=will.e%2540acme.com",
    '"wile e"@acme.com and wile@[192.168.1.1] and 00598.99.000.001',
]


@pytest.mark.parametrize("field", ["type", "parameter", "message"])
@pytest.mark.parametrize("said", SAID)
def test_what_a_server_repeats_shows_nowhere(
    said: str, field: str, server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer({"errors": [{"type": "invalid", field: said}]}, status=422)
    with all_logs() as logs, pytest.raises(ApiError) as caught:
        client.lists.create(name="Greens")
    assert_clean(everything_about(caught.value), logs.getvalue())
    assert_impersonal(everything_about(caught.value), logs.getvalue())


@pytest.mark.parametrize("field", ["type", "parameter", "message"])
def test_a_server_cannot_write_lines_into_the_log(
    field: str, server: WireServer, client: HellotextClient, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = "a\r\nERROR forged\x1b[2J\u2028forged\x85\u202e"
    server.answer = json_answer({"errors": [{"type": "invalid", field: hostile}]}, status=422)
    with caplog.at_level(logging.DEBUG, "django_hellotext"), pytest.raises(ApiError) as caught:
        client.lists.create(name="a\nforged")
    records = [record for record in caplog.records if record.name == "django_hellotext.api"]
    shown = [str(value) for record in records for value in [record.getMessage(), *vars(record).values()]]
    shown += [str(caught.value), repr(caught.value), caught.value.type, caught.value.parameter, caught.value.message]
    for text in shown:
        assert len(f"{text}.".splitlines()) == 1
        assert not set(text) & set("\x1b\x85\u202e")


def assert_impersonal(*texts: str) -> None:
    for text in texts:
        # The address of an object, or a random ID, may hold the digits of the phone by chance.
        shown = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{32}\b", "", text)
        assert [name for name in PERSONAL if name in shown] == []


def assert_clean(*texts: str) -> None:
    for text in texts:
        assert TOKEN not in text
        assert TOKEN.removeprefix("ALK_") not in text
