"""Every kind arrives complete, changes, and is found again when an answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import Model

import django_hellotext
from django_hellotext.adapters import KIND_ORDER, registry
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery import Report
from django_hellotext.delivery.send import OPERATIONS
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Account, Change, Event, Kind, RemoteObject, State
from tests.factories import (
    make_app,
    make_cart_line,
    make_customer,
    make_order,
    make_order_line,
    make_product,
    make_questionnaire,
    make_return,
    make_variant,
    make_voucher,
    placed_order,
)
from tests.testshop.models import Order, Return, Voucher

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def soon_settled(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}


def mirror(obj: Model) -> RemoteObject:
    found: RemoteObject = RemoteObject.objects.get(host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return found


def remote(emulator: Emulator, obj: Model) -> dict[str, Any]:
    """What Hellotext holds of ``obj``."""
    row = mirror(obj)
    assert row.state == State.SYNCED, row.error_message
    table = {"product_variant": "variant"}.get(row.kind, row.kind)
    return dict(emulator.world.store[table].rows[row.remote_id])


def bodies(emulator: Emulator, end: str, method: str = "POST") -> list[dict[str, Any]]:
    found = [entry for entry in emulator.log if entry.method == method and entry.accepted]
    return [entry.body_json for entry in found if entry.path.endswith(end)]


def again(deliver: Deliver) -> None:
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=LONG_AGO)
    deliver()


def test_the_order_of_kinds_names_each_kind_once_after_those_it_needs() -> None:
    assert sorted(KIND_ORDER) == sorted(Kind.values)
    needs = {
        "profile": ["property", "list"],
        "product_variant": ["product"],
        "cart": ["profile", "product", "product_variant"],
        "order": ["profile", "product", "product_variant"],
        "refund": ["order", "product", "profile"],
    }
    for kind, before in needs.items():
        assert all(KIND_ORDER.index(one) < KIND_ORDER.index(kind) for one in before)


def test_a_variant_arrives_under_its_product(hellotext: Emulator, deliver: Deliver) -> None:
    size = make_variant(name="XL", sku="SHIRT-XL")
    deliver()
    found = remote(hellotext, size)
    assert found["product"] == mirror(size.product).remote_id
    assert (found["name"], found["sku"], found["reference"]) == ("XL", "SHIRT-XL", str(size.pk))
    assert (found["source"], found["price"]["amount"]) == ("testshop", "14.90")


def test_a_variant_changes_by_itself(hellotext: Emulator, deliver: Deliver) -> None:
    size, other = make_variant(), make_variant()
    deliver()
    before = len(hellotext.log)
    size.sku = "NEW-SKU"
    size.save()
    deliver()
    assert remote(hellotext, size)["sku"] == "NEW-SKU"
    assert remote(hellotext, other)["sku"] == other.sku
    [request] = hellotext.log[before:]
    assert request.path == f"/v1/attribution/variants/{mirror(size).remote_id}"
    assert request.method == "PATCH"


def test_a_line_may_sell_a_variant(hellotext: Emulator, deliver: Deliver) -> None:
    adapter = registry.for_model(Order)
    assert adapter is not None
    size = make_variant()
    line = adapter.link_to(size, kind="product", where="here", of_line=True)
    assert (line.kind, line.label) == ("product_variant", "testshop.variant")


def test_a_variant_is_viewed_as_a_product_is(hellotext: Emulator, deliver: Deliver) -> None:
    size = make_variant()
    django_hellotext.track("product.viewed", size, profile=make_customer())
    deliver()
    [body] = bodies(hellotext, "/events")
    assert body["object"] == mirror(size).remote_id
    assert Event.objects.get().state == State.DELIVERED


def test_a_coupon_arrives_and_is_redeemed(hellotext: Emulator, deliver: Deliver) -> None:
    coupon = make_voucher(code="Save10")
    django_hellotext.track("coupon.redeemed", coupon, profile=make_customer())
    deliver()
    found = remote(hellotext, coupon)
    assert (found["code"], found["description"]) == ("Save10", "Ten percent off")
    assert found["destination_url"] == "https://shop.example/redeem/Save10/"
    assert found["reference"] == str(coupon.pk)
    [event] = bodies(hellotext, "/events")
    assert event["object"] == mirror(coupon).remote_id


def test_a_changed_coupon_sends_all_that_the_contract_wants(hellotext: Emulator, deliver: Deliver) -> None:
    coupon = make_voucher()
    deliver()
    coupon.description = "Twenty percent off"
    coupon.save()
    deliver()
    [body] = bodies(hellotext, mirror(coupon).remote_id, "PATCH")
    assert body.keys() == {"code", "description", "destination_url", "reference"}
    assert remote(hellotext, coupon)["description"] == "Twenty percent off"


def test_a_description_that_is_too_long_is_cut(hellotext: Emulator, deliver: Deliver) -> None:
    coupon = make_voucher(description="x" * 141)
    deliver()
    assert remote(hellotext, coupon)["description"] == "x" * 140
    [adjustment] = Adjustments.from_json(mirror(coupon).adjustments)
    assert (adjustment.field, adjustment.kind) == ("description", "shortened")


def test_a_refund_arrives_with_its_order_its_buyer_and_its_events(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    back = make_return(order=order, reason="Too small")
    back.state = "paid"
    back.save()
    deliver()
    found = remote(hellotext, back)
    assert found["refundable"] == {"kind": "order", "id": mirror(order).remote_id}
    assert found["profile"] == RemoteObject.objects.get(kind="profile").remote_id
    assert found["total"] == {"amount": "5.00", "currency": "EUR"}
    assert found["metadata"] == {"reason": "Too small"}
    events = [(body["action"], str(body.get("amount"))) for body in bodies(hellotext, "/events")]
    assert events == [("order.placed", "25.8"), ("refund.requested", "5.0"), ("refund.received", "5.0")]


def test_a_guests_refund_goes_to_the_guest(hellotext: Emulator, deliver: Deliver) -> None:
    back = make_return(order=placed_order(email="guest@example.com"))
    deliver()
    assert remote(hellotext, back)["profile"] == RemoteObject.objects.get(kind="profile").remote_id


def test_refunds_are_rendered_with_a_constant_number_of_queries(
    hellotext: Emulator, deliver: Deliver, django_assert_num_queries: Any
) -> None:
    adapter = registry.for_model(Return)
    assert adapter is not None

    def render() -> None:
        for one in adapter.queryset(Return.objects.all()):
            adapter.payload(one)

    make_return(order=placed_order(customer=make_customer()))
    with django_assert_num_queries(1):
        render()
    for _ in range(5):
        make_return(order=placed_order(email="guest@example.com"))
    with django_assert_num_queries(1):
        render()


def test_a_form_arrives_and_is_completed(hellotext: Emulator, deliver: Deliver) -> None:
    form = make_questionnaire(name="Newsletter")
    django_hellotext.track("form.completed", form, profile=make_customer())
    deliver()
    found = remote(hellotext, form)
    assert (found["name"], found["metadata"]) == ("Newsletter", {"language": "en"})
    [event] = bodies(hellotext, "/events")
    assert event["object"] == mirror(form).remote_id


def test_an_app_arrives_and_money_is_spent_in_it(hellotext: Emulator, deliver: Deliver) -> None:
    app = make_app(name="Shop for phones")
    customer = make_customer()
    django_hellotext.track("app.installed", app, profile=customer)
    django_hellotext.track("app.spent", app, profile=customer, amount=5)
    django_hellotext.track("app.removed", app, profile=customer)
    deliver()
    found = remote(hellotext, app)
    assert (found["name"], found["image_url"]) == ("Shop for phones", "https://shop.example/icon.png")
    assert [body["object"] for body in bodies(hellotext, "/events")] == [mirror(app).remote_id] * 3


MAKERS: dict[str, Callable[[], Model]] = {
    "profile": make_customer,
    "product": make_product,
    "product_variant": make_variant,
    "coupon": make_voucher,
    "form": make_questionnaire,
    "app": make_app,
    "cart": lambda: make_cart_line(cart__owner=make_customer()).cart,
    "order": lambda: make_order_line(order=make_order(customer=make_customer())).order,
    "refund": make_return,
}
PATHS = {
    "profile": "/v1/profiles",
    "product": "/v1/attribution/products",
    "product_variant": "/variants",
    "coupon": "/v1/coupons",
    "form": "/v1/attribution/forms",
    "app": "/v1/attribution/apps",
    "cart": "/v1/attribution/carts",
    "order": "/v1/attribution/orders",
    "refund": "/v1/attribution/refunds",
}


@pytest.mark.parametrize("kind", MAKERS)
def test_an_object_whose_answer_was_lost_is_found_and_adopted(hellotext: Emulator, deliver: Deliver, kind: str) -> None:
    """A4"""
    obj = MAKERS[kind]()
    path = PATHS[kind]
    if kind == "product_variant":
        deliver_product_first(deliver, obj)
        path = f"/v1/attribution/products/{RemoteObject.objects.get(kind='product').remote_id}/variants"
    hellotext.add_fault(Fault(kind="garbage", path=path, method="POST", times=1))
    deliver()
    again(deliver)
    again(deliver)
    assert mirror(obj).state == State.SYNCED
    assert len(bodies(hellotext, PATHS[kind])) == 1


def deliver_product_first(deliver: Deliver, size: Any) -> None:
    RemoteObject.objects.filter(kind="product_variant").delete()
    later = list(Change.objects.filter(object_label="testshop.variant").values())
    Change.objects.filter(object_label="testshop.variant").delete()
    deliver()
    Change.objects.bulk_create(Change(**values) for values in later)


@pytest.mark.parametrize("kind", ["product_variant", "coupon", "form", "app"])
def test_an_object_that_is_there_already_is_adopted_by_what_is_unique(
    hellotext: Emulator, deliver: Deliver, kind: str
) -> None:
    """As after an installation into an account that another integration filled."""
    obj = MAKERS[kind]()
    deliver()
    row = mirror(obj)
    there = row.remote_id
    RemoteObject.objects.filter(pk=row.pk).delete()
    obj.save()
    deliver()
    assert mirror(obj).remote_id == there


def test_every_kind_that_a_shop_has_objects_of_can_be_sent() -> None:
    assert set(MAKERS) <= set(OPERATIONS)


def test_a_coupon_without_a_code_is_refused_by_name(hellotext: Emulator, deliver: Deliver) -> None:
    coupon = Voucher.objects.create(code="", description="Nothing")
    deliver()
    row = mirror(coupon)
    assert (row.state, row.error_type, row.error_parameter) == (State.FAILED, "parameter_missing", "code")
    assert "VoucherAdapter.code (testshop.Voucher)" in row.error_message
