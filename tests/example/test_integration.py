"""What Hellotext learns of the shop, drained into an emulated Hellotext in this process."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from bookshop.models import App, Book, Cart, Category, Coupon, Edition, Order, Reader, Refund, Survey
from bookshop.purchases import confirm_payment
from bookshop.readers import BOOK_CLUB, FAVOURITE, CustomerAdapter
from config import settings as shop_settings
from demo.browser import Browser, HellotextJs
from demo.pages import Page
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.api import HellotextClient
from django_hellotext.delivery import drain
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.delivery.definitions import bring_into_being
from django_hellotext.emulator import Emulator, EmulatorServer, MemoryBackend
from django_hellotext.models import Account, Event, RemoteObject, State
from django_hellotext.testing import assert_conforms
from tests.example.conftest import ACCOUNT, Visitor
from tests.ports import closed_port

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

BUYER, STAFF = "buyer-session", "staff-session"
EVENTS = "/v1/attribution/events"


@pytest.fixture
def hellotext(shop: Settings) -> Emulator:
    """An account for the shop; both visitors' browsers have announced themselves."""
    shop.HELLOTEXT = dict(ACCOUNT)
    return Emulator(token="token", business_id="books", known_sessions=(BUYER, STAFF))


def deliver(emulator: Emulator) -> None:
    drain("default", client=HellotextClient(token="token", backend=MemoryBackend(emulator)))


def arrived(emulator: Emulator) -> list[dict[str, Any]]:
    """The bodies of the events that were accepted, in their order."""
    return [one.body_json for one in emulator.log if one.path == EVENTS and one.method == "POST" and one.accepted]


def listed(emulator: Emulator, path: str) -> list[dict[str, Any]]:
    answer = HellotextClient(token="token", backend=MemoryBackend(emulator)).request("GET", path, params={"limit": 100})
    found: list[dict[str, Any]] = next(iter(answer.data.values()))
    return found


@pytest.fixture
def buyer(hellotext: Emulator, visitor: Visitor) -> Visitor:
    """Somebody who came by a short link."""
    visitor.get("/", {"hello_session": BUYER, "utm_source": "hellotext"})
    return visitor


def test_the_settings_and_adapters_of_the_shop_are_right(hellotext: Emulator) -> None:
    assert not [one for one in run_checks(tags=["hellotext"]) if "(testshop." not in one.msg]
    mirrored = {adapter.model for adapter in registry.all()}
    assert {User, Book, Edition, Coupon, Cart, Order, Refund, App, Survey} <= mirrored


def test_without_an_account_the_shop_works_and_records_nothing(visitor: Visitor) -> None:
    visitor.get("/books/walden/", {"hello_session": BUYER})
    visitor.add("walden")
    visitor.check_out()
    assert not Event.objects.exists()


def test_looking_at_a_book_is_an_event_that_the_browser_sends_about_the_product_that_hellotext_has(
    hellotext: Emulator, buyer: Visitor
) -> None:
    django_hellotext.sync(Book.objects.get(slug="walden"))
    page = buyer.get("/books/walden/")
    deliver(hellotext)
    assert not Event.objects.exists()
    [event] = Page("", page.text).events()
    with EmulatorServer(hellotext) as server:
        browser = Browser("http://shop.example", HellotextJs(server.url, "books"))
        browser.session = BUYER
        HellotextJs(server.url, "books").track(browser, event)
    [listing] = listed(hellotext, EVENTS)
    assert (listing["action"]["name"], listing["session"]) == ("product.viewed", BUYER)
    products = {product["reference"]: product for product in listed(hellotext, "/v1/attribution/products")}
    product = products["LL-009"]
    assert listing["trackable"]["id"] == product["id"]
    assert (product["name"], product["source"]) == ("Walden", "bookshop")
    assert product["price"]["amount"] == Decimal("15.00")
    assert product["url"] == "https://books.example/books/walden/"
    assert product["image_url"] == "https://books.example/static/bookshop/covers/walden.svg"


