"""Phone numbers to E.164, and never a guess (demand I4)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django_countries.fields import Country

from django_hellotext.adapters import Guest, UserProfileAdapter, contacts
from django_hellotext.adapters.phones import is_region, read, to_e164
from django_hellotext.api.types import Address
from tests.adapters.shop import order_adapter
from tests.factories import placed_order
from tests.testshop.models import Order

TABLE = [
    # as it was typed, the region, as it is sent
    ("030 1234567", "DE", "+49301234567"),
    ("+49 30 1234567", "DE", "+49301234567"),
    ("+49 (0)30 1234567", None, "+49301234567"),  # the trunk zero that people write in brackets
    ("0049 30 1234567", "DE", "+49301234567"),
    ("4930 1234567", "DE", "+49301234567"),  # already prefixed, the plus is lost
    ("+49 30 1234567", "US", "+49301234567"),  # its own country code wins
    ("+49 30 1234567 ext. 12", None, "+49301234567"),
    ("(212) 736-5000", "US", "+12127365000"),
    ("1-212-736-5000", "US", "+12127365000"),
    ("011 49 30 1234567", "US", "+49301234567"),
    ("+1 212 736 5000", None, "+12127365000"),
    ("020 7946 0958", "GB", "+442079460958"),
    ("020 7946 0958", "gb", "+442079460958"),
    ("07911 123456", "GB", "+447911123456"),
    ("099 123 456", "UY", "+59899123456"),
    ("99123456", "UY", "+59899123456"),
    ("59899123456", "UY", "+59899123456"),
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("+33 (0)6 12 34 56 78", None, "+33612345678"),
    ("11 98765-4321", "BR", "+5511987654321"),
    ("0 11 98765-4321", "BR", "+5511987654321"),
    ("06 1234567", "IT", "+39061234567"),  # here the zero belongs to the number
    ("0412 345 678", "AU", "+61412345678"),
    ("090-1234-5678", "JP", "+819012345678"),
    ("13812345678", "CN", "+8613812345678"),
    ("044 668 18 00", "CH", "+41446681800"),
    ("\uff0b49 30 1234567", None, "+49301234567"),  # a full-width plus
    # unsure: left out
    ("0612345678", None, None),
    ("030 1234567", None, None),
    ("030 1234567", "US", None),
    ("030 1234567", "Germany", None),
    ("0044 20 7946 0958", "US", None),
    ("12345", "DE", None),
    ("911", "US", None),
    ("00000000", "DE", None),
    ("+15550100", None, None),
    ("+999 1234567", None, None),
    ("+", None, None),
    ("call me", "DE", None),
    ("", None, None),
]


@pytest.mark.parametrize(("typed", "region", "sent"), TABLE)
def test_a_number_is_sent_as_e164_or_not_at_all(typed: str, region: str | None, sent: str | None) -> None:
    """I4: the table of numbers and regions."""
    assert to_e164(typed, region=region) == sent


FORMER_NUMBERS = [
    # as it was typed, the region, as it is sent
    ("+52 1 55 1234 5678", None, "+525512345678"),
    ("521 55 1234 5678", "MX", "+525512345678"),
    ("1 55 1234 5678", "MX", "+525512345678"),
    ("044 55 1234 5678", "MX", "+525512345678"),
    ("045 55 1234 5678", "MX", "+525512345678"),
    ("01 55 1234 5678", "MX", "+525512345678"),
    ("+52 01 55 1234 5678", None, "+525512345678"),
    ("+55 11 8765-4321", None, "+5511987654321"),
    ("(11) 8765-4321", "BR", "+5511987654321"),
    ("(011) 8765-4321", "BR", "+5511987654321"),
    ("+54 9 11 15 2345-6789", None, "+5491123456789"),
    ("+54 9 223 15 512-4567", None, "+5492235124567"),
    ("+54 9 0223 512-4567", None, "+5492235124567"),
    ("+57 1 765 4321", None, "+576017654321"),
]
CURRENT_NUMBERS = [
    ("+52 55 1234 5678", None, "+525512345678"),
    ("55 1234 5678", "MX", "+525512345678"),
    ("+55 11 98765-4321", None, "+5511987654321"),
    ("+55 11 3765-4321", None, "+551137654321"),  # a fixed line has eight digits
    ("+55 11 7765-4321", None, "+551177654321"),  # trunked radio has kept eight digits
    ("011 15-2345-6789", "AR", "+5491123456789"),  # the library itself knows the 15 at home
    ("+54 0 11 15 5744 7700", None, "+5491157447700"),
    ("+54 11 2345-6789", None, "+541123456789"),  # may be a fixed line: no 9 is invented
    ("+57 601 765 4321", None, "+576017654321"),
]
# What no change makes valid, or more than one could: as typed if that may be a number, else left out.
UNCLEAR_NUMBERS = [
    ("+54 11 15 2345", None, None),
    ("15 2345-6789", "AR", None),  # the area code is missing
    ("+55 11 5765 43210", None, "+5511576543210"),
    ("+52 1 55 1234 56", None, None),
    ("8765-4321", "BR", None),
]


@pytest.mark.parametrize(("typed", "region", "sent"), FORMER_NUMBERS)
def test_a_number_of_a_former_plan_is_brought_up_to_date(typed: str, region: str | None, sent: str) -> None:
    found = read(typed, region=region)
    assert found is not None
    assert found.e164 == sent
    assert found.change.endswith(".")


@pytest.mark.parametrize(("typed", "region", "sent"), [*CURRENT_NUMBERS, *UNCLEAR_NUMBERS])
def test_the_digits_of_another_number_are_never_changed(typed: str, region: str | None, sent: str | None) -> None:
    found = read(typed, region=region)
    assert (found.e164 if found else None) == sent
    assert found is None or found.change == ""


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    """What is said once for each process is said in each test."""
    contacts._log_left_out.cache_clear()


class Customers(UserProfileAdapter):
    """Keeps a customer's number where Django's user has room."""

    phone = "last_name"
    last_name = None
    phone_region = "first_name"


def sent_by(adapter: type[UserProfileAdapter], **values: Any) -> dict[str, Any]:
    return adapter(User).payload(User(username="u", **values))


def test_the_region_comes_from_the_object_then_its_address_then_the_setting(settings: Any) -> None:
    """I4: the nearest knowledge wins."""
    settings.HELLOTEXT = {"PHONE_REGION": "IT"}
    local = {"last_name": "06 12345678"}
    assert sent_by(Customers, first_name="FR", last_name="06 12 34 56 78")["phone"] == "+33612345678"
    assert sent_by(Customers, first_name="", **local)["phone"] == "+390612345678"
    assert sent_by(Customers, first_name="Nowhere", **local)["phone"] == "+390612345678"
    by_mapping = type("ByMapping", (Customers,), {"phone_region": None, "address": {"country": "first_name"}})
    assert sent_by(by_mapping, first_name="DE", last_name="030 1234567")["phone"] == "+49301234567"
    by_address = type("ByAddress", (Customers,), {"get_address": lambda self, obj: Address(country="DE")})
    assert sent_by(by_address, last_name="030 1234567")["phone"] == "+49301234567"


@pytest.mark.parametrize("country", ["Germany", "Deutschland", "DEU", Country("DE")])
def test_the_region_may_be_a_name_or_an_object(country: Any) -> None:
    adapter = type("ByCountry", (Customers,), {"phone_region": lambda user: country})
    assert sent_by(adapter, last_name="030 1234567")["phone"] == "+49301234567"
    adapter = type("ByCountry", (Customers,), {"phone_region": None, "address": {"country": lambda user: country}})
    assert sent_by(adapter, last_name="030 1234567")["phone"] == "+49301234567"


def test_named_numbers_follow_the_same_rule() -> None:
    adapter = type("Named", (Customers,), {"phone": None, "phones": {"work": "last_name", "home": "username"}})
    assert sent_by(adapter, first_name="DE", last_name="030 1234567")["phones"] == {"work": "+49301234567"}


def test_what_cannot_be_told_is_left_out_with_a_warning_that_names_no_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """I4 and I1: the rest of the profile goes."""
    with caplog.at_level(logging.WARNING, logger="django_hellotext.adapters"):
        sent = sent_by(Customers, email="wile@example.com", last_name="0612345678")
        sent_by(Customers, email="other@example.com", last_name="0687654321")
    assert sent == {"email": "wile@example.com"}
    [said] = caplog.records
    assert said.getMessage().startswith("phone.left_out: of some in Customers.payload (auth.User), because it has no")
    assert "HELLOTEXT['PHONE_REGION']" in said.getMessage()
    assert "0612345678" not in str(vars(said))


@pytest.mark.parametrize("typed", ["wile", "wile@", "@example.com", "wile@example", "wile@exa mple.com", "a@b@c.com"])
def test_an_email_that_is_none_is_left_out_and_the_profile_goes(typed: str, caplog: pytest.LogCaptureFixture) -> None:
    """Bad input: what stands in the account is not always an e-mail."""
    with caplog.at_level(logging.WARNING, logger="django_hellotext.adapters"):
        assert sent_by(UserProfileAdapter, email=typed, first_name="Wile") == {"first_name": "Wile"}
    [said] = caplog.records
    assert said.getMessage().startswith("email.left_out: of some in UserProfileAdapter.payload (auth.User)")
    assert typed not in str(vars(said))


def test_a_guests_number_has_a_region_too(settings: Any) -> None:
    """I4: the region of the order, else the setting."""
    adapter = order_adapter(guest=Guest(phone="phone", phone_region="currency"))
    assert adapter.guest_payload(Order(pk=1, phone="030 1234567", currency="DE")) == {"phone": "+49301234567"}
    assert adapter.guest_payload(Order(pk=1, phone="030 1234567", currency="")) is None
    settings.HELLOTEXT = {"PHONE_REGION": "DE"}
    assert adapter.guest_payload(Order(pk=1, phone="030 1234567", currency="")) == {"phone": "+49301234567"}


@pytest.mark.django_db
def test_a_guest_with_a_local_number_arrives_once_the_region_is_known(
    settings: Any, deliver: Callable[..., Any], profiles: Callable[[], list[dict[str, Any]]]
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "PHONE_REGION": "UY"}
    placed_order(phone="099 123 456", first_name="Gil")
    deliver()
    assert [profile["phones"] for profile in profiles()] == [["+59899123456"]]


# Without the library


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ``phonenumbers`` nor ``phonenumberslite`` is installed."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("+49301234567", "+49301234567"),
        ("+49 30 1234567", "+49301234567"),
        ("  +1 (212) 736-5000 ", "+12127365000"),
        ("+598.99/123-456", "+59899123456"),
        ("+33\u00a06\u201112\u201334 56 78", "+33612345678"),  # a no-break space and typographic hyphens
        ("\uff0b\uff14\uff19 30 1234567", "+49301234567"),  # full-width plus and digits
        ("+1234567", "+1234567"),  # 7 digits
        ("+123456789012345", "+123456789012345"),  # 15 digits
        # left out
        ("+123456", None),
        ("+1234567890123456", None),
        ("+0301234567", None),  # no country code begins with 0
        ("+49 (0)30 1234567", None),
        ("+39 ( 0 )6 1234567", None),
        ("+49 30 1234567 ext. 12", None),
        ("++49301234567", None),
        ("+49+301234567", None),
        ("+\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", None),  # Arabic-Indic digits
        ("0049 30 1234567", None),
        ("030 1234567", None),
        ("4930 1234567", None),
        ("call me", None),
        ("+", None),
        ("", None),
    ],
)
def test_without_the_library_only_a_clear_international_number_is_sent(typed: str, sent: str | None) -> None:
    assert to_e164(typed, region="DE") == sent


@pytest.mark.usefixtures("no_library")
def test_without_the_library_a_local_number_is_left_out_and_the_profile_goes(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HELLOTEXT = {"PHONE_REGION": "DE"}
    with caplog.at_level(logging.WARNING, logger="django_hellotext.adapters"):
        assert sent_by(Customers, email="wile@example.com", last_name="030 1234567") == {"email": "wile@example.com"}
    [said] = caplog.records
    assert 'pip install "django-hellotext[phones]"' in said.getMessage()
    assert "1234567" not in str(vars(said))
    assert sent_by(Customers, last_name="+49 30 1234567") == {"phone": "+49301234567"}
    assert is_region("DE")
    assert not is_region("Germany")


NEEDS_NO_PHONES = {"BUSINESS_ID": "shop-1", "API_TOKEN": "secret", "ENVIRONMENT": "test", "CURRENCY": "EUR"}


def complaints() -> list[Any]:
    return [message for message in run_checks(tags=["hellotext"]) if message.id == "hellotext.W004"]


def test_a_check_names_what_needs_the_missing_library(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example shop's orders have a guest's phone."""
    settings.HELLOTEXT = NEEDS_NO_PHONES
    assert complaints() == []
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    [message] = complaints()
    assert not message.is_serious()
    assert "OrderAdapter.guest.phone (bookshop.Order)" in message.msg
    assert "PHONE_REGION" not in message.msg
    assert 'pip install "django-hellotext[phones]"' in message.hint
    settings.HELLOTEXT = {}
    assert complaints() == []


@pytest.mark.usefixtures("no_library")
def test_a_check_names_the_phones_of_profiles_and_the_setting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HELLOTEXT = NEEDS_NO_PHONES
    monkeypatch.setattr("django_hellotext.adapters.registry.registry._adapters", {})
    assert complaints() == []
    settings.HELLOTEXT = {**NEEDS_NO_PHONES, "PHONE_REGION": "DE"}
    [message] = complaints()
    assert "Needed by: HELLOTEXT['PHONE_REGION']." in message.msg
    named = type("Named", (Customers,), {"phone": None, "phones": {"work": "last_name"}})
    monkeypatch.setattr("django_hellotext.adapters.registry.registry._adapters", {User: named(User)})
    [message] = complaints()
    assert "Needed by: Named.phones (auth.User), HELLOTEXT['PHONE_REGION']." in message.msg
