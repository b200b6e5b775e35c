"""What is wrong with one object is said on its row, by name; everything else goes on (demands C7, F2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Model
from django.db.models.signals import post_delete

import django_hellotext as app
from django_hellotext import clock
from django_hellotext.adapters import Money, OnChange, Value, registry
from django_hellotext.adapters import values as adapter_values
from django_hellotext.adjustments import Adjustments
from django_hellotext.api import types as api_types
from django_hellotext.delivery import Report, change_events
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, RemoteObject, SkipReason, State
from tests.factories import (
    make_cart_line,
    make_customer,
    make_order,
    make_product,
    make_questionnaire,
    make_voucher,
    placed_order,
)
from tests.testshop.models import Cart, Note, Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The adapter of products with other attributes."""
    adapter: Any = registry.for_model(Product)

    def declare(**attributes: Any) -> Any:
        for name, value in attributes.items():
            monkeypatch.setattr(type(adapter), name, value, raising=False)
        return adapter

    return declare


def row_of(obj: Model) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return row


def refused(obj: Model, *, fine: Model) -> tuple[str, str]:
    """The reason on the row of ``obj``; ``fine`` has arrived."""
    assert row_of(fine).state == State.SYNCED, row_of(fine).error_message
    row = row_of(obj)
    assert row.state == State.FAILED
    return row.error_type, row.error_message


def adjusted(obj: Model) -> list[tuple[str, str, str]]:
    """Field, kind and reason of the adjustments on the row of ``obj``."""
    return [(one.field, one.kind, one.reason) for one in Adjustments.from_json(row_of(obj).adjustments)]


