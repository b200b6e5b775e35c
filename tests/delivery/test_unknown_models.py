"""Rows of another release: a process leaves what it has no adapter for, and one that has sends it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import Link, registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.delivery.explain import explain
from django_hellotext.delivery.fold import fold
from django_hellotext.delivery.left_rows import left_rows
from django_hellotext.delivery.prune import Pruned, prune
from django_hellotext.delivery.standing import standing
from django_hellotext.emulator import Emulator
from django_hellotext.intake.handover import attachment
from django_hellotext.models import (
    PAYLOAD_VERSION,
    Account,
    Change,
    Event,
    RemoteObject,
    Removal,
    Session,
    SkipReason,
    State,
)
from django_hellotext.tasks.work import prune_all
from tests.factories import make_cart_line, make_customer, make_order, make_order_line, make_product, make_voucher
from tests.testshop.models import Cart, Category, Order, Product, Voucher

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
EVENTS = "/v1/attribution/events"


class Releases:
    """Takes adapters out of this process, as a release without them has it, and puts them back."""

    def __init__(self) -> None:
        self.every = dict(registry.registry._adapters)

    def without(self, *models: Any) -> None:
        kept = {model: adapter for model, adapter in self.every.items() if model not in models}
        registry.registry._adapters = kept

    def with_all(self) -> None:
        registry.registry._adapters = self.every


@pytest.fixture
def release() -> Iterator[Releases]:
    releases = Releases()
    yield releases
    releases.with_all()


def actions(hellotext: Emulator) -> list[str]:
    """What Hellotext has accepted, in order."""
    return [entry.body_json["action"] for entry in hellotext.log if entry.path == EVENTS and entry.accepted]


def accepted(hellotext: Emulator, path: str) -> int:
    return sum(entry.path == path and entry.method == "POST" and entry.accepted for entry in hellotext.log)


def page_viewed(customer: User) -> None:
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")


def untouched(row: Any) -> bool:
    """Whether no worker has had ``row`` in hand."""
    row.refresh_from_db()
    return (row.state, row.attempts, row.token, row.next_attempt_at, row.attempted_at) == (
        *(State.PENDING, 0, "", None, None),
    )


# Changes


def test_transitions_of_an_unknown_model_wait_and_are_sent_by_a_worker_that_knows_it(
    hellotext: Emulator, deliver: Deliver, release: Releases
) -> None:
    order = make_order(status="placed", customer=make_customer())
    for status in ("paid", "shipped"):
        order.status = status
        order.save()
    release.without(Order)
    changes = Change.objects.filter(object_label="testshop.order").count()
    assert changes >= 3
    deliver()
    deliver()
    assert Change.objects.filter(object_label="testshop.order").count() == changes
    release.with_all()
    deliver()
    assert actions(hellotext) == ["order.placed", "order.confirmed", "order.shipped"]
    assert not Change.objects.exists()


def test_a_change_in_a_newer_layout_waits(deliver: Deliver) -> None:
    product = make_product()
    Change.objects.update(payload_version=PAYLOAD_VERSION + 1)
    deliver()
    assert [change.object_pk for change in Change.objects.all()] == [str(product.pk)]
    assert [row.label for row in left_rows("default")] == [""]


def test_changes_of_an_unknown_model_do_not_fill_the_fold(deliver: Deliver, release: Releases) -> None:
    deliver()
    for _ in range(5):
        make_voucher()
    product = make_product()
    release.without(Voucher)
    with transaction.atomic():
        assert fold(Account.objects.get().key, using="default", limit=3) == 1
    assert RemoteObject.objects.get().host_pk == str(product.pk)
    assert set(Change.objects.values_list("object_label", flat=True)) == {"testshop.voucher"}
    assert Change.objects.count() == 5


def test_a_related_object_waits_for_the_model_that_depends_on_it(deliver: Deliver, release: Releases) -> None:
    product = make_product()
    category = Category.objects.create(name="Tea")
    product.categories.add(category)
    deliver()
    version = RemoteObject.objects.get(kind="product").version
    category.name = "Teas"
    category.save()
    make_voucher()
    release.without(Product)
    deliver()
    [change] = Change.objects.all()
    assert change.label == "testshop.category"
    assert RemoteObject.objects.get(kind="coupon").state == State.SYNCED
    release.with_all()
    deliver()
    assert not Change.objects.exists()
    assert RemoteObject.objects.get(kind="product").version > version


# Events


def test_an_event_about_an_unknown_object_waits(hellotext: Emulator, deliver: Deliver, release: Releases) -> None:
    customer = make_customer()
    order = make_order(customer=customer)
    deliver()
    django_hellotext.track("order.delivered", order)
    event = Event.objects.latest("pk")
    page_viewed(customer)
    release.without(Order)
    deliver()
    assert untouched(event)
    assert Event.objects.latest("pk").state == State.DELIVERED
    release.with_all()
    deliver()
    event.refresh_from_db()
    assert event.state == State.DELIVERED
    assert actions(hellotext).count("order.delivered") == 1


def test_an_event_of_an_unknown_profile_waits(hellotext: Emulator, deliver: Deliver, release: Releases) -> None:
    customer = make_customer()
    deliver()
    page_viewed(customer)
    event = Event.objects.get()
    release.without(User)
    deliver()
    assert untouched(event)
    release.with_all()
    deliver()
    event.refresh_from_db()
    assert event.state == State.DELIVERED


def test_an_event_with_items_of_an_unknown_model_waits(
    hellotext: Emulator, deliver: Deliver, release: Releases
) -> None:
    line = make_cart_line(cart__owner=make_customer())
    with django_hellotext.paused():
        product = make_product()
    deliver()
    django_hellotext.track("cart.added", line.cart, items=[(product, 2)])
    release.without(Product)
    deliver()
    event = Event.objects.get()
    assert (event.state, event.attempts) == (State.PENDING, 0)
    assert event.next_attempt_at is not None
    assert event.next_attempt_at > clock.now() + timedelta(seconds=10)
    assert not RemoteObject.objects.exclude(state__in=[State.PENDING, State.SYNCED]).exists()
    release.with_all()
    Event.objects.send_now()
    deliver()
    event.refresh_from_db()
    assert event.state == State.DELIVERED


def test_events_of_unknown_models_neither_fill_a_claim_nor_keep_a_worker_busy(
    hellotext: Emulator, deliver: Deliver, release: Releases, settings: Any
) -> None:
    customer, order = make_customer(), make_order()
    deliver()
    for _ in range(3):
        django_hellotext.track("order.delivered", order, profile=customer, key=uuid.uuid4().hex)
    page_viewed(customer)
    release.without(Order)
    # One row a claim.
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 1}
    deliver()
    assert Event.objects.latest("pk").state == State.DELIVERED
    with CaptureQueriesContext(connection) as queries:
        assert deliver() == Report()
    assert len(queries) <= 20
    assert sum("UPDATE" in query["sql"] and "hellotext_event" in query["sql"] for query in queries) == 0


def test_a_process_that_has_met_nothing_unknown_asks_as_before(deliver: Deliver, release: Releases) -> None:
    page_viewed(make_customer())
    with CaptureQueriesContext(connection) as queries:
        deliver()
    conditions = [query["sql"].partition("WHERE")[2].partition("ORDER BY")[0] for query in queries]
    assert not [sql for sql in conditions if "_label" in sql]


# Objects


def test_an_object_of_an_unknown_model_waits(hellotext: Emulator, deliver: Deliver, release: Releases) -> None:
    deliver()
    make_voucher()
    make_product()
    with transaction.atomic():
        fold(Account.objects.get().key, using="default")
    mirror = RemoteObject.objects.get(kind="coupon")
    release.without(Voucher)
    deliver()
    assert untouched(mirror)
    assert RemoteObject.objects.get(kind="product").state == State.SYNCED
    release.with_all()
    deliver()
    mirror.refresh_from_db()
    assert mirror.state == State.SYNCED
    assert accepted(hellotext, "/v1/coupons") == 1


def test_a_decided_removal_needs_no_adapter(hellotext: Emulator, deliver: Deliver, release: Releases) -> None:
    make_voucher()
    deliver()
    mirror = RemoteObject.objects.get(kind="coupon")
    RemoteObject.objects.entomb([mirror.pk], at=clock.now(), how=Removal.DELETE)
    release.without(Voucher)
    deliver()
    mirror.refresh_from_db()
    assert mirror.state == State.DELETED
    assert any(entry.method == "DELETE" and entry.accepted for entry in hellotext.log)


def test_an_order_waits_for_its_product_of_an_unknown_model(
    hellotext: Emulator, deliver: Deliver, release: Releases
) -> None:
    make_order_line(order__status="placed", order__customer=make_customer())
    release.without(Product)
    deliver()
    order = RemoteObject.objects.get(kind="order")
    assert (order.state, order.attempts) == (State.PENDING, 0)
    assert Event.objects.get().state == State.PENDING
    release.with_all()
    RemoteObject.objects.send_now()
    Event.objects.send_now()
    deliver()
    order.refresh_from_db()
    assert order.state == State.SYNCED
    assert Event.objects.get().state == State.DELIVERED


def test_an_uncertain_object_of_an_unknown_model_is_not_looked_for(
    hellotext: Emulator, deliver: Deliver, release: Releases
) -> None:
    """Its natural key is the adapter's: by another one it is not found, and would be created twice."""
    make_voucher()
    deliver()
    mirror = RemoteObject.objects.get(kind="coupon")
    long_ago = clock.now() - timedelta(hours=1)
    uncertain = {"state": State.UNCERTAIN, "remote_id": "", "finished_at": long_ago}
    RemoteObject.objects.filter(pk=mirror.pk).update(**uncertain)
    release.without(Voucher)
    requests = len(hellotext.log)
    deliver()
    deliver()
    mirror.refresh_from_db()
    assert (mirror.state, mirror.token, mirror.attempts, mirror.next_attempt_at) == (State.UNCERTAIN, "", 0, None)
    assert len(hellotext.log) == requests
    release.with_all()
    deliver()
    mirror.refresh_from_db()
    assert mirror.state == State.SYNCED
    assert accepted(hellotext, "/v1/coupons") == 1


