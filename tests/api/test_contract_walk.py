"""Every operation of the contract, called with the contract's own examples over a real socket."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from werkzeug.datastructures import Headers, ImmutableMultiDict

from django_hellotext.api import HellotextClient, LineItem, Money, Page
from django_hellotext.api.operations import OPERATIONS
from tests.contract import Operation, browser_operations, openapi, server_operations

from .wire import Captured, WireServer, json_answer

# The reference's typed names of an event's object; the client sends the newer `object` instead.
OLD_OBJECT_NAMES = ("app", "cart", "coupon", "form", "order", "product", "refund")
PATH_VALUES = {
    "id": "MzYwlE50",
    "list": "Beauty & Care",
    "profile": "MzYwlE50",
    "order": "ro4a731w",
    "product": "SKU/1",
}
QUERY_VALUES: dict[str, Any] = {
    "starting_after": "zN4Xx4Km",
    "ending_before": "zN4Xx4Km",
    "limit": 2,
    "email": "will.e@acme.com",
    "first_name": "Will E",
    "last_name": "Coyote",
    "order": "created_at",
    "phone": "+59899000001",
    "property": {"Size": "42"},
    "profile": "MzYwlE50",
    "name": "Green",
}
CASES = [
    pytest.param(operation, body, id=f"{operation.id}-{name}" if body else operation.id)
    for operation in server_operations()
    for name, body in (operation.body_examples or {"": {}}).items()
]


def test_the_contract_has_74_server_and_13_browser_operations() -> None:
    assert (len(server_operations()), len(browser_operations())) == (74, 13)


def test_every_server_operation_has_one_method_and_no_method_is_left_over() -> None:
    assert set(OPERATIONS) == {operation.id for operation in server_operations()}
    assert len(set(OPERATIONS.values())) == 74


@pytest.mark.parametrize("operation_id", list(OPERATIONS))
def test_each_method_says_in_its_docstring_which_operation_it_is(operation_id: str) -> None:
    method = method_of(HellotextClient(token="t"), operation_id)
    assert f"``{operation_id}``" in (method.__doc__ or "")


@pytest.mark.parametrize("operation_id", list(OPERATIONS))
def test_each_method_says_what_it_raises_and_the_types_of_its_arguments(operation_id: str) -> None:
    method = method_of(HellotextClient(token="t"), operation_id)
    assert "Raises " in (method.__doc__ or "")
    types = inspect.get_annotations(method)
    assert set(types) == {*inspect.signature(method).parameters, "return"}
    assert "Any" not in types.values()


@pytest.mark.parametrize(("operation", "body"), CASES)
def test_the_example_goes_out_as_the_contract_wants_and_its_answer_is_read(
    operation: Operation, body: dict[str, Any], server: WireServer, client: HellotextClient
) -> None:
    status, example = operation.success
    server.answer = json_answer(example, status=status)
    arguments = [PATH_VALUES[name] for name in operation.path_parameters]

    result = method_of(client, operation.id)(*arguments, **keywords(operation, body))

    assert_request(operation, server.requests[0])
    assert_response(operation, server.requests[0], status, example)
    if body:
        assert server.requests[0].json == as_sent(operation, body)
    else:
        assert server.requests[0].body == b""
    assert_result(result, example)


@pytest.mark.parametrize("operation", [item for item in server_operations() if item.query_parameters], ids=str)
def test_every_query_parameter_of_a_list_can_be_sent(
    operation: Operation, server: WireServer, client: HellotextClient
) -> None:
    status, example = operation.success
    server.answer = json_answer(example, status=status)
    names = {parameter["name"] for parameter in operation.query_parameters}
    for left_out in ("ending_before", "starting_after"):
        wanted = {name: QUERY_VALUES[name] for name in names - {left_out}}
        called = {("properties" if name == "property" else name): value for name, value in wanted.items()}

        method_of(client, operation.id)(**called)

        assert_request(operation, server.last)
        flat = {**wanted, "limit": "2"}
        flat.update({f"property[{key}]": value for key, value in flat.pop("property", {}).items()})
        assert dict(server.last.query) == flat


def test_a_request_against_the_contract_is_noticed(server: WireServer, client: HellotextClient) -> None:
    client.request("POST", "/v1/coupons", json={"code": "SALE"})
    with pytest.raises(OpenAPIError):
        openapi().validate_request(mock_request(server.last))


def test_orders_always_carry_their_delivery_and_never_a_total(server: WireServer, client: HellotextClient) -> None:
    client.orders.create(delivery="collect")
    assert server.last.json == {"delivery": "collect"}
    with pytest.raises(TypeError, match="delivery"):
        client.orders.create()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="total"):
        client.orders.create(delivery="collect", total=Money(Decimal(1), "EUR"))  # type: ignore[call-arg]


def method_of(client: HellotextClient, operation_id: str) -> Callable[..., Any]:
    resource, name = OPERATIONS[operation_id]
    method: Callable[..., Any] = getattr(getattr(client, resource), name)
    return method


def keywords(operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
    """The Python arguments for a body of the contract."""
    arguments: dict[str, Any] = {}
    for name, value in as_sent(operation, body).items():
        bracketed = re.fullmatch(r"(property|property_by_id)\[(.+)\]", name)
        if bracketed:
            group = "properties" if bracketed[1] == "property" else "properties_by_id"
            arguments.setdefault(group, {})[bracketed[2]] = value
        elif name in ("price", "total"):
            arguments[name] = Money(value["amount"], value["currency"])
        elif name == "items":
            arguments[name] = [line(item) for item in value]
        elif name == "variants":
            arguments[name] = [{**item, "price": Money(**item["price"])} for item in value]
        elif name == "tracked_at":
            arguments[name] = datetime.fromtimestamp(value, UTC)
        else:
            arguments[name] = value
    return arguments


def line(item: dict[str, Any]) -> LineItem:
    price = item.get("price")
    return LineItem(item["product"], item["quantity"], Money(**price) if price else None)


def as_sent(operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
    """The body of the contract with exact numbers and, for events, the newer name of the object."""
    sent: dict[str, Any] = decimals(body)
    if operation.id == "track_event":
        return {("object" if name in OLD_OBJECT_NAMES else name): value for name, value in sent.items()}
    return sent


def decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decimals(item) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value


def mock_request(captured: Captured) -> MockRequest:
    return MockRequest(
        "https://api.hellotext.com",
        captured.method.lower(),
        captured.path,
        args=ImmutableMultiDict(captured.query),
        headers=dict(Headers(list(captured.headers.items()))),
        data=captured.body or None,
        content_type=captured.headers.get("content-type", ""),
    )


def assert_request(operation: Operation, captured: Captured) -> None:
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", quote(PATH_VALUES[name], safe=""))
    assert (captured.method, captured.path) == (operation.method, path)
    assert ("content-type" in captured.headers) == bool(captured.body)
    openapi().validate_request(mock_request(captured))


def assert_response(operation: Operation, captured: Captured, status: int, example: Any) -> None:
    response = MockResponse(json.dumps(example).encode(), status_code=status, content_type="application/json")
    openapi().validate_response(mock_request(captured), response)


def assert_result(result: Any, example: dict[str, Any]) -> None:
    if isinstance(result, Page):
        (listed,) = example.values()
        assert len(result.items) == len(listed) > 0
        for item, raw in zip(result.items, listed, strict=True):
            assert_matches(item, raw)
        return
    assert_matches(result, example)


ALIASES = {
    "converted_currency": ("converted_currency", "converted_amount_currency"),
    "profile": ("profile", "profile_id"),
    "session": ("session", "session_id"),
}


def assert_matches(value: Any, raw: Any) -> None:
    if dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            assert_field(value, item.name, raw)
    elif isinstance(value, tuple):
        assert len(value) == len(raw)
        for one, raw_one in zip(value, raw, strict=True):
            assert_matches(one, raw_one)
    elif isinstance(value, Decimal):
        assert value == Decimal(str(raw))
    elif isinstance(value, datetime):
        assert value.tzinfo is not None
        assert value == datetime.fromtimestamp(int(raw), UTC)
    else:
        assert value == raw


def assert_field(value: Any, name: str, raw: dict[str, Any]) -> None:
    found = getattr(value, name)
    if name == "raw":
        assert found == decimals(raw)
    elif name == "attached":
        assert found is (raw["profile"] is not None)
    elif name in ("action", "action_id"):
        assert found == raw["action"]["name" if name == "action" else "id"]
    else:
        sources = [raw[key] for key in ALIASES.get(name, (name,)) if key in raw]
        if sources:
            assert_matches(found, sources[0])
        else:
            assert found in (None, (), {})
