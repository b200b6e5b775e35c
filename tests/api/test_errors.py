"""One exception for each meaning, with what is needed to decide and nothing private."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from django_hellotext import exceptions
from django_hellotext.api import HellotextClient
from django_hellotext.exceptions import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    ErrorDetail,
    HellotextError,
    InvalidResponse,
    NotAllowed,
    NotFound,
    Outcome,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    ServerError,
    TrackingError,
    ValidationError,
)

from .wire import WireServer, json_answer, raw_answer

NOT_UNIQUE = {"errors": [{"type": "parameter_not_unique", "parameter": "name", "message": "The value must be unique."}]}
API_ERRORS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, ApiError)]


@pytest.mark.parametrize(
    ("status", "kind", "outcome"),
    [
        (400, ValidationError, Outcome.REFUSE),
        (401, AuthenticationError, Outcome.HALT),
        (402, ValidationError, Outcome.REFUSE),
        (403, PermissionDenied, Outcome.HALT),
        (404, NotFound, Outcome.REFUSE),
        (405, ValidationError, Outcome.REFUSE),
        (408, ServerError, Outcome.RETRY),
        (409, ValidationError, Outcome.REFUSE),
        (410, ValidationError, Outcome.REFUSE),
        (422, ValidationError, Outcome.REFUSE),
        (425, ServerError, Outcome.RETRY),
        (429, RateLimited, Outcome.RETRY),
        (500, ServerError, Outcome.RETRY),
        (502, ServerError, Outcome.RETRY),
        (503, ServerError, Outcome.RETRY),
        (504, ServerError, Outcome.RETRY),
        (599, ServerError, Outcome.RETRY),
    ],
)
def test_each_status_has_its_class_and_outcome(
    status: int, kind: type[ApiError], outcome: Outcome, server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer(NOT_UNIQUE, status=status)
    with pytest.raises(ApiError) as caught:
        client.lists.create(name="Greens")
    error = caught.value
    assert type(error) is kind
    assert (error.outcome, error.status) == (outcome, status)
    assert (error.method, error.path) == ("POST", "/v1/lists")
    assert (error.type, error.parameter, error.message) == ("parameter_not_unique", "name", "The value must be unique.")
    assert error.duration is not None
    assert 0 < error.duration < 10
    assert len(error.request_id) == 32


def test_a_5xx_may_have_applied_a_write_but_not_a_read(server: WireServer, client: HellotextClient) -> None:
    server.answer = raw_answer(502, b"<html>Bad gateway</html>")
    with pytest.raises(ServerError) as caught:
        client.lists.create(name="Greens")
    assert caught.value.may_have_applied
    with pytest.raises(ServerError) as caught:
        client.lists.retrieve("Greens")
    assert not caught.value.may_have_applied


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (NOT_UNIQUE, [("parameter_not_unique", "name", "The value must be unique.")]),
        ({"errors": [{"type": "invalid", "description": "Wrong."}]}, [("invalid", None, "Wrong.")]),
        ({"error": {"type": "invalid", "parameter": None}}, [("invalid", None, "")]),
        ({"error": "Not found"}, [("", None, "Not found")]),
        ({"error": {"message": "Gone"}}, [("", None, "Gone")]),
        ({"error": {"errors": [{"type": "invalid"}]}}, [("invalid", None, "")]),
        ({"errors": {"email": ["is taken", "is odd"]}}, [("", "email", "is taken"), ("", "email", "is odd")]),
        ({"errors": ["first", {"type": "second"}]}, [("", None, "first"), ("second", None, "")]),
        ({"message": "No."}, [("", None, "No.")]),
        ({"errors": []}, []),
        ({"errors": 7}, []),
        ({"errors": [{"type": 7}, None, 7]}, []),
        ([{"type": "invalid"}], [("invalid", None, "")]),
        (7, []),
    ],
)
def test_the_error_envelope_is_read_in_every_spelling(
    body: Any, expected: list[tuple[str, str | None, str]], server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer(body, status=422)
    with pytest.raises(ValidationError) as caught:
        client.lists.create(name="Greens")
    assert [(item.type, item.parameter, item.message) for item in caught.value.errors] == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b"{" * 10, b"[1E-99999999999999999999]"])
def test_an_error_that_is_no_json_still_has_its_class(body: bytes, server: WireServer, client: HellotextClient) -> None:
    server.answer = raw_answer(422, body)
    with pytest.raises(ValidationError) as caught:
        client.lists.create(name="Greens")
    assert (caught.value.errors, caught.value.type, caught.value.parameter, caught.value.message) == ((), "", "", "")


def test_an_endless_list_of_errors_is_cut(server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"errors": [{"type": "invalid", "message": "x" * 5000}] * 1000}, status=422)
    with pytest.raises(ValidationError) as caught:
        client.lists.create(name="Greens")
    assert len(caught.value.errors) == 20
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
        ("9" * 500, 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("", None),
        (None, None),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    header: str | None, expected: float | None, server: WireServer, client: HellotextClient
) -> None:
    server.answer = raw_answer(429, b"", headers={} if header is None else {"Retry-After": header})
    with pytest.raises(RateLimited) as caught:
        client.lists.create(name="Greens")
    assert caught.value.retry_after == expected


def test_a_rate_limit_may_name_the_hour(server: WireServer, client: HellotextClient) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.answer = raw_answer(429, b"", headers={"Retry-After": in_an_hour})
    with pytest.raises(RateLimited) as caught:
        client.lists.create(name="Greens")
    assert caught.value.retry_after == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("kind", API_ERRORS)
def test_every_api_error_survives_a_pickle(kind: type[ApiError]) -> None:
    error = kind(
        "No answer",
        method="POST",
        path="/v1/lists",
        status=500,
        duration=1.5,
        request_id="abc",
        errors=[ErrorDetail("invalid", "name", "Wrong.")],
    )
    if isinstance(error, RateLimited):
        error.retry_after = 7.0
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301
        assert type(copy) is kind
        assert vars(copy) == vars(error)
        assert (str(copy), copy.outcome) == (str(error), error.outcome)


@pytest.mark.parametrize(
    "error",
    [
        HellotextError("a"),
        ConfigurationError("a"),
        NotAllowed("a"),
        TrackingError("a", reason="no_currency", parameter="currency"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_other_error_survives_a_pickle(error: HellotextError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_what_a_carrier_says_is_masked_and_cut() -> None:
    said = "no proxy http://user:secret-word@proxy:3128 for will.e@acme.com with Bearer ALK_4f1d0b7e, "
    shown = str(OutcomeUnknown(said * 100, method="POST", path="/v1/lists"))
    assert not any(word in shown for word in ("secret-word", "will.e", "4f1d0b7e"))
    assert len(shown) < 600


def test_every_api_error_has_an_outcome() -> None:
    assert {kind.__name__: kind(method="POST").outcome for kind in API_ERRORS} == {
        "ApiError": Outcome.UNKNOWN,
        "AuthenticationError": Outcome.HALT,
        "PermissionDenied": Outcome.HALT,
        "NotFound": Outcome.REFUSE,
        "ValidationError": Outcome.REFUSE,
        "RateLimited": Outcome.RETRY,
        "ServerError": Outcome.RETRY,
        "ConnectionFailed": Outcome.RETRY,
        "OutcomeUnknown": Outcome.UNKNOWN,
        "InvalidResponse": Outcome.UNKNOWN,
        "UnusableId": Outcome.REFUSE,
    }


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ApiError(), "ApiError"),
        (ConnectionFailed("refused", method="GET", path="/v1/lists"), "GET /v1/lists: refused"),
        (NotFound(method="GET", path="/v1/lists/x", status=404), "GET /v1/lists/x answered 404"),
        (
            ValidationError(
                method="POST", path="/v1/lists", status=422, errors=[ErrorDetail("invalid", "name", "Wrong.")]
            ),
            "POST /v1/lists answered 422: invalid (name): Wrong.",
        ),
    ],
)
def test_the_text_of_an_error_tells_the_story(error: ApiError, text: str) -> None:
    assert str(error) == text
    assert repr(error) == f"<{type(error).__name__} {text}>"


def test_personal_data_in_a_message_or_a_path_is_masked(
    server: WireServer, client: HellotextClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = json_answer(
        {"errors": [{"type": "invalid", "parameter": "email", "message": "will.e@acme.com or +59899000001 is taken"}]},
        status=422,
    )
    with caplog.at_level(logging.DEBUG, logger="django_hellotext"), pytest.raises(ValidationError) as caught:
        client.lists.update("will.e@acme.com +59899000001", name="x")
    everything = f"{caught.value} {caught.value!r} {vars(caught.value)} {caplog.text}"
    assert "will.e" not in everything
    assert "5989900000" not in everything
    assert caught.value.path == "/v1/lists/w***@acme.com ***01"


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        pytest.param(200, b"<html>hello</html>", "is not JSON", id="html"),
        pytest.param(200, b"", "is empty", id="empty"),
        pytest.param(200, b" \r\n", "is empty", id="blank"),
        pytest.param(200, b'{"id": "Mz', "is not JSON", id="half"),
        pytest.param(200, b"[]", "is not a JSON object", id="array"),
        pytest.param(200, b'"text"', "is not a JSON object", id="text"),
        pytest.param(200, b"null", "is not a JSON object", id="null"),
        pytest.param(200, b'{"id": NaN}', "is not JSON", id="NaN"),
        pytest.param(200, b"\xff\xfe\x00", "is not JSON", id="no UTF-8"),
        pytest.param(200, b'{"a":' * 100_000, "is not JSON", id="deep"),
        pytest.param(200, b'{"id": "a", "amount": 1E99999999999999999999}', "is not JSON", id="endless exponent"),
        pytest.param(200, b'{"id": ""}', "has no id", id="empty ID"),
        pytest.param(200, b'{"id": null}', "has no id", id="null ID"),
        pytest.param(200, b'{"id": true}', "has no id", id="boolean ID"),
        pytest.param(201, b"{}", "has no id", id="no ID"),
        pytest.param(200, b'{"id": "%s"}' % (b"x" * (10_000_000 - 10)), "larger than 8 MB", id="10 MB long"),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_a_write_unknown(
    status: int, body: bytes, text: str, server: WireServer, client: HellotextClient
) -> None:
    server.answer = raw_answer(status, body)
    with pytest.raises(InvalidResponse, match=text) as caught:
        client.lists.create(name="Greens")
    assert (caught.value.outcome, caught.value.status) == (Outcome.UNKNOWN, status)
    server.answer = json_answer({"id": "zN4Xx4Km"})
    assert client.lists.create(name="Greens").id == "zN4Xx4Km"  # the client is not harmed


def test_a_compressed_answer_is_not_asked_for(server: WireServer, client: HellotextClient) -> None:
    client.lists.create(name="Greens")
    assert server.last.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, serve: Callable[..., WireServer], server: WireServer, client: HellotextClient
) -> None:
    elsewhere = serve(json_answer({"id": "zN4Xx4Km"}))
    server.answer = raw_answer(status, b"", headers={"Location": f"{elsewhere.url}/v1/lists"})
    with pytest.raises(InvalidResponse, match="redirect"):
        client.lists.create(name="Greens")
    assert (elsewhere.requests, len(server.requests)) == ([], 1)


@pytest.mark.parametrize("body", [b"not HTTP at all\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\x00" * 100])
def test_an_answer_that_is_not_http_leaves_the_outcome_unknown(
    body: bytes, server: WireServer, client: HellotextClient
) -> None:
    def garbage(_: Any, connection: Any) -> bool:
        connection.sendall(body)
        return False

    server.answer = garbage
    with pytest.raises(OutcomeUnknown):
        client.lists.create(name="Greens")


def test_a_verification_without_its_answer_cannot_be_read(server: WireServer, client: HellotextClient) -> None:
    with pytest.raises(InvalidResponse, match="verified"):
        client.profiles.verify("MzYwlE50", email="will.e@acme.com")


def test_an_informational_status_is_not_success(server: WireServer, client: HellotextClient) -> None:
    server.answer = raw_answer(199, b"")
    with pytest.raises(InvalidResponse, match="documents"):
        client.lists.create(name="Greens")


def test_a_status_outside_the_documented_ones_is_not_success(server: WireServer, client: HellotextClient) -> None:
    server.answer = raw_answer(999, b'{"id": "zN4Xx4Km"}')
    with pytest.raises(ServerError):
        client.lists.create(name="Greens")


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_any_2xx_is_success(status: int, server: WireServer, client: HellotextClient) -> None:
    server.answer = json_answer({"id": "zN4Xx4Km"}, status=status)
    assert client.lists.create(name="Greens").id == "zN4Xx4Km"


def test_a_deletion_without_content_is_success(server: WireServer, client: HellotextClient) -> None:
    server.answer = raw_answer(204, b"")
    assert client.lists.delete("Greens").deleted
