"""Carts that live in the visitor's Django session: the shop says what they hold (demands A2, A9)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models

from .. import clock
from ..adapters import Link
from ..adapters.lines import item_fact
from ..adapters.session_cart import SESSION_CARTS, session_cart_content
from ..api.types import Money
from ..conf import hellotext_settings
from ..sanitize import storable
from ..savepoints import HostCode
from . import cleaning, facts
from .changes import change_named, record_changes
from .faults import report
from .ledger import alias_for
from .lines import whole
from .merges import SESSION_CART_KEY
from .sessions import valid_session
from .subjects import profile_link, refuses_to_be_seen, visitor

if TYPE_CHECKING:
    from django.http import HttpRequest

KEY = SESSION_CART_KEY  # a login's new session key leaves it alone
Item = tuple[models.Model, int | Decimal] | tuple[models.Model, int | Decimal, Decimal | Money | None]


def cart_changed(
    cart: HttpRequest | str,
    items: Iterable[Item],
    *,
    created: bool = False,
    profile: models.Model | None = None,
    session: str | None = None,
    currency: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    using: str | None = None,
) -> str:
    """Say what a cart holds that is kept in the Django session; call it whenever that changes.

    :param cart: the request, whose Django session then names the cart; or a name of the shop's own that stays the
        same for the life of the cart. :param items: all of them, as (product, quantity) or (product, quantity, price).
    :param created: the cart is new with this call. Without it the first sight of a cart is no event, because it may
        be from before the installation (promise 11). :param profile: the customer, by default the request's.
    :param session: the visitor's Hellotext session, by default the request's unless they refuse to be seen browsing.
    :param currency: of the prices, by default ``HELLOTEXT["CURRENCY"]``.

    Mirrors the cart and records ``cart.added`` and ``cart.removed`` with the quantities that result: the difference
    to the call before. Answers the name of the cart. Raises ``TypeError`` for what is no saved, registered product,
    for a quantity that is no number, and for another wrong argument.
    """
    given = [(*item, None) if len(item) == 2 else item for item in items]
    named = facts.parameters_of([(product, quantity) for product, quantity, _ in given])
    faults: list[Any] = []
    lines: list[dict[str, Any]] = []
    for (_, _, price), frozen in zip(given, (named or {"items": []})["items"], strict=True):
        amount, code = facts.money(price, currency, faults)
        lines.append(
            {
                "product": Link(**frozen["product"]),
                "quantity": Decimal(frozen["quantity"]),
                "price": Money(amount, code) if amount is not None and code else None,
            }
        )
    if not hellotext_settings.active:
        return cart if isinstance(cart, str) else ""
    alias = alias_for(using, profile)
    key = _key_of(cart, make=bool(lines))
    if not key:
        return ""
    try:
        request = None if isinstance(cart, str) else cart
        with HostCode(alias):
            known, browser = visitor(request)
            if request is not None and refuses_to_be_seen(request):
                browser = ""
            owner = profile_link(profile) or known
            data = whole([item_fact(line["product"], line["quantity"]) for line in lines], request=request)
            told = cleaning.metadata_of(metadata)
        data["content"] = session_cart_content(lines, profile=owner, metadata=told)
        change = change_named(SESSION_CARTS, key, created=created, session=valid_session(session) or browser, data=data)
    except Exception as error:
        report(error, "cart_changed", using=alias)
        return key
    record_changes([change], using=alias)
    if faults and hellotext_settings.RAISE_ERRORS:
        raise faults[0]
    return key


def cart_ordered(cart: HttpRequest | str, *, using: str | None = None) -> None:
    """Say that an order was made of a cart that is kept in the Django session: what it still had to say is over (A2).

    With a request, the next cart of the visitor gets a name of its own.
    """
    if not hellotext_settings.active:
        return
    key = _key_of(cart, make=False)
    if not key:
        return
    now = clock.now()
    record_changes([change_named(SESSION_CARTS, key, overtaken_at=now, data=emptied())], using=alias_for(using))
    if not isinstance(cart, str):
        cart.session.pop(KEY, None)


def emptied() -> dict[str, Any]:
    """Return what the Change of a cart in the Django session carries that holds nothing any more."""
    return {**whole([]), "content": session_cart_content([], profile=None, metadata={})}


def _key_of(cart: HttpRequest | str, *, make: bool) -> str:
    if isinstance(cart, str):
        if not cart or len(cart) > cleaning.MAX_KEY:
            raise TypeError(f"cart: a name has 1 to {cleaning.MAX_KEY} characters.")
        return str(storable(cart))
    if not hasattr(cart, "session"):
        raise TypeError("cart: the request has no Django session; give the cart a name of its own.")
    found = cart.session.get(KEY)
    if isinstance(found, str) and found:
        return found
    if not make:
        return ""
    made = cart.session[KEY] = uuid.uuid4().hex
    return made


__all__ = ["cart_changed", "cart_ordered"]
