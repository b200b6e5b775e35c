"""From the lines of a cart, change by change, to ``cart.added`` and ``cart.removed`` (demand A9).

``RemoteObject.seen["lines"]`` is what the cart held when it was last looked at. The first sight of a cart that was
there before is only that; recalculations, reloads and merges change no quantity, or are told apart, and send nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models, transaction

from ..adapters import Adapter, Link
from ..adapters.lines import line_facts
from ..exceptions import TrackingError
from ..intake.facts import Fact
from ..intake.lines import CONSENT, LINE, LINES, LOOK
from ..intake.merges import QUIET
from ..models import Change, RemoteObject

logger = logging.getLogger("django_hellotext.delivery")

SEEN, ORDERED, IDLE, CONTENT = "lines", "ordered", "idle", "content"
PRICE = "price"  # of an event's item: amount and currency as text

Lines = dict[str, list[Any]]  # by line: kind, label and key of its product, and the quantity as text
Totals = dict[tuple[str, str, str], Decimal]
Prices = dict[tuple[str, str, str], dict[str, list[str]]]


@dataclass(frozen=True)
class Step:
    """One thing that a customer did with a cart: products with the quantities that resulted."""

    change: Change
    action: str
    items: list[tuple[tuple[str, str, str], Decimal]]


def needs_a_look(mirror: RemoteObject, changes: Iterable[Change]) -> bool:
    """Whether the cart itself has to be read: at first sight, and where a line could not be frozen."""
    return (SEEN not in mirror.seen and not any(change.created for change in changes)) or any(
        change.data.get(LOOK) for change in changes
    )


def steps_of(mirror: RemoteObject, changes: Sequence[Change], *, current: Lines | None) -> list[Step]:
    """What ``changes`` come to; notes on the unsaved ``mirror`` what the cart holds now, and when that changed."""
    seen = mirror.seen.get(SEEN)
    if seen is None and not any(change.created for change in changes):
        if current is not None:
            used = [change for change in changes if not change.is_found]
            mirror.seen = {**mirror.seen, SEEN: current}
            mirror.changed_at = used[-1].happened_at if used else mirror.changed_at
        return []
    lines: Lines = dict(seen or {})
    ordered = bool(mirror.seen.get(ORDERED))
    steps: list[Step] = []
    for change in changes:
        if change.overtaken_at is not None:
            # What the order itself takes out of the cart is no doing of the customer's.
            ordered = True
        after = _after(lines, change, current)
        added, removed = _difference(lines, after)
        lines = after
        if change.is_found:
            continue
        if added or removed or mirror.changed_at is None:
            mirror.changed_at = change.happened_at
        ordered = ordered and not added
        if change.data.get(QUIET) or change.data.get(CONSENT) is False:
            continue
        if added:
            steps.append(Step(change, "cart.added", added))
        if removed and not ordered:
            steps.append(Step(change, "cart.removed", removed))
    mirror.seen = {**mirror.seen, SEEN: lines, ORDERED: ordered}
    return steps


def fact_of(step: Step, link: Link, mirror: RemoteObject, adapter: Adapter, host: Any) -> Fact | None:
    """Return the event of ``step``; ``None`` if no customer and no session is known, or the shop wants none.

    ``link``, ``adapter`` and ``host`` are those of the cart that the event names: after a merge, of the target.
    """
    profile: Link | None = None
    prices: Prices = {}
    if host is not None:
        if not adapter.should_sync(host):
            return None
        profile, prices = adapter.profile_link(host), _prices(adapter, host)
    fact = _fact(step, link, mirror, prices)
    if profile is None and not fact.session:
        return None
    is_carried_over = (link.label, link.pk) != (mirror.host_label, mirror.host_pk)
    # What happened before the login need not wait until the session is attached to the customer.
    fact.profile = None if is_carried_over and fact.session else profile
    return fact


def unread_fact(step: Step, link: Link, mirror: RemoteObject, fault: TrackingError) -> Fact:
    """Return the event of ``step`` for a cart whose adapter failed; the worker completes it when it is sent again."""
    fact = _fact(step, link, mirror, {})
    fact.adapter_faults.append(fault)
    return fact


def _fact(step: Step, link: Link, mirror: RemoteObject, prices: Prices) -> Fact:
    change = step.change
    items = [
        {"product": {"kind": kind, "label": label, "pk": pk}, "quantity": _text(quantity), **prices.get(product, {})}
        for product, quantity in step.items
        for kind, label, pk in [product]
    ]
    return Fact(
        action=step.action,
        object_link=link,
        session=change.session or mirror.session,
        parameters={"items": items},
        tracked_at=change.happened_at,
        recorded_at=change.happened_at,
        consent=change.data.get(CONSENT),
        lane=change.lane,
    )


def _prices(adapter: Adapter, host: Any) -> Prices:
    """Return the price of each product in the cart, as an event keeps it.

    Without a price Hellotext takes the product's own. A product at two prices has none here.
    """
    found: Prices = {}
    for item in (adapter.shaped(host, "items") or []) if host is not None else []:
        product, price = item["product"], item["price"]
        if isinstance(product, Link):
            key = (product.kind, product.label, product.pk)
            is_first = key not in found
            found[key] = {PRICE: [str(price.amount), price.currency]} if price is not None and is_first else {}
    return found


def current_lines(adapter: Adapter, host: models.Model | None, *, using: str) -> Lines | None:
    """What the cart holds now; ``None`` where that cannot be read."""
    if host is None:
        return None
    try:
        # A query of the host's own that fails must not end the fold.
        with transaction.atomic(using=using):
            return lines_from(line_facts(adapter, host))
    except Exception as error:
        logger.warning("adapter.failed", extra={"adapter": type(adapter).__name__, "error": type(error).__name__})
        return None


def lines_from(facts: Iterable[Mapping[str, Any]]) -> Lines:
    """``facts`` by line, without those of which there is nothing."""
    return {fact["key"]: [*fact["product"], fact["quantity"]] for fact in facts if Decimal(fact["quantity"]) > 0}


def _after(lines: Lines, change: Change, current: Lines | None) -> Lines:
    if LINES in change.data:
        return lines_from(change.data[LINES])
    if LINE in change.data:
        fact = change.data[LINE]
        others = {key: line for key, line in lines.items() if key != fact["key"]}
        return {**others, **lines_from([fact])}
    return current if change.data.get(LOOK) and current is not None else lines


def _difference(before: Lines, after: Lines) -> tuple[Any, Any]:
    old, new = _totals(before), _totals(after)
    # What is known by a text only, such as an SKU, is no product that an event could name.
    products = sorted(key for key in {*old, *new} if key[0])
    added = [(key, new[key]) for key in products if new.get(key, 0) > old.get(key, 0)]
    removed = [(key, new.get(key, Decimal(0))) for key in products if new.get(key, 0) < old.get(key, 0)]
    return added, removed


def _totals(lines: Lines) -> Totals:
    found: Totals = defaultdict(Decimal)
    for kind, label, pk, quantity in lines.values():
        found[kind, label, pk] += Decimal(quantity)
    return dict(found)


def _text(quantity: Decimal) -> str:
    """Return ``quantity`` as Hellotext takes it: 1 for a part of something."""
    return str(int(quantity)) if quantity == quantity.to_integral_value() else "1"
