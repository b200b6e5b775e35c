"""A cart at Hellotext holds what it holds in the shop, at any time the worker runs, also after merges."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.management import call_command
from django.db import transaction
from django.test import RequestFactory

import django_hellotext
from django_hellotext import adapters
from django_hellotext.adapters import registry
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report
from django_hellotext.delivery.fold import fold
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, RemoteObject
from tests.factories import make_cart, make_customer, make_order, make_product
from tests.testshop.models import Cart, CartLine, Order, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

Deliver = Callable[..., Report]
Held = dict[str, dict[str, tuple[Decimal | int, Decimal | int]]]
SESSION = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, hellotext: Emulator) -> None:
    """The server sends the cart events, and a customer pays in a cart a tenth less than the list price."""
    hellotext.know_session(SESSION)
    adapter = type(registry.for_model(Cart))
    monkeypatch.setattr(registry.for_model(Cart), "tracks_items", True, raising=False)
    items = adapters.Items("lines", product="product", price=lambda line: line.product.price * 9 / 10)
    monkeypatch.setattr(adapter, "items", items)


def put(cart: Cart, product: Product, quantity: int) -> CartLine:
    return CartLine.objects.create(cart=cart, product=product, quantity=quantity)


def visitors_cart() -> Cart:
    """A cart of a visitor who is not logged in; their browser's session is known."""
    cart = make_cart()
    request: Any = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    request.session, request.user = SessionStore(), AnonymousUser()
    django_hellotext.remember_session(cart, request)
    return cart


def there(hellotext: Emulator) -> Held:
    """The carts at Hellotext that hold something: by reference, quantity and unit price of each product."""
    with hellotext.locked():
        products = {row["id"]: row["reference"] for row in hellotext.world.store["product"].rows.values()}
        return {
            cart["reference"]: {
                products[line["product"]]: (Decimal(line["quantity"]), Decimal(line["price"]["amount"]))
                for line in cart["items"]
            }
            for cart in hellotext.world.store["cart"].rows.values()
            if cart["items"]
        }


def here() -> Held:
    """The carts of the shop that hold something, in the same form."""
    found: Held = {}
    for line in CartLine.objects.select_related("product"):
        price = price_of(line.product)
        lines = found.setdefault(str(line.cart_id), {})
        before = lines.get(str(line.product_id), (Decimal(0), price))[0]
        lines[str(line.product_id)] = (before + line.quantity, price)
    return found


def added() -> list[tuple[str, str, str]]:
    """State, cart and product of each ``cart.added``."""
    rows = Event.objects.filter(action="cart.added").order_by("pk")
    return [
        (event.state, event.object_pk, item["product"]["pk"])
        for event in rows
        for item in event.object_parameters["items"]
    ]


def test_a_cart_keeps_its_own_prices_when_its_events_arrive(hellotext: Emulator, deliver: Deliver) -> None:
    cart, tea = make_cart(owner=make_customer()), make_product(price=10)
    line = put(cart, tea, 1)
    deliver()
    line.quantity = 2
    line.save()
    deliver()
    assert there(hellotext) == here() == {str(cart.pk): {str(tea.pk): (2, 9)}}


def test_an_event_says_what_the_customer_pays(hellotext: Emulator, deliver: Deliver) -> None:
    put(make_cart(owner=make_customer()), make_product(price=10), 1)
    deliver()
    [sent] = [entry.body_json for entry in hellotext.log if entry.path == "/v1/attribution/events"]
    assert sent["object_parameters"]["items"][0]["price"] == {"amount": 9, "currency": "EUR"}


def test_a_change_that_is_taken_back_leaves_no_trace(hellotext: Emulator, deliver: Deliver) -> None:
    """The cart is what was sent last, but its events have changed it at Hellotext meanwhile."""
    cart, tea = make_cart(owner=make_customer()), make_product()
    line = put(cart, tea, 1)
    deliver()
    with django_hellotext.merging():
        line.quantity = 3
        line.save()
    line.quantity = 5
    line.save()
    with django_hellotext.merging():
        line.quantity = 1
        line.save()
    deliver()
    assert there(hellotext) == here()


def test_a_tracked_cart_event_does_not_change_the_cart_for_good(hellotext: Emulator, deliver: Deliver) -> None:
    """The shop sends its own, from a view, and without a price."""
    cart, tea = make_cart(owner=make_customer()), make_product(price=10)
    put(cart, tea, 1)
    deliver()
    django_hellotext.track("cart.added", cart, items=[(tea, 7)])
    deliver()
    assert there(hellotext) == here()


def test_a_cart_event_whose_answer_is_lost_does_not_change_the_cart_for_good(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}
    cart, tea = make_cart(owner=make_customer()), make_product(price=10)
    put(cart, tea, 1)
    deliver()
    hellotext.add_fault(Fault(kind="garbage", path="/v1/attribution/events", method="POST", times=1))
    django_hellotext.track("cart.added", cart, items=[(tea, 7)])
    deliver()
    Event.objects.look_now()
    deliver()
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}
    assert there(hellotext) == here()


