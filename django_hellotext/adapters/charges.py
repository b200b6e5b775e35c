"""What the lines of an order have to be so that Hellotext computes what was charged.

Hellotext multiplies and adds: the lines of an order are whole quantities of different products at a unit price, and
their sum is the order's total. Here the lines of a shop become such lines. Amounts are integers in minor units of one
currency. Reads no object and knows no adapter.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)

MOST_LINES = 1_000
"""Lines that Hellotext takes in one order."""

MOST_DIFFERENCE = 30
"""Percent of the total by which lines may differ from it; beyond that, one of them is taken for wrong."""


@dataclass(frozen=True)
class Charge(Generic[P]):
    """What a shop charged for one line.

    ``amount`` is that of the whole line, below 0 for a voucher. ``product`` may be ``None`` only then. ``key`` names
    the line where its original values are kept. ``is_fee``: shipping and the like, which a discount spares.
    """

    product: P | None
    quantity: Decimal
    amount: int
    key: str = ""
    is_fee: bool = False


@dataclass(frozen=True)
class Line(Generic[P]):
    """A line at Hellotext: ``quantity`` pieces at ``price`` each."""

    product: P
    quantity: int
    price: int


@dataclass
class Bill(Generic[P]):
    """The lines of an order at Hellotext, and what was changed for that.

    ``quantities`` and ``line_totals`` are the original values, by the key of the line, where other ones are sent.
    ``discount`` was spread over the lines, ``fees`` was added as a line. ``merged`` lines repeated a product;
    ``combined`` ones stand together on one line. ``difference`` is what the total has beyond the lines where that was
    too much to be made up for.
    """

    lines: list[Line[P]] = field(default_factory=list)
    quantities: dict[str, Decimal] = field(default_factory=dict)
    line_totals: dict[str, int] = field(default_factory=dict)
    discount: int = 0
    fees: int = 0
    merged: int = 0
    combined: int = 0
    difference: int = 0

    @property
    def total(self) -> int:
        """What Hellotext computes."""
        return sum(line.quantity * line.price for line in self.lines)


@dataclass
class _Item(Generic[P]):
    product: P
    key: str
    is_fee: bool
    quantity: Decimal = Decimal(0)
    original: int = 0
    amount: int = 0
    count: int = 1


def settle(
    charges: Iterable[Charge[P]],
    *,
    total: int | None,
    fees: P,
    others: P,
    is_complete: bool = False,
    most: int = MOST_LINES,
) -> Bill[P]:
    """Return the lines that add up to ``total``; without one, to the sum of ``charges``.

    :param total: what the customer was charged; below 0 counts as 0. :param fees: the product of a line that makes up
        for what the lines lack. :param others: that of the line for what cannot have one of its own.
    :param is_complete: ``charges`` hold the extras, so that any difference is a discount or a fee.
    """
    bill: Bill[P] = Bill()
    items, discount = _by_product(charges, bill)
    charged = sum(item.amount for item in items)
    discount = min(discount, charged)
    missing = 0 if total is None else max(total, 0) - (charged - discount)
    rounded = len(items) + bill.merged  # minor units: each line was rounded for itself
    is_far = abs(missing) * 100 > MOST_DIFFERENCE * max(total or 0, 0) and abs(missing) > rounded
    if items and not is_complete and is_far:
        bill.difference, missing = missing, 0
    bill.discount = discount - min(missing, 0)
    _take_off(items, bill.discount)
    if missing > 0:
        bill.fees = missing
        _add_fees(items, fees if items else others, missing)
    items = _within(items, most, others, bill)
    _make_whole(items, bill)
    bill.lines = [Line(item.product, item.count, item.amount // item.count) for item in items]
    return bill


def _by_product(charges: Iterable[Charge[P]], bill: Bill[P]) -> tuple[list[_Item[P]], int]:
    """Return one item for each product, and the sum of what is below 0."""
    found: dict[P, _Item[P]] = {}
    below = 0
    for charge in charges:
        if charge.product is None:
            below -= charge.amount
            continue
        if not charge.amount and not charge.quantity:
            continue
        item = found.get(charge.product)
        if item is None:
            item = found[charge.product] = _Item(charge.product, charge.key, charge.is_fee)
        else:
            bill.merged += 1
        item.original += charge.amount
        # A negative line with its own quantity is a discount on the product, one of -1 a piece taken back.
        if (charge.quantity > 0) == (charge.amount >= 0):
            item.quantity += charge.quantity
    for item in found.values():
        item.amount = max(item.original, 0)
        below -= min(item.original, 0)
    return [item for item in found.values() if item.original > 0 or (item.original == 0 and item.quantity > 0)], below


def _take_off(items: Sequence[_Item[P]], discount: int) -> None:
    goods = [item for item in items if not item.is_fee]
    left = discount - _spread(goods, discount)
    _spread([item for item in items if item.is_fee], left)


def _spread(items: Sequence[_Item[P]], discount: int) -> int:
    """Take ``discount`` off ``items`` in proportion, none below 0; return how much they took."""
    whole = sum(item.amount for item in items)
    taken = min(discount, whole)
    if not taken:
        return 0
    shares = [divmod(taken * item.amount, whole) for item in items]
    left = taken - sum(share for share, _ in shares)
    largest = set(sorted(range(len(items)), key=lambda place: (-shares[place][1], place))[:left])
    for place, (item, (share, _)) in enumerate(zip(items, shares, strict=True)):
        item.amount -= share
        if place in largest:
            item.amount -= 1
    return taken


def _add_fees(items: list[_Item[P]], product: P, amount: int) -> None:
    """Add ``amount`` to the line of ``product``, which is made if there is none."""
    for item in items:
        if item.product == product:
            item.amount += amount
            return
    items.append(_Item(product, "", True, quantity=Decimal(1), original=amount, amount=amount))


def _within(items: list[_Item[P]], most: int, others: P, bill: Bill[P]) -> list[_Item[P]]:
    """Return at most ``most`` items: the smallest ones become one."""
    if len(items) <= most:
        return items
    by_size = sorted(items, key=lambda item: (item.is_fee, item.amount), reverse=True)
    kept = {id(item) for item in by_size[: most - 1]}
    combined = [item for item in items if id(item) not in kept]
    bill.combined = len(combined)
    for item in combined:
        if item.key:
            bill.quantities[item.key], bill.line_totals[item.key] = item.quantity, item.original
    amount = sum(item.amount for item in combined)
    rest = [item for item in items if id(item) in kept]
    _add_fees(rest, others, amount)
    return rest


def _make_whole(items: Sequence[_Item[P]], bill: Bill[P]) -> None:
    """Give each item a whole quantity that divides its amount; the remainders go where there is one piece."""
    for item in items:
        is_whole = item.quantity == item.quantity.to_integral_value() and item.quantity >= 1
        item.count = int(item.quantity) if is_whole else 1
    uneven = [item for item in items if item.amount % item.count]
    if uneven:
        single = [item for item in items if item.count == 1]
        taker = max(single, key=lambda item: (item.is_fee, item.amount), default=None)
        if taker is None:
            taker = min(uneven, key=lambda item: item.count)
            taker.count = 1
        for item in uneven:
            remainder = item.amount % item.count
            item.amount -= remainder
            taker.amount += remainder
    for item in items:
        if not item.key:
            continue
        if item.amount != item.original:
            bill.line_totals[item.key] = item.original
        if item.count != item.quantity:
            bill.quantities[item.key] = item.quantity
