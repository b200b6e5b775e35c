"""Two models whose references may be equal are told of at start-up."""

from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.adapters import ProductAdapter
from django_hellotext.adapters.registry import Registry
from tests.testshop.models import Brand, Category, Product


def told(**declared: Any) -> list[str]:
    """What the check says of two models of products, the second with ``declared``."""
    registry = Registry()
    registry.register(Product)(type("Books", (ProductAdapter,), {"reference": "pk"}))
    registry.register(Category)(type("Bundles", (ProductAdapter,), {"price": None, **declared}))
    return [str(one.msg) for one in registry.check() if one.id == "hellotext.W117"]


@pytest.mark.parametrize("reference", ["pk", "id"])
def test_two_models_that_count_from_one_are_told_of(reference: str) -> None:
    [message] = told(reference=reference)
    assert "Bundles.reference (testshop.Category) and Books.reference (testshop.Product)" in message


@pytest.mark.parametrize("reference", ["name", lambda category: f"category-{category.pk}"])
def test_references_that_differ_are_not(reference: Any) -> None:
    if callable(reference):
        reference = staticmethod(reference)
    assert told(reference=reference) == []


def test_two_sources_are_two_spaces() -> None:
    assert told(reference="pk", source="bundles") == []


def test_two_kinds_are_two_spaces() -> None:
    registry = Registry()
    registry.register(Product)(type("Books", (ProductAdapter,), {"reference": "pk"}))
    registry.register(Brand)(
        type("Brands", (ProductAdapter,), {"kind": "app", "natural_key": "name", "reference": "pk", "price": None})
    )
    assert "hellotext.W117" not in {one.id for one in registry.check()}
