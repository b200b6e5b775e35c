"""What the host says happened, written down. On the path of a request, intake only ever inserts."""

from __future__ import annotations

from .carts import cart_changed, cart_ordered
from .changes import remember_session, sync
from .erasure import export_customer, forget_customer, remember_customer
from .merges import merging
from .receivers import paused
from .subscriptions import Evidence, subscribe, unsubscribe
from .tracking import track

__all__ = [
    "Evidence",
    "cart_changed",
    "cart_ordered",
    "export_customer",
    "forget_customer",
    "merging",
    "paused",
    "remember_customer",
    "remember_session",
    "subscribe",
    "sync",
    "track",
    "unsubscribe",
]
