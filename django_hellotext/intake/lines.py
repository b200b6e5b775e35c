"""What a change of a cart's line says at that moment: which product, and how many of it there are now (demand A9).

Frozen in the Change, because two changes that are folded together are still two: two more and one less are one
``cart.added`` and one ``cart.removed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from .. import consent
from ..actions import Purpose
from ..adapters import Adapter, CartAdapter
from ..adapters.lines import line_fact, line_facts
from .current import current_request
from .merges import QUIET, current_merge, merge_data
from .sessions import user_of
from .subjects import is_visitor

if TYPE_CHECKING:
    from django.http import HttpRequest

LINE, LINES, LOOK, CONSENT = "line", "lines", "look", "consent"


def is_tracked(adapter: Adapter) -> bool:
    """Whether the lines of this adapter's carts become events."""
    return isinstance(adapter, CartAdapter) and adapter.tracks_items


def line_data(adapter: Adapter, line: Any, *, is_gone: bool, is_cascade: bool) -> dict[str, Any]:
    """What the Change of a cart carries of a ``line`` that was saved, or deleted (``is_gone``).

    A line that goes along with its cart, its product or its customer is nothing that the customer has done.
    """
    if not is_tracked(adapter):
        return merge_data(adapter)
    fact = line_fact(adapter, line)
    if fact is None:
        return look_data(is_quiet=is_cascade)
    if is_gone:
        fact = {**fact, "quantity": "0"}
    return {LINE: fact, **_circumstances(is_quiet=is_cascade)}


def look_data(*, is_quiet: bool = False) -> dict[str, Any]:
    """That the lines of a cart have changed, and have to be read when that is folded."""
    return {LOOK: True, **_circumstances(is_quiet=is_quiet)}


def cart_data(cart: models.Model, adapter: Adapter) -> dict[str, Any]:
    """What the Change of a saved ``cart`` carries where the cart itself holds its lines, as in a JSON field."""
    if not is_tracked(adapter) or any(way.is_line for way in adapter.dependencies.related):
        return merge_data(adapter)
    return whole(line_facts(adapter, cart))


def whole(facts: list[dict[str, Any]], *, request: HttpRequest | None = None) -> dict[str, Any]:
    """All lines of a cart at this moment. ``request`` is the visitor's, where it is known without the middleware."""
    return {LINES: facts, **_circumstances(request=request)}


def _circumstances(*, is_quiet: bool = False, request: HttpRequest | None = None) -> dict[str, Any]:
    merge = current_merge()
    found: dict[str, Any] = {QUIET: merge or True} if merge or is_quiet else {}
    request = request or current_request()
    # Staff who put a customer's cart right are not asked for their own consent (G5); sending asks for the customer's.
    if request is not None and is_visitor(request):
        answer = consent.decide(request, purpose=Purpose.BROWSE, subject=user_of(request))
        if answer is not None:
            found[CONSENT] = answer
    return found
