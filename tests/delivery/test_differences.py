"""Updates that are more than one PATCH: an order's lines, a profile's lists, and values that the shop cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from django_hellotext import sync
from django_hellotext.adapters import Money, Value, Variants, registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Account, RemoteObject, State
from tests.factories import make_customer, make_order, make_order_line, make_product
from tests.testshop.models import Category, Order, Product, Variant

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def mirror(kind: str) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(kind=kind)
    assert row.state == State.SYNCED, row.error_message
    return row


def held(emulator: Emulator, kind: str) -> dict[str, Any]:
    return dict(emulator.world.store[kind].rows[mirror(kind).remote_id])


def lines(emulator: Emulator) -> set[tuple[str | None, int, str]]:
    """The order's lines at Hellotext: SKU (``None`` for a placeholder), quantity, unit price."""
    products = emulator.world.store["product"].rows
    items = held(emulator, "order")["items"]
    return {(products[item["product"]]["sku"], int(item["quantity"]), item["price"]["amount"]) for item in items}


def requests(emulator: Emulator, since: int = 0) -> list[str]:
    return [f"{entry.method} {entry.path.rpartition('/v1/')[2].split('/', 2)[-1]}" for entry in emulator.log[since:]]


def again(deliver: Deliver) -> None:
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=datetime(2020, 1, 1, tzinfo=UTC))
    deliver()


@pytest.fixture
def order(hellotext: Emulator, deliver: Deliver) -> Order:
    order = make_order(customer=make_customer())
    for sku, quantity, price in (("A", 1, "10.00"), ("B", 2, "20.00"), ("C", 3, "30.00")):
        make_order_line(
            order=order, product=make_product(sku=sku), quantity=Decimal(quantity), unit_price=Decimal(price)
        )
    deliver()
    return order


def test_lines_saved_later_in_the_transaction_are_there(hellotext: Emulator, deliver: Deliver) -> None:
    """E4"""
    with transaction.atomic():
        order = make_order(customer=make_customer())
        order.save()
        make_order_line(order=order, product=make_product(sku="A"))
    deliver()
    assert lines(hellotext) == {("A", 2, "12.90")}


def test_lines_saved_in_a_later_transaction_follow(hellotext: Emulator, deliver: Deliver) -> None:
    """E4: the order was sent with a placeholder for its lines; a change of the order brings them."""
    order = make_order(customer=make_customer())
    deliver()
    assert lines(hellotext) == {(None, 1, "25.80")}
    make_order_line(order=order, product=make_product(sku="A"))
    sync(order)
    deliver()
    assert lines(hellotext) == {("A", 2, "12.90")}


def test_corrected_lines_are_corrected_there(hellotext: Emulator, deliver: Deliver, order: Order) -> None:
    untouched = held(hellotext, "order")["items"][0]["id"]
    first, second, third = order.lines.order_by("pk")
    second.quantity = Decimal(5)
    second.save()
    third.delete()
    make_order_line(order=order, product=make_product(sku="D"), quantity=Decimal(1), unit_price=Decimal("5.00"))
    sync(order)
    deliver()
    assert lines(hellotext) == {("A", 1, "10.00"), ("B", 5, "20.00"), ("D", 1, "5.00")}
    assert untouched in {item["id"] for item in held(hellotext, "order")["items"]}
    assert held(hellotext, "order")["total"]["amount"] == "115.00"
    assert {item["product"] for item in mirror("order").data["items"]} == {
        item["product"] for item in held(hellotext, "order")["items"]
    }
    assert first.quantity == 1


def test_equal_lines_cost_no_request(hellotext: Emulator, deliver: Deliver, order: Order) -> None:
    before = len(hellotext.log)
    order.method = "card"
    order.save()
    deliver()
    assert [entry.method for entry in hellotext.log[before:]] == ["PATCH"]
    assert held(hellotext, "order")["payment_method"] == "card"


