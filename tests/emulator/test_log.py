from __future__ import annotations

import threading

import pytest

from django_hellotext.emulator import Emulator
from django_hellotext.emulator.log import RequestLog

from .calling import Caller

UUID = "0191d7a4-0000-7000-8000-000000000001"


def event(call: Caller, **data: object) -> int:
    base = {"action": "page.viewed", "session": "s", "url": "https://x.example/", "metadata": {"hellotext_uuid": UUID}}
    return call("POST", "/v1/attribution/events", {**base, **data}).status


def test_every_request_is_logged_with_its_outcome(call: Caller) -> None:
    event(call)
    event(call, action="never.defined")
    call("GET", "/v1/profiles", query="limit=5")
    first, second, third = call.emulator.log
    assert (first.number, first.method, first.path, first.status, first.accepted) == (
        1, "POST", "/v1/attribution/events", 200, True,
    )  # fmt: skip
    assert (first.uuid, first.operation, first.body_json["url"]) == (UUID, "track_event", "https://x.example/")
    assert first.answer_json == {"status": "received"}
    assert (second.status, second.accepted, second.reason) == (
        404, False, "action: This object was not found. Perhaps it was deleted.",
    )  # fmt: skip
    assert second.uuid == UUID
    assert (third.query, third.body_json, third.uuid) == ("limit=5", None, "")


def test_requests_are_counted_by_our_uuid_refused_and_repeated_ones_too(call: Caller) -> None:
    event(call)
    event(call)
    event(call, action="never.defined")
    event(call, token=1)
    call(
        "POST", "/v1/attribution/events", body=b'{"metadata": {"hellotext_uuid": "%s"}, "x": "\\ud800"}' % UUID.encode()
    )
    assert call.emulator.counts_by_uuid() == {UUID: {"accepted": 3, "refused": 1}}


@pytest.mark.parametrize("metadata", [None, [], "x", {"hellotext_uuid": 7}, {"hellotext_uuid": None}])
def test_a_uuid_of_another_kind_is_none(call: Caller, metadata: object) -> None:
    event(call, metadata=metadata)
    assert call.emulator.log[-1].uuid == ""


def test_a_body_that_is_no_json_is_kept_as_text(call: Caller) -> None:
    call("POST", "/v1/lists", body=b"\xff{")
    assert call.emulator.log[-1].body_json == "\ufffd{"


def test_the_counts_outlive_the_entries(call: Caller) -> None:
    call.emulator.requests = RequestLog(keep=3)
    for _ in range(5):
        event(call)
    assert [entry.number for entry in call.emulator.log] == [3, 4, 5]
    assert call.emulator.requests.dropped == 2
    assert call.emulator.counts_by_uuid()[UUID]["accepted"] == 5


def test_many_threads_lose_no_request() -> None:
    emulator = Emulator()

    def run(number: int) -> None:
        call = Caller(emulator)
        for place in range(50):
            call.make("POST", "/v1/profiles", {"email": f"{number}-{place}@example.com"})

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.number for entry in emulator.log) == list(range(1, 201))
    assert len(emulator.world.store["profile"]) == 200


def test_the_same_seed_gives_the_same_ids() -> None:
    made = [Caller(Emulator(seed=seed))("POST", "/v1/lists", {"name": "x"}).id for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_ids_do_not_repeat() -> None:
    ids = Emulator().world.ids
    assert len({ids.new() for _ in range(50_000)}) == 50_000


def test_a_reset_forgets_everything(call: Caller) -> None:
    call.make("POST", "/v1/lists", {"name": "x"})
    call.emulator.reset()
    assert call.emulator.log == []
    assert call.all("lists") == []
