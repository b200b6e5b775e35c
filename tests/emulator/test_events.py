from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.emulator import Emulator

from .calling import Caller
from .shop import SESSION, Shop

EVENTS = "/v1/attribution/events"


def refused(call: Caller, **event: Any) -> tuple[int, list[tuple[str, str | None]]]:
    answer = call("POST", EVENTS, event)
    return answer.status, answer.errors


def newest(call: Caller) -> Any:
    return call.all("events")[0]


@pytest.mark.parametrize(
    ("event", "status", "error"),
    [
        ({}, 400, ("parameter_missing", "action")),
        ({"action": "page.viewed", "url": "u"}, 400, ("parameter_missing", "profile")),
        ({"action": "page.viewed", "url": "u", "profile_id": "x"}, 400, ("parameter_missing", "profile")),
        ({"action": "page.viewed", "session": "s"}, 400, ("parameter_missing", "url")),
        ({"action": "never.defined", "session": "s"}, 404, ("not_found", "action")),
        ({"action": "page.viewed", "profile": "nobody", "url": "u"}, 404, ("not_found", "profile")),
        ({"action": "cart.viewed", "session": "s", "currency": "EUR"}, 400, ("parameter_missing", "amount")),
        ({"action": "cart.viewed", "session": "s", "amount": "1"}, 422, ("invalid", "amount")),
        ({"action": "cart.viewed", "session": "s", "tracked_at": 1665684173000}, 422, ("invalid", "tracked_at")),
        (
            {"action": "cart.viewed", "session": "s", "tracked_at": "2025-01-01T10:00:00"},
            422,
            ("invalid", "tracked_at"),
        ),
        ({"action": "cart.viewed", "session": "s", "metadata": []}, 422, ("invalid", "metadata")),
        ({"action": "order.placed", "session": "s"}, 400, ("parameter_missing", "object")),
        ({"action": "order.placed", "session": "s", "object": "nothing"}, 404, ("not_found", "object")),
        ({"action": "order.placed", "session": "s", "order": "nothing"}, 404, ("not_found", "order")),
        ({"action": "product.viewed", "session": "s", "object": "ANVIL"}, 404, ("not_found", "object")),
        ({"action": "cart.abandoned", "session": "s", "object_parameters": {}}, 400, ("parameter_missing", "object")),
        ({"action": "cart.added", "session": "s"}, 400, ("parameter_missing", "object")),
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(
    shop: Shop, call: Caller, event: dict[str, Any], status: int, error: tuple[str, str]
) -> None:
    before = len(call.all("events"))
    assert refused(call, **event) == (status, [error])
    assert len(call.all("events")) == before


@pytest.mark.parametrize("name", ["app", "coupon", "form", "order", "refund"])
def test_an_object_is_named_in_one_way_only(shop: Shop, call: Caller, name: str) -> None:
    action = {"app": "app.installed", "coupon": "coupon.redeemed", "form": "form.completed", "order": "order.placed"}
    event: dict[str, Any] = {"action": action.get(name, "refund.requested"), "session": SESSION}
    id_ = getattr(shop, name)
    for pair in (
        {name: id_, "object": id_},
        {"object": id_, "object_parameters": {}},
        {name: id_, f"{name}_parameters": {}},
    ):
        status, errors = refused(call, **event, **pair)
        assert (status, errors[0][0]) == (422, "ambiguous_parameter")
    shop.track(**event, **{name: id_})
    assert newest(call)["trackable"]["id"] == id_
    shop.track(**event, object=id_)
    assert newest(call)["trackable"]["id"] == id_


def test_app_spent_needs_money(shop: Shop, call: Caller) -> None:
    status, errors = refused(call, action="app.spent", session=SESSION, object=shop.app)
    assert (status, errors) == (400, [("parameter_missing", "amount"), ("parameter_missing", "currency")])


def test_a_product_is_named_by_any_key_and_an_object_by_its_id(shop: Shop, call: Caller) -> None:
    for name, value, kind in (
        ("product", "ANVIL", "product"),
        ("product", shop.variant, "product_variant"),
        ("product_variant", "ANVIL", "product_variant"),
        ("object", shop.product, "product"),
        ("object", shop.variant, "product_variant"),
    ):
        shop.track(action="product.viewed", session=SESSION, **{name: value})
        assert newest(call)["trackable"]["type"] == kind
        assert newest(call)["amount"] == 100


def test_an_object_is_found_by_reference_and_source_or_made(shop: Shop, call: Caller) -> None:
    parameters = {
        "reference": "O8",
        "source": "acme",
        "delivery": "deliver",
        "items": [{"product": "ANVIL", "quantity": 3}],
    }
    for action in ("order.placed", "order.confirmed"):
        shop.track(action=action, profile=shop.profile, object_parameters=parameters)
    assert [order["reference"] for order in call.all("orders")] == ["O8", "O7"]
    assert (newest(call)["amount"], newest(call)["currency"]) == (300, "USD")
    changed = {**parameters, "source": "other", "items": []}
    shop.track(action="order.shipped", profile=shop.profile, object_parameters=changed)
    assert len(call.all("orders")) == 3


def test_finding_an_object_does_not_change_it(shop: Shop, call: Caller) -> None:
    parameters = {"reference": "7", "source": "acme", "name": "Changed"}
    shop.track(action="product.viewed", session=SESSION, object_parameters=parameters)
    assert call.make("GET", "/v1/attribution/products/7")["name"] == "Anvil"


def test_an_integer_reference_is_the_same_as_its_text(shop: Shop, call: Caller) -> None:
    shop.track(action="product.viewed", session=SESSION, object_parameters={"reference": 7, "source": "acme"})
    assert newest(call)["trackable"]["id"] == shop.product


def test_an_object_that_cannot_be_made_is_refused_with_its_own_reason(shop: Shop, call: Caller) -> None:
    parameters = {"reference": "O9", "source": "acme", "delivery": "drone"}
    event = {"action": "order.placed", "session": SESSION, "object_parameters": parameters}
    assert refused(call, **event) == (422, [("invalid", "delivery")])
    event = {"action": "product.viewed", "session": SESSION, "object_parameters": {"reference": "9", "source": "acme"}}
    assert refused(call, **event) == (400, [("parameter_missing", "name")])


def test_named_things_are_found_by_their_name(shop: Shop, call: Caller) -> None:
    for action, parameters, table in (
        ("app.installed", {"name": "Loyalty"}, "apps"),
        ("form.completed", {"name": "Newsletter"}, "forms"),
        ("form.completed", {"name": "Survey"}, "forms"),
    ):
        shop.track(action=action, session=SESSION, object_parameters=parameters)
        assert newest(call)["trackable"]["id"] == call.all(table)[0]["id"]
    shop.track(action="coupon.redeemed", session=SESSION, object_parameters={"code": "WELCOME"})
    assert newest(call)["trackable"]["id"] == shop.coupon


def test_a_new_variant_needs_its_parent(shop: Shop, call: Caller) -> None:
    event = {
        "action": "product.viewed",
        "session": SESSION,
        "product_variant_parameters": {"name": "Red", "reference": "R"},
    }
    assert refused(call, **event) == (400, [("parameter_missing", "product")])
    assert refused(call, **event, product="nothing") == (404, [("not_found", "product")])
    shop.track(**event, product="ANVIL")
    shop.track(**event, product="ANVIL")
    assert len(call.make("GET", "/v1/attribution/products/ANVIL")["variants"]) == 2


def test_order_events_of_a_known_customer_are_kept_once(shop: Shop, call: Caller) -> None:
    before = len(call.all("events"))
    for _ in range(2):
        shop.track(action="order.placed", profile=shop.profile, object=shop.order)
    assert len(call.all("events")) == before + 1
    shop.track(action="order.confirmed", profile=shop.profile, object=shop.order)
    assert len(call.all("events")) == before + 2
    assert "not stored again" in [entry.reason for entry in call.emulator.log if entry.operation == "track_event"][-2]


def test_nothing_else_is_idempotent(shop: Shop, call: Caller) -> None:
    before = len(call.all("events"))
    for _ in range(2):
        shop.track(action="order.placed", session=SESSION, object=shop.order)
        shop.track(action="product.purchased", profile=shop.profile, object=shop.product)
    assert len(call.all("events")) == before + 4


def test_the_session_of_a_known_customer_makes_an_order_event_kept_once(shop: Shop, call: Caller) -> None:
    call.make("PATCH", f"/v1/sessions/{SESSION}", {"profile": shop.profile})
    before = len(call.all("events"))
    for _ in range(2):
        shop.track(action="order.placed", session=SESSION, object=shop.order)
    assert len(call.all("events")) == before + 1


def cart_event(shop: Shop, action: str, *items: tuple[str, float | None]) -> Any:
    lines = [{"product": product, **({} if count is None else {"quantity": count})} for product, count in items]
    parameters = {"reference": "C9", "source": "acme", "items": lines}
    shop.track(action=action, session=SESSION, object_parameters=parameters)
    cart = next(cart for cart in shop.call.all("carts") if cart["reference"] == "C9")
    return [item["quantity"] for item in cart["items"]]


def test_a_cart_event_carries_resulting_quantities(shop: Shop) -> None:
    shop.call.make("POST", "/v1/attribution/products", {"name": "Rope", "sku": "ROPE"})
    assert cart_event(shop, "cart.added", ("ANVIL", 1)) == [1]
    assert cart_event(shop, "cart.added", ("ANVIL", 3)) == [3]
    assert cart_event(shop, "cart.added", ("ROPE", 2)) == [3, 2]
    assert cart_event(shop, "cart.removed", ("ANVIL", 1)) == [1, 2]
    assert cart_event(shop, "cart.removed", ("ROPE", 0)) == [1]
    assert cart_event(shop, "cart.removed", ("ANVIL", None)) == []
    assert cart_event(shop, "cart.added", ("ANVIL", None)) == [1]
    assert cart_event(shop, "cart.viewed", ("ANVIL", 9)) == [1]


def test_a_line_of_an_event_may_bring_its_product_along(shop: Shop, call: Caller) -> None:
    product = {"reference": "900", "source": "acme", "name": "Rocket", "price": {"amount": 5, "currency": "USD"}}
    items = [{"product": product, "quantity": 2}]
    for reference in ("C1", "C2"):
        parameters = {"reference": reference, "source": "acme", "items": items}
        shop.track(action="cart.added", session=SESSION, object_parameters=parameters)
    assert [p["name"] for p in call.all("products")] == ["Rocket", "Anvil"]


def test_products_without_a_cart_go_into_the_customers_own(shop: Shop, call: Caller) -> None:
    shop.track(action="cart.added", session=SESSION, products=["ANVIL"])
    shop.track(action="cart.added", session=SESSION, products="ANVIL")
    rocket = {"product_parameters": {"name": "Rocket", "reference": "900", "source": "acme"}}
    shop.track(action="cart.added", session=SESSION, products=[rocket])
    cart = call.all("carts")[0]
    assert [item["quantity"] for item in cart["items"]] == [2, 1]
    shop.track(action="cart.removed", session=SESSION, products=["ANVIL"])
    assert len(call.all("carts")[0]["items"]) == 1
    assert refused(call, action="cart.added", session=SESSION, products=17)[1] == [("invalid", "products")]
    assert refused(call, action="cart.added", session=SESSION, products=[17])[1] == [("invalid", "products[0]")]


def test_a_custom_action_must_exist_and_says_of_which_type_its_object_is(shop: Shop, call: Caller) -> None:
    call.make("POST", "/v1/attribution/actions", {"name": "appointment.booked", "title": "Booked"})
    event = {"action": "appointment.booked", "profile": shop.profile}
    shop.track(**event)
    assert newest(call)["trackable"] is None
    parameters = {"reference": "APT-1"}
    assert refused(call, **event, object_parameters=parameters) == (400, [("parameter_missing", "object_type")])
    for _ in range(2):
        shop.track(**event, object_type="appointment", object_parameters=parameters)
    first, second = (event["trackable"] for event in call.all("events")[:2])
    assert first["type"] == "appointment"
    assert first["id"] != second["id"]  # custom objects are always made, never found
    shop.track(**event, object_type="appointment", object=first["id"])
    assert refused(call, **event, object_type="visit", object=first["id"]) == (404, [("not_found", "object")])
    shop.track(**event, object_type="order", object=shop.order)
    shop.track(**event, product="ANVIL")
    assert newest(call)["trackable"]["id"] == shop.product
    assert refused(call, **event, product="ANVIL", order=shop.order)[1] == [("ambiguous_parameter", "product")]


def test_an_action_with_events_stays_and_takes_them_along_when_renamed(shop: Shop, call: Caller) -> None:
    shop.track(action="shop.visited", session=SESSION)
    path = f"/v1/attribution/actions/{shop.action}"
    assert call("DELETE", path).errors == [("not_allowed", "id")]
    call.make("PATCH", path, {"name": "shop.entered"})
    assert newest(call)["action"]["name"] == "shop.entered"
    call.make("DELETE", f"{EVENTS}/{newest(call)['id']}")
    call.make("DELETE", path)


@pytest.mark.parametrize("name", ["order.placed", "subscribed", "shop.visited"])
def test_the_name_of_an_action_is_not_taken_twice(shop: Shop, call: Caller, name: str) -> None:
    answer = call("POST", "/v1/attribution/actions", {"name": name})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "name")])


