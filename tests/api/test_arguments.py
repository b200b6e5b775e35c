"""Bad arguments are refused before anything is sent, and the argument is named."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from django_hellotext.api import Address, HellotextClient, LineItem, Money, Variant
from django_hellotext.api.operations import OPERATIONS

from .wire import WireServer

# What makes a call complete, so that the argument under test is the only fault.
GOOD: dict[str, Any] = {
    "id": "MzYwlE50",
    "list": "Greens",
    "order": "ro4a731w",
    "product": "vxqQJ3Yg",
    "session": "2KAGgAgm",
    "profile": "MzYwlE50",
    "name": "Greens",
    "code": "SALE",
    "description": "15% off",
    "destination_url": "https://www.myshop.com/",
    "delivery": "deliver",
    "kind": "text",
    "action": "product.viewed",
    "object": "vxqQJ3Yg",
    "email": "will.e@acme.com",
}
NEEDED = {
    "create_cart": ("profile",),
    "create_profile": ("email",),
    "create_refund": ("order",),
    "track_event": ("profile", "object"),
    "update_profile": ("email",),
    "unverify_profile": ("email",),
    "verify_profile": ("email",),
}


def method_of(operation_id: str, client: HellotextClient) -> Callable[..., Any]:
    resource, name = OPERATIONS[operation_id]
    method: Callable[..., Any] = getattr(getattr(client, resource), name)
    return method


def parameters() -> Iterator[tuple[str, inspect.Parameter]]:
    client = HellotextClient(token="t")
    for operation_id in OPERATIONS:
        for parameter in inspect.signature(method_of(operation_id, client)).parameters.values():
            yield operation_id, parameter


WRONG_TYPES = [
    (operation_id, parameter.name, wrong)
    for operation_id, parameter in parameters()
    for wrong in (object(), 1.5, b"bytes", None)
    if wrong is not None or "None" not in parameter.annotation  # elsewhere None is JSON null
]
PATH_ARGUMENTS = [
    (operation_id, parameter.name)
    for operation_id, parameter in parameters()
    if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
]


@contextmanager
def refused(kind: type[Exception], match: str, operation_id: str, arguments: dict[str, Any]) -> Iterator[None]:
    """The block raises ``kind`` with a message that matches; a failure names the call."""
    try:
        yield
    except kind as error:
        said = str(error)
    else:
        pytest.fail(f"{operation_id} takes {arguments}")
    assert re.search(match, said), (operation_id, arguments)


def complete(operation_id: str, method: Callable[..., Any]) -> dict[str, Any]:
    required = [
        name for name, parameter in inspect.signature(method).parameters.items() if parameter.default is parameter.empty
    ]
    return {name: GOOD[name] for name in (*required, *NEEDED.get(operation_id, ()))}


def test_a_wrong_type_is_refused_by_name_and_nothing_is_sent(server: WireServer, client: HellotextClient) -> None:
    for operation_id, name, wrong in WRONG_TYPES:
        method = method_of(operation_id, client)
        arguments = {**complete(operation_id, method), name: wrong}
        if operation_id in ("verify_profile", "unverify_profile") and name == "phone":
            del arguments["email"]
        if operation_id in ("create_refund",) and name == "product":
            del arguments["order"]
        with refused(TypeError, rf"\b{name}\b", operation_id, arguments):
            method(**arguments)
    assert server.requests == []


def test_a_missing_required_argument_is_refused_by_name_and_nothing_is_sent(
    server: WireServer, client: HellotextClient
) -> None:
    for operation_id in OPERATIONS:
        method = method_of(operation_id, client)
        arguments = complete(operation_id, method)
        for name, parameter in inspect.signature(method).parameters.items():
            if parameter.default is not parameter.empty:
                continue
            rest = {key: value for key, value in arguments.items() if key != name}
            with refused(TypeError, rf"'{name}'", operation_id, rest):
                method(**rest)
    assert server.requests == []


def test_an_empty_id_never_turns_one_object_into_the_whole_collection(
    server: WireServer, client: HellotextClient
) -> None:
    for operation_id, name in PATH_ARGUMENTS:
        method = method_of(operation_id, client)
        for bad in ("", "  ", ".", ".."):
            arguments = {**complete(operation_id, method), name: bad}
            with refused(ValueError, rf"\b{name}\b", operation_id, arguments):
                method(**arguments)
    assert server.requests == []


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda c: c.profiles.create(), "at least one attribute"),
        (lambda c: c.profiles.update("x"), "at least one attribute"),
        (lambda c: c.profiles.create(email="\ud800"), "email"),
        (lambda c: c.profiles.create(emails={"a[b": "x"}), "emails"),
        (lambda c: c.profiles.create(emails={"": "x"}), "emails"),
        (lambda c: c.profiles.create(emails={"work": 1}), "emails"),
        (lambda c: c.profiles.create(emails={1: "x"}), "emails"),
        (lambda c: c.profiles.create(properties={"Size": object()}), "properties"),
        (lambda c: c.profiles.create(properties={"Size": float("nan")}), "properties"),
        (lambda c: c.profiles.create(properties={"Day": datetime(2026, 1, 1)}), "properties"),  # noqa: DTZ001
        (lambda c: c.profiles.create(lists="Greens"), "lists"),
        (lambda c: c.profiles.create(lists=["Greens", 1]), r"lists\[1\]"),
        (lambda c: c.profiles.create(address={"city": {1, object()}}), "address"),
        (lambda c: c.profiles.create(address={"postal_code": 10119}), r"address\['postal_code'\]"),
        (lambda c: c.profiles.update("x", address={"longitude": []}), r"address\['longitude'\]"),
        (lambda c: c.profiles.update("x", new_default_address={"street": "A 1"}), r"new_default_address\['street'\]"),
        (lambda c: c.profiles.create(address={"street": {"number": 1}}), r"address\['street'\]\['number'\]"),
        (lambda c: c.profiles.list(order="newest"), "order"),
        (lambda c: c.profiles.verify("x"), "email or phone"),
        (lambda c: c.profiles.verify("x", email="a@b.c", phone="+59899000001"), "email or phone"),
        (lambda c: c.properties.create(kind="birthday"), "kind"),
        (lambda c: c.properties.create(kind="email"), "profile"),
        (lambda c: c.properties.create(kind="text", name="1st"), "name"),
        (lambda c: c.properties.create(kind="text", name="a{b}"), "name"),
        (lambda c: c.properties.create(kind="text", position=0), "position"),
        (lambda c: c.properties.update("x", position="last"), "position"),
        (lambda c: c.coupons.create(code="a", description="x" * 141, destination_url="https://a.b"), "description"),
        (lambda c: c.coupons.create(code="a", description="x", destination_url="javascript:1"), "destination_url"),
        (lambda c: c.coupons.create(code="a", description="x", destination_url="http://[x"), "destination_url"),
        (lambda c: c.apps.create(name="a", image_url="/relative.png"), "image_url"),
        (lambda c: c.carts.create(items=[]), "profile or session"),
        (lambda c: c.carts.create(profile="x", items=[{"sku": "1"}]), r"items\[0\].*sku"),
        (lambda c: c.carts.create(profile="x", items=[{"product": ""}]), r"items\[0\].*product"),
        (lambda c: c.carts.create(profile="x", items=["vxqQJ3Yg"]), r"items\[0\]"),
        (lambda c: c.carts.create(profile="x", items=({"product": "x"} for _ in "a")), "items"),
        (lambda c: c.orders.create(delivery="pigeon"), "delivery"),
        (lambda c: c.order_items.create("x", product="y", quantity=True), "quantity"),
        (lambda c: c.order_items.create("x", product="y", quantity=Decimal("NaN")), "quantity"),
        (lambda c: c.order_items.create("x", product="y", price=Decimal("1")), "price"),
        (lambda c: c.products.create(name="x", variants=[{"name": 1}]), r"variants\[0\].*name"),
        (lambda c: c.refunds.create(total=Money(Decimal(1), "EUR")), "order or product"),
        (lambda c: c.refunds.create(order="a", product="b"), "order or product"),
        (lambda c: c.sessions.attach("a", profile=""), "profile"),
        (lambda c: c.events.track(action="x"), "profile or session"),
        (lambda c: c.events.track(action="", profile="x"), "action"),
        (lambda c: c.events.track(action="order.placed", profile="x"), "object"),
        (lambda c: c.events.track(action="order.placed", profile="x", object="a", object_parameters={}), "object"),
        (lambda c: c.events.track(action="cart.abandoned", profile="x", object_parameters={}), "object"),
        (lambda c: c.events.track(action="page.viewed", profile="x"), "url"),
        (lambda c: c.events.track(action="app.spent", profile="x", object="a"), "amount"),
        (lambda c: c.events.track(action="x", profile="x", amount=1), "currency"),
        (lambda c: c.events.track(action="x", profile="x", currency="EUR"), "amount"),
        (lambda c: c.events.track(action="x", profile="x", amount=1, currency="eur"), "currency"),
        (lambda c: c.events.track(action="x", profile="x", object="a"), "object_type"),
        (lambda c: c.events.track(action="x", profile="x", tracked_at=datetime(2026, 1, 1)), "tracked_at"),  # noqa: DTZ001
        (lambda c: c.events.track(action="x", profile="x", tracked_at=1665684173), "tracked_at"),
        (lambda c: c.events.track(action="x", profile="x", metadata={"a": [object()]}), r"metadata\.a\[0\]"),
        (lambda c: c.profiles.list(limit=0), "limit"),
        (lambda c: c.profiles.list(limit=101), "limit"),
        (lambda c: c.profiles.list(limit="25"), "limit"),
        (lambda c: c.profiles.list(limit=True), "limit"),
        (lambda c: c.profiles.list(starting_after="a", ending_before="b"), "starting_after and ending_before"),
        (lambda c: c.profiles.list(starting_after=""), "starting_after"),
        (lambda c: c.request("BREW", "/v1/lists"), "method"),
        (lambda c: c.request("GET", "https://elsewhere.example/"), "path"),
        (lambda c: c.request("GET", "//elsewhere.example/"), "path"),
        (lambda c: c.request("GET", "/v1/lists?limit=1"), "path"),
        (lambda c: c.request("GET", "/v1/lists\r\nX: y"), "path"),
        (lambda c: c.request("GET", 7), "path"),
        (lambda c: c.request("GET", "/v1/lists", deadline=0), "deadline"),
        (lambda c: c.request("GET", "/v1/lists", deadline="5"), "deadline"),
        (lambda c: c.with_options(timeout=5), "timeout"),
        (lambda c: c.with_options(timeout=(1, -1)), "timeout"),
    ],
)
def test_what_the_contract_refuses_is_refused_here_and_nothing_is_sent(
    call: Callable[[Any], Any], named: str, server: WireServer, client: HellotextClient
) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        call(client)
    assert server.requests == []


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Money(89.9, "EUR"), "amount"),  # type: ignore[arg-type]
        (lambda: Money("89.90", "EUR"), "amount"),  # type: ignore[arg-type]
        (lambda: Money(True, "EUR"), "amount"),  # type: ignore[arg-type]
        (lambda: Money(Decimal("Infinity"), "EUR"), "amount"),
        (lambda: Money(Decimal(1), "eur"), "currency"),
        (lambda: Money(Decimal(1), "EURO"), "currency"),
        (lambda: Money(Decimal(1), "EUR\n"), "currency"),
        (lambda: Money(Decimal(1), None), "currency"),  # type: ignore[arg-type]
        (lambda: LineItem(7), "product"),  # type: ignore[arg-type]
        (lambda: LineItem(""), "product"),
        (lambda: LineItem("x", 1.5), "quantity"),  # type: ignore[arg-type]
        (lambda: LineItem("x", 1, Decimal(1)), "price"),  # type: ignore[arg-type]
        (lambda: Address(city=7), "city"),  # type: ignore[arg-type]
        (lambda: Address(latitude="12"), "latitude"),  # type: ignore[arg-type]
        (lambda: Variant(price=7), "price"),  # type: ignore[arg-type]
        (lambda: Variant(metadata=[]), "metadata"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_cannot_be_right_is_refused_when_it_is_made(build: Callable[[], object], named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        build()


def test_lazy_texts_mappings_and_nulls_are_taken(server: WireServer, client: HellotextClient) -> None:
    client.products.create(
        name=gettext_lazy("Yes"),  # type: ignore[arg-type]
        reference=None,
        variants=[{"name": "42", "price": Money(Decimal("1.50"), "EUR")}, Variant(sku="a")],
    )
    name = str(gettext_lazy("Yes"))
    assert server.last.json == {
        "name": name,
        "reference": None,
        "variants": [{"name": "42", "price": {"amount": Decimal("1.50"), "currency": "EUR"}}, {"sku": "a"}],
    }
    client.carts.update("wx4Vn4no", items=[], new_items=[{"product": "x", "quantity": 2}])
    assert server.last.json == {"items": [], "new_items": [{"product": "x", "quantity": 2}]}
    address = {"city": gettext_lazy("Yes"), "country": None, "latitude": Decimal("-34.9"), "street": {"number": "1"}}
    client.profiles.create(address=address)
    assert server.last.json == {"address": {**address, "city": name}}
    client.apps.update("x", image_url=None)
    assert server.last.json == {"image_url": None}


def test_removals_of_a_profile_go_out_as_empty_texts(server: WireServer, client: HellotextClient) -> None:
    client.profiles.update("x", email="", phones={"work": ""}, address="", lists=[])
    assert server.last.json == {"email": "", "phone[work]": "", "address": "", "lists": []}
    client.properties.update("x", position="", unique=True)
    assert server.last.json == {"position": "", "unique": True}
    client.properties.update("x", position=3)
    assert server.last.json == {"position": 3}


def test_a_time_goes_out_as_whole_epoch_seconds(server: WireServer, client: HellotextClient) -> None:
    moment = datetime(2022, 10, 13, 18, 2, 53, 999_999, tzinfo=UTC)
    client.events.track(action="x", profile="MzYwlE50", tracked_at=moment)
    assert server.last.body == b'{"action":"x","profile":"MzYwlE50","tracked_at":1665684173}'


def test_a_text_in_a_path_cannot_leave_its_segment(server: WireServer, client: HellotextClient) -> None:
    client.products.retrieve("a/b?c#d%2e é")
    assert re.fullmatch(r"/v1/attribution/products/[^/?#]+", server.last.target)
    assert server.last.target == "/v1/attribution/products/a%2Fb%3Fc%23d%252e%20%C3%A9"
