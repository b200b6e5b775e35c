from __future__ import annotations

import json
from typing import Any

import pytest

from django_hellotext.emulator import Emulator, Fault

from .calling import Caller

LISTS = "/v1/lists"
UUID = "0191d7a4-0000-7000-8000-000000000001"


def send(emulator: Emulator, method: str = "POST", path: str = LISTS, data: bytes = b'{"name": "x"}') -> Any:
    headers = {"Authorization": "Bearer test-token", "Content-Type": "application/json"}
    return emulator.handle(method, path, headers=headers, body=data)


def names(emulator: Emulator) -> list[str]:
    return [row["name"] for row in emulator.world.store["list"].rows.values()]


@pytest.mark.parametrize(
    ("fault", "status", "cut", "applied"),
    [
        (Fault("error"), 503, "", False),
        (Fault("error", status=500, applied=True), 500, "", True),
        (Fault("rate_limit", retry_after=7), 429, "", False),
        (Fault("reset"), 0, "reset", False),
        (Fault("reset", applied=True), 0, "reset", True),
        (Fault("no_answer"), 0, "no_answer", True),
        (Fault("drip"), 201, "drip", True),
        (Fault("garbage"), 200, "", True),
        (Fault("latency", seconds=2), 201, "", True),
        (Fault("refuse", times=1), 0, "refuse", False),
        (Fault("revoke", times=1), 401, "", False),
    ],
)
def test_a_fault_decides_what_the_client_sees_and_whether_it_took_effect(
    emulator: Emulator, fault: Fault, status: int, cut: str, applied: bool
) -> None:
    if fault.kind in {"refuse", "revoke"}:
        emulator.add_fault(Fault(fault.kind, skip=1, seconds=0))
        send(emulator, data=b'{"name": "first"}')
    else:
        emulator.add_fault(fault)
    answer = send(emulator)
    assert (answer.status, answer.cut) == (status, cut)
    assert ("x" in names(emulator)) is applied
    entry = emulator.log[-1]
    assert (entry.status, entry.accepted, entry.fault) == (status, applied, fault.kind)


@pytest.mark.parametrize(
    ("spec", "status", "error"),
    [
        ("error:status=400", 400, ("parameter_missing", None)),
        ("error:status=401", 401, ("unauthorized", None)),
        ("error:status=403", 403, ("forbidden", None)),
        ("error:status=404", 404, ("not_found", None)),
        ("error:status=409", 409, ("invalid", None)),
        ("error:status=422,parameter=name", 422, ("invalid", "name")),
        ("error:status=422,given=name", 422, ("invalid", "name")),
        ("error:status=422,type=not_allowed,parameter=url,given=name", 422, ("not_allowed", "url")),
    ],
)
def test_a_4xx_comes_with_an_error_as_hellotext_writes_it(
    emulator: Emulator, spec: str, status: int, error: tuple[str, str | None]
) -> None:
    emulator.add_fault(Fault.parse(spec))
    answer = send(emulator)
    (said,) = json.loads(answer.body)["errors"]
    assert (answer.status, (said["type"], said["parameter"]), names(emulator)) == (status, error, [])
    assert said["message"]


@pytest.mark.parametrize("body", [b'{"kind": "text"}', b'["name"]', b"not JSON", b""])
def test_a_fault_can_keep_to_requests_that_give_a_parameter(emulator: Emulator, body: bytes) -> None:
    emulator.add_fault(Fault("error", status=422, given="name"))
    assert send(emulator).status == 422
    send(emulator, data=body)
    assert emulator.log[-1].fault == ""


def test_a_rate_limit_says_how_long_to_wait(emulator: Emulator) -> None:
    emulator.add_fault(Fault("rate_limit", retry_after=7))
    assert send(emulator).headers["retry-after"] == "7"


def test_garbage_is_no_json(emulator: Emulator) -> None:
    emulator.add_fault(Fault("garbage"))
    with pytest.raises(UnicodeDecodeError):
        send(emulator).body.decode()


def test_latency_joins_another_fault(emulator: Emulator) -> None:
    emulator.add_fault(Fault("latency", seconds=1.5))
    emulator.add_fault(Fault("error", times=1))
    answer = send(emulator)
    assert (answer.status, answer.delay) == (503, 1.5)
    assert emulator.log[-1].fault == "latency, error"