def test_cart_events_carry_the_resulting_quantity(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    buyer.add("walden", quantity=2)
    buyer.post("/cart/set/walden/", {"quantity": 1})
    deliver(hellotext)
    buyer.post("/cart/remove/walden/")
    deliver(hellotext)
    events = arrived(hellotext)
    assert [event["action"] for event in events] == ["cart.added", "cart.added", "cart.removed", "cart.removed"]
    quantities = [event["object_parameters"]["items"][0]["quantity"] for event in events]
    assert quantities == [1, 3, 1, 0]
    assert {event["object_parameters"]["reference"] for event in events} == {str(Cart.objects.get().token)}


def test_an_edition_arrives_as_the_variant_that_it_is(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.post("/cart/add/moby-dick/", {"quantity": 1, "edition": "LL-001-P"})
    deliver(hellotext)
    [cart] = listed(hellotext, "/v1/attribution/carts")
    buyer.check_out()
    deliver(hellotext)
    [order] = listed(hellotext, "/v1/attribution/orders")
    [variant] = [
        one
        for product in listed(hellotext, "/v1/attribution/products")
        for one in product["variants"]
        if one["reference"] == "LL-001-P"
    ]
    for sold in (cart, order):
        [item] = sold["items"]
        assert (item["product"], item["price"]["amount"]) == (variant["id"], "10.90")
    assert [event["action"] for event in arrived(hellotext)] == ["cart.added", "order.placed"]


def test_a_cart_that_is_left_for_half_an_hour_is_abandoned(hellotext: Emulator, shop: Settings, buyer: Visitor) -> None:
    named = "CART_ABANDONED_AFTER"
    shop.HELLOTEXT = {**shop.HELLOTEXT, named: shop_settings.HELLOTEXT[named]}
    buyer.add("walden")
    deliver(hellotext)
    assert record_abandoned("default") == 0
    left = RemoteObject.objects.get(kind="cart")
    RemoteObject.objects.filter(pk=left.pk).update(changed_at=left.changed_at - timedelta(minutes=31))
    assert record_abandoned("default") == 1
    deliver(hellotext)
    last = arrived(hellotext)[-1]
    assert (last["action"], last["object"], last["session"]) == ("cart.abandoned", left.remote_id, BUYER)


def test_a_customer_arrives_with_a_favourite_category_and_on_the_list_of_the_book_club(books: object) -> None:
    """The shop's own settings register the adapter; here the users are those of the whole test project."""
    adapter = CustomerAdapter(User)
    keen, other = (User.objects.create(username=name, email=f"{name}@example.com") for name in ("keen", "other"))
    reader = Reader.objects.create(user=keen, favourite=Category.objects.get(name="Gothic"), in_book_club=True)
    sent = adapter.payload(keen)
    assert (sent["properties"], sent["lists"]) == ({"Favourite category": "Gothic"}, ["Book club"])
    assert not {"properties", "lists"} & adapter.payload(other).keys()
    reader.in_book_club = False
    assert "lists" not in adapter.payload(keen)
    defined = shop_settings.HELLOTEXT
    assert (defined["PROPERTIES"], defined["LISTS"]) == ({FAVOURITE: "text"}, [BOOK_CLUB])


def test_joining_the_book_club_is_an_action_of_the_shops_own(
    hellotext: Emulator, shop: Settings, buyer: Visitor
) -> None:
    shop.HELLOTEXT = {**shop.HELLOTEXT, "ACTIONS": shop_settings.HELLOTEXT["ACTIONS"]}
    bring_into_being(HellotextClient(token="token", backend=MemoryBackend(hellotext)))
    buyer.register(book_club="on")
    deliver(hellotext)
    [event] = arrived(hellotext)
    assert (event["action"], event["session"]) == ("book_club.joined", BUYER)


def test_a_quantity_that_stays_the_same_is_no_event(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden", quantity=2)
    buyer.post("/cart/set/walden/", {"quantity": 2})
    buyer.get("/cart/")
    assert Event.objects.filter(action__startswith="cart.").count() == 1


def test_the_events_of_an_order_are_the_buyers_whoever_causes_them(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden", quantity=2)
    deliver(hellotext)
    buyer.register()
    order = buyer.check_out()
    confirm_payment(order.number, reference="pay_1", paid_at=order.placed_at)

    staff = Client()
    staff.get("/", {"hello_session": STAFF})
    staff.force_login(User.objects.create_superuser("staff", "staff@example.com"))
    order.refresh_from_db()
    order.move_to(Order.Status.SHIPPED)
    order.save()
    deliver(hellotext)

    (profile,) = listed(hellotext, "/v1/profiles")
    assert profile["emails"] == ["ada@example.com"]
    orders = [event for event in arrived(hellotext) if event["action"].startswith("order.")]
    assert [event["action"] for event in orders] == ["order.placed", "order.confirmed", "order.shipped"]
    for event in orders:
        assert (event["profile"], event["session"]) == (profile["id"], BUYER)
        assert (event["amount"], event["currency"]) == (30, "EUR")
    assert STAFF not in str([one.body_json for one in hellotext.log])


def test_a_guest_becomes_a_profile(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    order = buyer.check_out(email="guest@example.com")
    deliver(hellotext)
    (profile,) = listed(hellotext, "/v1/profiles")
    assert (profile["emails"], profile["first_name"]) == (["guest@example.com"], "Ada")
    placed = next(event for event in arrived(hellotext) if event["action"] == "order.placed")
    assert (placed["profile"], placed["session"]) == (profile["id"], BUYER)
    (mirrored,) = listed(hellotext, "/v1/attribution/orders")
    assert (mirrored["reference"], mirrored["delivery"]) == (order.number, "deliver")


def test_a_checkout_succeeds_while_hellotext_is_unreachable_and_its_event_arrives_later(
    hellotext: Emulator, buyer: Visitor, shop: Settings
) -> None:
    with closed_port() as port:
        shop.HELLOTEXT = {**shop.HELLOTEXT, "BASE_URL": f"http://127.0.0.1:{port}"}
        buyer.add("walden")
        order = buyer.check_out(email="guest@example.com")
        drain()
        assert (order.status, Account.objects.get().paused_reason) == ("placed", "ConnectionFailed")
        assert set(Event.objects.values_list("state", "attempts")) == {(State.PENDING, 0)}
        Account.objects.update(paused_until=order.placed_at)
        with EmulatorServer(hellotext, port=port):
            drain()
    assert [event["action"] for event in arrived(hellotext)].count("order.placed") == 1
    assert not Event.objects.filter(action="order.placed").exclude(state=State.DELIVERED).exists()


def test_the_status_of_an_order_is_known_with_the_time_it_was_reached(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    order = buyer.check_out()
    deliver(hellotext)
    placed = Event.objects.get(action="order.placed")
    assert placed.tracked_at == order.placed_at


def test_every_page_loads_the_library_for_the_right_business(hellotext: Emulator, visitor: Visitor) -> None:
    page = visitor.get("/").text
    assert 'id="hellotext-config"' in page
    assert '"business": "books"' in page
    assert "token" not in page.replace("csrfmiddlewaretoken", "")


def test_the_catalogue_arrives_with_its_editions_and_categories(hellotext: Emulator) -> None:
    call_command("load_catalogue", verbosity=0)
    deliver(hellotext)
    products = {product["reference"]: product for product in listed(hellotext, "/v1/attribution/products")}
    assert len(products) == 40
    moby = products["LL-001"]
    assert set(moby["categories"]) == {"Adventure", "Animals", "Sea stories"}
    assert {"Paperback", "Large print"} <= {variant["name"] for variant in moby["variants"]}
    assert {coupon["code"] for coupon in listed(hellotext, "/v1/coupons")} == {"READMORE", "SUMMER25"}


def test_a_coupon_takes_off_and_is_redeemed_once(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    order = buyer.check_out(coupon="READMORE")
    assert order.total == Decimal("13.50")
    deliver(hellotext)
    redeemed = [body for body in arrived(hellotext) if body["action"] == "coupon.redeemed"]
    [coupon] = [one for one in listed(hellotext, "/v1/coupons") if one["code"] == "READMORE"]
    assert [body["object"] for body in redeemed] == [coupon["id"]]


def test_a_code_that_nobody_knows_buys_nothing(visitor: Visitor) -> None:
    visitor.add("walden")
    page = visitor.post("/checkout/", {"coupon": "NOPE"})
    assert "We do not know this code" in page.text
    assert not Order.objects.exists()


def test_a_coupon_whose_time_is_over_disappears(hellotext: Emulator, visitor: Visitor) -> None:
    for coupon in Coupon.objects.all():
        django_hellotext.sync(coupon)
    deliver(hellotext)
    assert len(listed(hellotext, "/v1/coupons")) == 2
    coupon = Coupon.objects.get(code="SUMMER25")
    coupon.is_active = False
    coupon.save()
    deliver(hellotext)
    assert [one["code"] for one in listed(hellotext, "/v1/coupons")] == ["READMORE"]


def test_a_refund_arrives_with_its_order_and_both_events(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    order = buyer.check_out()
    refund = Refund.objects.create(order=order, amount=Decimal("5.00"), reason="bent")
    refund.status = Refund.Status.PAID
    refund.save()
    deliver(hellotext)
    [there] = listed(hellotext, "/v1/attribution/refunds")
    assert (there["reference"], there["total"]["amount"]) == (refund.number, "5.00")
    [remote_order] = listed(hellotext, "/v1/attribution/orders")
    assert there["refundable"]["id"] == remote_order["id"]
    actions = [body["action"] for body in arrived(hellotext) if body["action"].startswith("refund.")]
    assert actions == ["refund.requested", "refund.received"]


def test_an_app_that_is_installed_and_a_form_that_is_completed_arrive(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.register()
    for _ in range(2):
        buyer.post(f"/account/apps/{App.objects.get().pk}/")
    buyer.post(f"/account/surveys/{Survey.objects.get().pk}/", {"text": "Lighthouses, and ada@example.com"})
    deliver(hellotext)
    [app], [form] = listed(hellotext, "/v1/attribution/apps"), listed(hellotext, "/v1/attribution/forms")
    assert (app["name"], form["name"]) == ("Lantern Reader", "Shelf wishes")
    assert form["metadata"] == {"question": "Which book should we put on the shelves next?"}
    about = {body["action"]: body["object"] for body in arrived(hellotext) if body["action"][:4] in ("app.", "form")}
    assert about == {"app.installed": app["id"], "form.completed": form["id"]}
    assert [body["action"] for body in arrived(hellotext)].count("app.installed") == 1
    assert "Lighthouses" not in str(arrived(hellotext))


def test_the_adapters_of_the_shop_keep_their_promises(hellotext: Emulator, buyer: Visitor) -> None:
    buyer.add("walden")
    order = buyer.check_out(coupon="READMORE")
    Refund.objects.create(order=order, amount=Decimal("5.00"))
    objects = [*Book.objects.all()[:5], *Edition.objects.all()[:5], *Coupon.objects.all()]
    assert_conforms(*objects, order, *Refund.objects.all(), *Cart.objects.all())
    assert_conforms(*App.objects.all(), *Survey.objects.all())
