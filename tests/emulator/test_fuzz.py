"""Whatever comes, the emulator answers within the contract and never with a 5xx of its own."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from functools import lru_cache
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_hellotext.emulator import Emulator, Fault, control
from django_hellotext.emulator.faults import KINDS
from django_hellotext.emulator.routes import OPERATIONS, Operation
from django_hellotext.emulator.wire import Reader, Request, WireError
from tests.contract import document

from .calling import Answer, Caller, hold_against_contract
from .shop import SESSION, Shop

# Many in CI, fewer where somebody waits.
EXAMPLES = 300 if os.environ.get("CI") == "true" else 100
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WITH_BODY = [operation for operation in OPERATIONS if operation.body in {"json", "form"}]


@lru_cache
def parameter_names() -> list[str]:
    """Every name of a property anywhere in the contract."""
    names: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                names.update(node["properties"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document()["components"]["schemas"])
    return sorted({*names, "property[gender]", "email[work]", "address[home]", "property_by_id[x]", "email["})


@lru_cache
def stocked() -> tuple[Caller, list[str]]:
    """A shop for all examples, and the ids in it."""
    call = Caller(Emulator())
    shop = Shop(call)
    known = [value for name, value in vars(shop).items() if isinstance(value, str) and name != "call"]
    return call, [*known, "ANVIL", "Greens", "7", "acme", "page.viewed", "order.placed", "cart.added", "product.viewed"]


def values() -> st.SearchStrategy[Any]:
    useful = st.sampled_from([*stocked()[1], "EUR", "deliver", "a@example.com", "+59899000001", "2025-01-01", ""])
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | useful
    keys = st.sampled_from(parameter_names()) | st.text(max_size=4)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=12,
    )


def bodies() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(parameter_names()) | st.text(max_size=4), values(), max_size=8)


def send(operation: Operation, *, query: str = "", body: bytes = b"", content_type: str = "application/json") -> None:
    call, _ = stocked()
    path = operation.template
    for name in ("id", "list", "profile", "order", "product", "message"):
        path = path.replace(f"{{{name}}}", target(operation, name))
    answer = call(operation.method, path, query=query, body=body, content_type=content_type)
    assert answer.status < 500


def target(operation: Operation, name: str) -> str:
    """An id that exists, so that the body is what decides; deletions get one that does not."""
    if operation.method == "DELETE" and "verify" not in operation.template:
        return "nothing"
    family = operation.template.split("/")[3 if "/attribution/" in operation.template else 2]
    call, _ = stocked()
    kind = (
        name if name in {"list", "profile", "order", "product"} else {"properties": "property"}.get(family, family[:-1])
    )
    if kind == "session":
        return SESSION
    table = call.emulator.world.store.tables.get(kind)
    row = next(iter(table.rows.values()), None) if table is not None else None
    if operation.template.endswith("/items/{id}") and name == "id":
        return str(
            call.emulator.world.store["order"].rows[next(iter(call.emulator.world.store["order"].rows))]["items"]
        )
    return "nothing" if row is None else str(row["id"])


@FUZZ
@given(operation=st.sampled_from(WITH_BODY), data=bodies())
def test_any_json_object_is_answered(operation: Operation, data: dict[str, Any]) -> None:
    send(operation, body=json.dumps(data).encode())


@FUZZ
@given(
    data=bodies(),
    action=st.sampled_from(["order.placed", "cart.added", "cart.removed", "product.viewed", "refund.requested"]),
)
def test_any_event_is_answered(data: dict[str, Any], action: str) -> None:
    operation = next(operation for operation in OPERATIONS if operation.operation_id == "track_event")
    send(operation, body=json.dumps({**data, "action": action, "session": SESSION}).encode())


@FUZZ
@given(
    operation=st.sampled_from(OPERATIONS),
    body=st.binary(max_size=200),
    query=st.text(max_size=40)
    | st.sampled_from(["limit=%00", "property[a]=b&property=c", "%ff=%ff", "a[[]]=1", "=&=&"]),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "", ";"]),
)
def test_any_bytes_and_any_query_are_answered(operation: Operation, body: bytes, query: str, content_type: str) -> None:
    send(operation, query=query, body=body, content_type=content_type)


@FUZZ
@given(method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "X"]), path=st.text(max_size=60))
def test_any_path_is_answered(method: str, path: str) -> None:
    for start in ("", "/", "/v1/", "/v1/profiles/", "/v1/attribution/products/", "/v1/public/"):
        response = stocked()[0].emulator.handle(method, start + path, headers={}, body=b"")
        assert response.status in {204, 401, 404, 405}


@FUZZ
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=4))
def test_any_bytes_on_the_wire_are_read_or_refused(data: bytes, cuts: list[int]) -> None:
    for start in (b"", b"POST /x HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"):
        whole, pieces = outcome([start + data]), outcome(pieces_of(start + data, cuts))
        assert whole == pieces


@FUZZ
@given(
    asked=st.sampled_from([*control._CONTROLS, ("PUT", "/faults"), ("HEAD", "/log"), ("OPTIONS", "/x"), ("GET", "/")]),
    query=st.dictionaries(
        st.sampled_from(["after", "limit", "kind", "q", "profile"]),
        st.sampled_from(["", "0", "-1", "1e9", "event", "%ff", "%00", "\u0661"]) | st.text(max_size=4),
    ),
    data=st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from([*(field.name for field in fields(Fault)), "session"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(KINDS),
    ).map(lambda fault: json.dumps({"kind": "error", **fault}).encode()),
    origin=st.none() | st.text(max_size=12) | st.sampled_from(["http://[", "null", "http://x"]),
)
def test_any_request_to_a_control_endpoint_is_answered(
    asked: tuple[str, str], query: dict[str, str], data: bytes, origin: str | None
) -> None:
    headers = {"host": "x"} if origin is None else {"host": "x", "origin": origin}
    text = "&".join(f"{name}={value}" for name, value in query.items())
    request = Request(asked[0], f"{control.PREFIX}{asked[1]}", text, headers, data, True)
    answer = control.answer(Emulator(), request)
    assert answer.status in {200, 400, 403, 404, 405, 422}
    json.loads(answer.body)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[first:second] for first, second in pairwise(edges)]


def outcome(pieces: list[bytes]) -> list[Any]:
    reader, seen = Reader(), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (request := reader.next()) is not None:
                seen.append((request.method, request.path, request.body))
        except WireError as error:
            return [*seen, error.status]
    return seen


@FUZZ
@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "remove", "touch"]), st.integers(0, 5), st.text(max_size=2)), max_size=30
    )
)
def test_a_refused_request_can_be_undone_whatever_it_wrote(steps: list[tuple[str, int, str]]) -> None:
    store = Emulator().world.store
    table = store["list"]
    for number in range(4):
        table.put({"id": str(number), "name": f"n{number}", "created_at": 0})
    store.commit()

    def picture() -> Any:
        found = {name: [row["id"] for row in table.with_key("name", name)] for name in ("n0", "n1", "n2", "n3")}
        return dict(table.rows), list(table.created.older()), found

    before = picture()
    for step, number, name in steps:
        if step == "put":
            table.put({"id": str(number), "name": name, "created_at": 0})
        elif str(number) in table.rows:
            table.remove(str(number))
    store.roll_back()
    assert picture() == before


def test_the_check_itself_notices_what_is_not_in_the_contract() -> None:
    headers = {"content-type": "application/json"}
    for status, body in ((418, b"{}"), (200, b'{"id": 7, "type": "list"}'), (422, b"{}")):
        try:
            hold_against_contract("update_list", Answer(status, headers, body))
        except AssertionError:
            continue
        raise AssertionError(f"{status} {body!r} passed")
