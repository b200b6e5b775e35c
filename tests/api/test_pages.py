"""Pages: lazily through the whole collection, both ways, flat in memory."""

from __future__ import annotations

import socket
import tracemalloc
from itertools import islice
from typing import Any

import pytest

from django_hellotext.api import HellotextClient
from django_hellotext.exceptions import InvalidResponse, NotFound, Outcome, ValidationError

from .wire import Answer, Captured, WireServer, json_answer


def collection(size: int) -> Answer:
    """Orders with the IDs ``size`` (newest) to 1 (oldest), paged as the contract says."""

    def answer(captured: Captured, connection: socket.socket) -> bool:
        query = dict(captured.query)
        limit = int(query["limit"])
        if "ending_before" in query:
            first = min(size, int(query["ending_before"]) + limit)
            ids = range(first, int(query["ending_before"]), -1)
        else:
            first = int(query.get("starting_after", size + 1)) - 1
            ids = range(first, max(0, first - limit), -1)
        return json_answer({"orders": [{"id": str(number), "type": "order"} for number in ids]})(captured, connection)

    return answer


def ids(objects: Any) -> list[int]:
    return [int(item.id) for item in objects]


@pytest.mark.parametrize(("size", "limit", "requests"), [(0, 2, 1), (1, 2, 1), (2, 2, 2), (5, 2, 3), (300, 100, 4)])
def test_iterating_goes_through_all_pages(
    size: int, limit: int, requests: int, server: WireServer, client: HellotextClient
) -> None:
    server.answer = collection(size)
    assert ids(client.orders.list(limit=limit)) == list(range(size, 0, -1))
    assert len(server.requests) == requests


def test_a_page_knows_its_own_objects_alone(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(5)
    page = client.orders.list(limit=2)
    assert ids(page.items) == [5, 4]
    assert repr(page) == "<Page of 2, limit 2>"
    assert len(server.requests) == 1


def test_pages_are_asked_for_only_when_they_are_needed(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(100)
    walk = client.orders.list(limit=10).auto_paging_iter()
    assert ids(islice(walk, 10)) == list(range(100, 90, -1))
    assert len(server.requests) == 1
    assert int(next(walk).id) == 90
    assert len(server.requests) == 2


def test_ending_before_walks_backwards_to_the_newest(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(7)
    assert ids(client.orders.list(limit=2, ending_before="2")) == [3, 4, 5, 6, 7]
    assert [dict(request.query).get("ending_before") for request in server.requests] == ["2", "4", "6"]


def test_a_page_leads_to_its_neighbours(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(5)
    middle = client.orders.list(limit=2, starting_after="5")
    older, newer = middle.older(), middle.newer()
    assert older is not None
    assert newer is not None
    assert (ids(older.items), ids(middle.items), ids(newer.items)) == ([2, 1], [4, 3], [5])
    assert older.older() is None
    assert newer.newer() is None
    again = newer.older()
    assert again is not None
    assert ids(again.items) == [4, 3]


def test_filters_and_limit_stay_on_every_page(server: WireServer, client: HellotextClient) -> None:
    def answer(captured: Captured, connection: socket.socket) -> bool:
        last = "starting_after" in dict(captured.query)
        found = [{"id": "b"}] if last else [{"id": "d"}, {"id": "c"}]
        return json_answer({"profiles": found})(captured, connection)

    server.answer = answer
    assert len(list(client.profiles.list(limit=2, email="will.e@acme.com"))) == 3
    assert [dict(request.query)["email"] for request in server.requests] == ["will.e@acme.com"] * 2
    assert [dict(request.query)["limit"] for request in server.requests] == ["2"] * 2


def test_the_page_size_is_always_sent(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(0)
    client.orders.list()
    assert server.last.target == "/v1/attribution/orders?limit=25"


@pytest.mark.parametrize("direction", ["starting_after", "ending_before"])
def test_a_server_that_ignores_the_cursor_does_not_make_an_endless_walk(
    direction: str, server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer({"orders": [{"id": "2"}, {"id": "1"}]})
    with pytest.raises(InvalidResponse, match="move on") as caught:
        list(client.orders.list(limit=2, **{direction: "9"}))
    assert caught.value.outcome is Outcome.RETRY
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "data", [{}, {"orders": None}, {"orders": {}}, {"orders": [7]}, {"orders": [{"type": "order"}]}]
)
def test_a_page_that_cannot_be_read_is_an_error_and_not_an_empty_page(
    data: dict[str, Any], server: WireServer, client: HellotextClient
) -> None:
    server.answer = json_answer(data)
    with pytest.raises(InvalidResponse):
        client.orders.list()


def test_an_error_in_the_middle_of_a_walk_reaches_the_caller(server: WireServer, client: HellotextClient) -> None:
    server.answer = collection(4)
    walk = iter(client.orders.list(limit=2))
    next(walk)
    server.answer = json_answer({"errors": [{"type": "not_found"}]}, status=404)
    next(walk)
    with pytest.raises(NotFound):
        next(walk)


def shrinking(server: WireServer, *, gone: set[int], status: int = 400, type: str = "not_found") -> Answer:
    """Orders 6 to 1, of which ``gone`` are deleted after the first page; what is deleted is no cursor."""

    def answer(captured: Captured, connection: socket.socket) -> bool:
        query = dict(captured.query)
        live = [number for number in range(6, 0, -1) if len(server.requests) <= 1 or number not in gone]
        name = "ending_before" if "ending_before" in query else "starting_after"
        cursor, limit = int(query.get(name, 7)), int(query["limit"])
        if cursor in gone:
            body = {"errors": [{"type": type, "parameter": name}]}
            return json_answer(body, status=status)(captured, connection)
        older = [number for number in live if number < cursor][:limit]
        found = [number for number in live if number > cursor][-limit:] if name == "ending_before" else older
        return json_answer({"orders": [{"id": str(number)} for number in found]})(captured, connection)

    return answer


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize(("cursor", "walked"), [({}, [6, 5, 4, 3, 2, 1]), ({"ending_before": "1"}, [2, 3, 4, 5, 6])])
def test_when_an_object_was_deleted_meanwhile_the_one_before_it_marks_the_place(
    status: int, cursor: dict[str, str], walked: list[int], server: WireServer, client: HellotextClient
) -> None:
    server.answer = shrinking(server, gone={4}, status=status)
    assert ids(client.orders.list(limit=3, **cursor)) == walked


@pytest.mark.parametrize(("gone", "type"), [({6, 5, 4}, "not_found"), ({4}, "invalid")])
def test_a_page_of_which_no_object_marks_a_place_leads_nowhere(
    gone: set[int], type: str, server: WireServer, client: HellotextClient
) -> None:
    server.answer = shrinking(server, gone=gone, type=type)
    with pytest.raises(ValidationError) as caught:
        list(client.orders.list(limit=3))
    assert (caught.value.type, caught.value.parameter) == (type, "starting_after")


def test_a_long_walk_is_flat_in_memory(server: WireServer, client: HellotextClient) -> None:
    def peak(size: int) -> int:
        server.answer = collection(size)
        tracemalloc.start()
        try:
            assert sum(1 for _ in client.orders.list(limit=100)) == size
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            server.requests.clear()

    peak(200)
    assert peak(5000) < 2 * peak(500)
