"""The rules on which the sources differ: the strict, the lenient and the documented reading of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from django_hellotext.emulator import AS_DOCUMENTED, LENIENT, STRICT, Emulator, Reading

from .calling import Answer, Caller
from .shop import SESSION, Shop

ATTRIBUTION = "/v1/attribution"
ORDERS = f"{ATTRIBUTION}/orders"
CARTS = f"{ATTRIBUTION}/carts"
EVENTS = f"{ATTRIBUTION}/events"
FORM = "application/x-www-form-urlencoded"


def readings(*, strict: Any, lenient: Any, documented: Any) -> pytest.MarkDecorator:
    """Run a test under each reading, with what ``expected`` is there."""
    pairs = [(STRICT, strict), (LENIENT, lenient), (AS_DOCUMENTED, documented)]
    return pytest.mark.parametrize(
        ("reading", "expected"), pairs, ids=[reading.name.replace(" ", "-") for reading, _ in pairs]
    )


def said(answer: Answer) -> tuple[int, list[tuple[str, str | None]]]:
    return answer.status, answer.errors if answer.status >= 400 else []


def test_the_emulator_is_strict_unless_asked_otherwise() -> None:
    assert Emulator().reading == STRICT == Reading()


def test_a_reading_has_one_of_two_statuses_for_what_is_missing() -> None:
    with pytest.raises(ValueError, match="400 or 422"):
        Reading(missing_status=404)


@readings(strict=422, lenient=201, documented=201)
@pytest.mark.parametrize("where", ["cart", "order", "new line"])
def test_a_quantity_is_a_whole_number(shop: Shop, call: Caller, where: str, expected: int) -> None:
    line = {"product": "ANVIL", "quantity": 0.35}
    answer = {
        "cart": lambda: call("POST", CARTS, {"session": "s", "items": [line]}),
        "order": lambda: call("POST", ORDERS, {"delivery": "deliver", "items": [line]}),
        "new line": lambda: call("POST", f"{ORDERS}/{shop.order}/items", line),
    }[where]()
    named = "quantity" if where == "new line" else "items[0][quantity]"
    assert said(answer) == (expected, [("invalid", named)] if expected == 422 else [])


@readings(strict=422, lenient=200, documented=200)
def test_a_quantity_is_a_whole_number_in_changes_and_events_too(shop: Shop, call: Caller, expected: int) -> None:
    assert call("PATCH", f"{ORDERS}/{shop.order}/items/{shop.item}", {"quantity": 2.5}).status == expected
    assert (
        call("PATCH", f"{CARTS}/{shop.cart}", {"new_items": [{"product": "ANVIL", "quantity": 0.5}]}).status == expected
    )
    for action in ("cart.added", "order.placed"):
        parameters = {
            "reference": "N",
            "source": "acme",
            "delivery": "deliver",
            "items": [{"product": "ANVIL", "quantity": 1.5}],
        }
        event = {"action": action, "session": "s", "object_parameters": parameters}
        assert call("POST", EVENTS, event).status == expected


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED])
@pytest.mark.parametrize(("quantity", "status"), [(2.0, 201), (1, 201), (0, 422), (-1, 422), (1_000_001, 422)])
def test_a_quantity_is_above_zero(shop: Shop, call: Caller, quantity: float, status: int) -> None:
    items = [{"product": "ANVIL", "quantity": quantity}]
    assert call("POST", ORDERS, {"delivery": "deliver", "items": items}).status == status


TWICE = [
    {"product": "ANVIL", "quantity": 1, "price": {"amount": "14.00", "currency": "EUR"}},
    {"product": "ANVIL", "quantity": 2, "price": {"amount": "7.00", "currency": "EUR"}},
]
APART = ([(1, "14.00"), (2, "7.00")], "28.00")


@readings(strict=([(3, "7.00")], "21.00"), lenient=APART, documented=APART)
@pytest.mark.parametrize("inline", [False, True])
def test_a_repeated_product_is_merged_with_the_last_price(
    shop: Shop, call: Caller, inline: bool, expected: tuple[list[tuple[int, str]], str]
) -> None:
    data = {"delivery": "deliver", "reference": "TWICE", "source": "acme", "items": TWICE}
    if inline:
        shop.track(action="order.placed", profile=shop.profile, object_parameters=data)
    else:
        call.make("POST", ORDERS, data)
    order = call.all("orders")[0]
    lines = [(item["quantity"], item["price"]["amount"]) for item in order["items"]]
    assert (lines, order["total"]["amount"]) == expected


@readings(strict=[3], lenient=[2, 1], documented=[2, 1])
def test_a_product_that_is_added_again_is_merged_with_its_line(shop: Shop, call: Caller, expected: list[int]) -> None:
    line = call.make("POST", f"{ORDERS}/{shop.order}/items", {"product": shop.product})
    order = call.make("GET", f"{ORDERS}/{shop.order}")
    assert [item["quantity"] for item in order["items"]] == expected
    assert line["id"] in [item["id"] for item in order["items"]]


def test_lines_of_two_currencies_are_not_merged(shop: Shop, call: Caller) -> None:
    prices = [{"amount": 1, "currency": code} for code in ("USD", "EUR")]
    items = [{"product": "ANVIL", "price": price} for price in prices]
    assert said(call("POST", ORDERS, {"delivery": "collect", "items": items})) == (422, [("invalid", "items")])
    again = {"product": "ANVIL", "price": {"amount": 1, "currency": "EUR"}}
    assert said(call("POST", f"{ORDERS}/{shop.order}/items", again)) == (422, [("invalid", "items")])


@readings(strict=400, lenient=200, documented=400)
def test_a_deleted_object_cannot_be_a_cursor(shop: Shop, call: Caller, expected: int) -> None:
    call.make("DELETE", f"{ORDERS}/{shop.order}")
    assert call("GET", ORDERS, query=f"starting_after={shop.order}").status == expected


@readings(strict=(422, [("not_found", "product")]), lenient=(200, []), documented=(422, [("not_found", "product")]))
def test_the_line_of_a_deleted_product_cannot_be_changed(shop: Shop, call: Caller, expected: Any) -> None:
    call.make("DELETE", f"{ATTRIBUTION}/products/{shop.product}")
    path = f"{ORDERS}/{shop.order}/items/{shop.item}"
    assert said(call("PATCH", path, {"quantity": 1})) == expected
    call.make("DELETE", path)


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED])
def test_a_deleted_object_cannot_be_named(shop: Shop, call: Caller) -> None:
    call.make("DELETE", f"{ATTRIBUTION}/products/{shop.product}")
    call.make("DELETE", f"{ORDERS}/{shop.order}")
    for product in (shop.product, shop.variant, "ANVIL", "7"):
        answer = call("POST", ORDERS, {"delivery": "deliver", "items": [{"product": product}]})
        assert said(answer) == (422, [("not_found", "items[0][product]")])
    assert said(call("POST", f"{ATTRIBUTION}/refunds", {"order": shop.order})) == (422, [("not_found", "order")])
    event = {"action": "order.shipped", "profile": shop.profile, "object": shop.order}
    assert said(call("POST", EVENTS, event)) == (404, [("not_found", "object")])


INLINE = {"action": "order.placed", "session": "s", "object_parameters": {"reference": "9", "source": "acme"}}
NO_DELIVERY = (400, [("parameter_missing", "delivery")])


@readings(strict=(200, []), lenient=NO_DELIVERY, documented=(200, []))
def test_an_order_in_an_event_needs_no_delivery(call: Caller, expected: Any) -> None:
    assert said(call("POST", EVENTS, INLINE)) == expected
    if expected == (200, []):
        assert call.all("orders")[0]["delivery"] is None


@pytest.mark.parametrize("reading", [replace(STRICT, inline_delivery=True)])
def test_a_switch_makes_orders_in_events_strict(call: Caller) -> None:
    assert said(call("POST", EVENTS, INLINE)) == NO_DELIVERY


@readings(strict=NO_DELIVERY, lenient=NO_DELIVERY, documented=(201, []))
def test_a_created_order_needs_delivery(call: Caller, expected: Any) -> None:
    assert said(call("POST", ORDERS, {"reference": "9"})) == expected


REQUIRED = [
    ("/v1/lists", {"name": None}, "name"),
    ("/v1/properties", {"kind": None}, "kind"),
    ("/v1/coupons", {"code": None, "description": "d", "destination_url": "https://x.example/"}, "code"),
    (f"{ATTRIBUTION}/products", {"name": None}, "name"),
    (f"{ATTRIBUTION}/products", {"name": "x", "price": {"amount": None, "currency": "EUR"}}, "price[amount]"),
    (CARTS, {"profile": None}, "profile"),
    (CARTS, {"session": None}, "session"),
    (EVENTS, {"action": None, "session": "s"}, "action"),
    (EVENTS, {"action": "cart.viewed", "profile": None}, "profile"),
    (EVENTS, {"action": "page.viewed", "session": "s", "url": None}, "url"),
    (EVENTS, {"action": "order.placed", "session": "s", "object": None}, "object"),
    (EVENTS, {"action": "order.placed", "session": "s", "object_parameters": None}, "object_parameters"),
    # The example of the documentation of Hellotext.js.
    (EVENTS, {"action": "app.installed", "session": "s", "object_parameters": {"name": None}}, "name"),
]


@readings(strict="parameter_invalid_empty", lenient="invalid", documented="parameter_invalid_empty")
@pytest.mark.parametrize(("path", "data", "parameter"), REQUIRED)
def test_null_for_a_required_parameter_is_empty(
    call: Caller, path: str, data: dict[str, Any], parameter: str, expected: str
) -> None:
    assert said(call("POST", path, data)) == (422, [(expected, parameter)])


@readings(
    strict=(422, "parameter_invalid_empty"),
    lenient=(400, "parameter_missing"),
    documented=(422, "parameter_invalid_empty"),
)
def test_null_for_the_product_of_a_line_is_empty(call: Caller, expected: tuple[int, str]) -> None:
    answer = call("POST", ORDERS, {"delivery": "deliver", "items": [{"product": None}]})
    assert said(answer) == (expected[0], [(expected[1], "items[0][product]")])


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED])
def test_null_for_another_parameter_is_invalid(shop: Shop, call: Caller) -> None:
    assert said(call("PATCH", f"{ORDERS}/{shop.order}", {"name": None})) == (422, [("invalid", "name")])
    event = {"action": "cart.viewed", "profile": None, "session": "s"}
    assert said(call("POST", EVENTS, event)) == (422, [("invalid", "profile")])


@readings(strict=422, lenient=201, documented=422)
@pytest.mark.parametrize("name", ["Since", "birthday"])
def test_a_date_is_no_text(call: Caller, name: str, expected: int) -> None:
    call.make("POST", "/v1/properties", {"kind": "date", "name": "Since"})
    answer = call("POST", "/v1/profiles", {f"property[{name}]": "1985-11-03"})
    assert said(answer) == (expected, [("invalid", f"property[{name}]")] if expected == 422 else [])
    made = call.make("POST", "/v1/profiles", {f"property[{name}]": {"day": 3, "month": 11, "year": 1985}})["id"]
    (value,) = call.make("GET", f"/v1/profiles/{made}")["properties"]
    assert value["value"] == {"day": 3, "month": 11, "year": 1985}


VALUES = [
    ("number", 42, "property[P]=42.00", True, False),
    ("number", 42, "property[P]=42", True, True),
    ("number", 42, "property[P]=43", False, False),
    ("number", 42, "property[P]=many", False, False),
    ("checkbox", True, "property[P]=true", True, False),
    ("checkbox", True, "property[P]=1", True, False),
    ("checkbox", False, "property[P]=true", False, False),
    ("text", "Size L", "property[P]=Size%20L", True, True),
    ("text", "Size L", "property[P]=size%20l", False, False),
    ("tags", ["a", "b"], "property[P]=b", True, False),
    ("tags", ["a", "b"], "property[P]=a,b", True, False),
    ("tags", ["a", "b"], "property[P]=c", False, False),
    ("tags", ["a", "b"], "property[P]=", False, False),
    ("url", "https://x.example/", "property[P]=https://x.example/", True, True),
    ("date", {"day": 3, "month": 11, "year": 1985}, "property[P]=1985-11-03", True, False),
    ("date", {"day": 3, "month": 11, "year": 1985}, "property[P][year]=1985", True, False),
    ("date", {"day": 3, "month": 11, "year": 1985}, "property[P][year]=1986", False, False),
    ("date", {"day": 3, "month": 11, "year": 1985}, "property[P]=tomorrow", False, False),
]


@pytest.mark.parametrize(("kind", "value", "query", "by_kind", "as_text"), VALUES)
@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED], ids=lambda reading: reading.name)
def test_the_filter_by_a_property_compares_as_its_kind_does(
    call: Caller, reading: Reading, kind: str, value: Any, query: str, by_kind: bool, as_text: bool
) -> None:
    call.make("POST", "/v1/properties", {"kind": kind, "name": "P"})
    made = call.make("POST", "/v1/profiles", {"email": "a@example.com", "property[P]": value})["id"]
    found = call.make("GET", "/v1/profiles", query=query)["profiles"]
    expected = as_text if reading is LENIENT else by_kind
    assert [row["id"] for row in found] == ([made] if expected else [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("property[email]=Ada@Example.com", True),
        ("property[work]=%2B598%2099%20888%20888", True),
        ("property[work]=099888888", True),
        ("property[phone]=099888888", False),
        ("property[address][city]=Montevideo", True),
        ("property[address][street][name]=Avenida", True),
        ("property[address][street][name]=Rambla", False),
        ("property[address][city]=Salto", False),
        ("property[address]=Avenida", True),
        ("property[email][x]=1", False),
    ],
)
def test_the_filter_knows_contacts_in_every_spelling(call: Caller, query: str, found: bool) -> None:
    address = {"street": "Avenida", "city": "Montevideo"}
    call.make("POST", "/v1/profiles", {"email": "ada@example.com", "phone[work]": "099888888", "address": address})
    assert bool(call.make("GET", "/v1/profiles", query=query)["profiles"]) is found


@readings(strict=201, lenient=422, documented=201)
def test_contacts_of_different_kinds_may_share_a_name(call: Caller, expected: int) -> None:
    person = {"email[work]": "a@example.com", "phone[work]": "099888888", "address[work]": "Avenida 1"}
    answer = call("POST", "/v1/profiles", person)
    assert answer.status == expected
    if expected == 201:
        row = call.make("GET", f"/v1/profiles/{answer.id}")
        assert {(entry["kind"], entry["name"]) for entry in row["properties"]} == {
            ("email", "work"), ("phone", "work"), ("address", "work"),
        }  # fmt: skip
        call.make("PATCH", f"/v1/profiles/{answer.id}", {"phone[work]": ""})
        row = call.make("GET", f"/v1/profiles/{answer.id}")
        assert {entry["kind"] for entry in row["properties"]} == {"email", "address"}


@readings(strict=201, lenient=422, documented=201)
def test_definitions_of_different_kinds_may_share_a_name(shop: Shop, call: Caller, expected: int) -> None:
    call.make("POST", "/v1/properties", {"kind": "email", "name": "work", "profile": shop.profile})
    answer = call("POST", "/v1/properties", {"kind": "phone", "name": "Work", "profile": shop.profile})
    assert said(answer) == (expected, [("parameter_not_unique", "name")] if expected == 422 else [])


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED])
def test_a_name_is_given_once_to_a_kind_of_one_profile_and_once_to_all(shop: Shop, call: Caller) -> None:
    call.make("POST", "/v1/properties", {"kind": "email", "name": "work", "profile": shop.profile})
    for body in ({"kind": "email", "name": "Work", "profile": shop.profile}, {"kind": "number", "name": "size"}):
        assert said(call("POST", "/v1/properties", body)) == (422, [("parameter_not_unique", "name")])


@readings(strict=400, lenient=400, documented=422)
def test_a_missing_parameter_is_a_bad_request_or_not(call: Caller, expected: int) -> None:
    for path, data, parameter in (
        ("/v1/lists", {}, "name"),
        (EVENTS, {"action": "cart.viewed"}, "profile"),
        (ORDERS, {"delivery": "deliver", "items": [{}]}, "items[0][product]"),
    ):
        assert said(call("POST", path, data)) == (expected, [("parameter_missing", parameter)])
    assert call("POST", "/v1/lists", body=b"{").status == 400


@readings(strict=False, lenient=False, documented=True)
def test_a_session_moves_to_another_profile(shop: Shop, call: Caller, expected: bool) -> None:
    other = call.make("POST", "/v1/profiles", {"email": "b@example.com"})["id"]
    cart = call.make("POST", CARTS, {"session": SESSION})["id"]
    shop.track(action="cart.viewed", session=SESSION)
    for profile in (shop.profile, other):
        answer = call.make("PATCH", f"/v1/sessions/{SESSION}", {"profile": profile})
    assert (answer["profile"] is not None) is expected
    owner = other if expected else shop.profile
    assert call.make("GET", f"{CARTS}/{cart}")["profile"] == owner
    assert call.all("events")[0]["profile"] == owner
    assert ("not attached" in call.emulator.log[-3].reason) is not expected


@readings(strict=None, lenient=None, documented="attached")
def test_tracking_attaches_the_session(shop: Shop, call: Caller, expected: str | None) -> None:
    cart = call.make("POST", CARTS, {"session": SESSION})["id"]
    shop.track(action="cart.viewed", session=SESSION, profile=shop.profile)
    assert call.make("GET", f"{CARTS}/{cart}")["profile"] == (shop.profile if expected else None)


@pytest.mark.parametrize("reading", [AS_DOCUMENTED])
def test_a_refused_event_attaches_no_session(shop: Shop, call: Caller) -> None:
    event = {"action": "order.placed", "session": SESSION, "profile": shop.profile, "object": "nothing"}
    assert call("POST", EVENTS, event).status == 404
    assert call.emulator.world.store["session"].rows[SESSION]["profile"] is None


@readings(strict=400, lenient=400, documented=200)
def test_events_may_be_form_encoded(shop: Shop, call: Caller, expected: int) -> None:
    body = (
        f"action=order.shipped&order={shop.order}&profile={shop.profile}&amount=9.50&currency=EUR&tracked_at=1665684173"
    )
    answer = call("POST", EVENTS, body=body.encode(), content_type=FORM)
    assert answer.status == expected
    if expected == 200:
        event = call.all("events")[0]
        assert (event["amount"], event["tracked_at"]) == (9.5, "1665684173")


@readings(strict=405, lenient=405, documented=200)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("app", {"name": "Renamed"}),
        ("form", {"name": "Renamed"}),
        ("refund", {"reference": "R"}),
        ("event", {"url": "u"}),
    ],
)
def test_post_updates_as_patch_does(shop: Shop, call: Caller, kind: str, body: dict[str, Any], expected: int) -> None:
    assert call("POST", f"{ATTRIBUTION}/{kind}s/{getattr(shop, kind)}", body).status == expected
    assert call("POST", f"{ORDERS}/{shop.order}", {"name": "Renamed"}).status == 405


@readings(strict=422, lenient=422, documented=200)
def test_an_action_takes_its_events_along(shop: Shop, call: Caller, expected: int) -> None:
    shop.track(action="shop.visited", session="s")
    assert call("DELETE", f"{ATTRIBUTION}/actions/{shop.action}").status == expected
    actions = [event["action"]["name"] for event in call.all("events")]
    assert ("shop.visited" in actions) is (expected == 422)


@pytest.mark.parametrize("reading", [STRICT, LENIENT, AS_DOCUMENTED])
def test_the_oldest_row_stays_the_first(call: Caller) -> None:
    path = f"{ATTRIBUTION}/products"
    first, second = (call.make("POST", path, {"name": name, "reference": "7"})["id"] for name in ("A", "B"))
    call.make("PATCH", f"{path}/{first}", {"sku": "NEW"})
    assert call.make("GET", f"{path}/7")["id"] == first
    call.make("PATCH", f"{path}/{first}", {"reference": "8"})
    assert call.make("GET", f"{path}/7")["id"] == second
    call.make("PATCH", f"{path}/{first}", {"reference": "7"})
    assert call.make("GET", f"{path}/7")["id"] == first
    call.make("DELETE", f"{path}/{first}")
    assert call.make("GET", f"{path}/7")["id"] == second


def test_the_oldest_row_is_the_first_again_after_a_roll_back(call: Caller) -> None:
    path = f"{ATTRIBUTION}/products"
    first, second = (call.make("POST", path, {"name": name, "reference": "7"})["id"] for name in ("A", "B"))
    store = call.emulator.world.store
    store["product"].remove(first)
    assert [row["id"] for row in store["product"].with_key("reference", "7")] == [second]
    store.roll_back()
    assert [row["id"] for row in store["product"].with_key("reference", "7")] == [first, second]
