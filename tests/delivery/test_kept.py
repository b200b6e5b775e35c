"""What stays at Hellotext when the shop deletes it: decided once, and never taken back by what happens later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

import django_hellotext
from django_hellotext import adapters
from django_hellotext.adapters import registry
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.delivery.fold import fold
from django_hellotext.delivery.preview import preview
from django_hellotext.emulator import Emulator
from django_hellotext.intake.erasure import forget_customer
from django_hellotext.intake.receivers import connect
from django_hellotext.models import Change, Event, Lane, RemoteObject, Removal, State
from tests.factories import make_customer, make_order_line, make_product, make_variant
from tests.testshop.models import Category, OrderLine, Product, Stock

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Products = Callable[..., None]


def of_stock(stock: Stock) -> Any:
    return Product.objects.filter(pk=stock.product_id)


@pytest.fixture
def products(hellotext: Emulator) -> Iterator[Products]:
    """Mirror products with other attributes; until called, they are kept."""
    before = registry.for_model(Product)
    assert before is not None

    def mirror(**attributes: Any) -> None:
        if registry.for_model(Product) is not None:
            registry.unregister(Product)
        registry.register(Product)(type("ShopProduct", (type(before),), attributes))
        connect()

    mirror(on_delete="keep")
    yield mirror
    mirror()
    registry.unregister(Product)
    registry.register(Product)(type(before))


@pytest.fixture
def kept(products: Products, deliver: Deliver) -> RemoteObject:
    """The mirror of a product that was deleted in the shop and kept at Hellotext."""
    product = make_product(sku="KEPT")
    deliver()
    product.delete()
    deliver()
    row: RemoteObject = RemoteObject.objects.get(kind="product")
    assert (row.state, row.removal) == (State.DELETED, Removal.KEEP)
    return row


def deletions(emulator: Emulator) -> list[str]:
    return [entry.path for entry in emulator.log if entry.method == "DELETE"]


def fold_all(limit: int = 500) -> None:
    while Change.objects.exists():
        with transaction.atomic():
            fold(hellotext_settings.account, using="default", limit=limit)


def with_a_size(product: Product) -> None:
    make_variant(product=product)


def with_stock(product: Product) -> None:
    Stock.objects.create(product=product)


def with_stock_and_a_size(product: Product) -> None:
    with_stock(product)
    with_a_size(product)


def on_a_shelf(product: Product) -> None:
    product.categories.add(Category.objects.create(name="Tea"))


WAYS: dict[str, tuple[dict[str, Any], Callable[[Product], None]]] = {
    "callable": ({"depends_on": {"testshop.Stock": of_stock}}, with_stock),
    "path": ({"depends_on": {"testshop.Stock": "product.sizes.product"}}, with_stock_and_a_size),
    "column": ({"depends_on": {"testshop.Stock": "product"}}, with_stock),
    "lookup": ({"variants": adapters.Variants("categories"), "depends_on": {}}, on_a_shelf),
    "membership": ({}, on_a_shelf),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [1, 500])
def test_a_product_is_kept_when_related_objects_are_deleted_too(
    way: str, limit: int, products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    attributes, furnish = WAYS[way]
    products(on_delete="keep", **attributes)
    product = make_product()
    furnish(product)
    deliver()
    row = RemoteObject.objects.get(kind="product")
    assert row.state == State.SYNCED, row.why
    with transaction.atomic():
        Category.objects.all().delete()
        product.delete()
    fold_all(limit)
    deliver()
    row.refresh_from_db()
    assert (row.state, row.removal) == (State.DELETED, Removal.KEEP)
    assert row.remote_id in hellotext.world.store["product"].rows
    assert not [path for path in deletions(hellotext) if path.endswith(f"/products/{row.remote_id}")]


@pytest.mark.parametrize("way", WAYS)
def test_a_product_is_deleted_there_when_related_objects_are_deleted_too(
    way: str, products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    attributes, furnish = WAYS[way]
    products(on_delete="delete", **attributes)
    product = make_product()
    furnish(product)
    deliver()
    product.delete()
    deliver()
    assert RemoteObject.objects.get(kind="product").state == State.DELETED
    assert not hellotext.world.store["product"].rows


def test_the_setting_counts_when_the_deletion_is_folded(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    for setting, later in (("keep", "delete"), ("delete", "keep")):
        products(on_delete=setting)
        product = make_product()
        deliver()
        row = RemoteObject.objects.get(host_pk=str(product.pk))
        product.delete()
        fold_all()
        products(on_delete=later)
        deliver()
        products(on_delete=setting)
        deliver()
        assert (row.remote_id in hellotext.world.store["product"].rows) is (setting == "keep")


def test_an_adapter_that_is_gone_takes_no_decision_back(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    for setting in ("keep", "delete"):
        products(on_delete=setting)
        product = make_product()
        deliver()
        row = RemoteObject.objects.get(host_pk=str(product.pk))
        product.delete()
        fold_all()
        registry.unregister(Product)
        RemoteObject.objects.filter(pk=row.pk).touch([row.pk], lane=Lane.LIVE)
        deliver()
        row.refresh_from_db()
        assert row.state == State.DELETED
        assert (bool(row.remote_id), bool(hellotext.world.store["product"].rows)) == (setting == "keep",) * 2
        hellotext.world.store["product"].rows.clear()


@pytest.mark.parametrize(
    "verb",
    [
        lambda rows, row: rows.touch([row.pk], lane=Lane.LIVE),
        lambda rows, row: rows.repeat([row.pk]),
        lambda rows, row: rows.doubt([row.pk]),
        lambda rows, row: rows.lose([row.pk]),
        lambda rows, row: rows.renew(),
        lambda rows, row: rows.requeue(),
        lambda rows, row: rows.replay([""]),
        lambda rows, row: rows.send_now(),
        lambda rows, row: rows.look_now(),
    ],
    ids=["touch", "repeat", "doubt", "lose", "renew", "requeue", "replay", "send_now", "look_now"],
)
def test_no_verb_makes_a_removal_of_a_kept_object(
    verb: Any, kept: RemoteObject, hellotext: Emulator, deliver: Deliver, products: Products
) -> None:
    products(on_delete="delete")
    for state in State:
        RemoteObject.objects.update(state=state, lease_until=None, finished_at=None)
        verb(RemoteObject.objects.all(), kept)
        deliver()
        assert not deletions(hellotext), state
        assert len(hellotext.world.store["product"].rows) == 1
        assert not preview(RemoteObject.objects.get(pk=kept.pk), using="default").removal


def test_a_kept_object_that_is_saved_again_is_updated_there(
    kept: RemoteObject, hellotext: Emulator, deliver: Deliver
) -> None:
    Product(pk=int(kept.host_pk), name="Back", sku="KEPT").save(force_insert=True)
    deliver()
    row = RemoteObject.objects.get(pk=kept.pk)
    assert (row.state, row.remote_id, row.tombstone_at, row.removal) == (State.SYNCED, kept.remote_id, None, "")
    assert hellotext.world.store["product"].rows[kept.remote_id]["name"] == "Back"
    assert len(hellotext.world.store["product"].rows) == 1


def test_a_kept_object_that_came_back_is_deleted_by_the_setting_of_then(
    kept: RemoteObject, hellotext: Emulator, deliver: Deliver, products: Products
) -> None:
    product = Product(pk=int(kept.host_pk), name="Back", sku="KEPT")
    product.save(force_insert=True)
    products(on_delete="delete")
    product.delete()
    deliver()
    assert not hellotext.world.store["product"].rows


def test_a_change_around_a_deleted_object_does_not_revive_it(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    """The fold sees a line, a size or a membership that names the object after its deletion."""
    products(on_delete="delete")
    product = make_product()
    deliver()
    pk = str(product.pk)
    product.delete()
    late = Change.objects.get(object_pk=pk)
    late.pk, late.deleted = None, False
    late.save()
    deliver()
    assert not hellotext.world.store["product"].rows
    assert RemoteObject.objects.get().state == State.DELETED


def test_an_event_about_a_kept_object_goes_out_with_its_remote_id(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    product, customer = make_product(), make_customer()
    deliver()
    row = RemoteObject.objects.get(kind="product")
    django_hellotext.track("product.viewed", product, profile=customer)
    product.delete()
    fold_all()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    [sent] = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events"]
    assert sent["object"] == row.remote_id


def test_an_order_that_refers_to_a_kept_object_goes_out_with_its_remote_id(
    kept: RemoteObject, hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = registry.for_model(OrderLine._meta.get_field("order").related_model)
    items = adapters.Items(
        "lines", product=lambda line: Product(pk=int(line.sku)), quantity="quantity", price="unit_price"
    )
    monkeypatch.setattr(type(adapter), "items", items)
    make_order_line(product=None, sku=kept.host_pk, order__customer=make_customer())
    deliver()
    order = RemoteObject.objects.get(kind="order")
    assert order.state == State.SYNCED, order.why
    [item] = hellotext.world.store["order"].rows[order.remote_id]["items"]
    assert kept.remote_id in str(item)
    kept.refresh_from_db()
    assert kept.state == State.DELETED


def test_a_kept_object_whose_creation_was_in_hand_keeps_its_remote_id(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    make_product()
    fold_all()
    row = RemoteObject.objects.get(kind="product")
    RemoteObject.objects.claim([row.pk], token="theirs", lease=60)
    Product.objects.get().delete()
    fold_all()
    row.refresh_from_db()
    assert row.state == State.SENDING
    RemoteObject.objects.finish_synced(row, token="theirs", version=1, remote_id="there", payload_hash="")
    deliver()
    row.refresh_from_db()
    assert (row.state, row.remote_id, row.removal) == (State.DELETED, "there", Removal.KEEP)
    assert not hellotext.log


def test_a_deletion_that_is_folded_while_its_row_is_in_hand_is_not_lost(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    """Another worker has found the object gone, and says so after the fold."""
    products(on_delete="delete")
    product = make_product()
    deliver()
    row = RemoteObject.objects.get()
    RemoteObject.objects.touch([row.pk], lane=Lane.LIVE)
    RemoteObject.objects.claim([row.pk], token="theirs", lease=60)
    row.refresh_from_db()
    product.delete()
    fold_all()
    RemoteObject.objects.finish_gone(row, token="theirs", version=row.version)
    deliver()
    assert not hellotext.world.store["product"].rows


def test_a_refused_deletion_is_asked_for_again_as_it_was_decided(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    products(on_delete="delete")
    product = make_product()
    deliver()
    product.delete()
    fold_all()
    RemoteObject.objects.update(state=State.FAILED)
    products(on_delete="keep")
    RemoteObject.objects.requeue()
    deliver()
    assert not hellotext.world.store["product"].rows


def test_an_object_that_is_adopted_is_not_deleted_for_an_earlier_deletion(
    products: Products, hellotext: Emulator, deliver: Deliver
) -> None:
    products(on_delete="delete")
    product = make_product()
    deliver()
    product.delete()
    deliver()
    row = RemoteObject.objects.get()
    assert RemoteObject.objects.adopt(row.pk, remote_id="another", payload_hash="", data={}) == 1
    RemoteObject.objects.touch([row.pk], lane=Lane.LIVE)
    deliver()
    assert [path for path in deletions(hellotext) if "another" in path] == []


def test_who_was_erased_is_cleared_although_customers_are_kept(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the customer is deleted before the erasure, after it, or not at all."""
    monkeypatch.setattr(type(registry.for_model(User)), "on_delete", "keep")
    for moment in ("before", "after", "never"):
        customer = make_customer()
        deliver()
        row = RemoteObject.objects.filter(kind="profile").exclude(remote_id="").get()
        email, pk = customer.email, customer.pk
        if moment == "before":
            customer.delete()
            deliver()
            customer.pk = pk
        forget_customer(customer)
        if moment == "after":
            customer.delete()
        deliver()
        row.refresh_from_db()
        assert (row.state, row.remote_id, row.is_erased) == (State.DELETED, "", True), moment
        assert email not in str(hellotext.world.store["profile"].rows)
