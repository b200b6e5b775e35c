"""The demo notices what is missing, wrong or too much."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from demo.sightings import Sighting
from demo.story import Customer, Expected
from demo.verification import differences, match

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADA = Customer("Ada", "Lindqvist", "ada@example.com")


def order(**changes: Any) -> Expected:
    values: dict[str, Any] = {
        "action": "order.placed",
        "customer": ADA,
        "session": "s1",
        "kind": "order",
        "reference": "LL-1",
        "earliest": NOW,
        "latest": NOW + timedelta(seconds=2),
        "amount": Decimal("27.80"),
    }
    return Expected(**{**values, **changes})


SEEN = Sighting(
    uuid="u1",
    action="order.placed",
    email="ada@example.com",
    session="s1",
    kind="order",
    reference="LL-1",
    amount=Decimal("27.8000"),
    currency="EUR",
    at=NOW + timedelta(seconds=1),
)


def test_what_is_right_brings_no_complaint() -> None:
    complaints: list[str] = []
    one = order()
    assert match([one], [SEEN], complaints) == {id(one): SEEN}
    assert differences(one, SEEN, arrived=True) == complaints == []


def test_what_is_missing_is_named() -> None:
    complaints: list[str] = []
    assert not match([order()], [], complaints)
    assert complaints == ["order.placed of Ada (order LL-1) was not recorded in the shop."]


def test_what_is_too_much_is_named() -> None:
    complaints: list[str] = []
    match([order()], [SEEN, replace(SEEN, uuid="u2")], complaints)
    assert complaints == [
        "order.placed (order LL-1, session s1) was recorded in the shop, but nothing of the kind happened."
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"email": "staff@example.com"}, "the profile is staff@example.com instead of ada@example.com."),
        ({"email": ""}, "the profile is nobody instead of ada@example.com."),
        ({"session": "staff"}, "the session is staff instead of s1."),
        ({"amount": Decimal("27.81")}, "the amount is 27.81 instead of 27.80."),
        ({"amount": None}, "the amount is None instead of 27.80."),
        ({"currency": "USD"}, "the currency is USD instead of EUR."),
        ({"reference": "LL-2"}, "the order is LL-2 instead of LL-1."),
        ({"action": "order.shipped"}, "it is order.shipped of a order."),
        ({"at": NOW + timedelta(minutes=5)}, "the time is 12:05:00 instead of 12:00:00."),
    ],
)
def test_each_thing_that_is_wrong_is_named(changes: dict[str, Any], complaint: str) -> None:
    assert differences(order(), replace(SEEN, **changes), arrived=True) == [complaint]


def test_before_somebody_is_known_the_profile_comes_with_the_session_only() -> None:
    one = order(known=False, amount=None)
    anonymous = replace(SEEN, email="", amount=None, currency="")
    assert differences(one, anonymous, arrived=False) == []
    assert differences(one, anonymous, arrived=True) == ["the profile is nobody instead of ada@example.com."]


def test_hellotext_may_show_the_price_of_a_book_that_was_looked_at() -> None:
    one = order(amount=None, worth=Decimal("18.50"))
    assert differences(one, replace(SEEN, amount=Decimal("18.50")), arrived=True) == []
    assert differences(one, replace(SEEN, amount=Decimal("18.50")), arrived=False) != []


def test_two_visitors_of_one_book_are_told_apart() -> None:
    complaints: list[str] = []
    views = [order(kind="product", reference="B1", session=session) for session in ("s1", "s2")]
    seen = [replace(SEEN, kind="product", reference="B1", session=session, uuid=session) for session in ("s2", "s1")]
    found = match(views, seen, complaints)
    assert [found[id(view)].uuid for view in views] == ["s1", "s2"]
    assert not complaints
