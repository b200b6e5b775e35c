"""The lines of an order as Hellotext takes them: their sum is what the customer was charged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from django_hellotext.adjustments import AdjustmentKind, adjust, collecting
from django_hellotext.api.types import Money
from django_hellotext.exceptions import TrackingError

from . import values
from .charges import Bill, Charge, settle
from .fields import Items
from .fields import Money as MoneySpec
from .links import Link
from .money import DEFAULT_EXPONENT, EXPONENTS, MAX_DIGITS, to_decimal, to_money
from .placeholders import FEES, NO_LONGER_SOLD, OTHER_ITEMS, placeholder
from .reading import readable_data
from .sold import Sold, declared_items, read_lines

if TYPE_CHECKING:
    from .base import Adapter

QUANTITIES, LINE_TOTALS, DISCOUNT = "quantities", "line_totals", "discount"
ORIGINALS = frozenset({QUANTITIES, LINE_TOTALS, DISCOUNT})
"""The names in an order's metadata under which original values are kept."""

_EXACT = Context(prec=4 * MAX_DIGITS)

Product = Link | str
Currency = Callable[[], str | None]


class OrderLines(list[dict[str, Any]]):
    """The lines of an order, with the ``originals`` of what was changed on them."""

    def __init__(self, lines: Iterable[dict[str, Any]], originals: dict[str, Any]) -> None:
        super().__init__(lines)
        self.originals = originals


def order_lines(adapter: Adapter, obj: Any, found: Any) -> OrderLines:
    """Return ``found``, the lines of ``obj`` or ready-made mappings, as the contract's lines.

    Raises ``TrackingError`` if it is not certain what was charged.
    """
    declared = declared_items(adapter)
    declared = declared if isinstance(declared, Items) else None
    currency = cache(lambda: adapter.currency_of(obj))
    sold = read_lines(adapter, obj, found, currency=currency)
    total = _total(adapter, obj, currency, has_lines=bool(sold))
    extras = _extras(adapter, obj, declared, currency)
    currencies = {one.currency for one in (*sold, *extras) if one.amount is not None}
    currencies |= {total.currency} if total is not None else set()
    is_one = len(currencies) <= 1
    unpriced = [one for one in sold if one.amount is None]
    if unpriced and total is not None and is_one:
        _take_rest(unpriced, sold, extras, total)
        currencies, unpriced = {total.currency}, []
    for one in unpriced:
        if one.fault is not None:
            raise one.fault
    if unpriced:
        return _without_prices(sold)
    if not is_one:
        named = " and ".join(sorted(map(str, currencies)))
        adjust("items", AdjustmentKind.TOTAL_DIFFERS, f"the amounts are in {named}", size=100)
        total = None
    reconciles = declared is None or declared.reconcile
    made = OrderLines((), {})
    for code in sorted(code for code in currencies if code):
        charges = _charges([one for one in (*sold, *extras) if one.currency == code], code)
        bill = settle(
            charges,
            total=_minor(total.amount, code) if total is not None and reconciles else None,
            fees=placeholder(FEES),
            others=placeholder(OTHER_ITEMS),
            is_complete=declared is not None and bool(declared.extras()),
        )
        _add(made, bill, code, has_lines=bool(sold))
    return made


def sum_of_lines(adapter: Adapter, obj: Any) -> Money | None:
    """Return what the lines of ``obj``, whose total cannot be read, come to; ``None`` if that is not certain."""
    with collecting():  # what is changed on the lines belongs to the order, not to its event
        lines = adapter.shaped(obj, "items") or []
    prices = [line["price"] for line in lines]
    if not lines or None in prices or len({price.currency for price in prices}) > 1:
        return None
    amount = sum((line["price"].amount * line["quantity"] for line in lines), Decimal(0))
    _tell_unreadable(adapter, obj)
    return Money(amount, prices[0].currency)


