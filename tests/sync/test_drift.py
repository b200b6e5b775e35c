"""``--check`` finds each type of drift, ``--repair`` mends it, and a second look finds nothing (demand F3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_hellotext import adapters, clock
from django_hellotext.adapters import Link, registry
from django_hellotext.api import HellotextClient
from django_hellotext.api.resources.products import Products
from django_hellotext.api.resources.profiles import Profiles
from django_hellotext.api.types import Money
from django_hellotext.delivery import listing, runs
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.comparing import differences
from django_hellotext.delivery.inspection import DRIFTS
from django_hellotext.delivery.listing import FAMILIES
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Change, RemoteObject, State, SyncRun
from tests.factories import (
    make_app,
    make_cart,
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
from tests.testshop.models import Order, Product, Variant

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]

EURO, DEAR = Money(Decimal("1.00"), "EUR"), {"amount": "99.00", "currency": "EUR"}
ONE_DEAR, ONE_EURO = {"quantity": 1, "price": DEAR}, {"quantity": "1.0", "price": {"amount": 1, "currency": "EUR"}}


@pytest.fixture
def there(hellotext: Emulator) -> Iterator[HellotextClient]:
    """Somebody who works in Hellotext itself."""
    client = client_from_settings()
    yield client
    client.close()


@pytest.fixture
def shop(hellotext: Emulator, sync: Run) -> dict[str, Any]:
    """One object of each kind, in step."""
    customer, product = make_customer(), make_product()
    order = placed_order(customer=customer)
    cart = make_cart(owner=customer)
    make_cart_line(cart=cart, product=product)
    shop = {
        "profile": customer,
        "product": product,
        "product_variant": make_variant(product=product),
        "coupon": make_voucher(),
        "form": make_questionnaire(),
        "app": make_app(),
        "cart": cart,
        "order": order,
        "refund": make_return(order=order),
    }
    assert sync().code == 0
    return shop


def remote_id(kind: str, obj: Any) -> str:
    return str(RemoteObject.objects.get(kind=kind, host_pk=str(obj.pk)).remote_id)


def drift(ran: Any) -> dict[str, dict[str, int]]:
    """The drift that a run found, by kind, without what is in step."""
    kinds = ran.document.get("drift", ran.document["kinds"])
    counts = {one["kind"]: {name: one[name] for name in DRIFTS if one[name]} for one in kinds if "total" in one}
    return {kind: found for kind, found in counts.items() if found}


def repaired(sync: Run) -> None:
    ran = sync("--repair")
    assert ran.code == 0, ran.document
    assert drift(ran)
    again = sync("--check")
    assert (again.code, drift(again)) == (0, {})


@pytest.mark.usefixtures("both_shops")
def test_a_shop_in_step_has_no_drift_in_any_kind(shop: dict[str, Any], hellotext: Emulator, sync: Run) -> None:
    writes = [entry for entry in hellotext.log if entry.method != "GET"]
    ran = sync("--check")
    assert (ran.code, drift(ran)) == (0, {})
    assert {one["kind"] for one in ran.document["kinds"] if one["in_step"]} == set(shop)
    assert [entry for entry in hellotext.log if entry.method != "GET"] == writes
    assert "Both sides are in step." in sync("--check", text=True).out


def test_what_was_never_sent_is_found_and_sent(shop: dict[str, Any], sync: Run) -> None:
    Product.objects.bulk_create([Product(name="Told by no signal", price=1)])
    ran = sync("--check")
    assert (ran.code, drift(ran)) == (3, {"product": {"never_sent": 1}})
    assert "1 object not in step; --repair mends that." in ran.message
    repaired(sync)


def test_a_stale_hash_is_found_and_sent(shop: dict[str, Any], sync: Run) -> None:
    Product.objects.filter(pk=shop["product"].pk).update(name="Another")
    assert drift(sync("--check")) == {"product": {"stale": 1}}
    repaired(sync)


def test_what_waits_is_not_in_step_either(shop: dict[str, Any], sync: Run, deliver: Callable[..., Any]) -> None:
    make_product()
    shop["product"].name = "Renamed"
    shop["product"].save()
    assert drift(sync("--check")) == {"product": {"never_sent": 1, "stale": 1}}
    deliver()
    assert sync("--check").code == 0


def test_a_refused_object_is_found_and_sent_once_it_is_right(shop: dict[str, Any], sync: Run) -> None:
    product = make_product(name="")
    assert sync().code == 2
    ran = sync("--check")
    assert drift(ran) == {"product": {"failed": 1}}
    assert sync("--repair").code == 2
    Product.objects.filter(pk=product.pk).update(name="Tea")
    repaired(sync)


def test_an_object_that_is_gone_here_is_found_and_let_go(shop: dict[str, Any], sync: Run) -> None:
    shop["refund"].delete()
    Change.objects.all().delete()
    shop["order"].lines.all().delete()
    Order.objects.filter(pk=shop["order"].pk)._raw_delete("default")
    found = drift(sync("--check"))
    assert found == {"order": {"orphaned_here": 1}, "refund": {"orphaned_here": 1}}
    repaired(sync)


@pytest.mark.parametrize("kind", ["product_variant", "coupon", "form", "app", "cart", "order", "refund", "profile"])
def test_what_is_missing_there_is_found_and_created_anew(
    shop: dict[str, Any], there: HellotextClient, sync: Run, kind: str
) -> None:
    old = remote_id(kind, shop[kind])
    family = getattr(there, FAMILIES[kind])
    family.delete(old)
    ran = sync("--check")
    assert ran.code == 3
    assert drift(ran)[kind] in ({"missing_there": 1}, {"changed_there": 1})
    repaired(sync)


def test_a_product_that_is_missing_there_comes_back(shop: dict[str, Any], there: HellotextClient, sync: Run) -> None:
    product = make_product()
    sync()
    there.products.delete(remote_id("product", product))
    assert drift(sync("--check")) == {"product": {"missing_there": 1}}
    repaired(sync)
    assert there.products.retrieve(str(product.pk)).name == product.name


def test_a_repair_creates_what_failed_because_it_was_lost_twice_in_one_delivery(
    shop: dict[str, Any], there: HellotextClient, sync: Run, deliver: Callable[..., Any]
) -> None:
    """A delivery recreates an object once, so that it cannot repeat without end."""
    product = make_product()
    sync()
    there.products.delete(remote_id("product", product))
    RemoteObject.objects.filter(kind="product").update(recreated=1)
    product.name = "Second"
    product.save()
    deliver()
    assert drift(sync("--check")) == {"product": {"failed": 1}}
    repaired(sync)
    assert there.products.retrieve(str(product.pk)).name == "Second"


def test_what_was_changed_there_is_found_and_put_right(shop: dict[str, Any], there: HellotextClient, sync: Run) -> None:
    there.products.update(remote_id("product", shop["product"]), name="Renamed by somebody")
    there.profiles.update(remote_id("profile", shop["profile"]), first_name="Road", last_name="Runner")
    there.orders.update(remote_id("order", shop["order"]), delivery="collect")
    ran = sync("--check")
    assert drift(ran) == {
        "product": {"changed_there": 1},
        "profile": {"changed_there": 1},
        "order": {"changed_there": 1},
    }
    [profiles] = [one for one in ran.document["kinds"] if one["kind"] == "profile"]
    assert profiles["examples"]["changed_there"].endswith(": first_name, last_name")
    assert "Runner" not in ran.out
    repaired(sync)
    assert there.products.retrieve(str(shop["product"].pk)).name == shop["product"].name


def test_a_line_that_was_changed_there_is_found_and_put_right(
    shop: dict[str, Any], there: HellotextClient, sync: Run
) -> None:
    order = remote_id("order", shop["order"])
    [line] = there.orders.retrieve(order).items
    there.order_items.update(order, line.id, price=Money(Decimal("99.00"), "EUR"))
    assert drift(sync("--check")) == {"order": {"changed_there": 1}}
    repaired(sync)
    assert there.orders.retrieve(order).items[0].price == line.price


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop whose products bring their variants along."""
    every = {model: one for model, one in registry.registry._adapters.items() if model is not Variant}
    monkeypatch.setattr(registry.registry, "_adapters", every)
    declared = adapters.Variants("sizes", sku="sku", price=adapters.Money("price", currency=adapters.Value("EUR")))
    monkeypatch.setattr(type(registry.for_model(Product)), "variants", declared)