def test_carts_that_are_merged_there_and_back(hellotext: Emulator, deliver: Deliver) -> None:
    first, second, tea = make_cart(owner=make_customer()), visitors_cart(), make_product()
    put(second, tea, 2)
    for source, target in ((second, first), (first, second), (second, first)):
        with django_hellotext.merging(source, target):
            moves_rows_and_keeps_the_cart(source, target)
        fold_only()
    deliver()
    assert there(hellotext) == here()
    assert added() == [("delivered", str(first.pk), str(tea.pk))]


def moves_lines(source: Cart, target: Cart) -> None:
    for line in source.lines.all():
        line.cart = target
        line.save()
    source.delete()


def moves_rows(source: Cart, target: Cart) -> None:
    source.lines.update(cart=target)
    source.delete()


def moves_rows_and_keeps_the_cart(source: Cart, target: Cart) -> None:
    source.lines.update(cart=target)


def makes_new_lines(source: Cart, target: Cart) -> None:
    for line in source.lines.all():
        put(target, line.product, line.quantity)
        line.delete()


def makes_new_lines_and_deletes_the_cart(source: Cart, target: Cart) -> None:
    for line in source.lines.all():
        put(target, line.product, line.quantity)
    source.delete()


WAYS = [
    moves_lines,
    moves_rows,
    moves_rows_and_keeps_the_cart,
    makes_new_lines,
    makes_new_lines_and_deletes_the_cart,
]


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
@pytest.mark.parametrize("folds", [False, True], ids=["unfolded", "folded"])
@pytest.mark.parametrize("way", WAYS)
def test_a_login_carries_the_visitors_cart_over(
    hellotext: Emulator, deliver: Deliver, way: Callable[[Cart, Cart], None], is_slow: bool, folds: bool
) -> None:
    tea, cup = make_product(), make_product()
    own = make_cart(owner=make_customer())
    put(own, cup, 1)
    deliver()
    visitors = visitors_cart()
    put(visitors, tea, 2)
    if folds and is_slow:
        fold_only()
    if not is_slow:
        deliver()
    with django_hellotext.merging(visitors, own), transaction.atomic():
        way(visitors, own)
    deliver()
    assert (
        there(hellotext) == here() == {str(own.pk): {str(cup.pk): (1, price_of(cup)), str(tea.pk): (2, price_of(tea))}}
    )
    [_, (state, cart, product)] = added()
    assert (state, product) == ("delivered", str(tea.pk))
    if is_slow:
        assert cart == str(own.pk)


def fold_only() -> None:
    """The worker has seen the changes, and could not send anything yet."""
    with transaction.atomic():
        fold(hellotext_settings.account, using="default")


def price_of(product: Product) -> Decimal:
    return round(Decimal(product.price or 0) * 9 / 10, 2)


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
@pytest.mark.parametrize("way", [moves_lines, makes_new_lines, makes_new_lines_and_deletes_the_cart])
def test_a_merge_that_names_no_carts_is_recognised(
    hellotext: Emulator, deliver: Deliver, way: Callable[[Cart, Cart], None], is_slow: bool
) -> None:
    own, tea = make_cart(owner=make_customer()), make_product()
    visitors = visitors_cart()
    put(visitors, tea, 2)
    if not is_slow:
        deliver()
    with django_hellotext.merging(), transaction.atomic():
        way(visitors, own)
    deliver()
    assert there(hellotext) == here()
    [(state, _, product)] = added()
    assert (state, product) == ("delivered", str(tea.pk))


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
def test_a_merge_that_is_not_named_leaves_the_customers_cart_right(
    hellotext: Emulator, deliver: Deliver, is_slow: bool
) -> None:
    own, tea = make_cart(owner=make_customer()), make_product()
    visitors = visitors_cart()
    put(visitors, tea, 2)
    if not is_slow:
        deliver()
    makes_new_lines(visitors, own)
    deliver()
    assert there(hellotext) == here()
    assert ("delivered", str(own.pk), str(tea.pk)) in added()


def test_a_visitor_without_a_session_is_known_by_the_cart_they_come_to(deliver: Deliver) -> None:
    own, visitors, tea = make_cart(owner=make_customer()), make_cart(), make_product()
    put(visitors, tea, 2)
    with django_hellotext.merging(visitors, own):
        moves_lines(visitors, own)
    deliver()
    assert added() == [("delivered", str(own.pk), str(tea.pk))]
    assert Event.objects.get().profile_pk == str(own.owner_id)


