"""The built-in actions that a shop may send, and what each asks for.

Source: the contract's table "Which object an event needs" and the help site (``hellotext-facts`` §5).
``order.printed_label``, ``short_link.clicked`` and ``product.browse_…`` are Hellotext's own and absent on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

HELLOTEXTS_OWN = ("order.printed_label", "short_link.clicked", "product.browse_")


class Purpose(StrEnum):
    """What a consent is asked for."""

    BROWSE = "browse"
    TRANSACT = "transact"
    MESSAGE = "message"


@dataclass(frozen=True)
class ActionSpec:
    """What is known of one built-in action.

    ``once`` marks the actions that Hellotext keeps once per object for an identified profile; they may be
    repeated safely. ``browser`` marks those that a page may send: never an order, a refund or a coupon,
    so that nobody can forge a purchase.
    """

    name: str
    object_kind: str | None = None
    purpose: Purpose = Purpose.BROWSE
    browser: bool = False
    once: bool = False
    needs_amount: bool = False
    needs_url: bool = False
    names_items: bool = False

    def takes(self, kind: str) -> bool:
        """Whether an object of ``kind`` may be what the action is about; a variant stands where a product does."""
        return kind == self.object_kind or (kind == "product_variant" and self.object_kind == "product")


def _specs() -> Mapping[str, ActionSpec]:
    transact = Purpose.TRANSACT
    specs = [
        ActionSpec("page.viewed", browser=True, needs_url=True),
        ActionSpec("product.viewed", "product", browser=True),
        ActionSpec("product.purchased", "product", transact),
        ActionSpec("cart.viewed", "cart", browser=True),
        ActionSpec("cart.added", "cart", browser=True, names_items=True),
        ActionSpec("cart.removed", "cart", browser=True, names_items=True),
        ActionSpec("cart.abandoned", "cart"),
        ActionSpec("checkout.started", "cart", browser=True),
        *(
            ActionSpec(f"order.{step}", "order", transact, once=True)
            for step in ("placed", "confirmed", "cancelled", "shipped", "delivered")
        ),
        ActionSpec("coupon.redeemed", "coupon", transact),
        ActionSpec("refund.requested", "refund", transact),
        ActionSpec("refund.received", "refund", transact),
        ActionSpec("form.completed", "form", transact, browser=True),
        ActionSpec("app.installed", "app", transact),
        ActionSpec("app.removed", "app", transact),
        ActionSpec("app.spent", "app", transact, needs_amount=True),
        ActionSpec("subscribed", purpose=Purpose.MESSAGE),
        ActionSpec("unsubscribed", purpose=Purpose.MESSAGE),
    ]
    return MappingProxyType({spec.name: spec for spec in specs})


BUILT_IN: Mapping[str, ActionSpec] = _specs()


def is_hellotexts_own(action: str) -> bool:
    """Whether only Hellotext itself may emit ``action``."""
    return action.startswith(HELLOTEXTS_OWN)


def purpose_of(action: str) -> Purpose:
    """The consent that ``action`` asks for; a custom action is treated as browsing, the stricter side."""
    spec = BUILT_IN.get(action)
    return spec.purpose if spec else Purpose.BROWSE
