"""Carts that become one: within ``merging()`` carts change without events, and the visitor's events move along."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import models

from ..adapters import Adapter, Link, registry
from ..adapters.session_cart import SESSION_CARTS
from ..conf import hellotext_settings

if TYPE_CHECKING:
    from django.http import HttpRequest

    CartName = models.Model | HttpRequest | str

# In ``Change.data``: the ID of the merge that the change belongs to, and the cart that this one was merged into.
QUIET, INTO = "quiet", "into"
SESSION_CART_KEY = "hellotext_cart"  # in the Django session: the name of the cart

_merge: ContextVar[str] = ContextVar("django_hellotext_merge", default="")


@contextmanager
def merging(source: CartName | None = None, target: CartName | None = None) -> Iterator[None]:
    """Within this block carts change without ``cart.added`` and ``cart.removed``.

    For two carts that become one at login, or a cart that is rebuilt. The carts are mirrored as usual. Unsent events
    of ``source`` are sent for ``target``, and a source that is deleted in the block is emptied at Hellotext.

    :param source: the visitor's cart; ``target``: the cart that it becomes part of. Each is a cart object, or for a
        cart in the Django session the request or the cart's name. Give both or neither. Without them the carts are
        recognised by their changes: the source is deleted, or loses its lines, and one other cart gains lines.
    :raises TypeError: an argument that is no cart, or only one of the two.
    """
    if (source is None) != (target is None):
        raise TypeError("merging() takes both source and target, or neither.")
    from .changes import gathered  # it reads lines, which read this module

    links = (_link_of(source), _link_of(target)) if source is not None and target is not None else None
    using = next((cart._state.db for cart in (source, target) if isinstance(cart, models.Model)), None)
    before = _merge.get()
    token = _merge.set(before or uuid.uuid4().hex)
    try:
        # Recorded together: a worker that saw a part of it could not tell which cart became which.
        with gathered(also_if_raised=True):
            yield
            if links is not None and all(links) and hellotext_settings.active:
                _record(links[0], links[1], using)
    finally:
        _merge.reset(token)


def current_merge() -> str:
    """Return the ID of the merge that is under way; empty outside of ``merging()``."""
    return _merge.get()


def merge_data(adapter: Adapter) -> dict[str, Any]:
    """Return what a Change of a cart carries within ``merging()``; empty outside and for other objects."""
    merge = _merge.get()
    return {QUIET: merge} if merge and adapter.kind == "cart" else {}


def _record(source: Link | None, target: Link | None, using: str | None) -> None:
    from . import carts, changes  # they read lines, which read this module
    from .ledger import alias_for
    from .lines import LOOK

    if source is None or target is None:
        return
    mark: dict[str, Any] = {QUIET: _merge.get()}
    into = {"kind": target.kind, "label": target.label, "pk": target.pk}
    if source.label == SESSION_CARTS:
        data = {**mark, **carts.emptied(), INTO: into}
    else:
        data = {**mark, LOOK: True, INTO: into}
    rows = [changes.change_named(source.label, source.pk, data=data)]
    if target.label != SESSION_CARTS:
        rows.append(changes.change_named(target.label, target.pk, data={**mark, LOOK: True}))
    changes.record_changes(rows, using=alias_for(using))


def _link_of(cart: Any) -> Link | None:
    """Return the link of ``cart``; ``None`` for a request that has no cart yet."""
    if isinstance(cart, str) and cart:
        return Link(kind="cart", label=SESSION_CARTS, pk=cart)
    if isinstance(cart, models.Model):
        adapter = registry.for_model(cart.__class__)
        if adapter is None or adapter.kind != "cart" or cart.pk is None:
            raise TypeError(f"merging: {type(cart).__name__} is no saved cart with a registered CartAdapter.")
        return Link(kind="cart", label=adapter.label, pk=str(getattr(cart, str(adapter.model._meta.pk.attname))))
    session = getattr(cart, "session", None)
    if session is None:
        raise TypeError(f"merging: a cart is a cart object, a request or a name, not {type(cart).__name__}.")
    name = session.get(SESSION_CART_KEY)
    return Link(kind="cart", label=SESSION_CARTS, pk=name) if name else None
