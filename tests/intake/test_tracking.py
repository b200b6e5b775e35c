"""What ``track()`` takes, refuses, freezes and remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test import RequestFactory

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.api.types import Money
from django_hellotext.emulator import Emulator
from django_hellotext.exceptions import TrackingError
from django_hellotext.intake import changes, ledger
from django_hellotext.models import Change, Event, State
from tests.factories import (
    make_app,
    make_cart,
    make_cart_line,
    make_customer,
    make_order,
    make_product,
    make_return,
    make_staff,
    make_voucher,
    placed_order,
)
from tests.testshop.models import Note, Order, Product

pytestmark = pytest.mark.django_db

URL = "https://shop.example/"


@pytest.fixture
def quiet(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}


@pytest.mark.usefixtures("hellotext")
def test_an_unknown_action_raises_and_names_the_nearest() -> None:
    with pytest.raises(TrackingError, match=r"Did you mean 'order\.placed'"):
        django_hellotext.track("order.place", make_order())
    assert not Event.objects.exists()


@pytest.mark.usefixtures("hellotext")
def test_a_declared_custom_action_is_recorded(settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": ["wishlist.shared"]}
    django_hellotext.track("wishlist.shared", profile=make_customer())
    assert Event.objects.get().action == "wishlist.shared"


@pytest.mark.usefixtures("quiet")
def test_an_event_that_needs_an_amount_is_kept_as_failed_without_one() -> None:
    django_hellotext.track("app.spent", make_app(), profile=make_customer())
    row = Event.objects.get()
    assert (row.state, row.error_type, row.error_parameter) == (State.FAILED, "parameter_missing", "amount")
    assert "app.spent needs an amount." in row.error_message


@pytest.mark.usefixtures("hellotext")
def test_the_type_of_a_custom_events_object_is_kept(settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": ["bundle.viewed"]}
    django_hellotext.track("bundle.viewed", make_product(), profile=make_customer(), object_type="bundle")
    assert Event.objects.get().object_type == "bundle"


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("action", ["order.printed_label", "short_link.clicked", "product.browse_abandoned"])
def test_hellotexts_own_actions_are_never_sent(action: str) -> None:
    with pytest.raises(TrackingError, match="Hellotext's own"):
        django_hellotext.track(action, profile=make_customer())


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"amount": 9.9}, "amount must be .*, not float"),
        ({"amount": True}, "amount"),
        ({"metadata": "text"}, "metadata"),
        ({"tracked_at": "2026-01-01"}, "tracked_at"),
        ({"currency": 978}, "currency"),
        ({"profile": object()}, "profile"),
    ],
)
def test_an_argument_of_a_wrong_type_raises_and_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        django_hellotext.track("page.viewed", **{"profile": make_customer(), "url": URL, **arguments})


@pytest.mark.usefixtures("hellotext")
def test_an_object_without_an_adapter_raises_and_is_named() -> None:
    with pytest.raises(TypeError, match="Note"):
        django_hellotext.track("order.placed", Note())


@pytest.mark.usefixtures("hellotext")
def test_an_object_of_another_kind_raises_and_names_both() -> None:
    with pytest.raises(TypeError, match=r"order.*product"):
        django_hellotext.track("order.placed", make_product())


@pytest.mark.usefixtures("hellotext")
def test_an_action_without_its_object_raises() -> None:
    with pytest.raises(TypeError, match="needs the order"):
        django_hellotext.track("order.placed", profile=make_customer())


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("arguments", "parameter", "reason", "message"),
    [
        ({"currency": "EUR"}, "amount", "parameter_missing", "currency was given without amount."),
        ({"amount": "9,90"}, "amount", "parameter_invalid", "amount is not a decimal number."),
        ({"amount": Decimal("NaN")}, "amount", "parameter_invalid", "amount must be a number below 10^15."),
        ({"amount": Decimal("999999999999999.999")}, "amount", "parameter_invalid", "amount must be a number below"),
        ({"amount": 5, "currency": "euro"}, "currency", "parameter_missing", "amount needs a currency, an ISO 4217"),
        ({"metadata": {"x": object()}}, "metadata", "parameter_invalid", "metadata cannot be written as JSON"),
        ({"metadata": {"x": float("nan")}}, "metadata", "parameter_invalid", "metadata cannot be written as JSON"),
        ({"metadata": {"x": "y" * 70_000}}, "metadata", "too_large", "metadata is longer than 64 KiB."),
        (
            {"tracked_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))},
            *("tracked_at", "parameter_invalid", "tracked_at is out of range."),
        ),
        ({"key": "k" * 300}, "key", "parameter_invalid", "key is longer than 255 characters"),
        ({"url": "https://shop.example/" + "x" * 3000}, "url", "parameter_invalid", "url is longer than 2048"),
        ({"url": None}, "url", "parameter_missing", "page.viewed needs a url."),
    ],
)
def test_a_fault_of_data_becomes_a_refused_row_that_names_the_parameter(
    arguments: dict[str, Any], parameter: str, reason: str, message: str
) -> None:
    django_hellotext.track("page.viewed", **{"profile": make_customer(), "url": URL, **arguments})
    event = Event.objects.get()
    assert (event.state, event.error_type, event.error_parameter) == ("failed", reason, parameter)
    assert event.error_message.startswith(message)
    assert event.error_type
    assert event.error_message


@pytest.mark.usefixtures("quiet")
def test_an_event_of_nobody_becomes_a_refused_row() -> None:
    django_hellotext.track("page.viewed", url=URL)
    event = Event.objects.get()
    assert (event.state, event.error_type, event.error_parameter) == ("failed", "parameter_missing", "profile")


@pytest.mark.usefixtures("hellotext")
def test_faults_of_data_are_raised_in_tests() -> None:
    with pytest.raises(TrackingError, match="without amount"):
        django_hellotext.track("page.viewed", profile=make_customer(), url=URL, currency="EUR")


@pytest.mark.usefixtures("hellotext")
def test_a_key_makes_recording_idempotent() -> None:
    customer = make_customer()
    for _ in range(3):
        django_hellotext.track("page.viewed", profile=customer, url=URL, key="landing")
    assert Event.objects.count() == 1


@pytest.mark.usefixtures("hellotext")
def test_keys_differ_by_case_and_by_trailing_spaces() -> None:
    customer = make_customer()
    for key in ("landing", "Landing", "landing ", "lánding"):
        django_hellotext.track("page.viewed", profile=customer, url=URL, key=key)
    assert sorted(Event.objects.values_list("key", flat=True)) == sorted(["landing", "Landing", "landing ", "lánding"])


@pytest.mark.usefixtures("hellotext")
def test_an_order_is_placed_once_however_often_it_is_tracked() -> None:
    order = make_order(customer=make_customer())
    for _ in range(3):
        django_hellotext.track("order.placed", order)
    assert Event.objects.count() == 1


@pytest.mark.usefixtures("quiet")
def test_a_refused_row_does_not_hold_its_key() -> None:
    """Demand C8: what failed must not deduplicate a better one away."""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url=URL, key="landing", currency="EUR")
    django_hellotext.track("page.viewed", profile=customer, url=URL, key="landing")
    assert sorted(Event.objects.values_list("state", flat=True)) == ["failed", "pending"]


@pytest.mark.usefixtures("hellotext")
def test_money_is_exact_and_takes_the_configured_currency() -> None:
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url=URL, amount=Decimal("0.10"))
    django_hellotext.track("page.viewed", profile=customer, url=URL, amount=Money(Decimal("1.234"), "KWD"))
    assert list(Event.objects.order_by("id").values_list("amount", "currency")) == [
        (Decimal("0.1000"), "EUR"),
        (Decimal("1.2340"), "KWD"),
    ]


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("has_statements_of_its_own", [True, False])
def test_a_kept_session_is_found_before_and_after_the_change_is_folded(
    deliver: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, has_statements_of_its_own: bool
) -> None:
    """The webhook has no cookies; the order remembers its buyer's session.

    A database of another vendor does the same through the ORM.
    """
    if not has_statements_of_its_own:
        monkeypatch.delitem(ledger._WRITERS, connection.vendor)
    order = make_order(customer=make_customer())
    request = rf.post("/checkout/")
    request.COOKIES["hello_session"] = "buyer-session"
    request.user = AnonymousUser()
    django_hellotext.remember_session(order, request)
    django_hellotext.track("order.confirmed", order)
    deliver()
    assert not Change.objects.exists()
    for _ in range(2):
        django_hellotext.track("order.shipped", order)
    assert Event.objects.count() == 2
    assert set(Event.objects.values_list("session", "ordering_key")) == {("buyer-session", "buyer-session")}
    django_hellotext.track("order.placed", make_order(customer=make_customer()))
    assert Event.objects.latest("pk").session == ""


@pytest.mark.usefixtures("hellotext")
def test_a_staff_members_own_session_never_reaches_the_event(rf: RequestFactory) -> None:
    """Demand G5."""
    buyer = make_customer()
    order = make_order(customer=buyer)
    request = rf.post("/admin/")
    request.COOKIES.update({"hello_session": "staff-session", "sessionid": "x"})
    request.session = {}  # type: ignore[assignment]  # only asked whether it was accessed
    request.user = make_staff()
    django_hellotext.track("order.shipped", order, request=request)
    event = Event.objects.get()
    assert (event.profile_pk, event.session) == (str(buyer.pk), "")


@pytest.mark.usefixtures("hellotext")
def test_cart_items_are_frozen_with_the_resulting_quantity() -> None:
    cart, product = make_cart(owner=make_customer()), make_product()
    django_hellotext.track("cart.added", cart, items=[(product, 3)])
    parameters = Event.objects.get().object_parameters
    assert parameters is not None
    [item] = parameters["items"]
    assert item == {
        "product": {"kind": "product", "label": "testshop.product", "pk": str(product.pk)},
        "quantity": "3",
    }


@pytest.mark.usefixtures("hellotext")
def test_recording_is_one_statement(django_assert_num_queries: Any) -> None:
    customer, order = make_customer(), make_order()
    with django_assert_num_queries(1):
        django_hellotext.track("order.placed", order, profile=customer, amount=5)


def test_an_unconfigured_app_records_nothing(django_assert_num_queries: Any, settings: Any) -> None:
    settings.HELLOTEXT = {}
    customer = make_customer()
    with django_assert_num_queries(0):
        django_hellotext.track("page.viewed", profile=customer, url=URL)
        django_hellotext.track("no such action")


def test_a_guests_coupon_is_the_guests(hellotext: Emulator, deliver: Any) -> None:
    order = placed_order(email="gil@example.com", first_name="Gil")
    django_hellotext.track("coupon.redeemed", make_voucher(), profile=order, key=order.number)
    deliver()
    event = Event.objects.get(action="coupon.redeemed")
    assert (event.state, event.profile_label, event.profile_pk) == ("delivered", "testshop.order", str(order.pk))
    [profile] = hellotext.world.store["profile"].rows.values()
    assert [entry.body_json["profile"] for entry in hellotext.log if entry.path.endswith("/attribution/events")] == [
        profile["id"],
        profile["id"],
    ]


def make_knowing(kind: str, customer: User) -> Any:
    """An object of ``kind`` that knows ``customer``."""
    order = make_order(customer=customer)
    return {"order": order, "refund": make_return(order=order), "cart": make_cart(owner=customer)}[kind]


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("kind", ["order", "refund", "cart"])
def test_an_object_that_knows_its_customer_may_stand_for_them(kind: str) -> None:
    customer = make_customer()
    django_hellotext.track("coupon.redeemed", make_voucher(), profile=make_knowing(kind, customer))
    event = Event.objects.get()
    assert (event.state, event.profile_label, event.profile_pk) == ("pending", "auth.user", str(customer.pk))


def test_who_an_order_stands_for_has_the_session_that_it_remembers(
    hellotext: Emulator, deliver: Any, rf: RequestFactory
) -> None:
    hellotext.know_session("buyer")
    request: Any = rf.get("/")
    request.COOKIES.update({"hello_session": "buyer", "sessionid": "x"})
    request.session, request.user = {}, AnonymousUser()
    order = placed_order(email="gil@example.com")
    django_hellotext.remember_session(order, request)
    django_hellotext.track("coupon.redeemed", make_voucher(), profile=order)
    assert Event.objects.get(action="coupon.redeemed").session == "buyer"


@pytest.mark.usefixtures("hellotext")
def test_the_session_of_another_customer_is_not_that_of_the_order(rf: RequestFactory) -> None:
    request: Any = rf.get("/")
    request.COOKIES.update({"hello_session": "somebody", "sessionid": "x"})
    request.session, request.user = {}, make_customer()
    buyer = make_customer()
    django_hellotext.track("coupon.redeemed", make_voucher(), profile=make_order(customer=buyer), request=request)
    event = Event.objects.get()
    assert (event.profile_pk, event.session) == (str(buyer.pk), "")


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize("raises", [True, False])
def test_what_knows_no_customer_is_refused_in_every_mode(settings: Any, raises: bool) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": raises}
    with pytest.raises(TypeError, match=r"profile must be a customer .*cart, order or refund.*not Product"):
        django_hellotext.track("coupon.redeemed", make_voucher(), profile=make_product())
    with pytest.raises(TypeError, match="not saved yet"):
        django_hellotext.track("coupon.redeemed", make_voucher(), profile=Order(number="x"))


@pytest.mark.usefixtures("quiet")
def test_an_event_without_a_customer_says_how_to_name_a_guest() -> None:
    django_hellotext.track("coupon.redeemed", make_voucher(), profile=None)
    assert "may be the guest's cart or order" in Event.objects.get().error_message


@pytest.mark.usefixtures("hellotext")
def test_a_visitor_whom_nobody_knows_leaves_no_row(rf: RequestFactory) -> None:
    django_hellotext.track("product.viewed", make_product(), request=rf.get("/"))
    assert not Event.objects.exists()


@pytest.mark.usefixtures("hellotext")
def test_a_staff_members_own_cart_is_left_out_with_its_reason(deliver: Any) -> None:
    cart = make_cart(owner=make_staff())
    make_cart_line(cart=cart, product=(product := make_product()))
    django_hellotext.track("cart.added", cart, items=[(product, 1)])
    deliver()
    event = Event.objects.get()
    assert (event.state, event.skip_reason) == ("skipped", "anonymous")


@pytest.mark.usefixtures("hellotext")
def test_a_customer_and_a_guest_with_the_same_key_do_not_wait_for_each_other() -> None:
    customer, order = make_customer(pk=77), make_order(pk=77, email="guest@example.com")
    for profile in (customer, order):
        django_hellotext.track("page.viewed", profile=profile, url=URL)
    assert Event.objects.values("ordering_key").distinct().count() == 2


@pytest.mark.usefixtures("hellotext")
def test_an_event_of_an_order_without_a_customer_or_a_session_is_a_sale_all_the_same(deliver: Any) -> None:
    django_hellotext.track("order.confirmed", make_order())
    deliver()
    assert Event.objects.get().state == "delivered"


@pytest.mark.usefixtures("quiet")
def test_what_an_adapter_raises_leaves_a_refused_row(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = type(registry.for_model(User))
    monkeypatch.setattr(adapter, "should_sync", lambda self, obj: 1 / 0)
    django_hellotext.track("page.viewed", profile=make_customer(), url=URL)
    event = Event.objects.get()
    assert (event.state, event.error_type) == ("failed", "adapter_failed")


@pytest.mark.usefixtures("quiet")
def test_a_status_that_cannot_be_read_does_not_lose_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order()
    Change.objects.all().delete()
    monkeypatch.setattr(type(registry.for_model(Order)), "status", lambda self, obj: 1 / 0)
    order.save()
    assert Change.objects.get().status is None


@pytest.mark.usefixtures("hellotext")
def test_a_visitor_who_claims_another_host_costs_nothing(rf: RequestFactory, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["shop.example"]
    request = rf.get("/page/", headers={"host": "evil.example"})
    request.COOKIES["hello_session"] = "visitor"
    django_hellotext.track("page.viewed", request=request)
    assert Event.objects.get().url == "/page/"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"url": "https://shop.example/\ud800"}, "url"),
        ({"key": "\ud800"}, "key"),
        ({"metadata": {"x": "\ud800"}}, "metadata"),
        ({"tracked_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "tracked_at"),
        ({"tracked_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))}, "tracked_at"),
    ],
)
def test_what_no_column_can_hold_leaves_a_refused_row(arguments: dict[str, Any], parameter: str) -> None:
    django_hellotext.track("page.viewed", **{"profile": make_customer(), "url": URL, **arguments})
    event = Event.objects.get()
    assert (event.state, event.error_parameter) == ("failed", parameter)


@pytest.mark.usefixtures("quiet")
def test_metadata_too_deep_to_write_leaves_a_refused_row() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"deeper": deep}
    django_hellotext.track("page.viewed", profile=make_customer(), url=URL, metadata=deep)
    assert Event.objects.get().error_parameter == "metadata"


@pytest.mark.usefixtures("hellotext")
def test_an_object_that_is_not_saved_raises() -> None:
    with pytest.raises(TypeError, match="this Order is not saved yet"):
        django_hellotext.track("order.placed", Order(number="x"))
    with pytest.raises(TypeError, match="not saved yet"):
        django_hellotext.track("page.viewed", profile=User(username="x"), url=URL)


@pytest.mark.usefixtures("hellotext")
@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: django_hellotext.track(5), "action must be a string, not int"),  # type: ignore[arg-type]  # the mistake
        (lambda: django_hellotext.track("cart.added", make_cart(), items=[(Product(), 1)]), "Product is not saved yet"),
        (lambda: django_hellotext.sync(Note(text="x")), "no adapter is registered for Note"),
        (lambda: django_hellotext.remember_session(Note(text="x"), RequestFactory().get("/")), "for Note"),
    ],
)
def test_a_mistake_in_a_call_is_raised_and_named(call: Callable[[], Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        call()
    assert not Event.objects.exists()


@pytest.mark.usefixtures("quiet")
def test_a_purchase_without_an_amount_leaves_a_failed_row() -> None:
    django_hellotext.track("app.spent", make_app(), profile=make_customer())
    event = Event.objects.get()
    assert (event.state, event.error_type, event.error_parameter) == ("failed", "parameter_missing", "amount")


@pytest.mark.usefixtures("hellotext")
def test_very_many_are_synced_in_several_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "CHUNK", 2)
    with django_hellotext.paused():
        for _ in range(5):
            make_product()
    assert django_hellotext.sync(Product.objects.all()) == 5
    assert Change.objects.count() == 5


@pytest.mark.usefixtures("quiet")
def test_a_cart_that_an_adapter_cannot_name_does_not_lose_the_event(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the buyer's session may be kept is the shop's own code."""
    order = placed_order(customer=make_customer())
    monkeypatch.setattr(type(registry.for_model(Order)), "cart_link", lambda self, obj: 1 / 0)
    django_hellotext.track("order.placed", order)
    assert Event.objects.get().state == "pending"
    assert "adapter.failed" in caplog.messages
