"""Who did it: the customer and the session that belong to a fact.

Identity comes from the subject, never from whoever happens to trigger the event: an order's events carry the
buyer, also when staff or a webhook cause them (demands G4, G5).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models

from .. import consent
from ..actions import Purpose
from ..adapters import Adapter, Link, OrderAdapter, RefundAdapter, registry
from ..savepoints import HostCode, database_of
from .impersonation import is_impersonated
from .sessions import session_of, user_of
from .utm import utm_of

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_hellotext.intake")

# Objects that have an owner of their own; the request that touches them may be anybody's.
OWNED = frozenset({"order", "refund", "cart"})
# Those whose events count although nobody is known who caused them: money has changed hands.
SALES = frozenset({"order", "refund"})


def link_to(obj: models.Model, adapter: Adapter) -> Link:
    """The link by which our tables name the host object ``obj``."""
    return Link(kind=adapter.kind, label=adapter.label, pk=key_of(obj, adapter))


def key_of(obj: models.Model, adapter: Adapter) -> str:
    """The primary key under which ``obj`` is mirrored: that of the registered model, also for a subclass of it."""
    return str(getattr(obj, str(adapter.model._meta.pk.attname)))


def check_customer(profile: Any) -> Adapter | None:
    """Return the adapter of a customer; ``None`` for an anonymous user.

    Raises ``TypeError`` for anything that is no saved, registered customer: that is a programming mistake.
    """
    return _check(profile, kinds=frozenset({"profile"}), expected="a customer with a registered ProfileAdapter")


def check_buyer(profile: Any) -> Adapter | None:
    """Return the adapter of a customer, or of an object that knows one; ``None`` for an anonymous user.

    Raises ``TypeError`` for anything else, and for what is not saved: those are programming mistakes.
    """
    return _check(
        profile,
        kinds=OWNED | {"profile"},
        expected="a customer with a registered ProfileAdapter, or a registered cart, order or refund of one",
    )


def _check(profile: Any, *, kinds: frozenset[str], expected: str) -> Adapter | None:
    if profile is None or getattr(profile, "is_anonymous", False):
        return None
    # request.user is a lazy object; its class is the model's.
    adapter = registry.for_model(profile.__class__) if isinstance(profile, models.Model) else None
    if adapter is None or adapter.kind not in kinds:
        raise TypeError(f"profile must be {expected}, not {type(profile).__name__}.")
    if profile.pk is None:
        raise TypeError(f"profile: this {type(profile).__name__} is not saved yet.")
    return adapter


def profile_link(profile: Any) -> Link | None:
    """The link of a customer. Anonymous users and customers whose adapter says no (staff) have none.

    Raises as ``check_customer`` does, and whatever the shop's ``should_sync`` raises.
    """
    adapter = check_customer(profile)
    return link_to(profile, adapter) if adapter is not None and adapter.should_sync(profile) else None


def is_customer(user: models.Model) -> bool:
    """Whether users are the shop's customers; some shops have a model of their own for them."""
    adapter = registry.for_model(user.__class__)
    return adapter is not None and adapter.kind == "profile"


@dataclass(frozen=True)
class Buyer:
    """The visitor who makes a cart or an order: nothing is known of staff, and of whoever acts for somebody else.

    ``customer``: the logged-in customer, where the object is theirs.
    """

    customer: Link | None = None
    session: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)


def visitor(request: HttpRequest | None) -> tuple[Link | None, str]:
    """The customer and session of the visitor behind ``request``.

    A staff member has neither, and nor has somebody who acts as a customer (demand G5).
    """
    if request is None:
        return None, ""
    counts, link = _customer_behind(request)
    return (link, session_of(request)) if counts else (None, "")


def owner(obj: models.Model, adapter: Adapter, request: HttpRequest | None) -> tuple[Link | None, str]:
    """The customer of a cart, order or refund, and the visitor's session where the visitor is that customer.

    An anonymous visitor may be a guest, or nobody's customer yet; that they are an account's, only a login shows:
    a stranger may open the page of a forwarded order (demand G6).
    """
    link = adapter.profile_link(obj)
    present, session = visitor(request)
    is_theirs = present == link or (present is None and link is not None and link.label == adapter.label)
    return link, session if is_theirs else ""


def buyer_of(obj: models.Model, adapter: Adapter, request: HttpRequest) -> Buyer:
    """What is to be remembered of the visitor of ``request`` who makes ``obj`` (demands A5, G4, G5)."""
    counts, present = _customer_behind(request)
    if not counts or (present is not None and present != adapter.profile_link(obj)):
        return Buyer()
    if refuses_to_be_seen(request):
        return Buyer()
    return Buyer(present, session_of(request), utm_of(request))


def origin_of(obj: models.Model, adapter: Adapter) -> Link | None:
    """What ``obj`` was made of, which may know its buyer: the cart of an order, the order of a refund."""
    if isinstance(adapter, OrderAdapter):
        return adapter.cart_link(obj)
    return adapter.order_link(obj) if isinstance(adapter, RefundAdapter) else None


def places_of(obj: models.Model, adapter: Adapter) -> list[Link]:
    """Where the buyer's session may be kept, first of all: on an order, then its cart; on a refund's order, then it."""
    try:
        with HostCode(database_of(obj)):
            origin = origin_of(obj, adapter)
    except Exception as error:
        # The host's own code; the event itself is not to be lost for it (demand C10).
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        origin = None
    places = [link_to(obj, adapter), origin]
    if adapter.kind == "refund":
        places.reverse()
    return [link for link in places if link is not None]


def is_visitor(request: HttpRequest) -> bool:
    """Whether ``request`` comes from a visitor of the shop: not from staff, nor from whoever acts as a customer."""
    return _customer_behind(request)[0]


def speaks_for(request: HttpRequest, customer: Link | None) -> bool:
    """Whether the visitor of ``request`` may be ``customer``: no staff, nobody who acts for them, no other customer.

    Of a cart that is nobody's yet, every visitor may be.
    """
    counts, present = _customer_behind(request)
    return counts and (customer is None or present in (None, customer))


def refuses_to_be_seen(request: HttpRequest) -> bool:
    """Whether the visitor refuses ``browse``: then no session joins their browsing to what they buy (demand I2)."""
    return consent.decide(request, purpose=Purpose.BROWSE, subject=user_of(request)) is False


def _customer_behind(request: HttpRequest) -> tuple[bool, Link | None]:
    """Whether ``request`` comes from a visitor of the shop, and the customer who is logged in."""
    user = user_of(request)
    if is_impersonated(request):
        return False, None
    if user is None:
        return True, None
    if not is_customer(user):
        # The shop keeps its customers in a model of its own; its users may be customers, and staff.
        return not (getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)), None
    link = profile_link(user)
    return link is not None, link
