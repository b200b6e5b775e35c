"""Each kind of fault can be asked for in each way, and the client sees it as the error that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

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

# A revoked token and a refused connection each go on for good: each comes last, in an emulator of its own.
KINDS_AT_ONCE = [[*(kind for kind in KINDS if kind not in ("revoke", "refuse")), "revoke"], ["refuse"]]
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


def assert_all_seen(url: str, kinds: list[str], connect: Callable[[str], HellotextClient]) -> None:
    """Ask for what is slow all at once: each waits for its deadline."""
    with pytest.raises(NotFound):
        connect(url).lists.retrieve("nothing-wrong-here")
    slow = [kind for kind in kinds if kind in SLOW]
    with ThreadPoolExecutor(max_workers=len(SLOW)) as pool:
        asked = [pool.submit(assert_seen, connect(url), kind) for kind in slow]
        for each in asked:
            each.result()
    for kind in kinds:
        if kind not in SLOW:
            assert_seen(connect(url), kind)


def test_no_kind_is_left_out() -> None:
    assert set(SEEN) == set(KINDS)


@pytest.mark.parametrize("way", [from_python, over_http])
@pytest.mark.parametrize("kinds", KINDS_AT_ONCE, ids="-".join)
def test_faults_asked_for_while_it_runs_are_what_the_client_sees(
    kinds: list[str],
    way: Callable[[EmulatorServer, str], None],
    server: EmulatorServer,
    connect: Callable[[str], HellotextClient],
) -> None:
    for kind in kinds:
        way(server, kind)
    assert_all_seen(server.url, kinds, connect)
    met = {entry.path.rpartition("/")[2]: entry.fault for entry in server.emulator.log}
    for kind in kinds:
        assert met[kind] == kind or kind == "revoke"


@pytest.mark.parametrize("kinds", KINDS_AT_ONCE, ids="-".join)
def test_every_fault_can_be_asked_for_on_the_command_line(
    kinds: list[str], connect: Callable[[str], HellotextClient]
) -> None:
    with running(*(part for kind in kinds for part in ("--fault", spec(kind)))) as process:
        assert_all_seen(process.url, kinds, connect)
