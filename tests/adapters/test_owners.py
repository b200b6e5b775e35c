"""Whom a cart or an order belongs to, and what is said of people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils.functional import SimpleLazyObject

from django_hellotext.adapters import Adapter, Guest, Link, ProfileAdapter, UserProfileAdapter, Value
from django_hellotext.exceptions import ConfigurationError
from tests.testshop.models import Brand, Cart, Order

from .shop import cart_adapter, order_adapter, product_adapter, profile_adapter

GUEST = Guest(email="email", phone="phone", first_name="first_name")
CONSENT = ["subscribe", "subscription", "state", "Subscribed", "subscription[email]", "unsubscribe"]


def test_a_customer_is_linked_without_a_query() -> None:
    assert order_adapter(profile="customer").profile_link(Order(pk=1, customer_id=5)) == Link(
        "profile", "auth.user", "5"
    )


def test_a_customer_behind_another_object_is_linked() -> None:
    adapter = order_adapter(profile="cart.owner")
    assert adapter.profile_link(Order(pk=1, cart=Cart(pk=3, owner_id=5))) == Link("profile", "auth.user", "5")
    assert adapter.profile_link(Order(pk=1)) is None


@pytest.mark.parametrize(
    "customer", [User(pk=5), SimpleLazyObject(lambda: User(pk=5)), Link("profile", "auth.user", "5")]
)
def test_a_callable_gives_the_customer_or_a_link(customer: Any) -> None:
    adapter = order_adapter(get_profile=lambda self, obj: customer)
    assert adapter.profile_link(Order(pk=1)) == Link("profile", "auth.user", "5")


def test_a_customer_not_yet_saved_is_nobody() -> None:
    assert order_adapter(profile=lambda obj: User()).profile_link(Order(pk=1)) is None


@pytest.mark.parametrize("wrong", ["5", 5, AnonymousUser()])
def test_a_customer_that_is_no_object_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ShopOrder\.profile \(testshop\.Order\)"):
        order_adapter(profile=Value(wrong)).profile_link(Order(pk=1))


def test_a_guest_is_the_profile_of_the_order_itself() -> None:
    adapter = order_adapter(profile="customer", guest=GUEST)
    bought = Order(pk=9, email="guest@example.com", first_name="Gil")
    assert adapter.profile_link(bought) == Link("profile", "testshop.order", "9")
    assert adapter.guest_payload(bought) == {"email": "guest@example.com", "first_name": "Gil"}


def test_a_guest_can_be_reached_by_phone_alone() -> None:
    adapter = order_adapter(guest=GUEST)
    assert adapter.guest_payload(Order(pk=9, phone="+59899123456")) == {"phone": "+59899123456"}


def test_a_guest_without_email_and_phone_is_nobody() -> None:
    adapter = order_adapter(guest=GUEST)
    assert adapter.guest_payload(Order(pk=9, first_name="Gil")) is None
    assert adapter.profile_link(Order(pk=9, first_name="Gil")) is None


def test_an_order_of_a_customer_has_no_guest() -> None:
    adapter = order_adapter(profile="customer", guest=GUEST)
    bought = Order(pk=9, customer_id=5, email="guest@example.com")
    assert adapter.guest_payload(bought) is None
    assert adapter.profile_link(bought) == Link("profile", "auth.user", "5")


def test_a_get_method_gives_the_guest_as_a_mapping() -> None:
    adapter = order_adapter(get_guest=lambda self, obj: {"email": obj.email, "lists": ["Web"]})
    assert adapter.guest_payload(Order(pk=9, email="g@example.com")) == {"email": "g@example.com", "lists": ["Web"]}


def test_a_cart_names_its_owner_and_an_order_does_not() -> None:
    assert cart_adapter(profile="owner").payload(Cart(pk=1, owner_id=5))["profile"] == Link("profile", "auth.user", "5")
    assert "profile" not in cart_adapter(profile="owner").payload(Cart(pk=1))
    assert "profile" not in order_adapter(profile="customer").payload(Order(pk=1, number="A-1", customer_id=5))


def test_an_order_names_the_cart_it_came_from() -> None:
    assert order_adapter(cart="cart").cart_link(Order(pk=1, cart_id=3)) == Link("cart", "testshop.cart", "3")
    assert order_adapter(cart="cart").cart_link(Order(pk=1)) is None
    assert order_adapter().cart_link(Order(pk=1, cart_id=3)) is None


def test_products_and_people_belong_to_nobody() -> None:
    assert product_adapter().profile_link(Order(pk=1)) is None
    assert profile_adapter().guest_payload(User(pk=1)) is None


def test_a_profile_holds_what_its_adapter_names_and_neither_reference_nor_source() -> None:
    adapter = profile_adapter(
        phone=Value("+59899123456"),
        address={"city": Value("Montevideo"), "notes": "last_name"},
        emails={"work": "email"},
        lists=Value(["Web"]),
        properties={"User name": "username"},
    )
    assert adapter.payload(User(pk=1, username="ana", email="ana@example.com", first_name="Ana")) == {
        "first_name": "Ana",
        "email": "ana@example.com",
        "phone": "+59899123456",
        "address": {"city": "Montevideo"},
        "emails": {"work": "ana@example.com"},
        "lists": ["Web"],
        "properties": {"User name": "ana"},
    }
    assert adapter.reference_of(User(pk=1)) == "1"


def test_a_naive_time_in_a_payload_is_local_time(settings: Any) -> None:
    settings.TIME_ZONE = "America/Montevideo"
    naive = datetime(2026, 3, 4, 9, 30)  # noqa: DTZ001 - as a shop without time zones keeps it
    adapter = profile_adapter(properties={"Joined": "date_joined", "Visits": Value([{"at": naive}])})
    properties = adapter.payload(User(pk=1, email="ana@example.com", date_joined=naive))["properties"]
    assert properties["Joined"] == {"day": 4, "month": 3, "year": 2026}
    assert properties["Visits"][0]["at"].isoformat() == "2026-03-04T09:30:00-03:00"


def test_a_profile_of_a_model_with_other_fields_leaves_the_defaults_out() -> None:
    class Maker(ProfileAdapter):
        first_name = "name"

    assert Maker(Brand).payload(Brand(pk=1, name="Acme")) == {"first_name": "Acme"}


@pytest.mark.parametrize(
    ("user", "mirrored"),
    [
        (User(), True),
        (User(is_active=False), False),
        (User(is_staff=True), False),
        (User(is_superuser=True), False),
    ],
)
def test_staff_and_inactive_users_are_not_mirrored_by_default(user: User, mirrored: bool) -> None:
    assert UserProfileAdapter(User).should_sync(user) is mirrored


def test_the_email_of_a_user_is_read_where_the_user_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "EMAIL_FIELD", "username")
    someone = User(pk=1, username="ana@example.com", email="other@example.com")
    assert UserProfileAdapter(User).payload(someone)["email"] == "ana@example.com"

    class Own(UserProfileAdapter):
        email = "email"

    assert Own(User).payload(someone)["email"] == "other@example.com"


def test_a_user_model_without_the_named_email_field_has_no_email(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "EMAIL_FIELD", "mailbox")
    assert "first_name" in UserProfileAdapter(User).payload(User(pk=1, first_name="Ana"))


def test_a_model_that_is_no_user_can_have_the_default_adapter() -> None:
    assert UserProfileAdapter(Brand).payload(Brand(pk=1)) == {}
    assert UserProfileAdapter(Brand).should_sync(Brand(pk=1))


@pytest.mark.parametrize("key", CONSENT)
def test_no_profile_payload_can_hold_a_subscription_state(key: str) -> None:
    """Demand A1, promise 9."""

    def build(self: Any, obj: User) -> dict[str, Any]:
        return {"email": obj.email, key: True}

    with pytest.raises(ConfigurationError, match="Consent is never mirrored"):
        profile_adapter(build=build).payload(User(pk=1, email="ana@example.com"))
    adapter = order_adapter(get_guest=lambda self, obj: {"email": "g@example.com", key: True})
    with pytest.raises(ConfigurationError, match="Consent is never mirrored"):
        adapter.guest_payload(Order(pk=1))


def test_another_kind_may_call_its_data_as_it_likes() -> None:
    def build(self: Adapter, obj: Order) -> dict[str, Any]:
        return {"reference": obj.number, "delivery": "deliver", "state": "paid"}

    payload = order_adapter(build=build).payload(Order(number="A-1"))
    assert payload == {"reference": "A-1", "delivery": "deliver", "state": "paid"}
