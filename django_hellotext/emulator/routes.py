"""Every operation of the contract: its method, path, name and handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from . import (
    browser,
    carts,
    catalogue,
    definitions,
    events,
    lists,
    memberships,
    orders,
    profiles,
    properties,
    refunds,
    sessions,
)
from .world import Answer, Call, World

Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``body`` is json, form (JSON or a form), any (not read) or none."""

    method: str
    template: str
    operation_id: str
    handler: Handler
    body: str = "none"

    @property
    def browser(self) -> bool:
        """Say whether a page calls this, with the business id as its bearer."""
        return self.template.startswith(("/v1/public/", "/v1/track/"))


_A = "/v1/attribution"
OPERATIONS: tuple[Operation, ...] = (
    Operation("POST", "/v1/profiles", "create_profile", profiles.create, "form"),
    Operation("GET", "/v1/profiles", "list_profiles", profiles.listing),
    Operation("GET", "/v1/profiles/{id}", "retrieve_profile", profiles.retrieve),
    Operation("PATCH", "/v1/profiles/{id}", "update_profile", profiles.update, "form"),
    Operation("DELETE", "/v1/profiles/{id}", "delete_profile", profiles.delete),
    Operation("POST", "/v1/profiles/{id}/subscribe", "subscribe_profile", profiles.subscribe),
    Operation("POST", "/v1/profiles/{id}/unsubscribe", "unsubscribe_profile", profiles.unsubscribe),
    Operation("POST", "/v1/profiles/{id}/verify", "verify_profile", profiles.verify, "form"),
    Operation("DELETE", "/v1/profiles/{id}/verify", "unverify_profile", profiles.unverify, "form"),
    Operation("POST", "/v1/properties", "create_property", properties.create, "form"),
    Operation("GET", "/v1/properties", "list_properties", properties.listing),
    Operation("GET", "/v1/properties/{id}", "retrieve_property", properties.retrieve),
    Operation("PATCH", "/v1/properties/{id}", "update_property", properties.update, "form"),
    Operation("DELETE", "/v1/properties/{id}", "delete_property", properties.delete),
    Operation("POST", "/v1/lists", "create_list", lists.create, "form"),
    Operation("GET", "/v1/lists", "list_lists", lists.listing),
    Operation("GET", "/v1/lists/{id}", "retrieve_list", lists.retrieve),
    Operation("PATCH", "/v1/lists/{id}", "update_list", lists.update, "form"),
    Operation("DELETE", "/v1/lists/{id}", "delete_list", lists.delete),
    Operation("POST", "/v1/lists/{list}/profiles/{profile}", "add_profile_to_list", memberships.add),
    Operation("DELETE", "/v1/lists/{list}/profiles/{profile}", "remove_profile_from_list", memberships.remove),
    Operation("POST", "/v1/coupons", "create_coupon", definitions.create_coupon, "form"),
    Operation("GET", "/v1/coupons", "list_coupons", definitions.list_coupons),
    Operation("GET", "/v1/coupons/{id}", "retrieve_coupon", definitions.retrieve_coupon),
    Operation("PATCH", "/v1/coupons/{id}", "update_coupon", definitions.update_coupon, "form"),
    Operation("DELETE", "/v1/coupons/{id}", "delete_coupon", definitions.delete_coupon),
    Operation("POST", f"{_A}/events", "track_event", events.track, "json"),
    Operation("GET", f"{_A}/events", "list_events", events.listing),
    Operation("GET", f"{_A}/events/{{id}}", "retrieve_event", events.retrieve),
    Operation("PATCH", f"{_A}/events/{{id}}", "update_event", events.update, "form"),
    Operation("DELETE", f"{_A}/events/{{id}}", "delete_event", events.delete),
    Operation("POST", f"{_A}/actions", "create_action", definitions.create_action, "form"),
    Operation("GET", f"{_A}/actions", "list_actions", definitions.list_actions),
    Operation("GET", f"{_A}/actions/{{id}}", "retrieve_action", definitions.retrieve_action),
    Operation("PATCH", f"{_A}/actions/{{id}}", "update_action", definitions.update_action, "form"),
    Operation("DELETE", f"{_A}/actions/{{id}}", "delete_action", definitions.delete_action),
    Operation("POST", f"{_A}/apps", "create_app", definitions.create_app, "form"),
    Operation("GET", f"{_A}/apps", "list_apps", definitions.list_apps),
    Operation("GET", f"{_A}/apps/{{id}}", "retrieve_app", definitions.retrieve_app),
    Operation("PATCH", f"{_A}/apps/{{id}}", "update_app", definitions.update_app, "form"),
    Operation("DELETE", f"{_A}/apps/{{id}}", "delete_app", definitions.delete_app),
    Operation("POST", f"{_A}/carts", "create_cart", carts.create, "form"),
    Operation("GET", f"{_A}/carts", "list_carts", carts.listing),
    Operation("GET", f"{_A}/carts/{{id}}", "retrieve_cart", carts.retrieve),
    Operation("PATCH", f"{_A}/carts/{{id}}", "update_cart", carts.update, "form"),
    Operation("DELETE", f"{_A}/carts/{{id}}", "delete_cart", carts.delete),
    Operation("POST", f"{_A}/forms", "create_form", definitions.create_form, "form"),
    Operation("GET", f"{_A}/forms", "list_forms", definitions.list_forms),
    Operation("GET", f"{_A}/forms/{{id}}", "retrieve_form", definitions.retrieve_form),
    Operation("PATCH", f"{_A}/forms/{{id}}", "update_form", definitions.update_form, "form"),
    Operation("DELETE", f"{_A}/forms/{{id}}", "delete_form", definitions.delete_form),
    Operation("POST", f"{_A}/orders", "create_order", orders.create, "form"),
    Operation("GET", f"{_A}/orders", "list_orders", orders.listing),
    Operation("GET", f"{_A}/orders/{{id}}", "retrieve_order", orders.retrieve),
    Operation("PATCH", f"{_A}/orders/{{id}}", "update_order", orders.update, "form"),
    Operation("DELETE", f"{_A}/orders/{{id}}", "delete_order", orders.delete),
    Operation("POST", f"{_A}/orders/{{order}}/items", "create_order_item", orders.create_item, "form"),
    Operation("PATCH", f"{_A}/orders/{{order}}/items/{{id}}", "update_order_item", orders.update_item, "form"),
    Operation("DELETE", f"{_A}/orders/{{order}}/items/{{id}}", "delete_order_item", orders.delete_item),
    Operation("POST", f"{_A}/products", "create_product", catalogue.create_product, "form"),
    Operation("GET", f"{_A}/products", "list_products", catalogue.list_products),
    Operation("GET", f"{_A}/products/{{id}}", "retrieve_product", catalogue.retrieve_product),
    Operation("PATCH", f"{_A}/products/{{id}}", "update_product", catalogue.update_product, "form"),
    Operation("DELETE", f"{_A}/products/{{id}}", "delete_product", catalogue.delete_product),
    Operation(
        "POST",
        f"{_A}/products/{{product}}/variants",
        "create_product_variant",
        catalogue.create_product_variant,
        "form",
    ),
    Operation("GET", f"{_A}/variants/{{id}}", "retrieve_product_variant", catalogue.retrieve_product_variant),
    Operation("PATCH", f"{_A}/variants/{{id}}", "update_product_variant", catalogue.update_product_variant, "form"),
    Operation("DELETE", f"{_A}/variants/{{id}}", "delete_product_variant", catalogue.delete_product_variant),
    Operation("POST", f"{_A}/refunds", "create_refund", refunds.create, "form"),
    Operation("GET", f"{_A}/refunds", "list_refunds", refunds.listing),
    Operation("GET", f"{_A}/refunds/{{id}}", "retrieve_refund", refunds.retrieve),
    Operation("PATCH", f"{_A}/refunds/{{id}}", "update_refund", refunds.update, "form"),
    Operation("DELETE", f"{_A}/refunds/{{id}}", "delete_refund", refunds.delete),
    Operation("PATCH", "/v1/sessions/{id}", "attach_session", sessions.attach, "form"),
    Operation("POST", "/v1/track/events", "track_browser_event", browser.track_browser_event, "json"),
    Operation("POST", "/v1/public/acks", "acknowledge_session", browser.acknowledge_session, "json"),
    Operation("GET", "/v1/public/businesses/{id}", "retrieve_public_business", browser.retrieve_public_business),
    Operation("POST", "/v1/public/identifications", "identify_visitor", browser.identify_visitor, "json"),
    Operation("POST", "/v1/track/sessions", "create_session", browser.create_session, "any"),
    Operation("GET", "/v1/public/forms/{id}", "retrieve_public_form", browser.retrieve_public_form),
    Operation("POST", "/v1/public/forms/{id}/submissions", "submit_public_form", browser.submit_public_form, "json"),
    Operation("GET", "/v1/public/webchats/{id}", "retrieve_webchat", browser.retrieve_widget),
    Operation("GET", "/v1/public/webchats/{id}/messages", "list_webchat_messages", browser.list_webchat_messages),
    Operation("POST", "/v1/public/webchats/{id}/messages", "send_webchat_message", browser.send_webchat_message, "any"),
    Operation("PATCH", "/v1/public/webchats/{id}/messages/seen", "mark_webchat_seen", browser.mark_seen, "any"),
    Operation(
        "PATCH", "/v1/public/webchats/{id}/messages/{message}", "mark_webchat_message_seen", browser.mark_seen, "any"
    ),
    Operation("GET", "/v1/public/widgets/whatsapp/{id}", "retrieve_whatsapp_widget", browser.retrieve_widget),
)

