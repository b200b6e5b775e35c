"""What an update needs beyond its PATCH: lines, memberships, variants, and values that the shop cleared.

Each difference is worked out from what Hellotext holds and what we sent before, so that an attempt that was
interrupted midway is simply made again. What others put there stays: only what we sent is ever taken away.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from ..adapters.order_lines import ORIGINALS
from ..api import HellotextClient
from ..api.types import LineItem, encode_json
from ..api.types.results import OrderItem, ProductVariant
from ..exceptions import NotFound
from ..models import Kind
from .comparing import differences

SENT = "_sent"
"""The key in a mirror's ``data`` under which the names (never the values) of what was last sent are kept."""

VARIANTS = "_variants"
"""The key under which the fingerprints of the variants that a product brought along are kept."""

TEXTS = frozenset({"first_name", "last_name", "email", "phone", "address"})
NAMED = frozenset({"emails", "phones", "addresses", "properties", "properties_by_id"})

# What takes a value away at Hellotext (contract: ProfileUpdate, AppUpdate). A text of a product or an order cannot be
# taken away: the contract knows no empty one.
EMPTY: Mapping[str, Mapping[str, Any]] = {
    Kind.PRODUCT: {"categories": [], "collection": [], "tags": [], "metadata": {}, "variants": []},
    Kind.VARIANT: {"metadata": {}},
    Kind.FORM: {"metadata": {}},
    Kind.APP: {"image_url": None},
    Kind.CART: {"metadata": {}},
    Kind.ORDER: {"metadata": {}},
    Kind.REFUND: {"metadata": {}},
}


def names_of(payload: Mapping[str, Any]) -> list[str]:
    """The names of what ``payload`` says, such as ``first_name``, ``emails[work]`` and ``lists[Regulars]``.

    Of an order's metadata also those that hold original values of its lines: the shop need not declare any.
    """
    found: list[str] = []
    for name, value in payload.items():
        if name in NAMED and isinstance(value, Mapping):
            found += [f"{name}[{key}]" for key in value]
        elif name == "lists":
            found += [f"{name}[{entry}]" for entry in value]
        else:
            found.append(name)
        if name == "metadata" and isinstance(value, Mapping):
            found += [f"{name}[{key}]" for key in sorted(ORIGINALS & value.keys())]
    return found


def sent_part(payload: Mapping[str, Any], sent: Container[str]) -> dict[str, Any]:
    """Return what of a profile's ``payload`` was sent; contacts of other profiles are left out, see ``profiles``."""
    found: dict[str, Any] = {}
    for name, value in payload.items():
        if name in NAMED and isinstance(value, Mapping):
            found[name] = {key: one for key, one in value.items() if f"{name}[{key}]" in sent}
        elif name == "lists" or name in sent:
            found[name] = value
    return found


def cleared(
    kind: str, before: Iterable[str], payload: Mapping[str, Any], *, declares: Callable[[str], bool]
) -> dict[str, Any]:
    """Arguments of an update that take away what was sent ``before`` and ``payload`` does not say any more.

    ``declares`` says whether the adapter still has an attribute: what it does not speak of any more stays as it is.
    """
    now = set(names_of(payload))
    found: dict[str, Any] = {}
    for sent in before:
        name, _, key = sent.removesuffix("]").partition("[")
        is_original = name == "metadata" and key in ORIGINALS
        if sent in now or (is_original and name in now) or not (is_original or declares(name)):
            continue
        if kind != Kind.PROFILE:
            if name in EMPTY.get(kind, {}):
                found[name] = EMPTY[kind][name]
        elif name in NAMED:
            found.setdefault(name, {})[key] = ""
        elif name in TEXTS:
            found[name] = ""
        elif name == "lists":
            found[name] = []
    return found


