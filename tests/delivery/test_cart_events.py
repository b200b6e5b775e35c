"""``cart.added`` and ``cart.removed`` from what customers do with a cart, and from nothing else (demand A9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import adapters, checks
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.intake.current import handled
from django_hellotext.models import Change, Event, RemoteObject
from django_hellotext.querysets import HellotextQuerySet
from tests.factories import make_cart, make_customer, make_order, make_product, make_staff
from tests.testshop.models import Cart, CartLine, Order, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

Deliver = Callable[..., Report]


@pytest.fixture(autouse=True)
def tracked() -> Iterator[None]:
    """The shop lets the server send its cart events."""
    adapter: Any = registry.for_model(Cart)
    adapter.tracks_items = True
    yield
    del adapter.tracks_items


@pytest.fixture
def cart(deliver: Deliver) -> Cart:
    """An empty cart of a customer."""
    made = make_cart(owner=make_customer())
    deliver()
    return made


@pytest.fixture
def tea() -> Product:
    return make_product(name="Tea")


def put(cart: Cart, product: Product, quantity: int) -> CartLine:
    return CartLine.objects.create(cart=cart, product=product, quantity=quantity)


@contextmanager
def refusing(**attributes: Any) -> Iterator[None]:
    """Within the block a request is answered whose browser refuses to be tracked."""
    request: Any = RequestFactory().post("/", headers={"Sec-GPC": "1"})
    vars(request).update(attributes)
    token = handled.set(request)
    try:
        yield
    finally:
        handled.reset(token)


def events() -> list[tuple[str, list[tuple[str, str]]]]:
    """Action and items of each cart event, in order."""
    return [
        (event.action, [(item["product"]["pk"], item["quantity"]) for item in event.object_parameters["items"]])
        for event in Event.objects.filter(action__startswith="cart.").order_by("id")
    ]


def test_two_more_and_one_less_are_one_added_and_one_removed_with_what_results(
    cart: Cart, tea: Product, deliver: Deliver, hellotext: Emulator
) -> None:
    """Demand A9: also when both are folded together."""
    line = put(cart, tea, 2)
    line.quantity = 1
    line.save()
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "2")]), ("cart.removed", [(str(tea.pk), "1")])]
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    sent = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events" and entry.accepted]
    assert [body["object_parameters"]["items"][0]["quantity"] for body in sent if "object_parameters" in body] == [2, 1]


def test_a_deleted_line_is_removed_altogether(cart: Cart, tea: Product, deliver: Deliver) -> None:
    line = put(cart, tea, 3)
    deliver()
    line.delete()
    deliver()
    assert events()[1:] == [("cart.removed", [(str(tea.pk), "0")])]


def test_one_product_on_two_lines_counts_together(cart: Cart, tea: Product, deliver: Deliver) -> None:
    put(cart, tea, 1)
    put(cart, tea, 2)
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "1")]), ("cart.added", [(str(tea.pk), "3")])]


def test_a_line_that_changes_its_product_is_one_added_and_one_removed(
    cart: Cart, tea: Product, deliver: Deliver
) -> None:
    line = put(cart, tea, 1)
    deliver()
    line.product = make_product(name="Coffee")
    line.save()
    deliver()
    assert [action for action, _ in events()] == ["cart.added", "cart.added", "cart.removed"]


def test_recalculating_and_reloading_send_nothing(cart: Cart, tea: Product, deliver: Deliver) -> None:
    """Demand A9."""
    line = put(cart, tea, 2)
    deliver()
    before = events()
    for _ in range(3):
        line.save()
        cart.save()
        deliver()
    tea.price = 5
    tea.save()
    deliver()
    assert events() == before


def test_a_merge_sends_nothing_and_is_what_the_next_event_is_measured_by(
    cart: Cart, tea: Product, deliver: Deliver
) -> None:
    """Demand A9."""
    with django_hellotext.merging(), transaction.atomic():
        anonymous = make_cart()
        old = put(anonymous, tea, 2)
        line = put(cart, tea, old.quantity)
        anonymous.delete()
    deliver()
    assert events() == []
    line.quantity = 3
    line.save()
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "3")])]


def test_the_first_sight_of_an_old_cart_sends_nothing(tea: Product, deliver: Deliver) -> None:
    """Promise 11, demand A7."""
    with django_hellotext.paused():
        cart = make_cart(owner=make_customer())
        put(cart, make_product(), 4)
    line = put(cart, tea, 1)
    deliver()
    assert events() == []
    line.quantity = 2
    line.save()
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "2")])]


def test_a_cart_that_is_made_with_its_first_line_is_no_old_cart(tea: Product, deliver: Deliver) -> None:
    put(make_cart(owner=make_customer()), tea, 1)
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "1")])]


def test_the_lines_that_an_order_takes_out_are_not_removed_by_the_customer(
    cart: Cart, tea: Product, deliver: Deliver
) -> None:
    """Demand A2: and what comes into the cart afterwards counts again."""
    put(cart, tea, 1)
    deliver()
    with transaction.atomic():
        make_order(cart=cart, customer=cart.owner, status=Order.Status.PLACED)
        cart.lines.all().delete()
    deliver()
    assert [action for action, _ in events()] == ["cart.added"]
    put(cart, tea, 1)
    deliver()
    assert [action for action, _ in events()] == ["cart.added", "cart.added"]


def test_what_was_added_right_before_the_order_is_superseded(cart: Cart, tea: Product, deliver: Deliver) -> None:
    """Demand A2."""
    put(cart, tea, 1)
    make_order(cart=cart, customer=cart.owner, status=Order.Status.PLACED)
    deliver()
    assert list(Event.objects.filter(action="cart.added").values_list("skip_reason", flat=True)) == ["superseded"]


def test_carts_that_are_cleaned_up_send_nothing(cart: Cart, tea: Product, deliver: Deliver) -> None:
    """Demand A9: a nightly job, a product or a customer that goes is nothing that somebody did in the shop."""
    put(cart, tea, 1)
    put(cart, make_product(), 1)
    deliver()
    before = events()
    tea.delete()
    deliver()
    cart.delete()
    deliver()
    assert events() == before


def test_a_quantity_that_the_database_works_out_is_looked_up(cart: Cart, tea: Product, deliver: Deliver) -> None:
    line = put(cart, tea, 1)
    deliver()
    CartLine.objects.filter(pk=line.pk).update(quantity=4)
    line.quantity = F("quantity") + 1
    line.save()
    deliver()
    assert events()[1:] == [("cart.added", [(str(tea.pk), "5")])]


def test_bulk_calls_count_line_by_line(cart: Cart, tea: Product, deliver: Deliver) -> None:
    """Demand E1."""
    lines: Any = HellotextQuerySet(CartLine)
    lines.bulk_create([CartLine(cart=cart, product=tea, quantity=1)])
    lines.update(quantity=2)
    lines.all().delete()
    deliver()
    assert [(action, items[0][1]) for action, items in events()] == [
        ("cart.added", "1"),
        ("cart.added", "2"),
        ("cart.removed", "0"),
    ]


def test_a_cart_of_nobody_sends_nothing(tea: Product, deliver: Deliver) -> None:
    put(make_cart(), tea, 1)
    deliver()
    assert not Event.objects.exists()


def test_a_visitor_who_refuses_to_be_tracked_sends_nothing(cart: Cart, tea: Product, deliver: Deliver) -> None:
    """Demand I2: Sec-GPC is a refusal, seen where the line is saved."""
    with refusing():
        put(cart, tea, 1)
    deliver()
    assert events() == []
    assert RemoteObject.objects.get(kind="cart").seen["lines"]


def test_staff_who_put_a_cart_right_are_not_asked_for_their_own_consent(
    cart: Cart, tea: Product, deliver: Deliver
) -> None:
    """Demand G5: what their browser refuses is not refused for the customer."""
    with refusing(user=make_staff()):
        put(cart, tea, 1)
    deliver()
    assert events() == [("cart.added", [(str(tea.pk), "1")])]


def test_a_saved_line_is_one_statement(cart: Cart, tea: Product) -> None:
    with CaptureQueriesContext(connection) as queries:
        put(cart, tea, 2)
    assert len(queries) == 2
    changes = [change for change in Change.objects.filter(object_label="testshop.cart") if not change.is_reserve]
    assert [change.data["line"]["quantity"] for change in changes] == ["2"]


def test_without_the_choice_nothing_is_sent(cart: Cart, tea: Product, deliver: Deliver) -> None:
    adapter: Any = registry.for_model(Cart)
    adapter.tracks_items = False
    put(cart, tea, 2)
    deliver()
    assert events() == []


def test_e121_an_adapter_and_a_view_that_send_the_same_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Demand H7."""
    monkeypatch.setattr(checks, "DECORATED", {"cart.added"})
    found = checks.check_cart_events()
    assert [message.id for message in found] == ["hellotext.E121"]
    assert "CartAdapter" in found[0].msg
    monkeypatch.setattr(checks, "DECORATED", {"product.viewed"})
    assert checks.check_cart_events() == []


