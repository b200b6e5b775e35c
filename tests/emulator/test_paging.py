from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.emulator import LENIENT

from .calling import Caller

PATHS = {
    "profiles": "/v1/profiles",
    "lists": "/v1/lists",
    "coupons": "/v1/coupons",
    "apps": "/v1/attribution/apps",
    "products": "/v1/attribution/products",
    "events": "/v1/attribution/events",
}


def fill(call: Caller, plural: str, number: int) -> None:
    for place in range(number):
        data: dict[str, Any] = {"name": f"Thing {place}"}
        if plural == "profiles":
            data = {"email": f"{place}@example.com"}
        elif plural == "coupons":
            data = {"code": str(place), "description": "x", "destination_url": "https://x.example/"}
        elif plural == "events":
            data = {"action": "page.viewed", "session": "s", "url": f"https://x.example/{place}"}
        call.make("POST", PATHS[plural], data)


def pages(call: Caller, plural: str, query: str) -> list[str]:
    rows = call.make("GET", PATHS[plural], query=query)[plural]
    return [row["id"] for row in rows]


@pytest.mark.parametrize("plural", list(PATHS))
def test_a_collection_is_walked_both_ways(call: Caller, plural: str) -> None:
    fill(call, plural, 7)
    everything = pages(call, plural, "limit=100")
    assert len(everything) == 7
    forwards = pages(call, plural, "limit=3")
    while len(page := pages(call, plural, f"limit=3&starting_after={forwards[-1]}")) == 3:
        forwards += page
    assert forwards + page == everything
    assert pages(call, plural, f"limit=3&ending_before={everything[5]}") == everything[2:5]
    assert pages(call, plural, f"limit=3&ending_before={everything[1]}") == everything[:1]
    assert pages(call, plural, f"ending_before={everything[0]}") == []
    assert pages(call, plural, f"starting_after={everything[-1]}") == []


def test_a_page_has_25_unless_asked_otherwise(call: Caller) -> None:
    fill(call, "lists", 30)
    assert len(pages(call, "lists", "")) == 25
    assert len(pages(call, "lists", "limit=1")) == 1


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "ten", "1.5", "", "%00", "%ff", "\u0661", "9" * 400, "1&limit[]=2"]
)
def test_a_limit_outside_1_to_100_is_refused(call: Caller, limit: str) -> None:
    assert call("GET", "/v1/lists", query=f"limit={limit}").status == 400


@pytest.mark.parametrize("name", ["starting_after", "ending_before"])
def test_a_cursor_that_never_was_is_refused(call: Caller, name: str) -> None:
    answer = call("GET", "/v1/lists", query=f"{name}=nothing")
    assert (answer.status, answer.errors) == (400, [("not_found", name)])
    assert call("GET", "/v1/lists", query=f"{name}[x]=1").status == 400


def test_both_cursors_at_once_are_refused(call: Caller) -> None:
    fill(call, "lists", 2)
    one, other = pages(call, "lists", "")
    answer = call("GET", "/v1/lists", query=f"starting_after={one}&ending_before={other}")
    assert answer.errors == [("ambiguous_parameter", "ending_before")]


def test_a_deleted_object_marks_no_place(call: Caller) -> None:
    fill(call, "lists", 3)
    everything = pages(call, "lists", "")
    call.make("DELETE", f"/v1/lists/{everything[1]}")
    for name in ("starting_after", "ending_before"):
        answer = call("GET", "/v1/lists", query=f"{name}={everything[1]}")
        assert (answer.status, answer.errors) == (400, [("not_found", name)])


@pytest.mark.parametrize("reading", [LENIENT])
def test_a_deleted_object_still_marks_its_place_in_a_lenient_reading(call: Caller) -> None:
    fill(call, "lists", 5)
    everything = pages(call, "lists", "")
    call.make("DELETE", f"/v1/lists/{everything[2]}")
    assert pages(call, "lists", f"starting_after={everything[2]}") == everything[3:]
    assert pages(call, "lists", f"ending_before={everything[2]}") == everything[:2]


def test_many_moves_in_the_order_of_activity_lose_nobody(call: Caller) -> None:
    fill(call, "profiles", 5)
    ids = pages(call, "profiles", "")
    for number in range(1_100):
        call.emulator.world.store["profile"].touch(ids[number % 5])
    assert pages(call, "profiles", "") == ids[::-1]
