from __future__ import annotations

import threading
from typing import Any

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


@pytest.mark.parametrize(
    ("path", "data", "ignored"),
    [
        ("/v1/lists", {"name": "Greens"}, []),
        ("/v1/lists", {"name": "Greens", "colour": "green", "size": None}, ["colour", "size"]),
        ("/v1/profiles", {"email": "a@example.com", "reference": "7", "phone[work]": "099888888"}, ["reference"]),
        ("/v1/profiles", {"email": {"work": "a@example.com"}, "property": {"gender": "male"}}, []),
        ("/v1/profiles", {"address": {"city": "Montevideo", "planet": "Earth"}}, ["address[planet]"]),
        ("/v1/attribution/products", {"name": "Anvil", "stock": 3, "metadata": {"weight": "5 kg"}}, ["stock"]),
        (
            "/v1/attribution/products",
            {"name": "Anvil", "price": {"amount": 1, "currency": "EUR", "converted_amount": 2, "tax": 3}},
            ["price[tax]"],
        ),
        (
            "/v1/attribution/products",
            {"name": "Anvil", "variants": [{"name": "Small"}, {"name": "Big", "stock": 3}]},
            ["variants[1][stock]"],
        ),
        ("/v1/attribution/orders", {"delivery": "deliver", "total": {"amount": 1, "currency": "EUR"}}, ["total"]),
        (
            "/v1/attribution/carts",
            {"session": "s", "items": [{"product": "T1", "quantity": 1, "title": "Tea"}]},
            ["items[0][title]"],
        ),
        (
            "/v1/attribution/events",
            {"action": "page.viewed", "session": "s", "url": "u", "object": "x", "profile_id": "y"},
            ["object", "profile_id"],
        ),
        (
            "/v1/attribution/events",
            {
                "action": "cart.added",
                "session": "s",
                "metadata": {"hellotext_uuid": UUID, "a": 1},
                "object_parameters": {"reference": "1", "note": "n", "items": [{"product": {"name": "Tea", "x": 1}}]},
            },
            ["object_parameters[note]", "object_parameters[items][0][product][x]"],
        ),
        (
            "/v1/attribution/events",
            {"action": "product.viewed", "session": "s", "object_parameters": {"reference": "T", "name": "Other"}},
            [],
        ),
        (
            "/v1/track/events",
            {"action": "page.viewed", "session": "s", "page": {"url": "u", "title": "t"}, "device": {}},
            ["device"],
        ),
    ],
)
def test_a_parameter_without_effect_is_named_in_the_log(
    call: Caller, path: str, data: dict[str, Any], ignored: list[str]
) -> None:
    call.make("POST", "/v1/attribution/products", {"name": "Tea", "sku": "T1", "reference": "T"})
    call.make("POST", path, data)
    entry = call.emulator.log[-1]
    assert (list(entry.ignored), entry.payload()["ignored"]) == (ignored, ignored)


def test_a_filter_that_does_not_exist_is_named_in_the_log(call: Caller) -> None:
    call("GET", "/v1/lists", query="limit=5&name=x&colour=green&starting_after=")
    call("GET", "/v1/profiles", query="order=created_at&email=a&property[Size]=1&size=5")
    assert [entry.ignored for entry in call.emulator.log] == [("colour",), ("size",)]


def test_a_parameter_of_a_form_without_effect_is_named_in_the_log(call: Caller) -> None:
    body = b"name=Tea&price[amount]=1&price[tax]=2&variants[][name]=Small&variants[][stock]=3&stock=3"
    call("POST", "/v1/attribution/products", body=body, content_type="application/x-www-form-urlencoded")
    assert call.emulator.log[-1].ignored == ("price[tax]", "variants[0][stock]", "stock")


def test_nothing_is_ignored_in_what_was_refused(call: Caller) -> None:
    call("POST", "/v1/lists", {"name": "", "colour": "green"})
    assert call.emulator.log[-1].ignored == ()


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