def test_a_variant_that_a_product_brings_along_is_compared_by_itself(
    sizes: None, there: HellotextClient, sync: Run
) -> None:
    product = make_product()
    large = make_variant(product=product, name="Large", price=Decimal("3.00"))
    make_variant(product=product, name="Small", price=Decimal("2.00"))
    assert sync("product").code == 0
    known = there.products.retrieve(str(product.pk))
    [mine] = [one for one in known.variants if one.reference == str(large.pk)]
    there.variants.create(known.id, name="Of somebody else", reference="theirs", source="another")
    assert sync("--check", "product").code == 0
    there.variants.update(mine.id, name="Large", price=Money(Decimal("99.00"), "EUR"))
    assert drift(sync("--check", "product")) == {"product": {"changed_there": 1}}
    assert sync("--repair", "product").code == 0
    assert there.variants.retrieve(mine.id).price == mine.price
    assert sync("--check", "product").code == 0
    there.variants.delete(mine.id)
    assert drift(sync("--check", "product")) == {"product": {"changed_there": 1}}
    assert sync("--repair", "product").code == 0
    assert sync("--check", "product").code == 0
    assert "Large" in {one.name for one in there.products.retrieve(str(product.pk)).variants}


def test_what_others_put_there_is_theirs(shop: dict[str, Any], there: HellotextClient, sync: Run) -> None:
    there.lists.create(name="Their own")
    there.profiles.update(remote_id("profile", shop["profile"]), lists=["Their own"], phones={"work": "+59899000111"})
    there.products.create(name="Not of this shop", reference="elsewhere", source="another")
    assert sync("--check").code == 0


