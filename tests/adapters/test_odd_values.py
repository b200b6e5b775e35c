"""Values of customers, guests and metadata that nobody expects: each costs itself, and never the row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_hellotext.adapters import metadata, personal
from django_hellotext.adapters.dates import property_value
from django_hellotext.adapters.postal import address_of
from django_hellotext.adjustments import AdjustmentKind, adjust, collecting
from django_hellotext.intake.cleaning import metadata_of


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text today")


def person(**values: Any) -> tuple[dict[str, Any], list[str]]:
    with collecting() as found:
        clean = personal.usable(values, region="UY", where="Shop")
    return clean, [one.field for one in found]


def test_a_list_named_by_one_text_is_one_list() -> None:
    assert person(lists="vip") == ({"lists": ["vip"]}, [])


@pytest.mark.parametrize("name", ["emails", "phones", "addresses", "properties", "properties_by_id"])
@pytest.mark.parametrize("wrong", [["+59899123456"], "a@example.com", 5])
def test_named_values_that_have_no_names_are_left_out(name: str, wrong: Any) -> None:
    assert person(**{name: wrong}, first_name="Ana") == ({"first_name": "Ana"}, [name])


@pytest.mark.parametrize("name", ["first_name", "email", "phone", "address", "lists", "properties"])
def test_nothing_is_no_adjustment(name: str) -> None:
    assert person(**{name: None}) == ({}, [])


def test_a_birthday_that_is_not_known_is_no_adjustment() -> None:
    with collecting() as found:
        assert property_value("property[birthday]", None, kind="birthday") is None
    assert not found


def test_a_coordinate_that_raises_costs_itself() -> None:
    assert address_of("address", {"city": "Minas", "latitude": Broken()}) == {"city": "Minas"}


def test_an_original_that_raises_does_not_cost_the_row() -> None:
    with collecting() as found:
        adjust("brand", AdjustmentKind.LEFT_OUT, "This is not a text.", Broken())
    assert [one.original for one in found] == ["Broken"]


NUMBERS = {
    "a": float("nan"),
    "b": Decimal("sNaN"),
    "c": Decimal("-Infinity"),
    "d": Decimal("1E+999999"),
    "e": 10**5000,
    "f": 10**30,
    "g": Decimal("0.30"),
}


def test_numbers_in_metadata_that_json_cannot_hold_are_left_out() -> None:
    assert metadata.usable(NUMBERS, field="metadata") == {"f": 10**30, "g": Decimal("0.30")}
    assert metadata_of(NUMBERS) == {"f": 10**30, "g": "0.30"}


def test_a_name_in_metadata_that_raises_costs_its_entry() -> None:
    given = {Broken(): 1, None: 2, (1, 2): 3, "kept": {1, 2}}
    assert metadata.usable(given, field="metadata") == {"None": 2, "(1, 2)": 3, "kept": [1, 2]}
    assert metadata_of(given)["kept"] == [1, 2]
