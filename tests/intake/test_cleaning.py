"""Whatever ``track()`` is given, the event is recorded: cleaned, with an adjustment for each repair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.test import RequestFactory

import django_hellotext
from django_hellotext import clock
from django_hellotext.adjustments import Adjustments
from django_hellotext.api.types import Money
from django_hellotext.emulator import Emulator
from django_hellotext.intake import cleaning
from django_hellotext.models import Event, State
from tests.factories import make_app, make_customer, make_order, make_product, placed_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hellotext")]

URL = "https://shop.example/"
NEW_YEAR = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))


def recorded(**arguments: Any) -> tuple[Event, list[tuple[str, str]]]:
    """The event of a page, and field and kind of its adjustments."""
    django_hellotext.track("page.viewed", **{"profile": make_customer(), "url": URL, **arguments})
    event = Event.objects.latest("pk")
    assert event.state == State.PENDING, event.error_message
    return event, [(one.field, one.kind) for one in Adjustments.from_json(event.adjustments)]


def test_clean_arguments_have_no_adjustments() -> None:
    event, adjustments = recorded(
        metadata={"a": ["ñ", "👩‍👩‍👧", {"b": 1}]}, key="k", amount=Decimal("1"), currency="EUR"
    )
    assert adjustments == []
    assert event.adjustments is None
    assert event.metadata["a"] == ["ñ", "👩‍👩‍👧", {"b": 1}]


@pytest.mark.parametrize(
    ("argument", "given", "kept"),
    [
        ("url", "https://shop.example/a\x00b\ud800", "https://shop.example/a%EF%BF%BDb%EF%BF%BD"),
        ("url", "https://shop.example/Sandía roja?a=1&amp;b=2", "https://shop.example/Sand%C3%ADa%20roja?a=1&b=2"),
        ("url", "https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("url", f"{URL}?q={'x' * 3000}#top", URL),
        ("key", "a\x00b\ud800\x1b", "a\ufffdb\ufffd"),
        ("object_type", "bun\x00dle", "bun\ufffddle"),
        ("object_type", "x" * 150, "x" * 100),
    ],
)
def test_a_text_is_cleaned_and_kept(argument: str, given: str, kept: str) -> None:
    event, _ = recorded(**{argument: given})
    assert getattr(event, argument) == kept


@pytest.mark.parametrize(
    ("arguments", "adjusted"),
    [
        ({"key": "a\x00"}, ("key", "repaired")),
        ({"key": "k" * 300}, ("key", "shortened")),
        ({"object_type": "x" * 150}, ("object_type", "shortened")),
        ({"url": f"{URL}?q={'x' * 3000}"}, ("url", "shortened")),
        ({"session": "no session; DROP"}, ("session", "left_out")),
        ({"currency": "EUR"}, ("currency", "left_out")),
        ({"metadata": {"x": object()}}, ("metadata.x", "left_out")),
        ({"metadata": {"x": float("nan")}}, ("metadata.x", "left_out")),
        ({"metadata": {"x": "\x00"}}, ("metadata.x", "repaired")),
        ({"metadata": {"x": "y" * 70_000}}, ("metadata.x", "left_out")),
        ({"tracked_at": NEW_YEAR}, ("tracked_at", "repaired")),
    ],
)
def test_a_repair_is_recorded_on_the_row(arguments: dict[str, Any], adjusted: tuple[str, str]) -> None:
    _, adjustments = recorded(**arguments)
    assert adjusted in adjustments


def test_two_long_keys_stay_two() -> None:
    customer = make_customer()
    for end in ("a", "b", "a"):
        recorded(profile=customer, key="k" * 300 + end)
    assert Event.objects.count() == 2
    assert {len(event.key) for event in Event.objects.all()} == {255}


def test_a_url_whose_path_alone_is_too_long_is_left_out() -> None:
    django_hellotext.track("product.viewed", make_product(), profile=make_customer(), url=URL + "x" * 3000)
    event = Event.objects.get()
    assert (event.state, event.url) == (State.PENDING, "")
    [adjustment] = Adjustments.from_json(event.adjustments)
    assert (adjustment.field, adjustment.kind) == ("url", "left_out")


@pytest.mark.parametrize("moment", [NEW_YEAR, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))])
def test_a_time_out_of_range_becomes_that_of_recording(moment: datetime) -> None:
    event, _ = recorded(tracked_at=moment)
    assert clock.now() - event.tracked_at < timedelta(minutes=1)


def test_metadata_loses_only_what_cannot_be_kept() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"deeper": deep}
    given = {
        "price": Money(Decimal("1.50"), "EUR"),
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "tags": {"b", "a"},
        "note\x00": "two\nlines\ud800",
        "model": object(),
        "deep": deep,
        "list": [1, b"x", 2],
    }
    event, adjustments = recorded(metadata=given)
    kept = dict(event.metadata)
    deepest = kept.pop("deep")
    for _ in range(30):
        deepest = deepest.get("deeper", {})
    assert deepest == {}
    assert {name: value for name, value in kept.items() if name in ("price", "when", "tags", "note\ufffd", "list")} == {
        "price": {"amount": "1.50", "currency": "EUR"},
        "when": "2026-01-02T00:00:00Z",
        "tags": ["a", "b"],
        "note\ufffd": "two\nlines\ufffd",
        "list": [1, 2],
    }
    assert "model" not in kept
    assert ("metadata.model", "left_out") in adjustments


def test_the_largest_entries_go_until_the_metadata_fits() -> None:
    event, adjustments = recorded(metadata={"a": "x" * 40_000, "b": "y" * 30_000, "c": "z" * 20_000, "d": 1})
    assert {"b", "c", "d"} <= event.metadata.keys()
    assert adjustments == [("metadata.a", "left_out")]


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [
        (9.9, "EUR", ("9.9000", "EUR")),
        (1.005, "eur", ("1.0100", "EUR")),
        ("12.50", " usd ", ("12.5000", "USD")),
        (1200.4, "CLP", ("1200.0000", "CLP")),
        (1.2345, "KWD", ("1.2350", "KWD")),
        (0, "JPY", ("0.0000", "JPY")),
        ("3", "", ("3.0000", "EUR")),
        ("3", "  ", ("3.0000", "EUR")),
    ],
)
def test_an_amount_is_read_exactly_and_rounded(amount: Any, currency: str, kept: tuple[str, str]) -> None:
    event, adjustments = recorded(amount=amount, currency=currency)
    assert (f"{event.amount:.4f}", event.currency) == kept
    assert adjustments == []


class Currency:
    code = "UYU"


class Price:
    """Money of another package."""

    amount = Decimal("2.50")
    currency = Currency()


def test_money_of_another_package_is_taken() -> None:
    event, _ = recorded(amount=Price())
    assert (event.amount, event.currency) == (Decimal("2.50"), "UYU")
    event, _ = recorded(amount=1, currency=Currency())
    assert event.currency == "UYU"


@pytest.mark.parametrize("amount", ["1.234,56", float("nan")])
def test_an_order_whose_amount_cannot_be_read_has_its_own_total(amount: Any, deliver: Any) -> None:
    order = placed_order(customer=make_customer(), total=Decimal("25.80"))
    django_hellotext.track("order.placed", order, amount=amount, key="again")
    deliver()
    event = Event.objects.get(key="again")
    assert (event.state, event.amount) == (State.DELIVERED, Decimal("25.80"))
    [adjustment] = Adjustments.from_json(event.adjustments)
    assert (adjustment.field, adjustment.kind) == ("amount", "left_out")


def test_an_amount_that_nothing_else_knows_stops_the_event(settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    django_hellotext.track("app.spent", make_app(), profile=make_customer(), amount="1.234,56")
    event = Event.objects.get()
    assert (event.state, event.error_parameter) == (State.FAILED, "amount")


def test_the_address_of_the_request_is_cleaned_too(rf: RequestFactory) -> None:
    request = rf.get("/Sandía/", {"q": "x" * 3000})
    request.COOKIES["hello_session"] = "visitor"
    django_hellotext.track("page.viewed", request=request)
    assert Event.objects.get().url == "http://testserver/Sand%C3%ADa/"


def test_what_was_cleaned_arrives(hellotext: Emulator, deliver: Any) -> None:
    event, _ = recorded(metadata={"note\x00": "a\ud800"}, url="https://shop.example/a b")
    deliver()
    event.refresh_from_db()
    assert event.state == State.DELIVERED
    [sent] = [entry.body_json for entry in hellotext.log if entry.path.endswith("/attribution/events")]
    assert sent["url"] == "https://shop.example/a%20b"
    assert sent["metadata"]["note\ufffd"] == "a\ufffd"


def test_metadata_that_is_no_mapping_is_a_programmers_mistake() -> None:
    with pytest.raises(TypeError, match="metadata must be a mapping"):
        cleaning.metadata_of(["a"])


@pytest.mark.parametrize("argument", ["url", "key"])
def test_a_text_that_raises_does_not_lose_the_order(hellotext: Emulator, deliver: Any, argument: str) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text today")

    order = make_order(customer=make_customer(), total=Decimal("7.50"))
    arguments: dict[str, Any] = {argument: Broken()}
    django_hellotext.track("order.placed", order, **arguments)
    deliver()
    event = Event.objects.get(action="order.placed")
    assert (event.state, event.amount) == (State.DELIVERED, Decimal("7.50"))
    assert [one.field for one in Adjustments.from_json(event.adjustments)] == [argument]
