"""``cart.abandoned``: what nobody has touched for a while, once for each while (demands A2, A7, A9).

Only where ``HELLOTEXT["CART_ABANDONED_AFTER"]`` says so. A cart counts that holds something, that no order was made
of, and whose customer or visitor is known. Carts that went quiet more than a day before are history.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction

from .. import clock, consent
from ..actions import Purpose
from ..adapters import Adapter, Link, OrderAdapter, registry
from ..adapters.paths import trace
from ..conf import hellotext_settings
from ..intake.changes import PURCHASES
from ..intake.facts import Fact
from ..intake.lines import is_tracked
from ..intake.tracking import record_events
from ..models import Account, Kind, RemoteObject
from .cart_events import IDLE, ORDERED
from .mirrors import hosts_of, link_of
from .unknown_models import unknown_models

logger = logging.getLogger("django_hellotext.delivery")

PAGE = 200  # carts looked at in one transaction
HISTORY = timedelta(days=1)


def record_abandoned(using: str, *, page: int = PAGE) -> int:
    """Record ``cart.abandoned`` for the carts that have become idle; answers how many.

    May run anywhere, as often as one likes and more than once at the same time. A constant number of statements for
    each page, and none at all where it is not switched on.
    """
    after = hellotext_settings.CART_ABANDONED_AFTER
    if not hellotext_settings.active or after is None:
        return 0
    count = 0
    while True:
        # Under the account's lock, as a fold is: both write what was seen of a cart.
        with transaction.atomic(using=using):
            Account.objects.using(using).drained(hellotext_settings.account)
            carts = _idle_carts(timedelta(seconds=after), using=using, limit=page)
            count += _record(carts, timedelta(seconds=after), using=using)
            for cart in carts:
                cart.seen = {**cart.seen, IDLE: True}
            RemoteObject.objects.using(using).bulk_update(carts, ["seen"])
        if len(carts) < page:
            return count


def _idle_carts(after: timedelta, *, using: str, limit: int) -> list[RemoteObject]:
    until = clock.now() - after
    rows = RemoteObject.objects.using(using).filter(
        account=hellotext_settings.account,
        kind=Kind.CART,
        changed_at__lte=until,
        changed_at__gt=until - HISTORY,
        tombstone_at=None,
    )
    return unknown_models.take(rows.exclude(seen__has_key=IDLE).order_by("changed_at", "id"), limit)


def _record(carts: Sequence[RemoteObject], after: timedelta, *, using: str) -> int:
    hosts = hosts_of([link_of(cart) for cart in carts], using=using)
    ordered = _ordered([cart for cart in carts if link_of(cart) in hosts], using=using)
    count = 0
    for cart in carts:
        host, adapter = hosts.get(link_of(cart)), registry.for_label(cart.host_label)
        if host is None or adapter is None or cart.changed_at is None or _is_ordered(cart, adapter, ordered):
            continue
        try:
            with transaction.atomic(using=using):
                fact = _fact(cart, adapter, host, idle_since=cart.changed_at, after=after)
        except Exception as error:
            # The host's own code: nothing is said of this cart, and the others go on.
            logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
            continue
        if fact is not None:
            record_events([(None, fact)], using=using)
            count += 1
    return count


def _fact(cart: RemoteObject, adapter: Adapter, host: Any, *, idle_since: datetime, after: timedelta) -> Fact | None:
    if not adapter.should_sync(host) or not adapter.payload(host).get("items"):
        return None
    profile = adapter.profile_link(host)
    if profile is None and not cart.session:
        return None
    answer = consent.decide(None, purpose=Purpose.BROWSE, subject=host)
    if answer is False:
        return None
    return Fact(
        action="cart.abandoned",
        object_link=link_of(cart),
        profile=profile,
        session=cart.session,
        key=f"idle:{idle_since.isoformat()}",
        tracked_at=idle_since + after,
        consent=answer,
    )


def _is_ordered(cart: RemoteObject, adapter: Adapter, ordered: set[Link]) -> bool:
    """Whether an order was made of it. A cart that is used again counts anew once something came into it since."""
    if cart.overtaken_at is None:
        return link_of(cart) in ordered
    return not is_tracked(adapter) or bool(cart.seen.get(ORDERED))


def _ordered(carts: Sequence[RemoteObject], *, using: str) -> set[Link]:
    """Those that an order in the shop's own tables names; one query for each kind of order."""
    found: set[Link] = set()
    wanted: Mapping[str, Link] = {cart.host_pk: link_of(cart) for cart in carts}
    for adapter in registry.all():
        if not isinstance(adapter, OrderAdapter) or not isinstance(adapter.cart, str) or not wanted:
            continue
        key = trace(adapter.model, adapter.cart).foreign_key
        if key is None or "." in adapter.cart:
            continue
        label = adapter.label_of(key.remote_field.model)
        pks = [link.pk for link in wanted.values() if link.label == label]
        if not pks:
            continue
        orders: models.QuerySet[Any] = adapter.model._base_manager.using(using).filter(**{f"{key.attname}__in": pks})
        for order in orders:
            if _is_purchase(adapter, order):
                found.add(Link(Kind.CART.value, label, str(getattr(order, key.attname))))
    return found


def _is_purchase(adapter: OrderAdapter, order: Any) -> bool:
    status = adapter.status(order)
    # Without a watched status every order is one.
    return status is None or adapter.action_for(status[0]) in PURCHASES