def _total(adapter: Adapter, obj: Any, currency: Currency, *, has_lines: bool) -> Money | None:
    if not adapter.declares("total"):
        return None
    try:
        found = adapter.value(obj, "total")
        if values.is_empty(found):
            return None
        with readable_data():
            return to_money(found, currency=currency(), where=adapter.where("total"))
    except TrackingError:
        if not has_lines:
            raise
        _tell_unreadable(adapter, obj)
        return None


def _tell_unreadable(adapter: Adapter, obj: Any) -> None:
    reason = "the total cannot be read; the sum of the lines stands for it"
    adjust("total", AdjustmentKind.TOTAL_FROM_LINES, reason, adapter.value(obj, "total"))


def _extras(adapter: Adapter, obj: Any, declared: Items | None, currency: Currency) -> list[Sold]:
    found = []
    for spec, title in declared.extras() if declared is not None else ():
        where = adapter.where("items.extra")
        own = None
        if isinstance(spec, MoneySpec):
            own = adapter.read(obj, spec.currency, where=where)
            spec = spec.amount
        value = adapter.read(obj, spec, where=where)
        if values.is_empty(value):
            continue
        try:
            money = to_money(value, currency=own or currency(), where=where)
            amount = to_decimal(getattr(value, "amount", value), where=where)
        except TrackingError:
            adjust("items.extra", AdjustmentKind.LEFT_OUT, f"the amount of {title!r} cannot be read", value)
            continue
        if amount:
            found.append(Sold(None, placeholder(str(title)), str(title), Decimal(1), amount, money.currency))
    return found


def _take_rest(unpriced: list[Sold], sold: list[Sold], extras: list[Sold], total: Money) -> None:
    """Let the lines whose amounts are not known have the rest of ``total``: several share it by their quantities."""
    others = sum((one.amount for one in (*sold, *extras) if one.amount is not None), Decimal(0))
    rest, left = _minor(max(total.amount - others, Decimal(0)), total.currency), sum(map(_weight, unpriced))
    for one in unpriced:
        share = int(rest * _weight(one) / left)
        one.amount, one.currency = _money(share, total.currency).amount, total.currency
        rest, left = rest - share, left - _weight(one)
    have = "it has" if len(unpriced) == 1 else "they share, by their quantities,"
    reason = f"the amounts of some lines ({len(unpriced)}) are not known; {have} the rest of the total"
    adjust("items.price", AdjustmentKind.REPAIRED, reason, str(unpriced[0].fault or ""))


def _weight(one: Sold) -> Decimal:
    return one.quantity if one.quantity > 0 else Decimal(1)


def _without_prices(sold: list[Sold]) -> OrderLines:
    """Return lines of which some have no price: Hellotext takes that of the product."""
    found: dict[Product, dict[str, Any]] = {}
    for one in sold:
        product = _product_of(one)
        if product is None or one.quantity <= 0:
            continue
        count = _count(one)
        price = _money(_minor(one.amount / count, one.currency), one.currency) if one.amount and one.currency else None
        same = found.get(product)
        if same is None:
            found[product] = {"product": product, "quantity": count, "price": price}
        else:
            same["quantity"] += count
            same["price"] = price if price == same["price"] else None
    return OrderLines(found.values(), {})


def _charges(lines: Iterable[Sold], currency: str) -> list[Charge[Product]]:
    keys: dict[str, Product] = {}
    found: list[Charge[Product]] = []
    for one in lines:
        amount = _minor(one.amount or Decimal(0), currency)
        product = None if amount < 0 and one.product is None else _product_of(one)
        key = one.key
        if product is not None and keys.setdefault(key, product) != product:
            # Two products with one SKU.
            key = f"{product.label}:{product.pk}" if isinstance(product, Link) else product
        is_fee = one.is_fee or one.host is None
        found.append(Charge(product, _quantity(one), amount, key, is_fee=is_fee))
    return found