# Sessions


def test_a_session_of_an_unknown_profile_waits(hellotext: Emulator, deliver: Deliver, release: Releases) -> None:
    hellotext.know_session("session-1")
    customer = make_customer()
    deliver()
    link = Link("profile", "auth.user", str(customer.pk))
    session = attachment(Account.objects.get().key, "session-1", link)
    session.save()
    release.without(User)
    deliver()
    assert untouched(session)
    release.with_all()
    deliver()
    session.refresh_from_db()
    assert session.state == State.SYNCED


# Abandoned carts


def test_a_cart_of_an_unknown_model_is_still_abandoned_later(
    hellotext: Emulator, deliver: Deliver, release: Releases, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": 3600}
    make_cart_line(cart__owner=make_customer())
    deliver()
    RemoteObject.objects.filter(kind="cart").update(changed_at=clock.now() - timedelta(minutes=61))
    release.without(Cart)
    assert record_abandoned("default") == 0
    release.with_all()
    assert record_abandoned("default") == 1


# What people are told


def test_a_row_says_why_it_waits(deliver: Deliver, release: Releases) -> None:
    order = make_order(customer=make_customer())
    deliver()
    django_hellotext.track("order.delivered", order)
    release.without(Order)
    said = explain(Event.objects.get())
    assert "No adapter is registered for testshop.order in this process" in str(said)
    assert "left" in said.codes
    assert "due" not in said.codes
    release.with_all()
    assert "left" not in explain(Event.objects.get()).codes


def test_the_status_names_what_waits_and_does_not_call_it_late(deliver: Deliver, release: Releases) -> None:
    order = make_order(customer=make_customer())
    deliver()
    for _ in range(2):
        django_hellotext.track("order.delivered", order, key=uuid.uuid4().hex)
    make_voucher()
    hours_ago = clock.now() - timedelta(hours=3)
    Event.objects.update(created_at=hours_ago)
    release.without(Order)
    found = standing("default")
    [left] = found.left
    assert (left.label, left.counts, left.since) == ("testshop.order", {"events": 2}, hours_ago)
    assert found.waiting_since is not None
    assert found.waiting_since > hours_ago
    out = StringIO()
    call_command("hellotext_status", stdout=out)
    assert "2 rows, the oldest since 3" in " ".join(out.getvalue().split())
    assert "No adapter is registered for testshop.order" in " ".join(out.getvalue().split())
    release.with_all()
    assert not standing("default").left


# Retention


def make_left_rows(deliver: Deliver) -> None:
    """A change, an event, an object and a session about customers, and a mirrored coupon that waits."""
    customer = make_customer()
    deliver()
    page_viewed(customer)
    attachment(Account.objects.get().key, "session-1", Link("profile", "auth.user", str(customer.pk))).save()
    customer.save()
    RemoteObject.objects.touch(list(RemoteObject.objects.values_list("pk", flat=True)), lane=0)


def test_rows_of_an_unknown_model_are_dropped_and_counted_after_the_retention_time(
    deliver: Deliver, release: Releases
) -> None:
    make_left_rows(deliver)
    release.without(User)
    age(29)
    assert prune(days=30) == Pruned()
    age(31)
    release.with_all()
    assert prune(days=30) == Pruned()
    release.without(User)
    assert prune(days=30) == Pruned(dropped=4)
    assert not Event.objects.exists()
    assert not Session.objects.exists()
    assert not Change.objects.exists()
    mirror = RemoteObject.objects.get()
    assert (mirror.state, mirror.skip_reason) == (State.SKIPPED, SkipReason.UNREGISTERED)
    assert mirror.remote_id
    release.with_all()
    User.objects.get().save()
    deliver()
    mirror.refresh_from_db()
    assert mirror.state == State.SYNCED


def test_an_object_that_was_saved_lately_is_not_dropped(deliver: Deliver, release: Releases) -> None:
    make_left_rows(deliver)
    RemoteObject.objects.update(created_at=clock.now() - timedelta(days=400))
    release.without(User)
    assert prune(days=30) == Pruned()


def test_the_command_and_the_task_say_what_was_dropped(deliver: Deliver, release: Releases) -> None:
    make_left_rows(deliver)
    age(400)
    release.without(User)
    out = StringIO()
    call_command("hellotext_prune", stdout=out)
    assert "4 undelivered rows dropped" in out.getvalue()
    assert prune_all() == Pruned()


def age(days: float) -> None:
    """Make every row older."""
    past = clock.now() - timedelta(days=days)
    Event.objects.update(created_at=past)
    Session.objects.update(created_at=past)
    RemoteObject.objects.update(created_at=past, updated_at=past)
    Change.objects.update(tracked_at=past, created_at=past)


def test_an_event_in_a_newer_layout_is_named_and_dropped_like_one_of_an_unknown_model(deliver: Deliver) -> None:
    page_viewed(make_customer())
    Event.objects.update(payload_version=99)
    deliver()
    [left] = standing("default").left
    assert (left.label, left.counts) == ("", {"events": 1})
    assert "A newer release recorded it" in str(explain(Event.objects.get()))
    age(31)
    assert prune(days=30) == Pruned(dropped=1)
