"""The unofficial contract of the Hellotext API, read for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from openapi_core import OpenAPI

CONTRACT_FILE = Path(__file__).with_name("hellotext-openapi.yaml")
_METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation of the contract. ``node`` is its part of the document, with references left as they are."""

    id: str
    method: str
    path: str
    node: dict[str, Any]

    def __str__(self) -> str:
        return self.id

    @property
    def path_parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def query_parameters(self) -> list[dict[str, Any]]:
        resolved = [resolve(parameter) for parameter in self.node.get("parameters", [])]
        return [parameter for parameter in resolved if parameter["in"] == "query"]

    @property
    def body_examples(self) -> dict[str, dict[str, Any]]:
        """The request bodies that the contract shows, by name."""
        content = self.node.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "examples" in content:
            return {name: example["value"] for name, example in content["examples"].items()}
        return {"example": content["example"]} if "example" in content else {}

    @property
    def success(self) -> tuple[int, dict[str, Any]]:
        """The status and the example of the answer to a request that is agreed to."""
        status = next(code for code in self.node["responses"] if code.startswith("2"))
        return int(status), self.node["responses"][status]["content"]["application/json"]["example"]


@lru_cache
def document() -> dict[str, Any]:
    """The whole contract as data."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # many times faster, where PyYAML was built with it
    loaded: dict[str, Any] = yaml.load(CONTRACT_FILE.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe
    return loaded


@lru_cache
def openapi() -> OpenAPI:
    """The contract as openapi-core reads it."""
    return OpenAPI.from_file_path(str(CONTRACT_FILE))


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow one reference."""
    if "$ref" not in node:
        return node
    target: Any = document()
    for key in node["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    resolved: dict[str, Any] = target
    return resolved


def _operations() -> Iterator[Operation]:
    for path, item in document()["paths"].items():
        for method in _METHODS:
            if method in item:
                yield Operation(item[method]["operationId"], method.upper(), path, item[method])


@lru_cache
def server_operations() -> tuple[Operation, ...]:
    """The operations that a server calls with the private token."""
    return tuple(operation for operation in _operations() if "browser" not in operation.node["tags"])


@lru_cache
def browser_operations() -> tuple[Operation, ...]:
    """The operations that a page calls with the public business ID."""
    return tuple(operation for operation in _operations() if "browser" in operation.node["tags"])
