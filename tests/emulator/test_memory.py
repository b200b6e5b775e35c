from __future__ import annotations

from decimal import Decimal

import pytest

from django_hellotext.api import HellotextClient, Money
from django_hellotext.emulator import Emulator, Fault, MemoryBackend
from django_hellotext.exceptions import (
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    ValidationError,
)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(emulator: Emulator, waits: list[float]) -> HellotextClient:
    return HellotextClient(token="test-token", backend=MemoryBackend(emulator, sleep=waits.append))


def test_a_client_works_without_a_socket(client: HellotextClient) -> None:
    client.products.create(name="Böot ☃", sku="B/1", price=Money(Decimal("89.90"), "EUR"))
    assert client.products.retrieve("B/1").name == "Böot ☃"
    assert [product.sku for product in client.products.list(limit=5)] == ["B/1"]
    with pytest.raises(NotFound):
        client.products.retrieve("nothing")
    with pytest.raises(ValidationError) as caught:
        client.products.create(name="Twin", sku="B/1")
    assert (caught.value.type, caught.value.parameter) == ("parameter_not_unique", "sku")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("error"), ServerError),
        (Fault("rate_limit", retry_after=3), RateLimited),
        (Fault("reset"), OutcomeUnknown),
        (Fault("no_answer"), OutcomeUnknown),
        (Fault("garbage"), InvalidResponse),
        (Fault("latency", seconds=60), OutcomeUnknown),
        (Fault("drip", seconds=5), OutcomeUnknown),
        (Fault("refuse"), ConnectionFailed),
        (Fault("refuse", skip=1), ConnectionFailed),
        (Fault("revoke"), AuthenticationError),
    ],
)
def test_each_fault_becomes_its_error(
    emulator: Emulator, client: HellotextClient, fault: Fault, error: type[Exception]
) -> None:
    emulator.add_fault(fault)
    if fault.skip:
        client.lists.create(name="first")
    with pytest.raises(error):
        client.lists.create(name="second")
    emulator.clear_faults()
    client.lists.create(name="third")


def test_a_short_latency_is_waited_for(emulator: Emulator, client: HellotextClient, waits: list[float]) -> None:
    emulator.add_fault(Fault("latency", seconds=0.25))
    client.lists.create(name="x")
    assert waits == [0.25]


def test_without_an_emulator_it_has_its_own() -> None:
    backend = MemoryBackend()
    HellotextClient(token="test-token", backend=backend).lists.create(name="x")
    assert len(backend.emulator.log) == 1
    assert repr(backend) == "<MemoryBackend>"