def test_a_check_keeps_to_the_models_that_are_named(
    shop: dict[str, Any], there: HellotextClient, hellotext: Emulator, sync: Run
) -> None:
    there.orders.delete(remote_id("order", shop["order"]))
    before = len(hellotext.log)
    assert sync("--check", "product").code == 0
    assert {entry.path for entry in hellotext.log[before:]} == {"/v1/attribution/products"}


def test_a_definition_that_is_missing_there_is_found_and_made(
    shop: dict[str, Any], there: HellotextClient, sync: Run, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "LISTS": ["Regulars"], "ACTIONS": ["tea.brewed"]}
    ran = sync("--check")
    assert (ran.code, ran.document["definitions"]["missing"]) == (3, ["list 'Regulars'", "action 'tea.brewed'"])
    assert "Not defined there: list 'Regulars'" in sync("--check", text=True).out
    assert sync("--repair").document["definitions"]["created"] == ["list 'Regulars'", "action 'tea.brewed'"]
    assert sync("--check").document["definitions"]["missing"] == []
    [regulars] = there.lists.list(limit=100)
    there.lists.delete(regulars.id)
    assert sync("--check").document["definitions"]["missing"] == ["list 'Regulars'"]
    assert sync("--repair").document["definitions"]["created"] == ["list 'Regulars'"]
    assert sync("--check").code == 0


def test_a_check_touches_no_row_of_delivery(shop: dict[str, Any], there: HellotextClient, sync: Run) -> None:
    there.orders.delete(remote_id("order", shop["order"]))
    Product.objects.bulk_create([Product(name="Told by no signal", price=1)])
    rows = list(RemoteObject.objects.order_by("pk").values())
    sync("--check")
    assert list(RemoteObject.objects.order_by("pk").values()) == rows
    assert not Change.objects.exists()


def test_what_the_last_check_of_everything_found_is_kept(
    shop: dict[str, Any], there: HellotextClient, sync: Run
) -> None:
    assert runs.last_check() is None
    there.orders.delete(remote_id("order", shop["order"]))
    Product.objects.bulk_create([Product(name="Told by no signal", price=1)])
    before = clock.now()
    sync("--check")
    found = runs.last_check()
    assert found is not None
    assert (found.drift, found.undefined, found.total) == ({"never_sent": 1, "missing_there": 1}, 0, 2)
    assert found.at >= before
    sync("--check", "product")
    sync("--repair")
    assert runs.last_check() == found
    assert sync("--check").code == 0
    newer = runs.last_check()
    assert newer is not None
    assert (newer.total, newer.looked_at) == (0, found.looked_at)
    assert not SyncRun.objects.unfinished("test-business/test").exists()


