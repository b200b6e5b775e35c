"""Schemathesis makes requests from the contract, valid and invalid ones, and sends them to the running emulator."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from django_hellotext.emulator import Emulator, EmulatorServer
from tests.contract import Operation, browser_operations, document, server_operations
from tests.needs import needed_module

from .calling import Caller
from .shop import Shop

schemathesis = needed_module("schemathesis")
EXAMPLES = 5  # for each of the 87 operations and each mode
ALL = (*server_operations(), *browser_operations())


@pytest.fixture(scope="module")
def running() -> Iterator[EmulatorServer]:
    emulator = Emulator(token="test-token", business_id="test-business")
    Shop(Caller(emulator))
    with EmulatorServer(emulator) as server:
        yield server


@pytest.fixture(scope="module")
def contract(running: EmulatorServer) -> Any:
    raw = copy.deepcopy(document())
    raw["servers"] = [{"url": running.url}]
    # The conditions between an event's parameters are too many for the generator; test_events has them one by one.
    event = raw["components"]["schemas"]["TrackEvent"]
    event["allOf"] = event["allOf"][:2]
    loaded = schemathesis.openapi.from_dict(raw)
    loaded.config.update(base_url=running.url)
    return loaded


@pytest.mark.parametrize("operation", ALL, ids=str)
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_every_answer_is_in_the_contract(operation: Operation, mode: str, contract: Any) -> None:
    token = "test-business" if "browser" in operation.node["tags"] else "test-token"
    checks = schemathesis.checks
    strategy = contract[operation.path][operation.method].as_strategy(generation_mode=schemathesis.GenerationMode(mode))

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def send(case: Any) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            checks=[
                checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    send()
