"""The host objects that a row names."""

from __future__ import annotations

from decimal import Decimal

from ..adapters import Link
from ..api.types import Money
from ..models import PAYLOAD_VERSION, Event, Kind, Session


def profile_of(row: Event | Session) -> Link:
    """Return the customer of ``row``; a link with an empty label if there is none."""
    return Link(kind=Kind.PROFILE.value, label=row.profile_label, pk=row.profile_pk)


def object_of(event: Event) -> Link:
    """Return the object of ``event``; a link with an empty label if there is none."""
    return Link(kind=event.object_kind, label=event.object_label, pk=event.object_pk)


def items_of(event: Event) -> list[tuple[Link, str]]:
    """Return the frozen items of a cart event: product and resulting quantity."""
    frozen = (event.object_parameters or {}).get("items", [])
    return [(Link(**item["product"]), item["quantity"]) for item in frozen]


def prices_of(event: Event) -> dict[int, dict[str, Money]]:
    """Return the prices of the frozen items by their place, where they are known."""
    frozen = (event.object_parameters or {}).get("items", [])
    priced = [(place, item["price"]) for place, item in enumerate(frozen) if item.get("price")]
    return {place: {"price": Money(Decimal(amount), currency)} for place, (amount, currency) in priced}


def event_links(event: Event) -> list[Link]:
    """Return what ``event`` refers to, each of which must be at Hellotext before it."""
    if event.payload_version > PAYLOAD_VERSION:
        return []  # this worker cannot read it
    found = [profile_of(event), object_of(event), *(product for product, _ in items_of(event))]
    return [link for link in found if link.label]
