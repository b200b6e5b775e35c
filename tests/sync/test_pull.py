"""``--pull``: a shop that comes from another integration adopts what Hellotext has already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_hellotext.adapters import registry
from django_hellotext.api import HellotextClient
from django_hellotext.api.types import UNSET, Money
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.emulator import Emulator
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.intake import backfill
from django_hellotext.models import Change, Event, RemoteObject, SkipReason, State
from tests.factories import make_app, make_customer, make_order, make_product, make_voucher, placed_order
from tests.testshop.models import Order

from .conftest import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_shop")]


@pytest.fixture
def there(hellotext: Emulator) -> Iterator[HellotextClient]:
    client = client_from_settings()
    yield client
    client.close()


def adopted() -> dict[str, str]:
    return {f"{row.kind} {row.host_pk}": row.remote_id for row in RemoteObject.objects.exclude(remote_id="")}


def test_objects_are_adopted_by_what_they_are_known_by(hellotext: Emulator, there: HellotextClient, sync: Run) -> None:
    customer = make_customer(email="Wile@acme.example")
    by_reference, by_sku = make_product(sku=""), make_product(sku="TEA-1")
    voucher, app = make_voucher(), make_app()
    order = make_order(customer=customer)
    Change.objects.all().delete()
    ids = {
        f"profile {customer.pk}": there.profiles.create(email="wile@acme.example").id,
        f"product {by_reference.pk}": there.products.create(
            name="x", reference=str(by_reference.pk), source="testshop"
        ).id,
        f"product {by_sku.pk}": there.products.create(name="y", sku="TEA-1").id,
        f"coupon {voucher.pk}": there.coupons.create(
            code=voucher.code, description="Old", destination_url="https://shop.example/"
        ).id,
        f"app {app.pk}": there.apps.create(name=app.name).id,
        f"order {order.pk}": there.orders.create(delivery="deliver", reference=order.number, source="testshop").id,
    }
    writes = len([entry for entry in hellotext.log if entry.method != "GET"])
    ran = sync("--pull")
    assert ran.code == 0
    assert adopted() == ids
    assert ran.counts("product") == {"looked_at": 2, "adopted": 2, "differing": 2}
    assert len([entry for entry in hellotext.log if entry.method != "GET"]) == writes
    assert not Change.objects.exists()


@pytest.mark.parametrize("damage", ["\ud83d", "\x00", "x" * 300])
def test_an_object_whose_id_cannot_be_stored_is_not_adopted(
    hellotext: Emulator, there: HellotextClient, sync: Run, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    first, second = make_product(), make_product()
    Change.objects.all().delete()
    for product in (first, second):
        there.products.create(name="x", reference=str(product.pk), source="testshop")
    answer = hellotext.handle

    def handle(method: str, path: str, **rest: Any) -> EmulatorResponse:
        response = answer(method, path, **rest)
        if not path.startswith("/v1/attribution/products"):
            return response
        data = json.loads(response.body)
        for item in data["products"]:
            if item["reference"] == str(first.pk):
                item["id"] += damage
        return EmulatorResponse(response.status, response.headers, json.dumps(data).encode())

    monkeypatch.setattr(hellotext, "handle", handle)
    ran = sync("--pull")
    assert ran.counts("product") == {"looked_at": 2, "adopted": 1, "differing": 1, "unclear": 1, "there_only": 1}
    assert list(adopted()) == [f"product {second.pk}"]


def test_the_run_after_a_pull_updates_and_creates_nothing_twice(
    hellotext: Emulator, there: HellotextClient, sync: Run
) -> None:
    product, order = make_product(), placed_order(customer=make_customer())
    Change.objects.all().delete()
    there.products.create(name="Old", reference=str(product.pk), source="testshop")
    there.orders.create(delivery="deliver", reference=order.number, source="testshop", items=[])
    sync("--pull")
    assert sync().code == 0
    created = [e.path for e in hellotext.log if e.method == "POST" and e.path == "/v1/attribution/orders"]
    assert len(created) == 1
    assert there.products.retrieve(str(product.pk)).name == product.name
    assert not Event.objects.exists()
    assert sync("--pull").counts("product") == {"looked_at": 2, "known": 2}


def test_an_equal_object_is_adopted_as_in_step(hellotext: Emulator, there: HellotextClient, sync: Run) -> None:
    product = make_product(name="Tea", sku="T", slug="tea", price=Decimal("4.90"))
    Change.objects.all().delete()
    there.products.create(
        name="Tea", sku="T", reference=str(product.pk), source="testshop", price=Money(Decimal("4.90"), "EUR")
    )
    assert sync("--pull").counts("product") == {"looked_at": 1, "adopted": 1}
    before = len(hellotext.log)
    assert sync("product").counts("product") == {"looked_at": 1, "unchanged": 1}
    assert len(hellotext.log) == before


def test_references_of_another_system_mean_other_things(hellotext: Emulator, there: HellotextClient, sync: Run) -> None:
    product = make_product(sku="")
    Change.objects.all().delete()
    id = there.products.create(name="x", reference=str(product.pk), source="woocommerce").id
    ran = sync("--pull", "product", text=True)
    assert "1 of testshop.Product would fit objects of the source 'woocommerce'" in ran.out
    assert "--source woocommerce" in ran.out
    assert adopted() == {}
    sync("--pull", "product", "--source", "woocommerce")
    assert adopted() == {f"product {product.pk}": id}


def test_a_reference_of_another_system_hides_nothing_that_is_ours(
    hellotext: Emulator, there: HellotextClient, sync: Run
) -> None:
    """It is found by its SKU, although another integration has a product with the same number."""
    product = make_product(name="Tea", sku="T-1")
    Change.objects.all().delete()
    there.products.create(name="x", reference=str(product.pk), source="woocommerce")
    ours = there.products.create(name="Tea", sku="T-1", reference="before", source="testshop").id
    assert sync("--pull", "product").counts("product")["adopted"] == 1
    assert adopted() == {f"product {product.pk}": ours}


def test_two_customers_with_one_address_are_not_both_adopted(
    hellotext: Emulator, there: HellotextClient, sync: Run
) -> None:
    make_customer(email="shared@acme.example")
    make_customer(email="shared@acme.example")
    there.profiles.create(email="shared@acme.example")
    assert sync("--pull").counts("profile") == {"looked_at": 2, "adopted": 1, "differing": 1, "unclear": 1}


@pytest.mark.parametrize(
    ("email", "verified", "adopts"), [("", True, True), ("", False, False), ("other@acme.example", True, False)]
)
def test_a_verified_phone_adopts_a_profile_that_has_no_email(
    there: HellotextClient,
    sync: Run,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    email: str,
    adopts: bool,
    verified: bool,
) -> None:
    """Two people may have one phone, as their e-mails tell, and anybody may have typed it.

    The run after the pull leaves the profile of somebody else alone.
    """
    if verified:
        settings.HELLOTEXT = {**settings.HELLOTEXT, "VERIFIED": lambda customer, kind, value: True}
    adapter = type(registry.for_model(User))
    monkeypatch.setattr(adapter, "get_phone", lambda self, user: "+59899123456", raising=False)
    make_customer(email="wile@acme.example")
    Change.objects.all().delete()
    id = there.profiles.create(phone="+59899123456", email=email or UNSET).id
    assert sync("--pull").counts("profile").get("adopted", 0) == adopts
    sync()
    assert (RemoteObject.objects.get(kind="profile").remote_id == id) == adopts
    profile = there.profiles.retrieve(id)
    assert list(profile.emails) == (["wile@acme.example"] if adopts else [email] if email else [])


def test_what_is_only_there_and_only_here_is_counted(hellotext: Emulator, there: HellotextClient, sync: Run) -> None:
    make_product()
    there.products.create(name="Long gone", reference="elsewhere")
    assert sync("--pull").counts("product") == {"looked_at": 1, "here_only": 1, "there_only": 1}


def test_an_old_order_that_was_adopted_tells_only_of_its_next_step(
    hellotext: Emulator, there: HellotextClient, sync: Run
) -> None:
    """Demand A7."""
    order = placed_order(customer=make_customer())
    Change.objects.all().delete()
    there.orders.create(delivery="deliver", reference=order.number, source="testshop")
    sync("--pull")
    sync()
    assert not Event.objects.exists()
    order.status = Order.Status.PAID
    order.save()
    sync()
    assert [event.action for event in Event.objects.all()] == ["order.confirmed"]


def test_what_a_person_skipped_is_not_adopted(hellotext: Emulator, there: HellotextClient, sync: Run) -> None:
    make_product(sku="T-1")
    sync("--limit", "1")
    RemoteObject.objects.update(remote_id="", state=State.SKIPPED, skip_reason=SkipReason.PERSON)
    sync("--pull")
    assert adopted() == {}


def test_a_long_list_is_adopted_whole(
    hellotext: Emulator, there: HellotextClient, sync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "SIZE", 50)
    products = [make_product() for _ in range(120)]
    Change.objects.all().delete()
    for product in products:
        there.products.create(name=product.name, reference=str(product.pk), source="testshop")
    assert sync("--pull", "product").counts("product")["adopted"] == 120
    assert len(set(adopted().values())) == 120
