"""All 87 operations, driven with the contract's examples and with what must be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from django_hellotext.emulator import AS_DOCUMENTED, LENIENT, STRICT, Emulator
from django_hellotext.emulator.routes import OPERATIONS
from tests.contract import Operation, browser_operations, resolve, server_operations

from .calling import Caller
from .shop import Shop

ALL = (*server_operations(), *browser_operations())
EXAMPLES = [
    pytest.param(operation, body, id=f"{operation.id}-{name}" if body else operation.id)
    for operation in ALL
    for name, body in (operation.body_examples or {"": {}}).items()
]
WITH_JSON = [
    operation
    for operation in ALL
    if "application/json" in operation.node.get("requestBody", {}).get("content", {})
    and "seen" not in operation.path
    and operation.id not in {"mark_webchat_message_seen", "create_session"}  # stubs that read no body
]
WITH_ID = [
    operation
    for operation in ALL
    if operation.path_parameters and ("browser" not in operation.node["tags"] or "stub" not in str(operation.node))
]
# Which object an event has is another one for each action: test_events and test_browser have them one by one.
JUDGED_BY_ACTION = {"track_event", "track_browser_event"}
WITHOUT_EFFECT = {
    "create_order": {"total"},  # the total follows from the lines
    "update_event": {"object", "object_parameters", "object_type"},  # documented for tracking only
}
FORM = "application/x-www-form-urlencoded"
WITH_FORM = [operation for operation in ALL if FORM in operation.node.get("requestBody", {}).get("content", {})]
BAD_BODIES = {
    "broken": b'{"name": ',
    "list": b"[]",
    "text": b'"name"',
    "null": b"null",
    "number": b"17",
    "latin-1": b'{"name": "caf\xe9"}',
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "raw NUL": b'{"name": "a\x00b"}',
    "escaped NUL": b'{"x": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "lone surrogate": b'{"x": ["\\ud83d"]}',
    "not a number": b'{"amount": NaN}',
    "infinity": b'{"amount": -Infinity}',
    "endless exponent": b'{"amount": 1E99999999999999999999}',
    "endless integer": b'{"amount": ' + b"9" * 10_000 + b"}",
    "nested": b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}",
    "deeply nested": b'{"x":' * 100_000,
    "one megabyte": b'{"name": "' + b"x" * 1_000_000 + b'"}',
}
WRONG_VALUES: list[Any] = [
    17,
    -1.5,
    True,
    None,
    "",
    " ",
    "x" * 70_000,
    "a\x00",
    "\ud83d",
    [],
    [[]],
    {},
    {"x": {}},
    10**30,
    "\u202e",
]


def tag(operation: Operation) -> str:
    first: str = operation.node["tags"][0]
    return first


def prepared(shop: Shop, operation: Operation, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if operation.id == "track_event":
        for name in ("signup_form.completed", "appointment.booked"):
            shop.call.make("POST", "/v1/attribution/actions", {"name": name})
    return shop.path(operation.path, tag(operation)), shop.pointed(body)


def test_the_emulator_has_exactly_the_operations_of_the_contract() -> None:
    ours = {(operation.operation_id, operation.method, operation.template) for operation in OPERATIONS}
    assert ours == {(operation.id, operation.method, operation.path) for operation in ALL}
    assert len(server_operations()) == 74
    assert len(OPERATIONS) == 87


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED], ids=lambda reading: reading.name)
@pytest.mark.parametrize(("operation", "body"), EXAMPLES)
def test_the_example_succeeds_in_the_shape_of_the_contract(
    operation: Operation, body: dict[str, Any], shop: Shop, call: Caller
) -> None:
    path, data = prepared(shop, operation, body)
    answer = call(operation.method, path, data if body else None)
    assert str(answer.status) == next(status for status in operation.node["responses"] if status.startswith("2"))


@pytest.mark.parametrize("token", ["", "wrong", "the other kind"])
def test_a_wrong_token_is_refused_everywhere(token: str, emulator: Emulator, call: Caller) -> None:
    for operation in ALL:
        of_the_other_kind = emulator.token if "browser" in operation.node["tags"] else emulator.business_id
        given = of_the_other_kind if token == "the other kind" else token
        path = operation.path.replace("{", "").replace("}", "")
        assert call(operation.method, path, {}, token=given).status == 401, str(operation)
        assert emulator.log[-1].accepted is False


@pytest.mark.parametrize("operation", WITH_ID, ids=str)
def test_an_unknown_id_is_not_found(operation: Operation, shop: Shop, call: Caller) -> None:
    body = next(iter(operation.body_examples.values()), None)
    for parameter in operation.path_parameters:
        path = operation.path.replace(f"{{{parameter}}}", "nobody")
        answer = call(operation.method, shop.path(path, tag(operation)), body and shop.pointed(body))
        assert answer.status == 404
        assert answer.errors == [("not_found", parameter)]


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
def test_no_body_can_break_an_operation(operation: Operation, shop: Shop, call: Caller) -> None:
    path = shop.path(operation.path, tag(operation))
    before = shop.call.emulator.world.store.counts()
    for name, body in BAD_BODIES.items():
        answer = call(operation.method, path, body=body)
        assert answer.status in {400, 422}, name
    assert shop.call.emulator.world.store.counts() == before


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
def test_a_wrong_content_type_is_refused(operation: Operation, shop: Shop, call: Caller) -> None:
    path = shop.path(operation.path, tag(operation))
    for content_type in ("text/plain", "application/xml", "multipart/form-data"):
        assert call(operation.method, path, body=b"{}", content_type=content_type).status in {400, 422}
    if operation not in WITH_FORM:
        assert call(operation.method, path, body=b"action=page.viewed", content_type=FORM).status in {400, 422}


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
def test_no_value_of_a_wrong_type_can_break_an_operation(operation: Operation, shop: Shop, call: Caller) -> None:
    path, example = prepared(shop, operation, next(iter(operation.body_examples.values()), {}))
    for name in parameters(operation.node["requestBody"]["content"]["application/json"]["schema"]):
        for value in WRONG_VALUES:
            answer = call(operation.method, path, body=json.dumps({**example, name: value}).encode())
            assert answer.status < 500


@pytest.mark.parametrize(
    "operation", [operation for operation in WITH_JSON if operation.id not in JUDGED_BY_ACTION], ids=str
)
def test_no_parameter_of_the_contract_is_overlooked(operation: Operation, shop: Shop, call: Caller) -> None:
    path, example = prepared(shop, operation, next(iter(operation.body_examples.values()), {}))
    overlooked = set()
    for name in parameters(operation.node["requestBody"]["content"]["application/json"]["schema"]):
        wrong: tuple[Any, ...] = (17, True, {"x": {}}, [[]])
        if all(call(operation.method, path, {**example, name: value}).status < 300 for value in wrong):
            overlooked.add(name)
    assert overlooked == WITHOUT_EFFECT.get(operation.id, set())


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
def test_a_required_parameter_is_required(operation: Operation, shop: Shop, call: Caller) -> None:
    schema = resolve(operation.node["requestBody"]["content"]["application/json"]["schema"])
    path, example = prepared(shop, operation, next(iter(operation.body_examples.values()), {}))
    for name in required(schema):
        answer = call(operation.method, path, {key: value for key, value in example.items() if key != name})
        assert answer.status == (422 if "browser" in operation.node["tags"] else 400)
        assert ("parameter_missing", name) in answer.errors


@pytest.mark.parametrize("operation", WITH_FORM, ids=str)
def test_a_form_is_understood_where_the_contract_takes_one(operation: Operation, shop: Shop, call: Caller) -> None:
    path, example = prepared(shop, operation, next(iter(operation.body_examples.values()), {}))
    answer = call(operation.method, path, body=encoded(example), content_type=FORM)
    assert answer.status < 300, answer.json
    for broken in (b"name=%ff", b"a=1&a[b]=2", b"\xff", b"a[]=1&a[b]=1", b"name=a%00b", b"a" + b"[b]" * 200 + b"=1"):
        assert call(operation.method, path, body=broken, content_type=FORM).status < 500


def test_a_form_carries_numbers_and_flags_as_text(shop: Shop, call: Caller) -> None:
    body = b"name=Boot&price[amount]=12.50&price[currency]=EUR&tags[]=a&tags[]=b"
    made = json.loads(call("POST", "/v1/attribution/products", body=body, content_type=FORM).body)
    assert (made["price"]["amount"], made["tags"]) == (12.5, ["a", "b"])
    body = f"profile={shop.profile}&items[][product]=ANVIL&items[][quantity]=3".encode()
    assert call("POST", "/v1/attribution/carts", body=body, content_type=FORM).json["items"][0]["quantity"] == 3
    body = b"name=contact.met&goal=true&passive=0"
    assert call("POST", "/v1/attribution/actions", body=body, content_type=FORM).json["goal"] is True


def test_unknown_paths_and_methods_say_so(emulator: Emulator, call: Caller) -> None:
    assert call("GET", "/v1/unknown").status == 404
    assert call("GET", "/v1//profiles").status == 404
    assert call("GET", "/v1/profiles/").status == 404
    assert call("GET", "/v2").status == 404
    wrong = call("PUT", "/v1/profiles")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST, GET")
    assert [entry.status for entry in emulator.log] == [404, 404, 404, 404, 405]


def test_a_refused_request_leaves_nothing_behind(shop: Shop, call: Caller) -> None:
    before = shop.call.emulator.world.store.counts()
    lines = [{"product": {"name": "New", "reference": "N1"}, "quantity": 1}, {"product": "unknown", "quantity": 1}]
    parameters = {"reference": "X", "source": "acme", "delivery": "deliver", "items": lines}
    event = {"action": "order.placed", "profile": shop.profile, "object_parameters": parameters}
    assert call("POST", "/v1/attribution/events", event).status == 422
    assert shop.call.emulator.world.store.counts() == before


def parameters(schema: dict[str, Any]) -> Iterator[str]:
    schema = resolve(schema)
    yield from schema.get("properties", {})
    for pattern in schema.get("patternProperties", {}):
        yield "property[gender]" if "property" in pattern else "email[work]"
    for part in schema.get("allOf", []):
        yield from parameters(part)


def required(schema: dict[str, Any]) -> Iterator[str]:
    schema = resolve(schema)
    yield from schema.get("required", [])
    for part in schema.get("allOf", []):
        if "if" not in part:
            yield from required(part)


def encoded(data: Any, prefix: str = "") -> bytes:
    """Form-encode with brackets, as the reference's commands do."""
    from urllib.parse import quote

    def pairs(value: Any, name: str) -> Iterator[str]:
        if isinstance(value, dict):
            for key, entry in value.items():
                yield from pairs(entry, f"{name}[{key}]" if name else key)
        elif isinstance(value, list):
            for entry in value:
                yield from pairs(entry, f"{name}[]")
        else:
            yield f"{quote(name)}={quote(str(value))}"

    return "&".join(pairs(data, prefix)).encode()
