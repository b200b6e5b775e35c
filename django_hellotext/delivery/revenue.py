"""Revenue per day and currency: what the shop charged for its orders, and what Hellotext has for them.

The shop's side is the adapter's ``total``, Hellotext's the sum of quantity times price of the order's lines. Both
sides of an order count on the shop's day, so that no time zone makes a difference. Nothing is written.

Memory stays flat: the shop's orders are read page by page, Hellotext's from the file of ``Listing``; what is kept is a
row for each day and currency, and the ``LISTED`` largest differences.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal, InvalidOperation, localcontext
from itertools import count
from typing import Any

from .. import clock
from ..adapters import Adapter, registry
from ..adapters.money import MAX_DIGITS, round_to_minor_unit, to_money
from ..api.types import Money
from ..api.types.reading import read_time
from ..conf import hellotext_settings
from ..exceptions import HellotextError
from ..models import Kind
from .listing import Listing
from .order_days import OrderTimes, day_of
from .order_matching import ShopOrder, match
from .survey import Begun
from .syncing import Choice, Looked

LISTED = 50  # differences that are kept, the largest

Key = tuple[date | None, str]


@dataclass(frozen=True, kw_only=True)
class OrderDifference:
    """An order for which the two sides differ. ``shop`` or ``hellotext`` is ``None`` where it is not there.

    ``model`` and ``pk`` name the order in the shop; they are empty for one that only Hellotext has. ``day`` is ``None``
    if the time of the order is not known. ``reason`` is a short sentence, or empty.
    """

    reference: str
    model: str = ""
    pk: str = ""
    day: date | None
    shop: Money | None
    hellotext: Money | None
    remote_id: str = ""
    reason: str = ""

    @property
    def size(self) -> Decimal:
        """How much it is, in major units; infinite where an amount is not known."""
        if self.shop is None or self.hellotext is None:
            known = self.shop or self.hellotext
            return abs(known.amount) if known else Decimal("Infinity")
        if self.shop.currency != self.hellotext.currency:
            return max(abs(self.shop.amount), abs(self.hellotext.amount))
        return abs(self.shop.amount - self.hellotext.amount)


@dataclass
class DayRevenue:
    """A day's revenue in one currency, in major units; ``orders`` and ``differing`` are counts of orders."""

    day: date | None
    currency: str
    shop: Decimal = field(init=False)
    hellotext: Decimal = field(init=False)
    orders: int = 0
    differing: int = 0

    def __post_init__(self) -> None:
        self.shop = self.hellotext = round_to_minor_unit(Decimal(0), currency=self.currency)

    @property
    def difference(self) -> Decimal:
        """What Hellotext has too much; negative for what it lacks."""
        return self.hellotext - self.shop


@dataclass
class Revenue:
    """Both sides, compared. ``left_out`` counts orders of the shop that are not mirrored, or are not asked for."""

    days: list[DayRevenue] = field(default_factory=list)
    orders: int = 0
    left_out: int = 0
    differing: int = 0
    differences: list[OrderDifference] = field(default_factory=list)

    def totals(self) -> list[DayRevenue]:
        """Return the sum of all days for each currency."""
        found: dict[str, DayRevenue] = {}
        for one in self.days:
            total = found.setdefault(one.currency, DayRevenue(None, one.currency))
            total.shop += one.shop
            total.hellotext += one.hellotext
            total.orders += one.orders
            total.differing += one.differing
        return [found[currency] for currency in sorted(found)]


def compare_revenue(
    choice: Choice,
    listing: Listing,
    *,
    begun: Begun = lambda adapter, using: None,
    looked: Callable[[Looked], None] = lambda page: None,
) -> Revenue:
    """Compare the orders of the chosen models; with ``choice.since`` only those placed since then.

    Orders that are not asked for are read as well: Hellotext's list does not say which model, or day, an order is of.
    Raises ``ApiError`` when Hellotext cannot be asked.
    """
    began = clock.now()
    listing.read(Kind.ORDER)
    chosen = choice.adapters()
    books = _Books()
    with localcontext(Context(prec=3 * MAX_DIGITS)):
        for adapter in order_adapters():
            times = OrderTimes(adapter)
            for alias in hellotext_settings.DATABASES:
                begun(adapter, alias)
                for page in match(adapter, listing, using=alias):
                    for order in page:
                        moment = times.moment(order.host)
                        if order.is_left_out or adapter not in chosen or not _counts(moment, choice.since, began):
                            books.leave_out()
                        else:
                            books.enter(_entry(adapter, order, moment))
                    looked(Looked(alias, adapter, len(page), 0))
        for found in _unknown_orders(listing, {one.source_name for one in chosen}, since=choice.since):
            books.enter(found)
    return books.closed()