def test_a_check_says_when_hellotext_cannot_be_read(shop: dict[str, Any], hellotext: Emulator, sync: Run) -> None:
    hellotext.revoke_token()
    ran = sync("--check")
    assert ran.code == 1
    assert "Hellotext could not be read" in ran.message


def test_a_hiccup_of_hellotext_is_waited_for(shop: dict[str, Any], hellotext: Emulator, sync: Run) -> None:
    hellotext.add_fault(Fault("error", status=503, method="GET", times=1))
    assert sync("--check").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check", "--repair"], "--check, --repair do not go together"),
        (["--pull", "--dry-run"], "do not go together"),
        (["--check", "--full"], "leave out --full"),
        (["--repair", "--limit", "3"], "leave out --limit"),
        (["--source", "woocommerce"], "--source says what --pull may adopt"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    hellotext: Emulator, sync: Run, arguments: list[str], message: str
) -> None:
    ran = sync(*arguments)
    assert ran.code == 4
    assert message in ran.message
    assert not hellotext.log


def test_profiles_that_move_while_they_are_listed_are_no_drift(
    hellotext: Emulator, there: HellotextClient, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their list is sorted by last activity: whoever is active meanwhile moves to its front."""

    customers = [make_customer() for _ in range(30)]
    sync("profile")
    monkeypatch.setattr(listing, "PAGE", 5)
    asked = Profiles.list
    pages = 0

    def active(self: Profiles, **options: Any) -> Any:
        """After each page somebody who was not listed yet, and the cursor itself, become active."""
        nonlocal pages
        page = asked(self, **options)
        pages += 1
        if pages < 20:
            there.profiles.update(remote_id("profile", customers[pages % 30]), first_name="Will")
            there.profiles.update(page.items[-1].id, first_name="Will")
        return page

    monkeypatch.setattr(Profiles, "list", active)
    ran = sync("--check", "profile")
    assert (ran.code, drift(ran)) == (0, {})
    [found] = ran.document["kinds"]
    assert found["in_step"] == 30
    assert pages < 200


@pytest.mark.parametrize(
    ("sent", "there", "answered", "expected"),
    [
        ({"name": "Tea"}, {"name": "Tea"}, {}, []),
        ({"name": "Tea"}, {"name": "Coffee"}, {}, ["name"]),
        ({"name": "Tea"}, {}, {}, []),
        ({"phone": "+59899123456"}, {"phones": ["+59899123456", "+1"]}, {}, []),
        ({"phone": "099123456"}, {"phones": ["+59899123456"]}, {"phones": ["+59899123456"]}, []),
        ({"email": "Wile@acme.example"}, {"emails": ["wile@acme.example"]}, {}, []),
        ({"email": "wile@acme.example"}, {"emails": []}, {}, ["email"]),
        ({"price": Money(Decimal("12.90"), "EUR")}, {"price": {"amount": 12.9, "currency": "EUR"}}, {}, []),
        ({"price": Money(Decimal("12.90"), "EUR")}, {"price": {"amount": "12.90", "currency": "USD"}}, {}, ["price"]),
        ({"price": Money(Decimal("12.90"), "EUR")}, {"price": None}, {}, ["price"]),
        ({"image_url": "https://shop.example/a.png"}, {"image_url": "https://cdn.example/x.png"}, {}, []),
        ({"image_url": "https://shop.example/a.png"}, {"image_url": None}, {}, ["image_url"]),
        ({"image_url": "https://shop.example/a.png"}, {"image_url": None}, {"image_url": None}, []),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}, {}, []),
        ({"tags": ["a"]}, {"tags": ["a", "b"]}, {}, ["tags"]),
        ({"lists": ["Regulars"]}, {"lists": [{"id": "1", "name": "Regulars"}, {"id": "2", "name": "VIP"}]}, {}, []),
        ({"metadata": {"shelf": 3}}, {"metadata": {"shelf": "3", "theirs": 1}}, {}, []),
        ({"metadata": {"shelf": 3}}, {"metadata": {"shelf": 4}}, {}, ["metadata"]),
        ({"items": [{"quantity": 2}]}, {"items": [{"quantity": "2.0"}]}, {}, []),
        ({"items": [{"quantity": 2}]}, {"items": []}, {}, ["items"]),
        ({"items": [{"quantity": 2}]}, {"items": [{"quantity": 2, "price": DEAR}]}, {}, []),
        ({"items": [{"quantity": 2, "price": EURO}]}, {"items": [{"quantity": 2, "price": DEAR}]}, {}, ["items"]),
        ({"items": [{"quantity": 2, "price": EURO}]}, {"items": [{"quantity": 2}]}, {}, []),
        ({"items": [{"quantity": 1}, {"quantity": 3}]}, {"items": [{"quantity": 2}, {"quantity": 2}]}, {}, ["items"]),
        ({"items": [{"quantity": 1}, {"quantity": 1, "price": EURO}]}, {"items": [ONE_DEAR, ONE_EURO]}, {}, []),
        ({"items": [{"quantity": 1}]}, {"items": [ONE_EURO, ONE_EURO]}, {}, ["items"]),
        ({"profile": Link("profile", "auth.user", "1")}, {"profile": "x"}, {}, []),
        ({"reference": "1"}, {"reference": "2"}, {}, []),
        ({"order": Link("order", "testshop.order", "1")}, {"order": "x"}, {}, []),
        ({"price": Money(Decimal("12.90"), "EUR")}, {"price": {"amount": "n/a", "currency": "EUR"}}, {}, ["price"]),
        ({"gift": True}, {"gift": True}, {}, []),
        ({"gift": True}, {"gift": 1.0}, {}, []),
    ],
)
def test_only_what_we_sent_is_compared(sent: Any, there: Any, answered: Any, expected: list[str]) -> None:
    assert differences(sent, there, answered) == expected


def test_a_second_order_line_is_not_mistaken_for_another_order(hellotext: Emulator, sync: Run) -> None:
    order = make_order(customer=make_customer())
    for _ in range(3):
        make_order_line(order=order, quantity=Decimal("2.0"))
    sync()
    assert sync("--check").code == 0
    assert RemoteObject.objects.get(kind="order").state == State.SYNCED


def test_a_look_at_hellotext_keeps_to_the_rate_of_the_settings(
    shop: dict[str, Any], sync: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 1000}
    assert sync("--check", "product").code == 0
    assert 0.001 in waits


def test_an_object_that_the_list_leaves_out_is_not_gone(shop: dict[str, Any], there: HellotextClient) -> None:
    with listing.Listing(there) as found:
        assert not found.is_gone("product", remote_id("product", shop["product"]))
        assert found.is_gone("product", "nothing")


def test_a_list_of_full_pages_ends(hellotext: Emulator, sync: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    for _ in range(4):
        make_product()
    sync("product")
    assert sync("--check", "product").code == 0


def test_a_list_without_a_cursor_that_hellotext_knows_ends(
    hellotext: Emulator, there: HellotextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each object of the page before was deleted meanwhile."""
    monkeypatch.setattr(listing, "PAGE", 2)
    for number in range(4):
        there.products.create(name=f"Product {number}")
    asked = Products.list

    def after_a_deletion(self: Products, **options: Any) -> Any:
        if "starting_after" in options:
            options["starting_after"] = "gone"
        return asked(self, **options)

    monkeypatch.setattr(Products, "list", after_a_deletion)
    with listing.Listing(there) as found:
        found.read("product")
        assert found.count("product") == 2


def test_a_list_that_repeats_itself_for_ever_ends(
    hellotext: Emulator, there: HellotextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    monkeypatch.setattr(listing, "ROUNDS", 3)
    for number in range(4):
        there.products.create(name=f"Product {number}")
    asked = Products.list
    monkeypatch.setattr(Products, "list", lambda self, *, limit, starting_after="": asked(self, limit=limit))
    with listing.Listing(there) as found:
        found.read("product")
        assert found.count("product") == 2
