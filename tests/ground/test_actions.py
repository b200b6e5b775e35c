"""The built-in actions: what a shop may send, and what only Hellotext does."""

from __future__ import annotations

import pytest

from django_hellotext.actions import BUILT_IN, Purpose, is_hellotexts_own, purpose_of
from django_hellotext.models import Event, Kind

# As in the contract's table and on the help site.
SENT_BY_A_SHOP = {
    *("page.viewed", "product.viewed", "product.purchased", "cart.viewed", "cart.added", "cart.removed"),
    *("cart.abandoned", "checkout.started", "order.placed", "order.confirmed", "order.cancelled", "order.shipped"),
    *("order.delivered", "coupon.redeemed", "refund.requested", "refund.received", "form.completed"),
    *("app.installed", "app.removed", "app.spent", "subscribed", "unsubscribed"),
}


def test_every_action_that_a_shop_sends_is_known() -> None:
    assert set(BUILT_IN) == SENT_BY_A_SHOP
    assert all(name == spec.name for name, spec in BUILT_IN.items())


@pytest.mark.parametrize(
    "action", ["order.printed_label", "short_link.clicked", "product.browse_abandoned", "product.browse_x"]
)
def test_hellotexts_own_actions_are_never_a_shops(action: str) -> None:
    assert is_hellotexts_own(action)
    assert action not in BUILT_IN


@pytest.mark.parametrize("action", sorted(SENT_BY_A_SHOP))
def test_no_action_of_a_shop_is_taken_for_hellotexts_own(action: str) -> None:
    assert not is_hellotexts_own(action)


@pytest.mark.parametrize(
    "action", sorted(name for name in SENT_BY_A_SHOP if name.startswith(("order", "refund", "coup")))
)
def test_a_page_can_forge_no_order_no_refund_and_no_coupon(action: str) -> None:
    assert not BUILT_IN[action].browser
    assert purpose_of(action) is Purpose.TRANSACT


def test_order_actions_alone_are_kept_once_by_hellotext() -> None:
    assert {name for name, spec in BUILT_IN.items() if spec.once} == {
        name for name in SENT_BY_A_SHOP if name.startswith("order.")
    }


def test_a_custom_action_asks_for_the_stricter_consent() -> None:
    assert purpose_of("quiz.taken") is Purpose.BROWSE


def test_subscribing_asks_for_the_consent_to_be_messaged() -> None:
    assert purpose_of("subscribed") is purpose_of("unsubscribed") is Purpose.MESSAGE


def test_every_object_is_of_a_kind_that_is_mirrored() -> None:
    assert {spec.object_kind for spec in BUILT_IN.values() if spec.object_kind} <= set(Kind)


def test_every_action_fits_its_column() -> None:
    longest = Event._meta.get_field("action").max_length
    assert longest is not None
    assert max(map(len, BUILT_IN)) <= longest


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        BUILT_IN["order.placed"] = BUILT_IN["page.viewed"]  # type: ignore[index]  # the mistake under test