@pytest.mark.parametrize("interrupted", range(5))
def test_a_correction_interrupted_midway_is_ended_later(
    hellotext: Emulator, deliver: Deliver, order: Order, interrupted: int
) -> None:
    second, third = order.lines.order_by("pk")[1:]
    second.quantity = Decimal(5)
    second.save()
    third.delete()
    make_order_line(order=order, product=make_product(sku="D"), quantity=Decimal(1), unit_price=Decimal("5.00"))
    sync(order)
    path = f"/v1/attribution/orders/{RemoteObject.objects.get(kind='order').remote_id}"
    hellotext.add_fault(Fault(kind="garbage", path=path, skip=interrupted, times=1))
    deliver()
    again(deliver)
    again(deliver)
    assert lines(hellotext) == {("A", 1, "10.00"), ("B", 5, "20.00"), ("D", 1, "5.00")}


# Profiles


@pytest.fixture
def people() -> Iterator[Any]:
    """The adapter of users, with everything that a profile can have."""
    adapter: Any = registry.for_model(User)
    known = set(vars(adapter))
    adapter.first_name = "first_name"
    adapter.get_phones = lambda user: dict(user.more.get("phones", {}))
    adapter.get_emails = lambda user: dict(user.more.get("emails", {}))
    adapter.get_properties = lambda user: dict(user.more.get("properties", {}))
    adapter.get_lists = lambda user: list(user.more.get("lists", []))
    User.more = {}  # type: ignore[attr-defined]  # set for this alone
    yield User
    for name in set(vars(adapter)) - known:
        delattr(adapter, name)
    del User.more  # type: ignore[attr-defined]  # set for this alone


def profile(emulator: Emulator) -> dict[str, Any]:
    client = client_from_settings()
    found = client.profiles.retrieve(mirror("profile").remote_id).raw
    client.close()
    return dict(found)


def names_on_lists(emulator: Emulator) -> set[str]:
    return {one["name"] for one in profile(emulator)["lists"]}