@pytest.mark.parametrize("is_slow", [False, True], ids=["fast", "slow"])
def test_a_basket_in_the_django_session_becomes_part_of_a_cart(
    hellotext: Emulator, deliver: Deliver, is_slow: bool
) -> None:
    request: Any = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    request.session, request.user = SessionStore(), AnonymousUser()
    own, tea = make_cart(owner=make_customer()), make_product(price=10)
    django_hellotext.cart_changed(request, [(tea, 2, Decimal(9))], created=True)
    if not is_slow:
        deliver()
    with django_hellotext.merging(request, own):
        put(own, tea, 2)
    deliver()
    assert there(hellotext) == here() == {str(own.pk): {str(tea.pk): (2, 9)}}
    assert [(state, product) for state, _, product in added()] == [("delivered", str(tea.pk))]


def test_a_basket_that_stays_in_the_django_session_is_the_same_after_login(
    hellotext: Emulator, deliver: Deliver
) -> None:
    request: Any = RequestFactory().get("/")
    request.COOKIES["hello_session"] = SESSION
    request.session, request.user = SessionStore(), AnonymousUser()
    tea, cup = make_product(), make_product()
    name = django_hellotext.cart_changed(request, [(tea, 2, Decimal(9))], created=True)
    request.user = make_customer()
    with django_hellotext.merging():
        django_hellotext.cart_changed(request, [(tea, 2, Decimal(9)), (cup, 1, Decimal(4))])
    deliver()
    assert there(hellotext) == {name: {str(tea.pk): (2, 9), str(cup.pk): (1, 4)}}
    assert [(state, product) for state, _, product in added()] == [("delivered", str(tea.pk))]


@pytest.mark.parametrize("arguments", [(1, 2), ("", "b"), (None, "b"), ("a", None), (Cart(), "b")])
def test_merging_takes_two_carts(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="merging"), django_hellotext.merging(*arguments):
        pass


def test_a_merge_that_fails_records_nothing(deliver: Deliver) -> None:
    own, visitors, tea = make_cart(owner=make_customer()), visitors_cart(), make_product()
    put(visitors, tea, 1)
    with pytest.raises(ZeroDivisionError), django_hellotext.merging(visitors, own):
        1 / 0  # noqa: B018
    deliver()
    assert "merged_into" not in RemoteObject.objects.get(kind="cart", host_pk=visitors.pk).seen


class Afternoon:
    """Customers and visitors fill, change, merge and order carts; the worker comes by at times."""

    def __init__(self, seed: int, deliver: Deliver) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a reproducible afternoon
        self.deliver = deliver
        self.products = [make_product(price=self.chance.randint(2, 40)) for _ in range(4)]
        self.own = [make_cart(owner=make_customer()) for _ in range(2)]
        self.visitors = [visitors_cart()]

    def step(self) -> None:
        self.chance.choice(
            [
                self.add,
                self.add,
                self.change,
                self.change,
                self.remove,
                self.reprice,
                self.log_in,
                self.order,
                self.drain,
            ]
        )()

    @property
    def cart(self) -> Cart:
        return self.chance.choice([*self.own, *self.visitors])

    def add(self) -> None:
        cart, product = self.cart, self.chance.choice(self.products)
        line = cart.lines.filter(product=product).first() or CartLine(cart=cart, product=product, quantity=0)
        line.quantity += self.chance.randint(1, 3)
        line.save()

    def change(self) -> None:
        line = CartLine.objects.order_by("?").first()
        if line is not None:
            line.quantity = self.chance.randint(1, 5)
            line.save()

    def remove(self) -> None:
        line = CartLine.objects.first()
        if line is not None:
            line.delete()

    def reprice(self) -> None:
        product = self.chance.choice(self.products)
        product.price = self.chance.randint(2, 40)
        product.save()
        for cart in Cart.objects.filter(lines__product=product).distinct():
            cart.save()

    def log_in(self) -> None:
        source, target = self.visitors.pop(), self.chance.choice(self.own)
        with django_hellotext.merging(source, target), transaction.atomic():
            self.chance.choice(WAYS)(source, target)
        for product in self.products:
            with django_hellotext.merging():
                for line in target.lines.filter(product=product)[1:]:
                    line.delete()
        self.visitors = [visitors_cart()]

    def order(self) -> None:
        cart = self.own.pop()
        with transaction.atomic():
            make_order(cart=cart, customer=cart.owner, status=Order.Status.PLACED)
            cart.lines.all().delete()
        self.own.insert(0, make_cart(owner=cart.owner))

    def drain(self) -> None:
        """Let the worker finish, or only notice what has changed."""
        if self.chance.random() < 0.7:
            self.deliver()
        else:
            fold_only()


@pytest.mark.parametrize("seed", range(10))
def test_after_any_afternoon_every_cart_there_is_the_cart_here(
    seed: int, hellotext: Emulator, deliver: Deliver
) -> None:
    afternoon = Afternoon(seed, deliver)
    for _ in range(25):
        afternoon.step()
    deliver()
    assert there(hellotext) == here()
    assert not RemoteObject.objects.filter(kind="cart").exclude(state__in=["synced", "deleted", "skipped"]).exists()
    assert not Event.objects.filter(state__in=["failed", "pending"]).exists()
    call_command("hellotext_sync", "cart", "--check", stdout=StringIO(), stderr=StringIO())
