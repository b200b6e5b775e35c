"""Events that the visitor's browser sends: what it may send, and how they stand in the page.

Only what anybody may claim and what looks the same to every visitor: that a page or a product was looked at, and the
shop's own actions. Orders, refunds, coupons and money never come from a browser, where anybody could forge them
(demand A3); a cart is one visitor's own (demand H2); and what an adapter sends is not sent twice (demand H7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString

from ..actions import BUILT_IN, is_hellotexts_own
from ..adapters import registry
from ..intake import cleaning, facts
from .elements import NOTHING, data_element
from .faults import contained
from .permission import is_allowed

PUBLIC_KINDS = frozenset({"product"})  # objects that look the same to everybody
PUBLIC_ATTRIBUTES = ("name", "url")  # of a product; its page shows them anyway
ATTRIBUTE = "_hellotext_page_events"

tracked_by_browsers: dict[str, str] = {}
"""The actions of ``@track(via="browser")`` and the view that has each, for the check of overlaps."""


def why_not_from_browser(action: str) -> str:
    """Why a browser may not send ``action``, in words; empty when it may. Says nothing of unknown actions."""
    if is_hellotexts_own(action):
        return "is Hellotext's own action; a shop never sends it"
    spec = BUILT_IN.get(action)
    if spec is None:
        return ""
    if not spec.browser:
        return "must come from the server: what a browser says, anybody can forge"
    if spec.object_kind is not None and spec.object_kind not in PUBLIC_KINDS:
        return f"is about a {spec.object_kind}, which is not the same for every visitor; record it on the server"
    return ""


def event(action: str, obj: object = None, *, request: Any | None = None, metadata: Any = None) -> SafeString:
    """The element of an event for Hellotext.js: sent once, after the library is initialised.

    ``obj``: a product with a registered adapter. ``metadata``: a mapping, the same for every visitor.

    Raises ``TypeError`` for an action that a browser must not send and ``TrackingError`` for an unknown one.
    Everything else that is wrong is logged, and nothing is rendered (see ``HELLOTEXT["RAISE_ERRORS"]``).
    """
    if not is_allowed(request):
        return NOTHING
    facts.known_action(action)
    _refuse(action)
    html = NOTHING
    with contained("snippet.event_failed", action=action):
        parameters = _parameters(action, obj, metadata)
        if parameters is not None:
            html = data_element("event", {"action": action, "parameters": parameters})
    return html


def _refuse(action: str) -> None:
    reason = why_not_from_browser(action)
    if reason:
        raise TypeError(f"{action!r} {reason}.")
    adapter = registry.sender_of(action)
    if adapter is not None:
        raise TypeError(f"{action!r} is sent by {type(adapter).__name__}; the browser would send it a second time.")


def _parameters(action: str, obj: object, metadata: Any) -> dict[str, Any] | None:
    """What goes along with ``action``; ``None`` for an object that the shop does not mirror."""
    found: dict[str, Any] = {}
    extra = cleaning.metadata_of(metadata)
    if extra:
        found["metadata"] = dict(extra)
    target, adapter = facts.object_of(action, obj)
    if target is None or adapter is None:
        return found
    if adapter.kind not in PUBLIC_KINDS:
        raise TypeError(f"{action!r}: a {adapter.kind} is not the same for every visitor; record it on the server.")
    if not adapter.should_sync(target):
        return None
    attributes = {"reference": adapter.reference_of(target), "source": adapter.source_name}
    attributes |= {name: value for name in PUBLIC_ATTRIBUTES if (value := adapter.shaped(target, name))}
    if action not in BUILT_IN:
        found["object_type"] = adapter.kind
    return {**found, "object_parameters": attributes}


@dataclass
class Pending:
    """An event that a view has for its page; ``html`` once the tag has asked for it."""

    action: str
    values: Callable[[], Mapping[str, Any]]
    html: str = field(default="")


def attach(request: Any, pending: Pending) -> None:
    """Give the page of ``request`` an event."""
    found = getattr(request, ATTRIBUTE, None)
    if found is None:
        found = []
        setattr(request, ATTRIBUTE, found)
    found.append(pending)


def detach(request: Any, pending: Pending) -> None:
    """Take it back: the view failed, and the page that says so is not what the event is about."""
    found = getattr(request, ATTRIBUTE, [])
    if pending in found:
        found.remove(pending)


def attached(request: Any | None) -> list[SafeString]:
    """The elements of the page's events. The shop's callables are asked now, for the page alone."""
    elements = []
    for pending in getattr(request, ATTRIBUTE, ()):
        html = NOTHING
        with contained("snippet.event_failed", action=pending.action):
            values = pending.values()
            html = event(pending.action, values.get("object"), request=request, metadata=values.get("metadata"))
        pending.html = str(html)
        elements.append(html)
    return elements
