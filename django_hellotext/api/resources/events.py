"""Tracking an action of a customer, and the stored events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django_hellotext.api.arguments import Arguments, segment
from django_hellotext.api.pages import Page
from django_hellotext.api.types.people import Event, Received
from django_hellotext.api.types.results import Deleted
from django_hellotext.api.types.values import UNSET, Unset

from .base import DEFAULT_LIMIT, Resource

_PATH = "/v1/attribution/events"

# Built-in actions by what they need (contract, "Which object an event needs").
_NEED_OBJECT = frozenset(
    {
        "app.installed",
        "app.removed",
        "app.spent",
        "cart.abandoned",
        "cart.added",
        "cart.removed",
        "coupon.redeemed",
        "form.completed",
        "order.cancelled",
        "order.confirmed",
        "order.delivered",
        "order.placed",
        "order.printed_label",
        "order.shipped",
        "product.purchased",
        "product.viewed",
        "refund.received",
        "refund.requested",
    }
)
_NEED_NO_OBJECT = frozenset({"cart.viewed", "checkout.started", "page.viewed", "subscribed", "unsubscribed"})
BUILT_IN_ACTIONS = _NEED_OBJECT | _NEED_NO_OBJECT
"""The actions that need no definition. Every other name is a custom action, which must exist first."""


class Events(Resource):
    """Operations on events. Only order actions of a profile are kept once by Hellotext; nothing else is idempotent."""

    def track(
        self,
        *,
        action: str,
        profile: str | Unset = UNSET,
        session: str | Unset = UNSET,
        object: str | Unset = UNSET,
        object_parameters: Mapping[str, Any] | Unset = UNSET,
        object_type: str | Unset = UNSET,
        amount: Decimal | int | Unset = UNSET,
        currency: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        tracked_at: datetime | Unset = UNSET,
        url: str | Unset = UNSET,
    ) -> Received:
        """Track an event (``track_event``). It is accepted for processing; no ID comes back.

        ``profile`` or ``session`` is needed; with both, the session must be attached to the profile already.
        ``object`` is the ID of an existing object, ``object_parameters`` the data to find (by reference and source) or
        create it: one of them, for most built-in actions. ``cart.abandoned`` takes ``object`` only. A custom action
        with an object also needs ``object_type``. ``amount`` is in major units and goes with ``currency``.
        ``tracked_at`` is when it happened (aware; sent as epoch seconds). ``page.viewed`` needs ``url``.

        Raises ValueError naming what is missing, NotFound for an unknown custom action, ValidationError with
        ``session_assigned_to_another_profile`` when profile and session are not the same customer.
        """
        body = Arguments()
        body.text("action", action, empty=False)
        body.identifier("profile", profile)
        body.identifier("session", session)
        body.identifier("object", object)
        body.mapping("object_parameters", object_parameters)
        body.text("object_type", object_type, empty=False)
        _common(body, amount, currency, metadata, tracked_at, url)
        _check_rules(body.values)
        return self._call("POST", _PATH, Received.from_json, json=body.values)

    def list(
        self,
        *,
        starting_after: str | Unset = UNSET,
        ending_before: str | Unset = UNSET,
        limit: int = DEFAULT_LIMIT,
    ) -> Page[Event]:
        """Return a page of events, newest first (``list_events``). There are no filters.

        Raises ValueError unless ``limit`` is 1-100, and when both cursors are given; ValidationError for an unknown
        cursor.
        """
        return self._page(
            _PATH, "events", Event.from_json, starting_after=starting_after, ending_before=ending_before, limit=limit
        )

    def retrieve(self, id: str) -> Event:
        """Return an event (``retrieve_event``). Raises NotFound."""
        return self._call("GET", _event(id), Event.from_json)

    def update(
        self,
        id: str,
        *,
        action: str | Unset = UNSET,
        profile: str | Unset = UNSET,
        session: str | Unset = UNSET,
        app: str | Unset = UNSET,
        form: str | Unset = UNSET,
        order: str | Unset = UNSET,
        product: str | Unset = UNSET,
        products: Sequence[str] | Unset = UNSET,
        refund: str | Unset = UNSET,
        amount: Decimal | int | Unset = UNSET,
        currency: str | Unset = UNSET,
        metadata: Mapping[str, Any] | Unset = UNSET,
        tracked_at: datetime | Unset = UNSET,
        url: str | Unset = UNSET,
    ) -> Event:
        """Change a stored event (``update_event``).

        Here the object has one name for each type: ``object`` is documented for tracking only. ``products`` (IDs) is
        an inferred name.
        Raises NotFound.
        """
        body = Arguments()
        body.text("action", action, empty=False)
        body.identifier("profile", profile)
        body.identifier("session", session)
        body.identifier("app", app)
        body.identifier("form", form)
        body.identifier("order", order)
        body.identifier("product", product)
        body.texts("products", products)
        body.identifier("refund", refund)
        _common(body, amount, currency, metadata, tracked_at, url)
        return self._call("PATCH", _event(id), Event.from_json, json=body.values)

    def delete(self, id: str) -> Deleted:
        """Delete an event for good (``delete_event``). Raises NotFound."""
        return self._delete(_event(id), id=id)


def _event(id: str) -> str:
    return f"{_PATH}/{segment('id', id)}"


def _common(
    body: Arguments,
    amount: Decimal | int | Unset,
    currency: str | Unset,
    metadata: Mapping[str, Any] | Unset,
    tracked_at: datetime | Unset,
    url: str | Unset,
) -> None:
    body.number("amount", amount)
    body.currency("currency", currency)
    body.mapping("metadata", metadata)
    body.moment("tracked_at", tracked_at)
    body.text("url", url, empty=False)


def _check_rules(values: Mapping[str, Any]) -> None:
    action = values["action"]
    has_object = "object" in values or "object_parameters" in values
    if "profile" not in values and "session" not in values:
        raise ValueError("Give profile or session.")
    if "object" in values and "object_parameters" in values:
        raise ValueError("Give object or object_parameters, not both.")
    if ("amount" in values) != ("currency" in values):
        raise ValueError("amount and currency go together.")
    if action in _NEED_OBJECT and not has_object:
        raise ValueError(f"{action} needs object or object_parameters.")
    if action == "cart.abandoned" and "object" not in values:
        raise ValueError("cart.abandoned needs object: the ID of an existing cart.")
    if action == "app.spent" and "amount" not in values:
        raise ValueError("app.spent needs amount and currency.")
    if action == "page.viewed" and "url" not in values:
        raise ValueError("page.viewed needs url.")
    if action not in BUILT_IN_ACTIONS and has_object and "object_type" not in values:
        raise ValueError("A custom action with an object needs object_type.")