@pytest.mark.parametrize("tracked_at", [1_665_684_173, "2022-10-13T18:02:53Z", "2022-10-13T20:02:53+02:00"])
def test_the_time_of_the_fact_is_kept_as_seconds(shop: Shop, call: Caller, tracked_at: Any) -> None:
    shop.track(action="cart.viewed", session=SESSION, tracked_at=tracked_at)
    assert newest(call)["tracked_at"] == "1665684173"


def test_an_accepted_event_may_show_later() -> None:
    now = [1_700_000_000.0]
    call = Caller(Emulator(delay_events=30, clock=lambda: now[0]))
    call.make("POST", EVENTS, {"action": "page.viewed", "session": "s", "url": "https://shop.example.com/"})
    assert call.all("events") == []
    now[0] += 30
    event = call.all("events")[0]
    assert event["created_at"] == 1_700_000_000
    now[0] -= 1
    for method in ("GET", "PATCH", "DELETE"):
        assert call(method, f"{EVENTS}/{event['id']}", {"amount": 1}).status == 404


def test_an_updated_event_answers_with_the_other_names(shop: Shop, call: Caller) -> None:
    answer = call.make("PATCH", f"{EVENTS}/{shop.event}", {"amount": 7.5, "order": shop.order})
    assert answer["profile_id"] == shop.profile
    assert "profile" not in answer
    assert (answer["amount"], answer["converted_amount"], answer["trackable"]["id"]) == (7.5, "7.50", shop.order)
    for wrong, error in (
        ({"order": "nothing"}, ("not_found", "order")),
        ({"action": "never.defined"}, ("not_found", "action")),
        ({"profile": "nobody"}, ("not_found", "profile")),
        ({}, ("object_invalid", None)),
    ):
        assert call("PATCH", f"{EVENTS}/{shop.event}", wrong).errors == [error]


