"""A save of a registered object becomes a Change, and nothing else does (demands E2, E5, E6, E7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.test import RequestFactory

import django_hellotext
from django_hellotext.emulator import Emulator
from django_hellotext.models import Change, Event
from tests.factories import make_cart, make_customer, make_order, make_product
from tests.testshop.models import Order, ProductProxy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]


def recorded() -> list[tuple[str, str]]:
    """Take note of the changes so far, and forget them."""
    found = list(Change.objects.order_by("id").values_list("object_label", "object_pk"))
    Change.objects.all().delete()
    return found


def test_a_save_is_one_change_for_each_object() -> None:
    first, second = make_product(), make_product()
    assert recorded() == [("testshop.product", str(first.pk)), ("testshop.product", str(second.pk))]


def test_a_proxy_is_the_model_that_it_stands_for() -> None:
    product = make_product()
    recorded()
    ProductProxy.objects.get(pk=product.pk).save()
    assert recorded() == [("testshop.product", str(product.pk))]


def test_a_fixture_that_is_loaded_records_nothing(tmp_path: Path) -> None:
    """Demand E6."""
    product = make_product(name="Before")
    fixture = tmp_path / "products.json"
    fixture.write_text(serializers.serialize("json", [product]).replace("Before", "After"), encoding="utf-8")
    recorded()
    call_command("loaddata", str(fixture), verbosity=0)
    product.refresh_from_db()
    assert product.name == "After"
    assert recorded() == []


def test_a_save_of_fields_that_nobody_mirrors_records_nothing() -> None:
    """Demand E2."""
    order = make_order(customer=make_customer())
    recorded()
    order.save(update_fields=["shipped_on"])
    assert recorded() == []
    order.save(update_fields=["shipped_on", "status"])
    assert recorded() == [("testshop.order", str(order.pk))]


def test_a_paused_block_records_nothing_and_what_follows_does(hellotext: Emulator) -> None:
    """Demand E7."""
    product = make_product()
    recorded()
    with pytest.raises(RuntimeError), django_hellotext.paused():
        with django_hellotext.paused():
            product.save()
        product.save()
        product.delete()
        raise RuntimeError
    assert recorded() == []
    kept = make_product()
    assert recorded() == [("testshop.product", str(kept.pk))]


def test_a_deletion_is_a_change_that_names_what_is_gone() -> None:
    """Demand E5."""
    product = make_product()
    pk = str(product.pk)
    Change.objects.all().delete()
    product.delete()
    assert list(Change.objects.values_list("object_label", "object_pk", "metadata__deleted")) == [
        ("testshop.product", pk, True)
    ]


def test_another_customers_session_never_reaches_an_order_or_a_cart(rf: RequestFactory) -> None:
    """Demands G4, G5: whoever touches the object, its events carry its own customer's session."""
    buyer, somebody = make_customer(), make_customer()
    request: Any = rf.post("/")
    request.COOKIES.update({"hello_session": "somebodys-session", "sessionid": "x"})
    request.session = {}
    request.user = somebody
    for action, obj in (("order.placed", make_order(customer=buyer)), ("cart.added", make_cart(owner=buyer))):
        recorded()
        django_hellotext.remember_session(obj, request)
        assert recorded() == []
        django_hellotext.track(action, obj, request=request)
    assert set(Event.objects.values_list("profile_pk", "session")) == {(str(buyer.pk), "")}
    assert Order.objects.count() == 1