def test_an_attribute_that_raises_for_one_object(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    def brand(self: Any, product: Product) -> str:
        if product.name == "broken":
            raise ZeroDivisionError("by nothing")
        return "fine"

    products(get_brand=brand)
    broken, fine = make_product(name="broken"), make_product()
    deliver()
    assert [row["brand"] for row in hellotext.world.store["product"].rows.values()] == [None, "fine"]
    assert adjusted(broken) == [("brand", "attribute_failed", "ZeroDivisionError: by nothing")]
    assert row_of(broken).state == State.SYNCED
    assert row_of(fine).adjustments is None


def test_what_cannot_be_read_now_stays_at_hellotext_as_it_was(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    products(tags=lambda product: ["sea"] if product.name == "Novel" else 1 / 0)
    product = make_product(name="Novel")
    deliver()
    product.name = "Atlas"
    product.save()
    deliver()
    [there] = hellotext.world.store["product"].rows.values()
    assert (there["name"], there["tags"]) == ("Atlas", ["sea"])


def test_an_adapter_that_raises_for_one_object(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    def reference(self: Any, product: Product) -> str:
        if product.name == "broken":
            raise ZeroDivisionError("by nothing")
        return str(product.pk)

    products(get_reference=reference)
    broken, fine = make_product(name="broken"), make_product()
    deliver()
    kind, message = refused(broken, fine=fine)
    assert kind == "adapter_failed"
    assert "ProductAdapter raised ZeroDivisionError: by nothing" in message


def test_a_reference_that_is_empty(hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]) -> None:
    products(reference="slug")
    broken, fine = make_product(slug=""), make_product(slug="a-book")
    deliver()
    kind, message = refused(broken, fine=fine)
    assert kind == "reference_empty"
    assert "ProductAdapter.reference (testshop.Product)" in message


def test_a_reference_that_changes(hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]) -> None:
    products(reference="slug")
    moved, fine = make_product(slug="old"), make_product(slug="fine")
    deliver()
    moved.slug = "new"
    moved.save()
    deliver()
    kind, message = refused(moved, fine=fine)
    assert kind == "reference_changed"
    assert f"testshop.product {moved.pk} was 'old' and is 'new' now" in message
    moved.slug = "old"
    moved.save()
    deliver()
    assert row_of(moved).state == State.SYNCED
    assert len(hellotext.world.store["product"].rows) == 2


def test_a_reference_that_two_objects_share(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    products(reference="slug")
    first, second, fine = make_product(slug="same"), make_product(slug="same"), make_product(slug="other")
    deliver()
    assert row_of(first).state == State.SYNCED
    kind, message = refused(second, fine=fine)
    assert kind == "reference_shared"
    assert f"testshop.product {second.pk} has the reference 'same' of testshop.product {first.pk}" in message
    third = make_product(slug="same")
    deliver()
    assert refused(third, fine=fine)[0] == "reference_shared"
    assert len(hellotext.world.store["product"].rows) == 2


@pytest.mark.parametrize("make", [make_voucher, make_questionnaire])
def test_a_code_or_name_that_changes_is_simply_another(
    hellotext: Emulator, deliver: Deliver, make: Callable[..., Any]
) -> None:
    obj = make()
    deliver()
    for name in ("code", "name"):
        if hasattr(obj, name):
            setattr(obj, name, "another")
    obj.save()
    deliver()
    assert row_of(obj).state == State.SYNCED


def test_an_order_that_comes_back_under_another_key_is_the_same_order(hellotext: Emulator, deliver: Deliver) -> None:
    """As after an import that deletes and writes anew; orders are kept at Hellotext."""
    old = make_order(number="A-1000", customer=make_customer())
    deliver()
    remote_id = row_of(old).remote_id
    old.delete()
    deliver()
    new = Order.objects.create(number="A-1000", customer=old.customer, method="card")
    deliver()
    row = row_of(new)
    assert (row.state, row.remote_id) == (State.SYNCED, remote_id)
    [there] = hellotext.world.store["order"].rows.values()
    assert there["payment_method"] == "card"


def test_a_product_that_comes_back_under_another_key_waits_for_the_deletion(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    products(reference="slug")
    old = make_product(slug="same", sku="SAME")
    deliver()
    old.delete()
    new = make_product(slug="same", sku="SAME")
    deliver()
    row = row_of(new)
    assert row.state == State.SYNCED
    assert list(hellotext.world.store["product"].rows) == [row.remote_id]


@pytest.mark.parametrize("skipped", [False, True])
def test_a_product_does_not_wait_for_ever_for_a_deletion_that_was_refused(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any], skipped: bool
) -> None:
    """A person has to look at the deletion; where one has said that there is to be none, it is the same product."""
    products(reference="slug")
    old, fine = make_product(slug="same"), make_product(slug="other")
    deliver()
    before = row_of(old)
    key = str(old.pk)
    old.delete()
    RemoteObject.objects.filter(pk=before.pk).update(state=State.FAILED, tombstone_at=clock.now())
    Change.objects.all().delete()
    if skipped:
        RemoteObject.objects.filter(pk=before.pk).skip(SkipReason.PERSON)
    new = make_product(slug="same")
    deliver()
    if skipped:
        assert (row_of(new).state, row_of(new).remote_id) == (State.SYNCED, before.remote_id)
        return
    kind, message = refused(new, fine=fine)
    assert kind == "reference_shared"
    assert f"testshop.product {key}" in message
    assert "deleted" in message


def test_a_source_that_changes(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    moved = make_product()
    deliver()
    configured = settings.HELLOTEXT
    settings.HELLOTEXT = {**configured, "SOURCE": "renamed"}
    moved.name = "Another name"
    moved.save()
    fine = make_product()
    deliver()
    kind, message = refused(moved, fine=fine)
    assert kind == "source_changed"
    assert "was 'testshop' and is 'renamed' now" in message
    settings.HELLOTEXT = configured
    moved.save()
    deliver()
    assert row_of(moved).state == State.SYNCED


def test_a_source_of_the_adapters_own_is_remembered(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    products(source="warehouse")
    product = make_product()
    deliver()
    product.name = "Another name"
    product.save()
    deliver()
    assert (row_of(product).source, row_of(product).state) == ("warehouse", State.SYNCED)


def test_a_price_without_a_currency_is_left_out(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any], settings: Any
) -> None:
    settings.HELLOTEXT = {name: value for name, value in settings.HELLOTEXT.items() if name != "CURRENCY"}

    def currency(self: Any, product: Product) -> str | None:
        return None if product.name == "broken" else "EUR"

    products(price=Money("price"), get_currency=currency)
    broken = make_product(name="broken")
    deliver()
    [(field, kind, reason)] = adjusted(broken)
    assert (field, kind) == ("price", "attribute_failed")
    assert reason.startswith("ConfigurationError: the amount has no currency. Set `currency` on the adapter")
    [there] = hellotext.world.store["product"].rows.values()
    assert there["price"] is None


@pytest.mark.parametrize(
    "address",
    [
        "/media/a.png",
        "media/a.png",
        "http://localhost/a.png",
        "http://shop.localhost:8000/a.png",
        "http://127.0.0.1:8000/a.png",
        "https://10.1.2.3/a.png",
        "https://192.168.0.7/a.png",
        "https://[::1]/a.png",
        "https://[fd00::1]/a.png",
        "http://intranet/a.png",
        "http://media.internal/a.png",
        "ftp://shop.example/a.png",
    ],
)
def test_an_image_that_hellotext_cannot_fetch_is_left_out_and_said(
    hellotext: Emulator,
    deliver: Deliver,
    products: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    address: str,
) -> None:
    adapter_values._say_left_out.cache_clear()
    products(image_url=Value(address))
    product = make_product()
    with caplog.at_level(logging.WARNING, logger="django_hellotext.adapters"):
        deliver()
    assert row_of(product).state == State.SYNCED
    [there] = hellotext.world.store["product"].rows.values()
    assert there["image_url"] is None
    assert "ProductAdapter.image_url (testshop.Product) is left out" in caplog.text


def test_a_public_image_is_sent(hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]) -> None:
    products(image_url=Value("https://cdn.example/a.png"))
    make_product()
    deliver()
    [there] = hellotext.world.store["product"].rows.values()
    assert there["image_url"] == "https://cdn.example/a.png"


def test_an_adapter_that_raises_while_an_object_is_looked_for_stops_nobody(
    hellotext: Emulator, deliver: Deliver, products: Callable[..., Any]
) -> None:
    """It was rendered and sent; nobody heard the answer, and then the shop's own code did not work any more."""
    works = ["once"]

    def reference(self: Any, product: Product) -> str:
        if product.name == "broken" and not works:
            raise ZeroDivisionError("by nothing")
        return works.pop() if product.name == "broken" else "fine"

    products(get_reference=reference)
    hellotext.add_fault(Fault(kind="garbage", path="/v1/attribution/products", method="POST", times=1))
    broken = make_product(name="broken")
    deliver()
    fine = make_product()
    deliver()
    kind, message = refused(broken, fine=fine)
    assert kind == "adapter_failed"
    assert "ProductAdapter raised ZeroDivisionError: by nothing" in message
    # What the row remembers was enough to find it: repaired, it is updated and not created twice.
    assert row_of(broken).remote_id


def test_a_preparation_that_raises_at_once_only_costs_queries(deliver: Deliver, products: Callable[..., Any]) -> None:
    adapter = products(queryset=lambda self, rows: rows.no_such_method())
    product = make_product()
    deliver()
    assert row_of(product).state == State.SYNCED
    assert list(backfill.objects_of(adapter, using="default")) == [product]


def test_a_key_that_the_model_cannot_have_names_no_object(products: Callable[..., Any]) -> None:
    product = make_product()
    assert backfill.existing(products(), [str(product.pk), "nonsense"], using="default") == {str(product.pk)}


@pytest.mark.parametrize("preparation", ["select_related", "prefetch_related"])
def test_a_preparation_that_raises_when_it_is_read_only_costs_queries(
    deliver: Deliver, products: Callable[..., Any], preparation: str
) -> None:
    """Django looks at the names in a queryset when it is read, not when it is made."""
    products(queryset=lambda self, rows: getattr(rows, preparation)("nonsense"))
    product = make_product()
    deliver()
    assert row_of(product).state == State.SYNCED


def test_a_queryset_that_fails_in_the_database_does_not_block_the_queue(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    order, product = placed_order(customer=make_customer()), make_product()
    deliver()
    deleted = make_order(customer=make_customer(), number="N-2")
    deliver()
    monkeypatch.setattr(
        type(registry.for_model(Order)), "queryset", lambda self, rows: rows.extra(where=["no_such_column = 1"])
    )
    Order.objects.filter(pk=order.pk).update(status="paid")
    app.sync(Order.objects.filter(pk=order.pk), events=False)  # its status is read again by the fold
    post_delete.send(sender=Order, instance=deleted)
    app.sync(deleted)  # the fold has to read whether the object is back
    app.track("product.viewed", product, profile=order.customer)
    with caplog.at_level(logging.WARNING, "django_hellotext.intake"):
        deliver()
    assert not Change.objects.exists()
    assert row_of(order).baseline == "paid"
    assert row_of(deleted).tombstone_at is None
    assert Event.objects.get(action="product.viewed").state == State.DELIVERED
    failed = [record for record in caplog.records if record.getMessage() == "adapter.failed"]
    assert {(record.name, vars(record)["adapter"]) for record in failed} == {
        ("django_hellotext.intake", "OrderAdapter")
    }
    assert {vars(record)["error"] for record in failed} <= {"OperationalError", "ProgrammingError"}


def test_the_queryset_of_a_page_and_of_a_count_may_fail_in_the_database(products: Callable[..., Any]) -> None:
    adapter = products(queryset=lambda self, rows: rows.extra(where=["no_such_column = 1"]))
    product = make_product()
    assert backfill.page_of(adapter, using="default", after=None) == [product]
    assert backfill.count_of(adapter, using="default") == 1
    assert backfill.existing(adapter, [str(product.pk)], using="default") == {str(product.pk)}


def test_objects_that_cannot_be_read_at_all_raise_the_error_of_the_database(products: Callable[..., Any]) -> None:
    adapter = products(queryset=lambda self, rows: rows)
    with pytest.raises(DatabaseError), transaction.atomic():
        backfill.read_objects(adapter, lambda rows: list(rows.extra(where=["no_such_column = 1"])), using="default")


@pytest.mark.django_db(transaction=True)
def test_a_read_outside_of_a_transaction_needs_no_savepoint(
    products: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    adapter = products()
    with django_assert_num_queries(1):
        backfill.page_of(adapter, using="default", after=None)


@pytest.mark.parametrize(
    ("total", "state", "amount"),
    [
        ("1000000000000000", State.FAILED, None),
        ("9" * 40, State.FAILED, None),
        ("12.34567", State.DELIVERED, Decimal("12.35")),
    ],
)
def test_a_total_that_no_column_holds_does_not_stop_the_fold(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, total: str, state: State, amount: object
) -> None:
    """Demand C7: whatever follows in the same fold, and all that comes later, would wait behind it for ever."""
    adapter = registry.for_model(Order)
    monkeypatch.setattr(type(adapter), "amount", lambda self, obj: api_types.Money(Decimal(total), "EUR"))
    placed_order(customer=make_customer())
    product = make_product()
    deliver()
    event = Event.objects.get()
    assert (event.state, event.amount) == (state, amount)
    assert event.error_parameter == ("amount" if state == State.FAILED else "")
    assert row_of(product).state == State.SYNCED
    assert not Change.objects.exists()


def test_a_payload_that_is_no_argument_holds_up_no_other_row(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter's own ``build()`` may put anything into an item; the thread that drains would end, time and again."""
    adapter: Any = registry.for_model(Order)
    build = type(adapter).build

    def with_a_note(self: Any, obj: Order) -> dict[str, Any]:
        return {**build(self, obj), "items": [{"product": "SKU-1", "note": "a present"}]}

    monkeypatch.setattr(type(adapter), "build", with_a_note)
    odd = make_order(customer=make_customer())
    product = make_product()
    deliver()
    kind, message = refused(odd, fine=product)
    assert kind == "unexpected_error"
    assert "note" in message


@pytest.mark.parametrize("works", [False, True])
def test_a_cart_that_cannot_be_read_does_not_hold_up_what_was_put_into_it(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    line = make_cart_line(cart__owner=make_customer())
    deliver()
    app.track("cart.added", line.cart, items=[(line.product, 1)])
    if not works:
        monkeypatch.setattr(type(registry.for_model(Cart)), "payload", lambda self, obj: 1 / 0)
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def test_an_order_that_the_shop_does_not_want_there_sends_no_event(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    monkeypatch.setattr(type(registry.for_model(Order)), "should_sync", lambda self, obj: False)
    order.status = Order.Status.PAID
    order.save()
    deliver()
    assert [event.action for event in Event.objects.all()] == ["order.placed"]


@pytest.mark.parametrize(
    ("field", "warned"), [("status", True), ("note.text", False), (lambda order: order.status, False)]
)
def test_only_a_status_that_the_column_does_not_offer_is_named(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, field: Any, warned: bool
) -> None:
    adapter = registry.for_model(Order)
    monkeypatch.setattr(type(adapter), "events", OnChange(field, {"paid": "order.confirmed"}))
    order = make_order(customer=make_customer())
    note = Note.objects.create(order=order, text="first")
    deliver()
    change_events.notice_unknown.cache_clear()
    order.status, note.text = "odd", "odd"
    note.save()
    order.save()
    deliver()
    assert not Event.objects.exists()
    assert ("status.unknown" in caplog.messages) is warned
    change_events.notice_unknown.cache_clear()