def test_the_products_of_an_event_can_be_changed(shop: Shop, call: Caller) -> None:
    shop.track(action="cart.added", profile=shop.profile, object=shop.cart)
    other = call.make("POST", "/v1/attribution/products", {"name": "Rope"})["id"]
    path = f"{EVENTS}/{newest(call)['id']}"
    assert call.make("PATCH", path, {"products": [other]})["trackable"]["product_ids"] == [other]
    assert newest(call)["trackable"]["product_ids"] == [other]
    assert call("PATCH", path, {"products": [other, "nothing"]}).errors == [("not_found", "products")]
    assert call("PATCH", path, {"products": 17}).errors == [("invalid", "products")]


def test_a_deleted_object_leaves_its_events(shop: Shop, call: Caller) -> None:
    call.make("DELETE", "/v1/attribution/products/ANVIL")
    assert call.make("GET", f"{EVENTS}/{shop.event}")["trackable"] == {"id": shop.product, "type": "product"}


@pytest.mark.parametrize(
    ("path", "data", "parameter"),
    [
        ("/v1/attribution/apps", {"name": "Loyalty"}, "name"),
        ("/v1/attribution/forms", {"name": "Newsletter"}, "name"),
        ("/v1/coupons", {"code": "WELCOME", "description": "x", "destination_url": "https://x.example/"}, "code"),
    ],
)
def test_names_and_codes_are_unique(shop: Shop, call: Caller, path: str, data: Any, parameter: str) -> None:
    answer = call("POST", path, data)
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", parameter)])
    if parameter == "code":
        call.make("POST", path, {**data, "code": "welcome"})  # case-sensitive