def with_cleared(values: Mapping[str, Any], removals: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of an update together with ``removals``."""
    merged = {**removals, **values}
    for name in NAMED & removals.keys() & values.keys():
        merged[name] = {**removals[name], **values[name]}
    return merged


def with_new_defaults(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """``values`` of an update, in which those of ``names`` leave the former default in its place."""
    return {f"new_default_{name}" if name in names else name: value for name, value in values.items()}


def left_lists(before: Iterable[str], lists: Iterable[str]) -> list[str]:
    """The lists on which we put the profile before, and on which the shop does not want it any more."""
    ours = [name[len("lists[") : -1] for name in before if name.startswith("lists[")]
    return [name for name in ours if name not in set(lists)]


def join_lists(client: HellotextClient, profile: str, names: Iterable[str]) -> None:
    """Put ``profile`` on each list; a list that does not exist yet is made."""
    for name in names:
        try:
            client.lists.add_profile(name, profile)
        except NotFound:
            client.lists.create(name=name)
            client.lists.add_profile(name, profile)


def leave_lists(client: HellotextClient, profile: str, names: Iterable[str]) -> None:
    """Take ``profile`` off each list; a list that is gone needs nothing."""
    for name in names:
        with suppress(NotFound):
            client.lists.remove_profile(name, profile)


def correct_items(client: HellotextClient, order: str, there: Sequence[OrderItem], wanted: Sequence[LineItem]) -> bool:
    """Bring the lines of ``order`` from what is ``there`` to what is ``wanted``; answers whether anything differed.

    Additions come first: an order is never without lines in between.
    """
    left: dict[str, list[OrderItem]] = defaultdict(list)
    for item in there:
        left[item.product or ""].append(item)
    missing: list[tuple[str, LineItem]] = []
    for line in wanted:
        product = line.product if line.product in left else _id_of(client, line.product)
        same = next((item for item in left[product] if _is_equal(item, line)), None)
        if same is None:
            missing.append((product, line))
        else:
            left[product].remove(same)
    changed = bool(missing)
    for product, line in missing:
        if left[product]:
            item = left[product].pop(0)
            client.order_items.update(order, item.id, **_of_line(line))
        else:
            client.order_items.create(order, product=line.product, **_of_line(line))
    for item in (item for items in left.values() for item in items):
        changed = True
        with suppress(NotFound):
            client.order_items.delete(order, item.id)
    return changed


def correct_variants(
    client: HellotextClient,
    product: str,
    there: Sequence[ProductVariant],
    wanted: Sequence[Mapping[str, Any]],
    before: Mapping[str, str],
) -> bool:
    """Bring the variants that ``product`` brings along from those ``there`` to those ``wanted``.

    ``before`` are the fingerprints of those that we sent; any other variant there is somebody else's.
    """
    by_reference = {variant.reference: variant for variant in there if variant.reference}
    now = fingerprints(wanted)
    changed = False
    for values in wanted:
        reference = values["reference"]
        found = by_reference.get(reference)
        is_sent = before.get(reference) == now[reference]
        if found is not None and is_sent and not differences(values, found.raw, {}):
            continue
        changed = True
        if found is None:
            client.variants.create(product, **values)
        else:
            fixed = ("reference", "source")
            client.variants.update(found.id, **{name: value for name, value in values.items() if name not in fixed})
    for reference in (before.keys() - now.keys()) & by_reference.keys():
        changed = True
        with suppress(NotFound):
            client.variants.delete(by_reference[reference].id)
    return changed


def fingerprints(variants: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """A short fingerprint of each variant, by its reference."""
    return {one["reference"]: hashlib.sha256(encode_json(one)).hexdigest()[:16] for one in variants}


def _of_line(line: LineItem) -> dict[str, Any]:
    found: dict[str, Any] = {"quantity": line.quantity}
    return found if line.price is None else {**found, "price": line.price}


def _is_equal(item: OrderItem, line: LineItem) -> bool:
    if item.quantity != Decimal(line.quantity):
        return False
    if line.price is None:
        return True
    price = item.price
    return price is not None and (price.amount, price.currency) == (line.price.amount, line.price.currency)


def _id_of(client: HellotextClient, key: str) -> str:
    """The ID of the product or variant that a line names by its reference or SKU; ``key`` itself when it is unknown."""
    for retrieve in (client.products.retrieve, client.variants.retrieve):
        with suppress(NotFound):
            return str(retrieve(key).id)
    return key
