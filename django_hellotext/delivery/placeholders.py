"""Which placeholders an account may have: not one for each product that was ever sold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..adapters import Link, registry
from ..adapters.placeholders import GENERIC, MOST_PLACEHOLDERS, OWN, PLACEHOLDERS, sku_of
from ..adjustments import AdjustmentKind, adjust
from ..models import Kind, RemoteObject, State
from ..models.states import Removal
from .mirrors import identity_for, link_of

if TYPE_CHECKING:
    from .batch import Batch


def in_place_of(wanted: Iterable[Link], *, account: str, using: str) -> dict[Link, Link]:
    """Return what stands for those placeholders of ``wanted`` that are not to be made.

    A placeholder by SKU is not made while Hellotext still has the product that had it. Beyond ``MOST_PLACEHOLDERS``
    the generic one stands for each further one. Queries only for placeholders that have a name of their own.
    """
    named = {link for link in wanted if link.label == PLACEHOLDERS} - OWN
    if not named:
        return {}
    rows = RemoteObject.objects.using(using).filter(account=account)
    identities = {identity_for(link, account): link for link in named}
    there = set(rows.identified(identities).values_list("identity", flat=True))
    unknown = [link for identity, link in identities.items() if identity not in there]
    if not unknown:
        return {}
    found = _kept_products(unknown, account=account, using=using)
    unknown = sorted(link for link in unknown if link not in found)
    if unknown:
        count = rows.filter(kind=Kind.PRODUCT, host_label=PLACEHOLDERS).order_by()[:MOST_PLACEHOLDERS].count()
        found |= dict.fromkeys(unknown[max(MOST_PLACEHOLDERS - count, 0) :], GENERIC)
    return found


def unmirrored(products: Iterable[Link], batch: Batch) -> set[Link]:
    """Return those of ``products`` that no process mirrors, and record that.

    This one has no adapter for them. A process of another release may have one: then there are rows of that model.
    """
    by_label: dict[str, set[Link]] = defaultdict(set)
    for link in products:
        by_label[link.label].add(link)
    found: set[Link] = set()
    for label, links in by_label.items():
        if registry.for_label(label) is None and not batch.knows(label):
            found |= links
            reason = f"no adapter is registered for {label}"
            adjust("items.product", AdjustmentKind.PREREQUISITE_MISSING, reason)
    return found


def _kept_products(placeholders: Iterable[Link], *, account: str, using: str) -> dict[Link, Link]:
    """Return the deleted products that stay at Hellotext and have the SKUs of ``placeholders``."""
    by_sku = {sku: link for link in placeholders if (sku := sku_of(link))}
    if not by_sku:
        return {}
    kept = RemoteObject.objects.using(using).filter(
        account=account,
        kind__in=[Kind.PRODUCT, Kind.VARIANT],
        state=State.DELETED,
        removal=Removal.KEEP,
        data__sku__in=list(by_sku),
    )
    return {by_sku[row.data["sku"]]: link_of(row) for row in kept.exclude(remote_id="")}