def _product_of(one: Sold) -> Product | None:
    """Return what stands on the line, and record a placeholder that stands for a product."""
    if one.product is not None:
        return one.product
    stand_in = one.stand_in or placeholder(NO_LONGER_SOLD)
    if one.host is not None and (one.amount is None or one.amount >= 0):
        adjust("items.product", AdjustmentKind.PLACEHOLDER, f"the placeholder {stand_in.title!r} stands on a line")
    return stand_in


def _quantity(one: Sold) -> Decimal:
    if one.quantity_given is not None:
        reason = "the quantity cannot be read; the line counts as one piece"
        adjust("items.quantity", AdjustmentKind.QUANTITY_CHANGED, reason, one.quantity_given)
    return one.quantity


def _count(one: Sold) -> int:
    is_whole = one.quantity == one.quantity.to_integral_value() and one.quantity >= 1
    if not is_whole:
        adjust("items.quantity", AdjustmentKind.QUANTITY_CHANGED, "only whole quantities can be sent", one.quantity)
    return int(one.quantity) if is_whole else 1


def _add(made: OrderLines, bill: Bill[Product], currency: str, *, has_lines: bool) -> None:
    """Add the lines of ``bill`` to ``made``, and record what was changed."""
    made += [
        {"product": line.product, "quantity": line.quantity, "price": _money(line.price, currency)}
        for line in bill.lines
    ]
    originals: dict[str, dict[str, str]] = {
        QUANTITIES: {key: f"{quantity:f}" for key, quantity in bill.quantities.items()},
        LINE_TOTALS: {key: _text(amount, currency) for key, amount in bill.line_totals.items()},
    }
    for name, changed in originals.items():
        if changed:
            made.originals[name] = {**made.originals.get(name, {}), **changed}
    if bill.discount:
        made.originals[DISCOUNT] = _text(bill.discount, currency)
        reason = f"a discount of {_text(bill.discount, currency)} {currency} is spread over the lines"
        adjust("items", AdjustmentKind.DISCOUNT_SPREAD, reason)
    if bill.fees and has_lines:
        title = FEES if len(bill.lines) > 1 else OTHER_ITEMS
        reason = f"a line {title!r} of {_text(bill.fees, currency)} {currency} makes up the total"
        adjust("items", AdjustmentKind.FEES_ADDED, reason)
    elif bill.fees:
        adjust("items", AdjustmentKind.PLACEHOLDER, "the order has no lines; a placeholder stands for what was sold")
    if bill.merged:
        adjust("items", AdjustmentKind.LINES_MERGED, f"{bill.merged} more lines of a product stand on its first one")
    if bill.combined:
        reason = f"the {bill.combined} smallest lines stand on one line {OTHER_ITEMS!r}"
        adjust("items", AdjustmentKind.LINES_COMBINED, reason)
    if bill.difference:
        reason = (
            f"the total and the lines differ by {_text(bill.difference, currency)} {currency}; both stay as they are"
        )
        total = bill.total + bill.difference
        size = round(abs(bill.difference) * 100 / max(total, 1))
        adjust("items", AdjustmentKind.TOTAL_DIFFERS, reason, size=size)
    for key, quantity in bill.quantities.items():
        adjust(
            "items.quantity", AdjustmentKind.QUANTITY_CHANGED, f"the line {key} counts as one piece", f"{quantity:f}"
        )


def _exponent(currency: str) -> int:
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


def _minor(amount: Decimal, currency: str | None) -> int:
    """Return ``amount`` in minor units of ``currency``, rounded half up."""
    scaled = amount.scaleb(_exponent(currency or ""), context=_EXACT)
    return int(scaled.to_integral_value(rounding=ROUND_HALF_UP))


def _money(minor: int, currency: str) -> Money:
    return Money(Decimal(minor).scaleb(-_exponent(currency), context=_EXACT), currency)


def _text(minor: int, currency: str) -> str:
    return f"{_money(minor, currency).amount:f}"
