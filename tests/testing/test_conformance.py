"""The conformance checks pass a shop that is right, and name each promise that an adapter breaks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model

from django_hellotext.adapters import CartAdapter, Guest, Link, ProductAdapter, ProfileAdapter, Value, registry
from django_hellotext.emulator import Emulator
from django_hellotext.testing import AdapterConformance, assert_conforms, problems_of
from tests.factories import (
    make_app,
    make_cart_line,
    make_customer,
    make_order_line,
    make_product,
    make_questionnaire,
    make_return,
    make_staff,
    make_variant,
    make_voucher,
    placed_order,
)
from tests.testshop.models import Brand, Product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def configured(hellotext: Emulator) -> None:
    """The shop is configured."""


class TestTheTestShop(AdapterConformance):
    def conformance_objects(self) -> Iterable[Model]:
        orders = [placed_order(customer=make_customer()), placed_order(email="g@example.com"), placed_order()]
        return [
            *(make_customer(), make_customer(), make_staff()),
            *(make_product(), make_product(is_published=False), make_product()),
            *(make_variant(), make_variant(), make_variant()),
            *(make_cart_line(cart__owner=make_customer()).cart, make_cart_line(cart__email="g@example.com").cart),
            *(make_cart_line().cart, make_cart_line(cart__owner=make_staff()).cart),
            *orders,
            *(make_return(order=order) for order in orders),
            *(make_voucher(), make_questionnaire(), make_app()),
        ]

    def test_every_adapter_is_tried(self) -> None:
        bookshop = "bookshop."
        missing = {adapter.label for adapter in registry.all()} - {
            one._meta.label_lower for one in self.conformance_objects()
        }
        assert all(label.startswith(bookshop) for label in missing), missing


@pytest.fixture
def conformance() -> Iterator[Callable[..., list[str]]]:
    """What is wrong with an adapter of brands with these attributes."""

    def find(base: type[Any] = ProductAdapter, count: int = 3, **attributes: Any) -> list[str]:
        registry.registry.add(type("BrandAdapter", (base,), attributes), Brand)
        return problems_of(*(Brand.objects.create(name=f"Brand {number}") for number in range(count)))

    yield find
    if registry.for_model(Brand) is not None:
        registry.unregister(Brand)


PRICE = {"price": lambda brand: Decimal("5.00")}


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"name": "nmae"}, r"configured_right: hellotext.E101: BrandAdapter.name \(testshop.Brand\)"),
        ({"get_brand": lambda self, obj: 1 / 0}, r"renders: testshop\.Brand \d+: ZeroDivisionError"),
        ({"reference": lambda obj: "same"}, "references_are_its_own: testshop.Brand"),
        ({"reference": lambda obj: ""}, "renders: testshop.Brand"),
        (
            {"brand": lambda obj: str(Product.objects.filter(brand=obj).count())},
            "takes_a_constant_number_of_queries: 3 queries for 2 objects and 4 for 3",
        ),
        ({"brand": lambda obj: Brand.objects.filter(pk=obj.pk).update(name="x") and "x"}, "writes_nothing: rendering"),
        ({"reference": lambda obj: f"{obj.pk}{'x' * 300}"}, "is_accepted: testshop.Brand"),
    ],
)
def test_each_broken_promise_is_named(
    conformance: Callable[..., list[str]], attributes: dict[str, Any], says: str
) -> None:
    found = conformance(**{**PRICE, **attributes})
    assert any(re.search(says, problem) for problem in found), found


def test_a_payload_that_is_another_each_time_is_named(conformance: Callable[..., list[str]]) -> None:
    numbers = itertools.count()
    found = conformance(metadata=lambda obj: {"seen": next(numbers)}, **PRICE)
    assert any("renders_the_same_twice" in problem and "metadata differed" in problem for problem in found)


def test_a_guest_of_whom_a_part_cannot_be_read_is_named(conformance: Callable[..., list[str]]) -> None:
    guest = Guest(email=Value("gil@example.com"), first_name=lambda obj: 1 / 0)
    found = conformance(CartAdapter, guest=guest)
    assert any("renders: testshop.Brand" in problem and "ZeroDivisionError" in problem for problem in found)


def test_a_property_that_nobody_defined_is_named(conformance: Callable[..., list[str]], settings: Any) -> None:
    profile = {"email": lambda obj: f"{obj.pk}@example.com", "properties": {"Shoe size": lambda obj: 42}}
    assert any("undefined_property" in problem for problem in conformance(ProfileAdapter, **profile))
    registry.unregister(Brand)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PROPERTIES": {"Shoe size": "number"}}
    assert conformance(ProfileAdapter, **profile) == []


def test_an_assertion_says_all_of_it() -> None:
    product = make_product(name="")
    line = make_order_line(product=product)
    with pytest.raises(AssertionError, match=r"ProductAdapter renders: testshop.Product \d+: TrackingError"):
        assert_conforms(line.order, product)


def test_an_object_without_an_adapter_is_a_mistake_in_the_test() -> None:
    with pytest.raises(TypeError, match="No adapter is registered for Brand"):
        problems_of(Brand.objects.create(name="x"))


def test_a_reference_that_is_empty_is_named(conformance: Callable[..., list[str]]) -> None:
    found = conformance(build=lambda self, obj: {"name": obj.name, "reference": ""}, **PRICE)
    assert any("references_are_its_own" in problem and "the reference is empty" in problem for problem in found)


@pytest.mark.parametrize(
    ("link", "says"),
    [
        (Link("product", "gone.model", "1"), "for which no adapter is registered"),
        (Link("order", "testshop.product", "1"), "takes testshop.product 1 for a order; it is a product"),
        (Link("profile", "testshop.product", "1"), "takes testshop.product 1 for a profile; it is a product"),
        (Link("product", "testshop.product", "0"), "refers to testshop.product 0, which does not exist"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(conformance: Callable[..., list[str]], link: Link, says: str) -> None:
    found = conformance(build=lambda self, obj: {"name": obj.name, "product": link}, **PRICE)
    assert any("links_lead_somewhere" in problem and says in problem for problem in found), found


def test_an_adapter_that_cannot_be_tried_at_all_is_named(conformance: Callable[..., list[str]]) -> None:
    found = conformance(should_sync=lambda self, obj: 1 / 0, **PRICE)
    assert any("ZeroDivisionError" in problem for problem in found)


class Unfinished(AdapterConformance):
    """A test that names no objects yet."""


class OfProducts(AdapterConformance):
    """A test that forgets every other model."""

    def conformance_objects(self) -> Iterable[Model]:
        return [make_product()]


def test_the_mixin_says_what_it_still_needs() -> None:
    with pytest.raises(NotImplementedError, match="conformance_objects"):
        Unfinished().test_adapters_conform()
    with pytest.raises(AssertionError, match=r"No object was given for .*OrderAdapter"):
        OfProducts().test_every_adapter_is_tried()
