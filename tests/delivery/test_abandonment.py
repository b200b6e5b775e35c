"""``cart.abandoned``: only by choice, once for each time that a cart is left alone (demands A2, A7, A9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event, RemoteObject
from django_hellotext.tasks.work import abandoned_all
from tests.factories import make_cart, make_cart_line, make_customer, make_order, make_product
from tests.testshop.models import Cart, Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture(autouse=True)
def an_hour(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": 3600}


@pytest.fixture
def cart(deliver: Deliver) -> Cart:
    """A cart with something in it, that Hellotext has."""
    made = make_cart_line(cart__owner=make_customer()).cart
    deliver()
    return made


def pass_by(**time: float) -> None:
    """Let that time go by for every cart."""
    for mirror in RemoteObject.objects.filter(kind="cart"):
        RemoteObject.objects.filter(pk=mirror.pk).update(changed_at=mirror.changed_at - timedelta(**time))


def test_a_cart_left_alone_is_abandoned_once_with_its_remote_id(
    cart: Cart, hellotext: Emulator, deliver: Deliver
) -> None:
    assert record_abandoned("default") == 0
    pass_by(minutes=61)
    assert [record_abandoned("default") for _ in range(3)] == [1, 0, 0]
    deliver()
    mirror = RemoteObject.objects.get(kind="cart")
    event = Event.objects.get()
    assert (event.action, event.state) == ("cart.abandoned", "delivered")
    assert event.tracked_at == mirror.changed_at + timedelta(hours=1)
    body = next(entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events" and entry.accepted)
    assert body["object"] == mirror.remote_id


def test_a_cart_that_is_touched_and_left_again_is_abandoned_again(cart: Cart, deliver: Deliver) -> None:
    pass_by(minutes=61)
    record_abandoned("default")
    cart.lines.get().save()
    deliver()
    assert record_abandoned("default") == 0
    pass_by(minutes=61)
    assert record_abandoned("default") == 1


def test_two_that_look_at_the_same_time_record_it_once(cart: Cart) -> None:
    """The key of the idle period, should the mark be lost."""
    pass_by(minutes=61)
    record_abandoned("default")
    RemoteObject.objects.update(seen={})
    record_abandoned("default")
    assert Event.objects.count() == 1


def test_it_is_off_unless_it_is_chosen(cart: Cart, settings: Any) -> None:
    """Demand A2."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": None}
    pass_by(minutes=61)
    with CaptureQueriesContext(connection) as queries:
        assert record_abandoned("default") == 0
    assert len(queries) == 0


def test_a_cart_that_is_empty_ordered_or_nobodys_is_not_abandoned(cart: Cart, deliver: Deliver) -> None:
    """Demand A2."""
    cart.lines.all().delete()
    ordered = make_cart_line(cart__owner=make_customer()).cart
    make_order(cart=ordered, customer=ordered.owner, status=Order.Status.PLACED)
    before = make_cart_line(cart__owner=make_customer()).cart
    with django_hellotext.paused():
        make_order(cart=before, customer=before.owner, status=Order.Status.PAID)
    make_cart_line(cart=make_cart(), product=make_product())
    deliver()
    pass_by(minutes=61)
    assert record_abandoned("default") == 0


def test_a_draft_of_an_order_keeps_a_cart_abandoned(cart: Cart, deliver: Deliver) -> None:
    make_order(cart=cart, customer=cart.owner)
    deliver()
    pass_by(minutes=61)
    assert record_abandoned("default") == 1


def test_an_order_that_comes_before_the_event_has_left_takes_it_back(cart: Cart, deliver: Deliver) -> None:
    """Demand A2."""
    pass_by(minutes=61)
    record_abandoned("default")
    make_order(cart=cart, customer=cart.owner, status=Order.Status.PLACED)
    deliver()
    assert Event.objects.get(action="cart.abandoned").skip_reason == "superseded"


def test_what_went_quiet_long_ago_is_history(cart: Cart) -> None:
    """Demand A7: switching it on says nothing of last week."""
    pass_by(days=2)
    assert record_abandoned("default") == 0


def test_a_visitor_who_said_no_is_left_alone(cart: Cart, settings: Any) -> None:
    """Demand I2."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: False}
    pass_by(minutes=61)
    assert record_abandoned("default") == 0


def test_the_number_of_statements_does_not_grow_with_the_carts(deliver: Deliver, cart: Cart) -> None:
    counts = []
    for number in (1, 6):
        for _ in range(number):
            make_cart_line(cart__owner=make_customer())
        deliver()
        pass_by(minutes=61)
        with CaptureQueriesContext(connection) as queries:
            record_abandoned("default")
        inserts = [query for query in queries if query["sql"].startswith("INSERT")]
        counts.append(len([q for q in queries if "SAVEPOINT" not in q["sql"]]) - len(inserts))
        Event.objects.all().delete()
    assert counts[0] == counts[1]


def test_more_than_a_page_is_walked_through(deliver: Deliver) -> None:
    for _ in range(5):
        make_cart_line(cart__owner=make_customer())
    deliver()
    pass_by(minutes=61)
    assert record_abandoned("default", page=2) == 5


def test_the_worker_and_the_task_look_by_themselves(cart: Cart, deliver: Deliver) -> None:
    pass_by(minutes=61)
    call_command("hellotext_worker", once=True, verbosity=0)
    assert Event.objects.get().state == "delivered"
    cart.lines.get().save()
    deliver()
    pass_by(minutes=62)
    assert abandoned_all() == 1


def test_a_session_cart_is_abandoned_as_well(deliver: Deliver) -> None:
    django_hellotext.cart_changed("basket", [(make_product(), 1)], created=True, profile=make_customer())
    deliver()
    pass_by(minutes=61)
    assert record_abandoned("default") == 1


def test_an_adapter_that_raises_leaves_only_its_own_cart_out(
    cart: Cart, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_cart_line(cart__owner=make_customer()).cart
    deliver()
    pass_by(minutes=61)

    def choosy(self: Any, obj: Cart) -> bool:
        if obj.pk == cart.pk:
            raise ZeroDivisionError
        return True

    monkeypatch.setattr(type(registry.for_model(Cart)), "should_sync", choosy)
    assert record_abandoned("default") == 1
    assert Event.objects.get().object_pk == str(other.pk)
    assert "adapter.failed" in caplog.messages
