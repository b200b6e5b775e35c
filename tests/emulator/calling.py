"""Calls to an emulator in this process, each answer of which is held against the contract."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from django_hellotext.emulator import Emulator
from django_hellotext.emulator.routes import match
from tests.contract import document

UNDOCUMENTED = {401, 403}  # the contract gives these no body


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def errors(self) -> list[tuple[str, str | None]]:
        """Type and parameter of each error."""
        return [(error["type"], error["parameter"]) for error in self.json["errors"]]

    @property
    def id(self) -> str:
        found: str = self.json["id"]
        return found


class Caller:
    """Calls an emulator; counts the operations it has seen succeed and be refused."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.holds = True  # each answer against the contract
        self.succeeded: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def __call__(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        query: str = "",
        body: bytes | None = None,
        content_type: str = "application/json",
        token: str | None = None,
    ) -> Answer:
        found = match(method, path, post_updates=self.emulator.reading.post_updates)
        if token is None:
            token = self.emulator.business_id if found.browser else self.emulator.token
        raw = body if body is not None else b"" if data is None else json.dumps(data).encode()
        headers = {"Authorization": f"Bearer {token}"}
        if raw:
            headers["Content-Type"] = content_type
        response = self.emulator.handle(method, path, query=query, headers=headers, body=raw)
        answer = Answer(response.status, response.headers, response.body)
        if found.operation is not None:
            if self.holds:
                hold_against_contract(found.operation.operation_id, answer)
            counter = self.succeeded if answer.status < 300 else self.refused
            counter[found.operation.operation_id] += 1
        return answer

    def make(self, method: str, path: str, data: Any = None, **options: Any) -> Any:
        """Call, and return the JSON of a success."""
        answer = self(method, path, data, **options)
        assert answer.status < 300, answer.json
        return answer.json

    def all(self, plural: str) -> list[Any]:
        """Return the first hundred of a collection, newest first."""
        path = {"profiles": "/v1/profiles", "lists": "/v1/lists", "properties": "/v1/properties"}
        found: list[Any] = self.make("GET", path.get(plural, f"/v1/attribution/{plural}"), query="limit=100")[plural]
        return found


@lru_cache
def _operations() -> dict[str, tuple[str, str]]:
    return {
        node["operationId"]: (path, method)
        for path, item in document()["paths"].items()
        for method, node in item.items()
        if method != "parameters"
    }


@lru_cache
def _registry() -> Registry[Any]:
    empty: Registry[Any] = Registry()
    filled: Registry[Any] = empty.with_resource("urn:contract", DRAFT202012.create_resource(document()))
    return filled


@lru_cache
def _validator(pointer: str) -> Any:
    return OAS31Validator({"$ref": f"urn:contract#{pointer}"}, registry=_registry())


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def hold_against_contract(operation_id: str, answer: Answer) -> None:
    """Fail unless the contract has this status for the operation, with a body of this shape."""
    path, method = _operations()[operation_id]
    responses = document()["paths"][path][method]["responses"]
    status = str(answer.status)
    assert status in responses, f"{operation_id} has no {status}: {answer.body[:300]!r}"
    assert answer.headers["content-type"].startswith("application/json")
    node = responses[status]
    pointer = f"/paths/{_escaped(path)}/{method}/responses/{status}"
    if "$ref" in node:
        pointer = node["$ref"].removeprefix("#")
        node = document()["components"]["responses"][pointer.rsplit("/", 1)[1]]
    if "content" not in node:
        assert answer.status in UNDOCUMENTED or answer.status == 200
        return
    errors = list(_validator(f"{pointer}/content/application~1json/schema").iter_errors(answer.json))
    assert not errors, f"{operation_id} {status}: {errors[0].message} at {list(errors[0].path)}"
