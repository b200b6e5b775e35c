from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.emulator import Emulator

from .calling import Caller
from .shop import AT, SESSION, Shop

PAGE = {"url": "https://shop.example.com/a", "title": "A", "path": "/a"}


def test_a_page_view_takes_its_address_from_the_page(call: Caller) -> None:
    shop = Shop(call)
    shop.browse(action="page.viewed", session=SESSION, page=PAGE)
    event = call.all("events")[0]
    assert (event["url"], event["session"]) == (PAGE["url"], SESSION)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"action": "never.defined", "session": SESSION}, "dropped: action: "),
        ({"action": "order.placed", "session": SESSION}, "dropped: object: "),
        ({"action": "page.viewed"}, "dropped: the event has no session"),
    ],
)
def test_what_the_browser_sends_wrong_is_answered_and_dropped_and_said(
    shop: Shop, call: Caller, event: dict[str, Any], reason: str
) -> None:
    before = len(call.all("events"))
    assert shop.browse(**event) == {"status": "received"}
    assert call.emulator.log[-1].reason.startswith(reason)
    assert call.emulator.log[-1].accepted is False
    assert len(call.all("events")) == before


def test_a_dropped_event_leaves_no_object_but_its_session(shop: Shop, call: Caller) -> None:
    parameters = {"reference": "C8", "source": "acme", "items": [{"product": "nothing", "quantity": 1}]}
    shop.browse(action="cart.added", session="new-session", object_parameters=parameters)
    assert [cart["reference"] for cart in call.all("carts")] == ["C7"]
    assert call("PATCH", "/v1/sessions/new-session", {"profile": shop.profile}).status == 200


def test_the_browser_cannot_name_a_profile(shop: Shop, call: Caller) -> None:
    shop.browse(action="page.viewed", session=SESSION, page=PAGE, profile=shop.profile)
    assert call.all("events")[0]["profile"] is None


@pytest.mark.parametrize("data", [{}, {"action": ""}, {"action": 7}, {"action": "page.viewed", "session": 7}])
def test_an_event_without_an_outline_is_refused(call: Caller, data: dict[str, Any]) -> None:
    assert call("POST", "/v1/track/events", data).status == 422


def test_the_public_settings_load_nothing_more(call: Caller) -> None:
    settings = call.make("GET", "/v1/public/businesses/test-business")
    assert (settings["style_url"], settings["webchat"], settings["whatsapp"]) == (None, None, None)


def test_an_acknowledgement_may_come_without_a_session(call: Caller) -> None:
    call.make("POST", "/v1/public/acks", {"at": AT, "session": None})
    call.make("POST", "/v1/public/acks", {"at": AT})
    assert call("POST", "/v1/public/acks", {"session": SESSION}).errors == [("parameter_missing", "at")]


def test_a_session_keeps_its_newest_campaign(call: Caller) -> None:
    for campaign in ("spring", "summer"):
        call.make("POST", "/v1/public/acks", {"at": AT, "session": SESSION, "utm_params": {"campaign": campaign}})
    row = call.emulator.world.store["session"].get(SESSION)
    assert row is not None
    assert row["utm"] == {"campaign": "summer"}


def test_identify_identifies_nobody(call: Caller) -> None:
    data = {"user_id": "1", "session": SESSION, "email": "a@example.com", "source": "invented"}
    call.make("POST", "/v1/public/identifications", data)
    assert call.all("profiles") == []
    assert call.emulator.log[-2].reason.startswith("nobody identified")


def test_a_new_session_is_known(shop: Shop, call: Caller) -> None:
    session = call.make("POST", "/v1/track/sessions", {})["id"]
    assert call("PATCH", f"/v1/sessions/{session}", {"profile": shop.profile}).status == 200


def test_a_submitted_form_is_an_event_of_its_session(shop: Shop, call: Caller) -> None:
    data = {"session": SESSION, "email": "a@example.com"}
    call.make("POST", f"/v1/public/forms/{shop.form}/submissions", data)
    assert call.all("events")[0]["action"]["name"] == "form.completed"
    call.make("POST", f"/v1/public/forms/{shop.form}/submissions", {})


def preflight(emulator: Emulator, path: str) -> Any:
    headers = {
        "Origin": "http://127.0.0.1:8000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return emulator.handle("OPTIONS", path, headers=headers, body=b"")


def test_a_page_on_another_port_may_call(emulator: Emulator) -> None:
    answer = preflight(emulator, "/v1/track/events")
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:8000"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    headers = {"Authorization": "Bearer test-business", "Origin": "http://127.0.0.1:8000"}
    called = emulator.handle("POST", "/v1/track/events", headers=headers, body=b'{"action": ""}')
    assert (called.status, called.headers["access-control-allow-origin"]) == (422, "http://127.0.0.1:8000")


def test_a_page_may_not_call_what_needs_the_private_token(emulator: Emulator) -> None:
    assert preflight(emulator, "/v1/profiles").status in {401, 405}
    answer = emulator.handle("GET", "/v1/profiles", headers={"Origin": "http://127.0.0.1:8000"}, body=b"")
    assert "access-control-allow-origin" not in answer.headers