def test_a_profile_has_several_contacts_and_properties(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    client = client_from_settings()
    client.properties.create(name="Shoe size", kind="number")
    people.more = {
        "emails": {"work": "ana@work.example"},
        "phones": {"mobile": "+59899000001"},
        "properties": {"Shoe size": 42},
    }
    make_customer(email="ana@example.com", first_name="Ana")
    deliver()
    found = profile(hellotext)
    assert found["first_name"] == "Ana"
    assert set(found["emails"]) == {"ana@example.com", "ana@work.example"}
    assert found["phones"] == ["+59899000001"]
    assert 42 in [one["value"] for one in found["properties"]]
    client.close()


def test_what_the_shop_cleared_is_cleared_there(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    client = client_from_settings()
    client.properties.create(name="Shoe size", kind="number")
    people.more = {"phones": {"mobile": "+59899000001", "work": "+59899000002"}, "properties": {"Shoe size": 42}}
    customer = make_customer(email="ana@example.com", first_name="Ana", last_name="Lima")
    deliver()
    people.more = {"phones": {"work": "+59899000002"}}
    customer.first_name = ""
    customer.save()
    deliver()
    found = profile(hellotext)
    assert (found["first_name"], found["last_name"]) in ((None, "Lima"), ("", "Lima"))
    assert found["phones"] == ["+59899000002"]
    assert "number" not in [one["kind"] for one in found["properties"]]
    client.close()


def test_what_others_put_there_stays(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    client = client_from_settings()
    customer = make_customer(first_name="Ana")
    deliver()
    row = mirror("profile")
    client.profiles.update(row.remote_id, phones={"home": "+59899000009"})
    client.lists.create(name="Theirs")
    client.lists.add_profile("Theirs", row.remote_id)
    people.more = {"lists": ["Ours", "Both"]}
    customer.first_name = "Bea"
    customer.save()
    deliver()
    assert names_on_lists(hellotext) == {"Theirs", "Ours", "Both"}
    people.more = {"lists": ["Ours"]}
    customer.save()
    deliver()
    assert names_on_lists(hellotext) == {"Theirs", "Ours"}
    people.more = {}
    customer.save()
    deliver()
    assert names_on_lists(hellotext) == {"Theirs"}
    assert profile(hellotext)["phones"] == ["+59899000009"]
    client.close()


def sent_profiles(emulator: Emulator) -> list[dict[str, Any]]:
    return [one.body_json for one in emulator.log if one.method == "PATCH" and one.path.startswith("/v1/profiles/")]


def test_a_new_main_address_takes_the_place_of_the_former(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    customer = make_customer(email="ana@example.com")
    deliver()
    customer.email = "ana@work.example"
    customer.save()
    deliver()
    assert profile(hellotext)["emails"] == ["ana@work.example"]


def test_a_former_main_address_is_kept_beside_the_new_default(
    hellotext: Emulator, deliver: Deliver, people: Any
) -> None:
    """Contract: ProfileUpdate. What has not changed is not made the default once more."""
    adapter: Any = registry.for_model(User)
    adapter.keeps_former = ("email", "phone", "address")
    adapter.get_phone = lambda user: user.more["phone"]
    adapter.get_address = lambda user: user.more["address"]
    people.more = {"phone": "+59899000001", "address": {"city": "Salto", "country": "UY"}}
    customer = make_customer(email="ana@example.com")
    deliver()
    people.more = {"phone": "+59899000002", "address": {"city": "Rivera", "country": "UY"}}
    customer.email = "ana@work.example"
    customer.save()
    deliver()
    customer.first_name = "Bea"
    customer.save()
    deliver()
    found = profile(hellotext)
    assert found["emails"] == ["ana@work.example", "ana@example.com"]
    assert found["phones"] == ["+59899000002", "+59899000001"]
    cities = [one["value"]["city"] for one in found["properties"] if one["kind"] == "address"]
    assert cities == ["Rivera", "Salto"]
    changed, unchanged = sent_profiles(hellotext)
    assert {name for name in changed if name.startswith("new_default_")} == {
        "new_default_email",
        "new_default_phone",
        "new_default_address",
    }
    assert not {"email", "phone", "address"} & changed.keys()
    assert unchanged["email"] == "ana@work.example"
    assert not any(name.startswith("new_default_") for name in unchanged)


def test_a_main_address_that_the_shop_empties_is_taken_away(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    registry.for_model(User).keeps_former = ("email",)  # type: ignore[union-attr]  # it is registered
    customer = make_customer(email="ana@example.com")
    deliver()
    customer.email = ""
    customer.save()
    deliver()
    assert profile(hellotext)["emails"] == []


@pytest.mark.parametrize("kept", [(), ("email",)])
def test_the_main_address_and_another_can_change_places(
    hellotext: Emulator, deliver: Deliver, people: Any, kept: tuple[str, ...]
) -> None:
    registry.for_model(User).keeps_former = kept  # type: ignore[union-attr]  # it is registered
    people.more = {"emails": {"work": "ana@work.example"}}
    customer = make_customer(email="ana@example.com")
    deliver()
    people.more = {"emails": {"work": "ana@example.com"}}
    customer.email = "ana@work.example"
    customer.save()
    deliver()
    assert profile(hellotext)["emails"] == ["ana@work.example", "ana@example.com"]


def test_somebody_whom_hellotext_knows_already_keeps_their_lists(
    hellotext: Emulator, deliver: Deliver, people: Any
) -> None:
    client = client_from_settings()
    known = client.profiles.create(email="ana@example.com", lists=["Theirs"])
    people.more = {"lists": ["Ours"]}
    make_customer(email="ana@example.com")
    deliver()
    assert mirror("profile").remote_id == known.id
    assert names_on_lists(hellotext) == {"Theirs", "Ours"}
    client.close()


def test_a_list_that_cannot_be_joined_at_once_is_joined_later(
    hellotext: Emulator, deliver: Deliver, people: Any
) -> None:
    people.more = {"lists": ["Ours", "Second"]}
    hellotext.add_fault(Fault(kind="error", path="/v1/lists", method="POST", skip=2, times=1))
    make_customer()
    deliver()
    again(deliver)
    assert names_on_lists(hellotext) == {"Ours", "Second"}
    assert len(hellotext.world.store["profile"].rows) == 1


def test_the_names_of_what_was_sent_are_kept_and_no_value(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    people.more = {"phones": {"mobile": "+59899000001"}}
    make_customer(email="ana@example.com")
    deliver()
    data = mirror("profile").data
    assert "phones[mobile]" in data["_sent"]
    assert "99000001" not in str(data)
    assert "ana@example" not in str(data)


def test_an_attribute_that_the_adapter_gave_up_stays_there(hellotext: Emulator, deliver: Deliver, people: Any) -> None:
    people.more = {"phones": {"mobile": "+59899000001"}}
    customer = make_customer()
    deliver()
    del registry.for_model(User).get_phones  # type: ignore[union-attr]  # it is registered
    customer.first_name = "Bea"
    customer.save()
    deliver()
    registry.for_model(User).get_phones = lambda user: {}  # type: ignore[union-attr]  # it is registered
    assert profile(hellotext)["phones"] == ["+59899000001"]


# Products


def test_lists_that_a_product_lost_are_emptied_there(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    product.categories.add(Category.objects.create(name="Shirts"))
    product.save()
    deliver()
    assert held(hellotext, "product")["categories"] == ["Shirts"]
    product.categories.clear()
    product.save()
    deliver()
    assert held(hellotext, "product")["categories"] == []


@pytest.fixture
def with_variants(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Products bring their variants along; no adapter mirrors the variants themselves."""
    adapter: Any = registry.for_model(Product)
    own = registry.for_model(Variant)
    registry.unregister(Variant)
    variants = Variants("sizes", sku="sku", price=Money("price", currency=Value("EUR")))
    monkeypatch.setattr(type(adapter), "variants", variants)
    assert adapter.check() == []
    yield
    registry.registry.add(type(own), Variant)


def sizes(emulator: Emulator) -> set[tuple[str, str]]:
    rows = emulator.world.store["variant"].rows.values()
    return {(row["name"], row["price"]["amount"]) for row in rows}


def test_a_product_brings_its_variants_along(hellotext: Emulator, deliver: Deliver, with_variants: None) -> None:
    product = make_product()
    small = Variant.objects.create(product=product, name="S", sku="X-S", price=Decimal("9.00"))
    Variant.objects.create(product=product, name="M", sku="X-M", price=Decimal("10.00"))
    deliver()
    assert sizes(hellotext) == {("S", "9.00"), ("M", "10.00")}
    client = client_from_settings()
    client.variants.create(mirror("product").remote_id, name="Theirs", sku="THEIRS", reference="theirs")
    before = len(hellotext.log)
    Variant.objects.create(product=product, name="L", sku="X-L", price=Decimal("11.00"))
    Variant.objects.filter(name="M").update(price=Decimal("10.50"))
    small.delete()
    sync(product)
    deliver()
    assert sizes(hellotext) == {("M", "10.50"), ("L", "11.00"), ("Theirs", "12.90")}
    methods = sorted(entry.method for entry in hellotext.log[before:] if "/variants" in entry.path)
    assert methods == ["DELETE", "PATCH", "POST"]
    client.close()


def test_variants_that_did_not_change_cost_no_request(
    hellotext: Emulator, deliver: Deliver, with_variants: None
) -> None:
    product = make_product()
    Variant.objects.create(product=product, name="S", sku="X-S", price=Decimal("9.00"))
    deliver()
    before = len(hellotext.log)
    product.name = "New name"
    product.save()
    deliver()
    assert [entry.method for entry in hellotext.log[before:]] == ["PATCH"]


def test_variants_are_rendered_with_a_constant_number_of_queries(
    with_variants: None, django_assert_num_queries: Any, hellotext: Emulator
) -> None:
    adapter: Any = registry.for_model(Product)
    for _ in range(3):
        product = make_product()
        for name in "SML":
            Variant.objects.create(product=product, name=name)
    with django_assert_num_queries(3):
        for product in adapter.queryset(Product.objects.all()):
            assert len(adapter.payload(product)["variants"]) == 3


def test_the_second_of_two_objects_goes_without_the_value_that_must_be_unique(
    hellotext: Emulator, deliver: Deliver
) -> None:
    make_product(sku="SAME"), make_product(sku="SAME")
    deliver()
    rows = RemoteObject.objects.filter(kind="product")
    assert {row.state for row in rows} == {State.SYNCED}
    # They were sent side by side: whichever was there first has it.
    assert sorted(str(row["sku"]) for row in hellotext.world.store["product"].rows.values()) == ["None", "SAME"]
    [second] = rows.exclude(adjustments=None)
    assert [(one.field, one.kind) for one in Adjustments.from_json(second.adjustments)] == [("sku", "duplicate_value")]
