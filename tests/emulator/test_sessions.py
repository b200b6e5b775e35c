from __future__ import annotations

import pytest

from django_hellotext.emulator import Emulator

from .calling import Caller
from .shop import AT, SESSION, Shop

OTHER = "11111111-2222-4333-8444-555555555555"
NEWS = "2KAGgAgm"


def attach(call: Caller, session: str, profile: str) -> tuple[int, object]:
    answer = call("PATCH", f"/v1/sessions/{session}", {"profile": profile})
    return answer.status, answer.json.get("profile", answer.json.get("errors"))


def person(call: Caller, email: str) -> str:
    made: str = call.make("POST", "/v1/profiles", {"email": email})["id"]
    return made


def test_a_session_is_unknown_until_the_browser_has_sent_something(shop: Shop, call: Caller) -> None:
    assert attach(call, OTHER, shop.profile)[0] == 404
    shop.track(action="page.viewed", session=OTHER, url="https://shop.example.com/")
    assert attach(call, OTHER, shop.profile)[0] == 404
    call.make("POST", "/v1/public/acks", {"session": OTHER, "at": AT})
    assert attach(call, OTHER, shop.profile)[0] == 200


def test_a_browser_event_makes_a_session_known(shop: Shop, call: Caller) -> None:
    shop.browse(action="page.viewed", session=OTHER, page={"url": "https://shop.example.com/"})
    assert attach(call, OTHER, shop.profile)[0] == 200


def test_a_short_link_makes_a_session_known() -> None:
    call = Caller(Emulator(known_sessions=(NEWS,)))
    one = person(call, "a@example.com")
    assert attach(call, NEWS, one)[0] == 200
    assert attach(call, OTHER, one)[0] == 404
    call.emulator.know_session(OTHER)
    assert attach(call, OTHER, one)[0] == 200


def test_an_attachment_answers_with_an_internal_number_that_is_no_id(shop: Shop, call: Caller) -> None:
    status, profile = attach(call, SESSION, shop.profile)
    assert status == 200
    assert isinstance(profile, int)
    assert attach(call, SESSION, shop.profile) == (200, profile)


def test_a_session_never_moves_to_another_profile(shop: Shop, call: Caller) -> None:
    attach(call, SESSION, shop.profile)
    other = person(call, "b@example.com")
    assert attach(call, SESSION, other) == (200, None)
    event = {"action": "page.viewed", "session": SESSION, "profile": other, "url": "https://shop.example.com/"}
    answer = call("POST", "/v1/attribution/events", event)
    assert (answer.status, answer.errors) == (422, [("session_assigned_to_another_profile", "session")])
    cart = call("POST", "/v1/attribution/carts", {"session": SESSION, "profile": other})
    assert cart.errors == [("session_assigned_to_another_profile", "session")]
    shop.track(**{**event, "profile": shop.profile})
    assert "belongs to another profile" in next(
        entry.reason for entry in call.emulator.log if entry.operation == "attach_session" and entry.reason
    )


def test_a_refused_attachment_may_also_answer_with_the_owner() -> None:
    call = Caller(Emulator(known_sessions=(NEWS,), conflict_answer="owner"))
    first, second = person(call, "a@example.com"), person(call, "b@example.com")
    assert attach(call, NEWS, first) == attach(call, NEWS, second)


def test_attaching_to_an_unknown_profile_is_told_from_an_unknown_session(shop: Shop, call: Caller) -> None:
    answer = call("PATCH", f"/v1/sessions/{SESSION}", {"profile": "nobody"})
    assert (answer.status, answer.errors) == (422, [("not_found", "profile")])
    assert call("PATCH", f"/v1/sessions/{SESSION}", {}).errors == [("parameter_missing", "profile")]


def test_earlier_events_and_carts_follow_the_session_to_the_profile(shop: Shop, call: Caller) -> None:
    shop.track(action="page.viewed", session=SESSION, url="https://shop.example.com/")
    cart = call.make("POST", "/v1/attribution/carts", {"session": SESSION})
    assert (cart["profile"], call.all("events")[0]["profile"]) == (None, None)
    attach(call, SESSION, shop.profile)
    assert call.all("events")[0]["profile"] == shop.profile
    assert call.make("GET", f"/v1/attribution/carts/{cart['id']}")["profile"] == shop.profile
    shop.track(action="page.viewed", session=SESSION, url="https://shop.example.com/later")
    assert call.all("events")[0]["profile"] == shop.profile


def test_tracking_with_a_profile_does_not_attach_the_session(shop: Shop, call: Caller) -> None:
    shop.track(action="page.viewed", session=SESSION, profile=shop.profile, url="https://shop.example.com/")
    other = person(call, "b@example.com")
    status, profile = attach(call, SESSION, other)
    assert status == 200
    assert profile is not None


@pytest.mark.parametrize("path", ["/v1/attribution/events", "/v1/attribution/carts"])
def test_strict_sessions_refuse_what_no_browser_announced(path: str) -> None:
    call = Caller(Emulator(strict_sessions=True, known_sessions=(NEWS,)))
    data = {"action": "page.viewed", "url": "https://shop.example.com/", "session": OTHER}
    assert call("POST", path, data).errors == [("not_found", "session")]
    call.make("POST", path, {**data, "session": NEWS})
