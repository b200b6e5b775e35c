"""What is deleted in the shop is deleted there, kept or cleared, as its adapter says (demand E5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import Link, registry
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.intake.handover import attachment
from django_hellotext.models import Account, Event, RemoteObject, Removal, Session, State
from tests.factories import make_cart_line, make_customer, make_product, make_variant, placed_order
from tests.testshop.models import Cart, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture
def products_when_unpublished() -> Iterator[Callable[[str], None]]:
    adapter = registry.for_model(Product)
    assert adapter is not None

    def choose(how: str) -> None:
        adapter.on_unsyncable = how

    yield choose
    del adapter.on_unsyncable


def deletions(emulator: Emulator) -> list[str]:
    return [entry.path for entry in emulator.log if entry.method == "DELETE" and entry.accepted]


def test_a_product_deleted_in_the_shop_is_deleted_there(hellotext: Emulator, deliver: Deliver) -> None:
    product, other = make_product(), make_product()
    deliver()
    row = RemoteObject.objects.get(host_pk=str(product.pk))
    product.delete()
    report = deliver()
    assert deletions(hellotext) == [f"/v1/attribution/products/{row.remote_id}"]
    row.refresh_from_db()
    assert (row.state, row.remote_id) == (State.DELETED, "")
    assert row.tombstone_at is not None
    assert report.removed == 1
    assert RemoteObject.objects.get(host_pk=str(other.pk)).state == State.SYNCED
    deliver()
    assert len(deletions(hellotext)) == 1


def test_what_is_gone_there_already_is_done(hellotext: Emulator, deliver: Deliver) -> None:
    size = make_variant()
    deliver()
    size.product.delete()
    deliver()
    assert not RemoteObject.objects.exclude(state=State.DELETED).exists()
    assert not RemoteObject.objects.exclude(remote_id="").exists()
    assert not hellotext.world.store["product"].rows


def test_an_order_deleted_in_the_shop_stays_there(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    order.delete()
    deliver()
    row = RemoteObject.objects.get(kind="order")
    assert row.state == State.DELETED
    assert row.remote_id in hellotext.world.store["order"].rows


def test_a_customer_deleted_in_the_shop_is_cleared_there(hellotext: Emulator, deliver: Deliver) -> None:
    customer = make_customer()
    deliver()
    row = RemoteObject.objects.get()
    customer.delete()
    deliver()
    assert deletions(hellotext) == [f"/v1/profiles/{row.remote_id}"]
    row.refresh_from_db()
    assert (row.state, row.data) == (State.DELETED, {})


def test_what_never_reached_hellotext_needs_no_deletion_there(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    product.delete()
    deliver()
    assert RemoteObject.objects.get().state == State.DELETED
    assert not hellotext.log


def test_an_object_that_comes_back_is_created_anew(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product(sku="A")
    deliver()
    first, pk = RemoteObject.objects.get().remote_id, product.pk
    product.delete()
    deliver()
    product.pk = pk
    product.save(force_insert=True)
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.tombstone_at) == (State.SYNCED, None)
    assert row.remote_id != first
    assert list(hellotext.world.store["product"].rows) == [row.remote_id]


def test_an_object_that_comes_back_before_its_deletion_was_sent_just_stays(
    hellotext: Emulator, deliver: Deliver
) -> None:
    product = make_product()
    deliver()
    first, pk = RemoteObject.objects.get().remote_id, product.pk
    product.delete()
    product.pk = pk
    product.save(force_insert=True)
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.remote_id, row.tombstone_at) == (State.SYNCED, first, None)
    assert not deletions(hellotext)


@pytest.mark.usefixtures("long_waits")
def test_a_deletion_without_an_answer_is_simply_repeated(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    product.delete()
    hellotext.add_fault(Fault(kind="garbage", method="DELETE", times=1))
    deliver()
    assert RemoteObject.objects.get().state != State.DELETED
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=datetime(2020, 1, 1, tzinfo=UTC))
    deliver()
    assert RemoteObject.objects.get().state == State.DELETED


def test_events_about_a_product_go_before_its_deletion(hellotext: Emulator, deliver: Deliver) -> None:
    product, customer = make_product(), make_customer()
    deliver()
    django_hellotext.track("product.viewed", product, profile=customer)
    product.delete()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert [entry.method for entry in hellotext.log][-2:] == ["POST", "DELETE"]


def test_whoever_entombs_a_row_has_it_removed(hellotext: Emulator, deliver: Deliver) -> None:
    """The erasure of a customer who stays in the shop's own table."""
    make_customer()
    deliver()
    row = RemoteObject.objects.get()
    assert RemoteObject.objects.entomb([row.pk], at=clock.now(), how=Removal.CLEAR) == 1
    deliver()
    assert deletions(hellotext) == [f"/v1/profiles/{row.remote_id}"]
    row.refresh_from_db()
    assert row.state == State.DELETED