class _Books:
    """Adds up orders as they come."""

    def __init__(self) -> None:
        self._days: dict[Key, DayRevenue] = {}
        self._largest: list[tuple[Decimal, int, OrderDifference]] = []
        self._number = count()
        self._revenue = Revenue()

    def leave_out(self) -> None:
        """Count an order of the shop that is not compared."""
        self._revenue.left_out += 1

    def enter(self, entry: OrderDifference) -> None:
        """Add both sides of ``entry`` to its day; keep it if they differ."""
        self._revenue.orders += 1
        differs = entry.shop is None or entry.hellotext is None or entry.shop != entry.hellotext
        currencies = {money.currency for money in (entry.shop, entry.hellotext) if money is not None}
        for currency in currencies:
            row = self._days.setdefault((entry.day, currency), DayRevenue(entry.day, currency))
            row.orders += 1
            row.differing += differs
            if entry.shop is not None and entry.shop.currency == currency:
                row.shop += entry.shop.amount
            if entry.hellotext is not None and entry.hellotext.currency == currency:
                row.hellotext += entry.hellotext.amount
        if differs:
            self._revenue.differing += 1
            kept = (entry.size, -next(self._number), entry)
            (heapq.heappush if len(self._largest) < LISTED else heapq.heappushpop)(self._largest, kept)

    def closed(self) -> Revenue:
        """Return the sums, sorted by day and currency."""
        self._revenue.days = sorted(self._days.values(), key=lambda one: (one.day or date.min, one.currency))
        found = (entry for _, _, entry in self._largest)
        self._revenue.differences = sorted(found, key=lambda one: (one.day or date.min, one.reference, one.remote_id))
        return self._revenue


def remote_money(raw: Mapping[str, Any]) -> Money | None:
    """Return the sum of quantity times price of the lines of an order's remote JSON, rounded to the minor unit.

    An order without lines, or with a line that shows no price, counts with the total that Hellotext shows. ``None``
    without either, and if the lines have several currencies.
    """
    lines = [(line.get("quantity", 1), line.get("price")) for line in raw.get("items") or ()]
    try:
        if lines and all(isinstance(price, Mapping) for _, price in lines):
            currencies = {str(price["currency"]) for _, price in lines}
            amount = sum(
                (Decimal(str(quantity)) * Decimal(str(price["amount"])) for quantity, price in lines), Decimal(0)
            )
            [currency] = currencies
        else:
            amount, currency = Decimal(str(raw["total"]["amount"])), str(raw["total"]["currency"])
        return to_money(amount, currency=currency, where="Hellotext")
    except (KeyError, TypeError, ValueError, InvalidOperation, HellotextError):
        return None


def order_adapters() -> list[Adapter]:
    """Return the registered adapters of orders."""
    return [one for one in registry.all() if one.kind == Kind.ORDER]


def _counts(moment: datetime | None, since: datetime | None, began: datetime) -> bool:
    """Return whether an order placed at ``moment`` is compared. One placed after ``began`` may not be listed yet."""
    return moment is None or (moment <= began and (since is None or moment >= since))


def _entry(adapter: Adapter, order: ShopOrder, moment: datetime | None) -> OrderDifference:
    there = remote_money(order.remote) if order.remote is not None else None
    is_unreadable = order.remote is not None and there is None
    if order.total is not None and there is not None and not order.total.amount and not there.amount:
        there = order.total  # of an order without lines Hellotext does not know the currency
    return OrderDifference(
        reference=order.reference,
        model=adapter.model._meta.label,
        pk=str(order.host.pk),
        day=day_of(moment) if moment is not None else None,
        shop=order.total,
        hellotext=there,
        remote_id=order.remote_id,
        reason="Hellotext shows no amount for it" if is_unreadable else order.reason,
    )


def _unknown_orders(listing: Listing, sources: Iterable[str], *, since: datetime | None) -> Iterator[OrderDifference]:
    """Yield the orders at Hellotext with one of ``sources`` that no order of the shop matches."""
    ours = set(sources)
    for id, raw in listing.unclaimed_objects(Kind.ORDER):
        created = read_time(raw, "created_at")
        if raw.get("source") not in ours or (since is not None and created is not None and created < since):
            continue
        yield OrderDifference(
            reference=str(raw.get("reference") or ""),
            day=day_of(created) if created is not None else None,
            shop=None,
            hellotext=remote_money(raw),
            remote_id=id,
            reason="no order of the shop matches",
        )