@pytest.mark.parametrize("is_gone", [False, True])
def test_lines_that_cannot_be_read_at_first_sight_send_nothing(
    tea: Product, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    with django_hellotext.paused():
        cart = make_cart(owner=make_customer())
    line = put(cart, tea, 1)
    if is_gone:
        CartLine.objects.all()._raw_delete("default")
        Cart.objects.all()._raw_delete("default")
    with monkeypatch.context() as patch:
        broken = adapters.Items(lambda cart: 1 / 0, product="product")
        patch.setattr(type(registry.for_model(Cart)), "items", broken)
        deliver()
    assert events() == []
    assert not Change.objects.exists()
    if not is_gone:
        line.quantity = 2
        line.save()
        deliver()
        assert events() == []


def test_a_cart_that_the_shop_does_not_want_there_sends_no_event(
    cart: Cart, tea: Product, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(registry.for_model(Cart)), "should_sync", lambda self, obj: False)
    put(cart, tea, 1)
    deliver()
    assert events() == []


def test_an_adapter_that_raises_leaves_a_failed_event(
    cart: Cart, tea: Product, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cart, tea, 1)
    monkeypatch.setattr(type(registry.for_model(Cart)), "should_sync", lambda self, obj: 1 / 0)
    deliver()
    event = Event.objects.get()
    assert (event.action, event.state, event.error_type) == ("cart.added", "failed", "adapter_failed")
    assert "ZeroDivisionError" in event.error_message