def test_a_fault_keeps_to_its_number_method_path_and_start(emulator: Emulator) -> None:
    emulator.add_fault(Fault("error", times=2, skip=1, method="POST", path=LISTS))
    assert send(emulator, "GET", "/v1/profiles", b"").status == 200
    assert send(emulator, "GET", LISTS, b"").status == 200
    assert [send(emulator, data=b'{"name": "%d"}' % number).status for number in range(5)] == [201, 503, 503, 201, 201]
    assert emulator.faults() == []


def test_the_same_seed_brings_the_same_faults() -> None:
    def statuses(seed: int) -> list[int]:
        emulator = Emulator(seed=seed)
        emulator.add_fault(Fault("error", rate=0.3))
        first = [send(emulator, "GET", LISTS, b"").status for _ in range(200)]
        emulator.clear_faults()
        emulator.add_fault(Fault("error", rate=0.3))
        assert [send(emulator, "GET", LISTS, b"").status for _ in range(200)] == first
        return first

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)
    assert 30 < statuses(1).count(503) < 90


def test_a_revoked_token_is_refused_until_all_goes_well_again(emulator: Emulator) -> None:
    emulator.revoke_token()
    assert emulator.token_revoked
    assert send(emulator).status == 401
    assert Caller(emulator)("GET", "/v1/public/businesses/test-business").status == 200
    emulator.clear_faults()
    assert send(emulator).status == 201


def test_a_fault_that_hides_the_answer_keeps_the_uuid(emulator: Emulator) -> None:
    event = (
        b'{"action": "page.viewed", "session": "s", "url": "u", "metadata": {"hellotext_uuid": "%s"}}' % UUID.encode()
    )
    for fault in (Fault("error", times=1), Fault("no_answer", times=1)):
        emulator.add_fault(fault)
        send(emulator, path="/v1/attribution/events", data=event)
    send(emulator, path="/v1/attribution/events", data=event)
    assert emulator.counts_by_uuid() == {UUID: {"accepted": 2, "refused": 1}}


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("error", Fault("error")),
        ("error:rate=0.2,status=502", Fault("error", rate=0.2, status=502)),
        ("latency:seconds=1.5,path=/v1/profiles", Fault("latency", seconds=1.5, path="/v1/profiles")),
        ("reset:applied=true,times=3,skip=2,method=POST", Fault("reset", applied=True, times=3, skip=2, method="POST")),
        ("rate_limit:retry_after=9", Fault("rate_limit", retry_after=9)),
    ],
)
def test_a_fault_is_written_in_a_line(spec: str, fault: Fault) -> None:
    assert Fault.parse(spec) == fault


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("", "no kind of fault"),
        ("flood", "no kind of fault"),
        ("error:often", "not name=value"),
        ("error:odds=1", "unknown: odds"),
        ("error:rate=2", "rate is from 0 to 1"),
        ("error:rate=x", "rate must be a number"),
        ("error:rate=nan", "rate is from 0 to 1"),
        ("error:status=399", "from 400 to 599"),
        ("error:status=600", "from 400 to 599"),
        ("latency:seconds=-1", "seconds is from"),
        ("error:times=0", "are counts"),
        ("error:skip=-1", "are counts"),
        ("error:times=1.5", "times must be a whole number"),
        ("error:times=1e999999999", "times must be a whole number"),
        ("error:times=nan", "times must be a whole number"),
        ("rate_limit:retry_after=1000000000", "retry_after must be a whole number"),
        ("error:applied=maybe", "applied must be true or false"),
        ("error:method=FETCH", "method is one of GET"),
        ("error:path=v1/profiles", "path is a prefix"),
    ],
)
def test_a_wrong_fault_says_what_is_wrong(spec: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Fault.parse(spec)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"rate": 1, "times": None}, "kind is missing"),
        ({"kind": ["error"]}, "kind must be a text"),
        ({"kind": "error", "times": True}, "times must be a number"),
        ({"kind": "latency", "seconds": True}, "seconds must be a number"),
        ({"kind": "latency", "seconds": {}}, "seconds must be a number"),
        ({"kind": "latency", "seconds": 4_000}, "seconds is from 0 to 3600"),
        ({"kind": "error", "path": 7}, "path must be a text"),
    ],
)
def test_a_wrong_fault_in_json_says_what_is_wrong(data: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Fault.from_mapping(data)


def test_a_method_may_be_written_small(emulator: Emulator) -> None:
    emulator.add_fault(Fault("error", method="post"))
    assert send(emulator).status == 503
