"""What ``hellotext_sync --check --money`` shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django_hellotext.api.types import Money
from django_hellotext.delivery.revenue import DayRevenue, OrderDifference, Revenue
from django_hellotext.management.showing import table, wrapped

DAYS = 31  # rows that are shown in any case

HEAD = ("day", "currency", "shop", "Hellotext", "difference", "orders", "differing")


def report(revenue: Revenue, *, width: int) -> Iterator[str]:
    """Yield the lines of the table and, beneath it, the orders that differ."""
    rows = revenue.days
    if len(rows) > DAYS:
        rows = [row for row in rows if row.differing]
    totals = revenue.totals()
    shown = [_row(row, _day(row.day)) for row in rows] + [_row(total, "total") for total in totals]
    yield from table(HEAD, shown, width=width)
    hidden = len(revenue.days) - len(rows)
    if hidden:
        yield f"{hidden:,} more {'row agrees' if hidden == 1 else 'rows agree'} to the minor unit; --json lists all."
    if revenue.left_out:
        yield f"Left out: {revenue.left_out:,} {'order' if revenue.left_out == 1 else 'orders'} of the shop."
    if revenue.differing:
        some = len(revenue.differences)
        most = f"the {some:,} largest of {revenue.differing:,}" if some < revenue.differing else f"{some:,}"
        yield ""
        yield f"Orders that differ ({most}):"
    for one in revenue.differences:
        yield from wrapped(_sentence(one), width=width, indent=2)


def document(revenue: Revenue) -> dict[str, Any]:
    """Return the same for ``--json``; amounts are decimal text in major units."""
    return {
        "orders": revenue.orders,
        "left_out": revenue.left_out,
        "days": [{"day": row.day and row.day.isoformat(), **_sums(row)} for row in revenue.days],
        "totals": [_sums(row) for row in revenue.totals()],
        "differences": {"count": revenue.differing, "orders": [_difference(one) for one in revenue.differences]},
    }


def _row(row: DayRevenue, day: str) -> tuple[str | int, ...]:
    amounts = (_amount(row.shop), _amount(row.hellotext), _amount(row.difference))
    return (day, row.currency, *amounts, row.orders, row.differing)


def _sums(row: DayRevenue) -> dict[str, Any]:
    return {
        "currency": row.currency,
        "shop": _plain(row.shop),
        "hellotext": _plain(row.hellotext),
        "difference": _plain(row.difference),
        "orders": row.orders,
        "differing": row.differing,
    }


def _difference(one: OrderDifference) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "model": one.model or None,
        "pk": one.pk or None,
        "hellotext_id": one.remote_id or None,
        "day": one.day and one.day.isoformat(),
        "shop": _money(one.shop),
        "hellotext": _money(one.hellotext),
        "reason": one.reason,
    }


def _money(money: Money | None) -> dict[str, str] | None:
    return {"amount": _plain(money.amount), "currency": money.currency} if money is not None else None


def _sentence(one: OrderDifference) -> str:
    name = f"{one.reference or one.remote_id} ({one.model} {one.pk})" if one.model else f"{one.reference} at Hellotext"
    shop, there = _side(one.shop, known=bool(one.model)), _side(one.hellotext, known=bool(one.remote_id))
    why = f"; {one.reason}" if one.reason else ""
    return f"{_day(one.day)} {name}: shop {shop}, Hellotext {there}{why}"


def _side(money: Money | None, *, known: bool) -> str:
    if money is None:
        return "unknown" if known else "none"
    return f"{_amount(money.amount)} {money.currency}"


def _day(day: date | None) -> str:
    return day.isoformat() if day is not None else "no day"


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}"


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"
