"""Values of properties and names of people: dates in Hellotext's shape, and one bad value does not cost the others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_hellotext.adapters.dates import kind_of, property_value
from django_hellotext.adjustments import collecting

from .shop import order_adapter, profile_adapter

BIRTHDAY = {"day": 3, "month": 11, "year": 1985}
GONE = object()


def sent(value: Any, *, kind: str | None) -> tuple[Any, list[str]]:
    with collecting() as found:
        clean = property_value("property[P]", value, kind=kind)
    return clean, [one.kind for one in found]


@pytest.mark.parametrize("kind", ["date", "birthday"])
@pytest.mark.parametrize(
    ("kept", "there"),
    [
        (date(1985, 11, 3), BIRTHDAY),
        (datetime(1985, 11, 3, 12, tzinfo=UTC), BIRTHDAY),
        ("1985-11-03", BIRTHDAY),
        ("1985-11-03T00:00:00Z", BIRTHDAY),
        ("1985-11-03 00:00:00", BIRTHDAY),
        (BIRTHDAY, BIRTHDAY),
        ({"day": "29", "month": "2"}, {"day": 29, "month": 2}),
        ({"year": 1985, "month": None}, {"year": 1985}),
        ("1985-02-30", None),
        ("0000-00-00", None),
        ("03/11/1985", None),  # the third of November, or the eleventh of March
        ({"day": 31, "month": 2, "year": 1985}, None),
        ({"day": 3, "month": "November"}, None),
        ({"day": 3, "hour": 4}, None),
        ({}, None),
        ("soon", None),
        (1985, None),
    ],
)
def test_a_date_is_sent_by_its_parts(kind: str, kept: Any, there: Any) -> None:
    assert sent(kept, kind=kind) == (there, [] if there else ["left_out"])


@pytest.mark.parametrize(
    ("kept", "kind", "there"),
    [
        (date(1985, 11, 3), None, BIRTHDAY),
        (date(1985, 11, 3), "text", "1985-11-03"),
        ("1985-11-03", None, "1985-11-03"),
        ("1985-11-03", "text", "1985-11-03"),
        (Decimal("1.50"), "number", Decimal("1.50")),
        (["a", "b"], "tags", ["a", "b"]),
        (True, "checkbox", True),
    ],
)
def test_another_value_stays_as_it_is(kept: Any, kind: str | None, there: Any) -> None:
    assert sent(kept, kind=kind) == (there, [])


def test_a_birthday_that_is_kept_as_a_time_is_the_shops_day(settings: Any) -> None:
    settings.TIME_ZONE = "America/Montevideo"
    assert sent(datetime(1985, 11, 4, 2, 30, tzinfo=UTC), kind="date")[0] == BIRTHDAY


def test_a_kind_is_known_from_the_settings_or_is_hellotexts_own(settings: Any) -> None:
    settings.HELLOTEXT = {"PROPERTIES": {"Since": "date", "Size": {"kind": "text"}}}
    assert [kind_of(name) for name in ("since", "Size", "Birthday", "Colour")] == ["date", "text", "birthday", None]


@pytest.mark.parametrize("value", [GONE, float("nan"), {1: {2: GONE}}])
def test_a_value_that_cannot_be_sent_is_left_out(value: Any) -> None:
    assert sent(value, kind=None) == (None, ["left_out"])


def test_text_is_cleaned_of_what_hellotext_refuses() -> None:
    assert sent("a\x07b\nc\ud800", kind="text") == ("ab\nc\ufffd", ["repaired", "repaired"])
    text, adjusted = sent("x" * 70_000, kind="text")
    assert (len(text), adjusted) == (65_535, ["shortened"])


def broken(user: Any) -> Any:
    raise LookupError("the shop's own mistake")


def test_one_property_that_raises_does_not_cost_the_others() -> None:
    adapter = profile_adapter(
        properties={"Birthday": lambda user: date(1985, 11, 3), "Size": broken, "Joined": "username"},
        address={"city": "last_name", "street": {"name": broken, "number": "username"}},
        emails={"work": broken, "home": "email"},
    )
    with collecting() as found:
        payload = adapter.payload(User(pk=1, username="7", last_name="Rivera", email="ana@example.com"))
    assert payload["properties"] == {"Birthday": BIRTHDAY, "Joined": "7"}
    assert payload["address"] == {"city": "Rivera", "street": {"number": "7"}}
    assert payload["emails"] == {"home": "ana@example.com"}
    assert {(one.field, one.kind) for one in found} == {
        ("emails.work", "attribute_failed"),
        ("address.street.name", "attribute_failed"),
        ("properties.Size", "attribute_failed"),
    }


@pytest.mark.parametrize("name", ["first_name", "email", "phone", "address", "lists", "properties", "phone_region"])
def test_an_attribute_that_raises_is_left_out(name: str) -> None:
    adapter = profile_adapter(**{"last_name": "last_name", name: broken})
    with collecting() as found:
        payload = adapter.payload(User(pk=1, last_name="Coyote"))
    assert payload == {"last_name": "Coyote"}
    assert [(one.field, one.kind) for one in found] == [(name, "attribute_failed")]


@pytest.mark.parametrize(
    ("kept", "there", "adjusted"),
    [
        ("Ana\x07", "Ana", ["repaired"]),
        ("Ana\x00", "Ana\ufffd", ["repaired"]),
        ("Ana\nMaría", "Ana María", ["repaired"]),
        ("a" * 300, "a" * 255, ["shortened"]),
        ("👩‍👩‍👧 O'Hara-Ñandú", "👩‍👩‍👧 O'Hara-Ñandú", []),
        ("\x07", None, ["repaired"]),
    ],
)
def test_a_name_is_one_short_line(kept: str, there: str | None, adjusted: list[str]) -> None:
    with collecting() as found:
        payload = profile_adapter().payload(User(pk=1, first_name=kept))
    assert payload.get("first_name") == there
    assert [one.kind for one in found] == adjusted


def test_names_of_lists_are_cleaned_too() -> None:
    adapter = profile_adapter(lists=lambda user: ["Book\nclub", "Book club", "VIP"])
    assert adapter.payload(User(pk=1))["lists"] == ["Book club", "VIP"]


def test_adjustments_say_nothing_personal() -> None:
    adapter = profile_adapter(
        phone="username",
        address={"country": "last_name"},
        properties={"Birthday": lambda user: "1985-99-99"},
    )
    user = User(pk=1, username="no phone 099123456", last_name="Secretland", email="ana.secret")
    with collecting() as found:
        adapter.payload(user)
    assert {one.field for one in found} == {"phone", "address.country", "property[Birthday]", "email"}
    text = " ".join(map(str, found))
    assert not [word for word in ("099123456", "Secretland", "secret", "1985") if word in text]


# Guests


def test_one_part_of_a_guest_that_raises_does_not_cost_the_others(order: Any) -> None:
    from django_hellotext.adapters import Guest

    order.customer, order.email = None, "ana@example.com"
    adapter = order_adapter(guest=Guest(email="email", phone=broken, first_name=lambda order: ["Ana"]))
    with collecting() as found:
        assert adapter.guest_payload(order) == {"email": "ana@example.com"}
    assert [(one.field, one.kind) for one in found] == [
        ("guest.phone", "attribute_failed"),
        ("guest.first_name", "left_out"),
    ]


def test_a_guest_that_cannot_be_read_is_nobody(order: Any) -> None:
    order.customer = None
    adapter = order_adapter(get_guest=lambda self, order: broken(order))
    with collecting() as found:
        assert adapter.guest_payload(order) is None
        assert adapter.profile_link(order) is None
    assert [(one.field, one.kind) for one in found] == [("guest", "attribute_failed")]
