"""Each kind of fault can be asked for in each way, and the client sees it as the error that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from django_hellotext.api import HellotextClient
from django_hellotext.emulator import EmulatorServer, Fault
from django_hellotext.emulator.faults import KINDS
from django_hellotext.exceptions import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
)

from .test_command import running

SLOW = {"latency", "no_answer", "drip"}
PATIENCE = 2.0  # seconds, with what is slow; until then the request must have arrived on a busy machine, too
# Options of the fault, and the error of the client.
SEEN: dict[str, tuple[dict[str, object], type[ApiError]]] = {
    "latency": ({"seconds": 30}, OutcomeUnknown),
    "error": ({"status": 502}, ServerError),
    "rate_limit": ({"retry_after": 7}, RateLimited),
    "reset": ({}, OutcomeUnknown),
    "no_answer": ({"seconds": 30}, OutcomeUnknown),
    "drip": ({"seconds": 0.1}, OutcomeUnknown),
    "garbage": ({}, InvalidResponse),
    "revoke": ({}, AuthenticationError),
    "refuse": ({"seconds": 60}, OutcomeUnknown),
}


def options(kind: str) -> dict[str, object]:
    return {"kind": kind, "path": f"/v1/lists/{kind}", **SEEN[kind][0]}


def spec(kind: str) -> str:
    rest = ",".join(f"{name}={value}" for name, value in options(kind).items() if name != "kind")
    return f"{kind}:{rest}"


def from_python(server: EmulatorServer, kind: str) -> None:
    given = options(kind)
    server.emulator.add_fault(Fault(**given))  # type: ignore[arg-type]


def over_http(server: EmulatorServer, kind: str) -> None:
    requests.post(f"{server.url}/_emulator/faults", json=options(kind), timeout=60).raise_for_status()


@pytest.fixture
def connect() -> Iterator[Callable[[str], HellotextClient]]:
    made: list[HellotextClient] = []

    def build(url: str) -> HellotextClient:
        made.append(HellotextClient(token="test-token", base_url=url))
        return made[-1]

    yield build
    for client in made:
        client.close()


def assert_seen(client: HellotextClient, kind: str) -> None:
    with pytest.raises(NotFound):
        client.lists.retrieve("nothing-wrong-here")
    with pytest.raises(SEEN[kind][1]) as caught:
        (client.with_options(deadline=PATIENCE) if kind in SLOW else client).lists.retrieve(kind)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7
    if kind == "error":
        assert caught.value.status == 502
    if kind == "refuse":
        with pytest.raises(ConnectionFailed):
            client.lists.retrieve("anything")
    if kind == "revoke":
        with pytest.raises(AuthenticationError):
            client.lists.retrieve("anything")


def test_no_kind_is_left_out() -> None:
    assert set(SEEN) == set(KINDS)


@pytest.mark.parametrize("way", [from_python, over_http])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_asked_for_while_it_runs_is_what_the_client_sees(
    kind: str,
    way: Callable[[EmulatorServer, str], None],
    server: EmulatorServer,
    connect: Callable[[str], HellotextClient],
) -> None:
    way(server, kind)
    assert_seen(connect(server.url), kind)
    assert server.emulator.log[-1].fault == kind or kind == "revoke"


def test_every_fault_can_be_asked_for_on_the_command_line(connect: Callable[[str], HellotextClient]) -> None:
    """Two processes: a revoked token and a refused connection each go on for good."""
    for last in ("revoke", "refuse"):
        kinds = [*(kind for kind in KINDS if kind not in ("revoke", "refuse")), last]
        with running(*(part for kind in kinds for part in ("--fault", spec(kind)))) as process:
            for kind in kinds:
                assert_seen(connect(process.url), kind)
