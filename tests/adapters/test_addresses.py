"""Addresses of profiles: objects, names, flat keys, empty parts, and what only looks like an address."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django_countries.fields import Country

from django_hellotext.adapters.postal import address_of, line_of
from django_hellotext.adjustments import Adjustments, collecting
from django_hellotext.api.types import Address

from .shop import order_adapter, profile_adapter


def made(value: Any) -> tuple[Any, list[tuple[str, str]]]:
    """The address, and field and kind of its adjustments."""
    with collecting() as found:
        address = address_of("address", value)
    return address, told(found)


def told(found: Adjustments) -> list[tuple[str, str]]:
    return [(one.field, one.kind) for one in found]


@pytest.mark.parametrize(
    "country", ["uy", "Uruguay", "URY", Country("UY"), SimpleNamespace(alpha_2="UY"), SimpleNamespace(code="uy")]
)
def test_a_country_becomes_its_code(country: Any) -> None:
    assert made({"city": "Montevideo", "country": country}) == ({"city": "Montevideo", "country": "UY"}, [])


def test_an_unknown_country_is_left_out_and_the_rest_goes() -> None:
    address, adjusted = made({"city": "Poseidonis", "country": "Atlantis"})
    assert address == {"city": "Poseidonis"}
    assert adjusted == [("address.country", "left_out")]


@pytest.mark.parametrize("country", ["", None, Country("")])
def test_no_country_is_no_adjustment(country: Any) -> None:
    assert made({"city": "Montevideo", "country": country}) == ({"city": "Montevideo"}, [])


@pytest.mark.parametrize(
    "empty", [{}, {"city": "", "street": {"name": "", "number": None}}, {"street": {}, "notes": "  "}, Address(), ""]
)
def test_an_address_without_anything_in_it_is_left_out(empty: Any) -> None:
    assert made(empty) == (None, [])


def test_empty_parts_are_left_out_at_every_level() -> None:
    given = {"city": "Montevideo", "region": "", "street": {"name": "Rincón", "number": ""}, "notes": None}
    assert made(given) == ({"city": "Montevideo", "street": {"name": "Rincón"}}, [])


def test_flat_keys_are_left_out_and_named() -> None:
    address, adjusted = made({"address1": "Rincón 12", "zip": "11000", "state": "MO", "city": "Montevideo"})
    assert address == {"city": "Montevideo"}
    assert adjusted == [(f"address.{key}", "left_out") for key in ("address1", "zip", "state")]


def test_the_names_of_an_address_object_are_known() -> None:
    given = {"street_name": "Rincón", "street_number": 12, "postal_code": 11000}
    assert made(given) == ({"postal_code": "11000", "street": {"name": "Rincón", "number": "12"}}, [])


def test_a_street_may_be_text() -> None:
    assert made({"street": "Rincón 12"})[0] == {"street": {"name": "Rincón 12"}}


def test_a_part_of_a_street_that_is_none_is_left_out() -> None:
    address, adjusted = made({"street": {"name": "Rincón", "floor": "3"}})
    assert address == {"street": {"name": "Rincón"}}
    assert adjusted == [("address.street.floor", "left_out")]


def test_an_address_in_one_text_is_split_by_hellotext() -> None:
    assert made("Rincón 12, Montevideo") == ({"suggest": "Rincón 12, Montevideo"}, [])


@pytest.mark.parametrize(
    ("kept", "sent"),
    [
        (Decimal("-34.9"), Decimal("-34.9")),
        (-34.9, Decimal("-34.9")),
        ("-34.9", Decimal("-34.9")),
        ("91", None),
        ("34°54'S", None),
        (float("nan"), None),
    ],
)
def test_a_coordinate_is_a_number_in_its_range(kept: Any, sent: Decimal | None) -> None:
    expected = [("address.latitude", "left_out")] if sent is None else []
    address, adjusted = made({"latitude": kept, "city": "Montevideo"})
    assert address.get("latitude") == sent
    assert adjusted == expected


def test_a_text_is_cleaned_and_cut() -> None:
    address, adjusted = made({"city": "Monte\nvideo", "notes": "x" * 2_000})
    assert address == {"city": "Monte video", "notes": "x" * 1_000}
    assert adjusted == [("address.city", "repaired"), ("address.notes", "shortened")]


@pytest.mark.parametrize("part", [["a", "b"], {"a": "b"}, b"a", True])
def test_a_part_that_is_no_text_is_left_out(part: Any) -> None:
    address, adjusted = made({"city": part, "region": "Rivera"})
    assert address == {"region": "Rivera"}
    assert adjusted == [("address.city", "left_out")]


def test_an_address_object_still_works() -> None:
    given = Address(city="Montevideo", country="uruguay", street_name="Rincón", latitude=Decimal("-34.9"))
    assert made(given) == (
        Address(city="Montevideo", country="UY", street_name="Rincón", latitude=Decimal("-34.9")),
        [],
    )
    assert made(Address(city="Poseidonis", country="Atlantis"))[0] == Address(city="Poseidonis")


def test_something_else_is_no_address() -> None:
    assert made(SimpleNamespace()) == (None, [("address", "left_out")])


@pytest.mark.parametrize(
    ("kept", "line"),
    [
        (
            {
                "street": {"name": "Rincón", "number": "12"},
                "postal_code": "11000",
                "city": "Montevideo",
                "country": "uruguay",
            },
            "Rincón 12, 11000 Montevideo, UY",
        ),
        (Address(street_name="Rincón", city="Rivera"), "Rincón, Rivera"),
        ("Rincón 12,\nMontevideo", "Rincón 12, Montevideo"),
        ({"suggest": "Rincón 12"}, "Rincón 12"),
        ({"city": ""}, None),
        (" ", None),
    ],
)
def test_a_named_address_is_one_line(kept: Any, line: str | None) -> None:
    assert line_of("addresses[home]", kept) == line


def test_a_profile_has_addresses_of_both_kinds() -> None:
    adapter = profile_adapter(
        address={"city": "first_name", "country": lambda user: Country("UY"), "street": {"name": "last_name"}},
        addresses={"home": {"city": "first_name"}, "work": "username", "none": {"city": "last_name"}},
    )
    payload = adapter.payload(User(pk=1, username="Rincón 12", first_name="Montevideo"))
    assert payload["address"] == {"city": "Montevideo", "country": "UY"}
    assert payload["addresses"] == {"home": "Montevideo", "work": "Rincón 12"}


# Checks


def warnings_of(adapter: Any) -> list[tuple[str | None, str]]:
    return [
        (one.id, f"{one.msg} {one.hint}") for one in adapter.check() if one.id in ("hellotext.W115", "hellotext.W116")
    ]


def test_a_check_names_parts_that_an_address_does_not_have() -> None:
    spec = {"zip": "first_name", "city": "last_name", "street": {"name": "username", "floor": "username"}}
    [(id, message)] = warnings_of(profile_adapter(address=spec))
    assert id == "hellotext.W115"
    assert "ShopProfile.address (auth.User) is sent without zip, street.floor" in message
    assert "Write postal_code for zip." in message
    [(id, message)] = warnings_of(profile_adapter(addresses={"home": {"planet": "username"}}))
    assert id == "hellotext.W115"
    assert "ShopProfile.addresses['home'] (auth.User) is sent without planet" in message


def test_a_check_names_a_path_to_an_object_where_an_address_is_expected() -> None:
    from django.db.models import Model

    from tests.testshop.models import Order

    class Buyer(type(profile_adapter())):  # type: ignore[misc]  # a class made at run time
        address = "customer"

    order: type[Model] = Order
    [(id, message)] = warnings_of(Buyer(order))
    assert id == "hellotext.W116"
    assert "leads to auth.User" in message


def test_a_check_is_silent_about_sound_addresses() -> None:
    sound = profile_adapter(
        address={"city": "first_name", "street": {"name": "username"}, "country": "last_name"},
        addresses={"home": "username", "work": {"city": "first_name"}},
    )
    assert warnings_of(sound) == []
    assert warnings_of(profile_adapter(get_address=lambda self, user: {"zip": "1"})) == []
    assert warnings_of(order_adapter()) == []