_Node = dict[str, Any]
_PARAMETER = "{}"
_OPERATIONS = "/"


def _tree() -> _Node:
    root: _Node = {}
    for operation in OPERATIONS:
        node = root
        names = []
        for segment in operation.template[1:].split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                segment = _PARAMETER
            node = node.setdefault(segment, {})
        node.setdefault(_OPERATIONS, {})[operation.method] = (operation, tuple(names))
    return root


_ROOT = _tree()
_UPDATED_BY_POST = frozenset({"update_app", "update_event", "update_form", "update_refund"})


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request goes: the operation, or None with the methods that the path has (none: unknown path)."""

    operation: Operation | None
    path: dict[str, str]
    methods: tuple[str, ...] = ()
    browser: bool = False


def match(method: str, path: str, *, post_updates: bool = False) -> Match:
    """Find the operation of a method and a percent-encoded path; with ``post_updates`` POST may update, too."""
    node = _ROOT
    values: list[str] = []
    for segment in path[1:].split("/"):
        following: _Node | None = node.get(segment) if segment not in {_PARAMETER, ""} else None
        if following is None and segment:
            following = node.get(_PARAMETER)
            values.append(unquote(segment))
        if following is None:
            return Match(None, {})
        node = following
    found: dict[str, tuple[Operation, tuple[str, ...]]] = node.get(_OPERATIONS, {})
    if not found:
        return Match(None, {})
    is_browser = next(iter(found.values()))[0].browser
    if post_updates and method == "POST" and "POST" not in found and "PATCH" in found:
        method = "PATCH" if found["PATCH"][0].operation_id in _UPDATED_BY_POST else method
    if method not in found:
        return Match(None, {}, tuple(found), is_browser)
    operation, names = found[method]
    return Match(operation, dict(zip(names, values, strict=True)), tuple(found), is_browser)
