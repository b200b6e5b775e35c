"""The messy orders of ``bookshop/messy.py``: made in the shop, delivered, and compared with Hellotext to the cent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from bookshop import messy
from bookshop.models import Order
from django.db.models import Q

from demo.hellotext_side import HellotextSide
from demo.shop_side import ShopSide
from demo.sightings import Sighting
from demo.verification import LISTING_SECONDS, Verdict, verify_deliveries
from django_hellotext.adjustments import AdjustmentKind, Adjustments
from django_hellotext.conf import hellotext_settings
from django_hellotext.models import Event, RemoteObject, State

# The shop of the demo has no public address, so that its covers are left out of each book.
PRIVATE = "image_url"


@dataclass
class MessyOrder:
    """One order. ``charged`` and ``arrived`` are sums in major units; ``arrived`` is ``None`` if it is missing."""

    name: str
    charged: Decimal
    arrived: Decimal | None = None
    adjustments: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Say whether it arrived, whole and with the right sum."""
        return not self.complaints


class MessyOrders:
    """Makes all of them when it is made. ``verdict`` is complete after ``verify()``."""

    def __init__(self, *, hellotext: HellotextSide) -> None:
        self.verdict = Verdict()
        self._hellotext = hellotext
        self._shop = ShopSide()
        mark = secrets.token_hex(4)
        self._orders = {maker.__name__.replace("_", " ").capitalize(): messy.make(maker, mark) for maker in messy.MESSY}

    def arrive(self, *, seconds: float, meanwhile: Callable[[], None]) -> bool:
        """Wait until everything about the orders has come to an end; False when the time is up."""
        return self._shop.wait_for(len(self._orders), seconds=seconds, meanwhile=meanwhile)

    def verify(self) -> list[MessyOrder]:
        """Compare both sides."""
        recorded = self._shop.recorded()
        uuids = [event.uuid for event in recorded]
        self.verdict.add(verify_deliveries(recorded, self._hellotext.deliveries(uuids)))
        at_hellotext = {event.uuid: event for event in self._hellotext.arrived(uuids, seconds=LISTING_SECONDS)}
        events = {event.reference: at_hellotext.get(event.uuid) for event in recorded}
        found = [self._compared(name, order, events.get(order.number)) for name, order in self._orders.items()]
        self.verdict.complaints += [f"{one.name}: {wrong}" for one in found for wrong in one.complaints]
        return found

    def _compared(self, name: str, order: Order, event: Sighting | None) -> MessyOrder:
        found = MessyOrder(name, order.total)
        found.adjustments = list(dict.fromkeys(_adjustments(order)))
        row = RemoteObject.objects.filter(
            account=hellotext_settings.account, kind="order", host_label="bookshop.order", host_pk=str(order.pk)
        ).first()
        if row is None or not row.remote_id or row.state != State.SYNCED:
            found.complaints.append(f"The order is {row.state if row else 'not recorded'} in the shop.")
        if row is not None and row.remote_id:
            found.arrived = self._hellotext.sum_of_order(row.remote_id)
            if found.arrived != order.total:
                found.complaints.append(f"Its lines come to {found.arrived} instead of {order.total}.")
        if event is None:
            found.complaints.append("Its event is not listed by Hellotext.")
        elif event.amount != order.total:
            found.complaints.append(f"Its event says {event.amount} instead of {order.total}.")
        return found


def _adjustments(order: Order) -> Iterator[str]:
    """Yield what was changed on the rows of ``order``, its buyer, its books and its event."""
    about = Q(host_label="bookshop.order", host_pk=str(order.pk))
    if order.customer_id is not None:
        about |= Q(host_label="auth.user", host_pk=str(order.customer_id))
    about |= Q(host_label="bookshop.book", host_pk__in=[str(line.book_id) for line in order.lines.all()])
    rows = [
        *RemoteObject.objects.filter(about, account=hellotext_settings.account).order_by("pk"),
        *Event.objects.filter(object_label="bookshop.order", object_pk=str(order.pk)).order_by("pk"),
    ]
    for row in rows:
        for one in Adjustments.from_json(row.adjustments):
            if one.field != PRIVATE:
                yield f"{one.field}: {AdjustmentKind(one.kind).label}"