def test_a_coupon_keeps_to_its_limits(call: Caller) -> None:
    data = {"code": "X", "description": "x" * 141, "destination_url": "ftp://shop.example.com"}
    answer = call("POST", "/v1/coupons", data)
    assert answer.errors == [("invalid", "description"), ("invalid", "destination_url")]


def test_an_apps_image_can_be_removed(shop: Shop, call: Caller) -> None:
    path = f"/v1/attribution/apps/{shop.app}"
    assert call.make("PATCH", path, {"image_url": "https://x.example/a.png"})["image_url"] == "https://x.example/a.png"
    assert call.make("PATCH", path, {"image_url": None})["image_url"] is None


def test_a_refund_made_on_the_way_belongs_to_the_customer(shop: Shop, call: Caller) -> None:
    parameters = {"reference": "R9", "source": "acme", "order": shop.order}
    for action in ("refund.requested", "refund.received"):
        shop.track(action=action, profile=shop.profile, object_parameters=parameters)
    refunds = [refund for refund in call.all("refunds") if refund["reference"] == "R9"]
    assert [(refund["profile"], refund["total"]["amount"]) for refund in refunds] == [(shop.profile, "200.00")]


def test_an_existing_cart_is_named_by_its_id_and_gets_its_owner(shop: Shop, call: Caller) -> None:
    cart = call.make("POST", "/v1/attribution/carts", {"session": SESSION})["id"]
    for name in ("cart", "object"):
        shop.track(action="cart.abandoned", profile=shop.profile, **{name: cart})
        assert newest(call)["trackable"]["id"] == cart
        assert refused(call, action="cart.abandoned", session=SESSION, **{name: "nothing"}) == (
            404,
            [("not_found", name)],
        )
    assert call.make("GET", f"/v1/attribution/carts/{cart}")["profile"] == shop.profile
    shop.track(action="cart.added", profile=shop.profile, object=cart, products=["ANVIL"])
    assert newest(call)["trackable"]["product_ids"] == [shop.product]


def test_a_currency_may_join_an_amount_that_is_there(shop: Shop, call: Caller) -> None:
    shop.track(action="page.viewed", session=SESSION, url="https://shop.example.com/")
    path = f"{EVENTS}/{newest(call)['id']}"
    assert call("PATCH", path, {"currency": "EUR"}).errors == [("parameter_missing", "amount")]
    assert call.make("PATCH", path, {"amount": 5})["currency"] == "USD"
    assert call.make("PATCH", path, {"currency": "EUR"})["currency"] == "EUR"
