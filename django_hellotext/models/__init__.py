"""The tables, and the proxies of the mirror."""

from __future__ import annotations

from .accounts import Account
from .changes import Change
from .events import (
    DESTINATION,
    EVIDENCE_KEY,
    PAYLOAD_VERSION,
    SUBSCRIBE,
    SUBSCRIPTION,
    UNSUBSCRIBE,
    UUID_KEY,
    Event,
)
from .figures import Dashboard, Ending, Figure, Subject
from .missing import PREREQUISITE_FAILED, MissingObject, MissingTable
from .objects import FORMER, LAST_PAYLOAD, LINES, MISSING, REJECTED, Kind, RemoteObject
from .proxies import (
    PROXIES,
    Action,
    App,
    Cart,
    Coupon,
    Form,
    List,
    Order,
    Product,
    ProductVariant,
    Profile,
    Property,
    Refund,
)
from .runs import SyncRun
from .sessions import Session
from .states import CHANGES, MOVES, Lane, Removal, SkipReason, State

__all__ = [
    "CHANGES",
    "DESTINATION",
    "EVIDENCE_KEY",
    "FORMER",
    "LAST_PAYLOAD",
    "LINES",
    "MISSING",
    "MOVES",
    "PAYLOAD_VERSION",
    "PREREQUISITE_FAILED",
    "PROXIES",
    "REJECTED",
    "SUBSCRIBE",
    "SUBSCRIPTION",
    "UNSUBSCRIBE",
    "UUID_KEY",
    "Account",
    "Action",
    "App",
    "Cart",
    "Change",
    "Coupon",
    "Dashboard",
    "Ending",
    "Event",
    "Figure",
    "Form",
    "Kind",
    "Lane",
    "List",
    "MissingObject",
    "MissingTable",
    "Order",
    "Product",
    "ProductVariant",
    "Profile",
    "Property",
    "Refund",
    "RemoteObject",
    "Removal",
    "Session",
    "SkipReason",
    "State",
    "Subject",
    "SyncRun",
]