def test_an_unpublished_product_stays(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    product.is_published = False
    product.save()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.skip_reason) == (State.SKIPPED, "not_syncable")
    assert row.remote_id in hellotext.world.store["product"].rows


def test_an_unpublished_product_goes_where_the_adapter_says_so(
    hellotext: Emulator, deliver: Deliver, products_when_unpublished: Callable[[str], None]
) -> None:
    products_when_unpublished("delete")
    product = make_product()
    deliver()
    product.is_published = False
    product.save()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.skip_reason, row.remote_id) == (State.SKIPPED, "not_syncable", "")
    assert not hellotext.world.store["product"].rows
    product.is_published = True
    product.save()
    deliver()
    assert RemoteObject.objects.get().state == State.SYNCED
    assert len(hellotext.world.store["product"].rows) == 1


def test_a_cart_may_be_emptied_instead(hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter: Any = registry.for_model(Cart)
    monkeypatch.setattr(adapter, "on_delete", "clear")
    cart = make_cart_line(cart__owner=make_customer()).cart
    deliver()
    row = RemoteObject.objects.get(kind="cart")
    assert hellotext.world.store["cart"].rows[row.remote_id]["items"]
    cart.delete()
    deliver()
    assert not hellotext.world.store["cart"].rows[row.remote_id]["items"]
    row.refresh_from_db()
    assert row.state == State.DELETED


@pytest.fixture
def cleared_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers who are deleted in the shop are cleared there."""
    monkeypatch.setattr(type(registry.for_model(User)), "on_delete", "clear")


@pytest.mark.usefixtures("cleared_customers")
def test_a_customer_who_is_to_be_cleared_waits_for_their_session_and_not_the_session_for_them(
    hellotext: Emulator, deliver: Deliver
) -> None:
    """Else the three would wait for each other in a circle, for ever: customer, event, session."""
    hellotext.know_session("visit")
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, session="visit", url="https://shop.example/")
    customer.delete()
    deliver()
    assert Session.objects.get().state == State.SYNCED
    assert Event.objects.get().state == State.DELIVERED
    assert RemoteObject.objects.get().state == State.DELETED
    kinds = [(e.method, e.path.split("/")[2]) for e in hellotext.log if e.method in ("PATCH", "POST", "DELETE")]
    assert kinds == [("POST", "profiles"), ("PATCH", "sessions"), ("POST", "attribution"), ("DELETE", "profiles")]


@pytest.mark.usefixtures("cleared_customers")
def test_whoever_had_a_session_before_and_is_to_be_cleared_holds_up_nobody(
    hellotext: Emulator, deliver: Deliver
) -> None:
    """Two customers of one browser: the first is deleted while events of both wait, the second's in front."""
    hellotext.know_session("visit")
    first, second = make_customer(), make_customer()
    deliver()
    for customer in (first, second, first):
        django_hellotext.track("page.viewed", profile=customer, session="visit", url="https://shop.example/")
    Event.objects.order_by("pk")[:1].get().delete()
    link = Link("profile", "auth.user", str(first.pk))
    attachment(hellotext_settings.account, "visit", link).save(force_insert=True)
    first.delete()
    deliver()
    assert set(Event.objects.values_list("state", flat=True)) == {State.DELIVERED}
    assert RemoteObject.objects.get(host_pk=link.pk).state == State.DELETED
