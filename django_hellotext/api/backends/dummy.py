"""A carrier that sends nothing and says yes: for developing without a network, as Django's dummy e-mail backend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from .base import BaseBackend, PreparedRequest, RawResponse

_KINDS: Mapping[str, str] = {
    "profiles": "profile",
    "properties": "property",
    "lists": "list",
    "coupons": "coupon",
    "events": "event",
    "actions": "action",
    "apps": "app",
    "carts": "cart",
    "forms": "form",
    "orders": "order",
    "items": "order_item",
    "products": "product",
    "variants": "product_variant",
    "refunds": "refund",
    "sessions": "session",
}
_STATES = {"subscribe": "subscribed", "unsubscribe": "unsubscribed"}


class DummyBackend(BaseBackend):
    """Swallows every request and answers as if Hellotext had agreed. New objects get IDs that begin with ``dummy-``."""

    def send(self, request: PreparedRequest) -> RawResponse:
        """Answer at once. Never raises."""
        status, data = answer_for(request)
        return RawResponse(status, {"content-type": "application/json"}, json.dumps(data).encode())


def answer_for(request: PreparedRequest) -> tuple[int, dict[str, Any]]:
    """Return the status and the smallest answer that the contract allows for a request that is agreed to."""
    segments = [unquote(segment) for segment in request.path.strip("/").split("/")][1:]
    if segments and segments[0] == "attribution":
        segments = segments[1:]
    if not segments:
        return 404, {"errors": [{"type": "not_found"}]}
    collection = segments[-1] if len(segments) % 2 else segments[-2]
    if collection in _KINDS and len(segments) % 2:
        return _answer_collection(request.method, collection)
    return _answer_object(request.method, segments)


def _answer_collection(method: str, collection: str) -> tuple[int, dict[str, Any]]:
    if method == "GET":
        return 200, {collection: []}
    if collection == "events":
        return 200, {"status": "received"}
    kind = _KINDS[collection]
    new = {"id": f"dummy-{uuid4().hex[:12]}"}
    return 201, new if kind == "profile" else {**new, "type": kind}


def _answer_object(method: str, segments: list[str]) -> tuple[int, dict[str, Any]]:
    if len(segments) == 3 and segments[-1] in _STATES:
        return 200, {"id": segments[-2], "type": "profile", "state": _STATES[segments[-1]]}
    if len(segments) == 3 and segments[-1] == "verify":
        return 200, {"verified": method == "POST"}
    if segments[0] == "lists" and len(segments) == 4:
        return 200, {"id": segments[3], "type": "profile"}
    kind = _KINDS.get(segments[-2] if len(segments) > 1 else "", "object")
    if method == "DELETE":
        return 200, {"id": segments[-1], "type": kind, "deleted": True}
    if method == "PATCH" and kind == "profile":
        return 200, {"id": segments[-1], "updated": True}
    if kind == "session":
        return 200, {"id": segments[-1], "type": kind, "profile": 1}
    return 200, {"id": segments[-1], "type": kind}
