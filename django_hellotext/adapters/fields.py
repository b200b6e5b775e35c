"""What an adapter attribute may be.

A dotted path, a callable that takes the object, or one of the small declarations below. A mapping of such
specs describes a mapping, as in ``properties = {"Birthday": "birthday"}``. ``None`` leaves the attribute out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class Shape(StrEnum):
    """What an attribute has to become; decides how its value is read and what ``check()`` accepts."""

    TEXT = "text"
    URL = "url"
    IMAGE = "image"
    MONEY = "money"
    FLAG = "flag"
    COUNT = "count"
    NAMES = "names"
    MAPPING = "mapping"
    LINK = "link"
    ITEMS = "items"
    VARIANTS = "variants"
    GUEST = "guest"
    ON_CHANGE = "on_change"


@dataclass(frozen=True)
class Value:
    """A literal, the same for every object: ``delivery = Value("collect")``."""

    literal: Any


@dataclass(frozen=True)
class IfPresent:
    """A dotted path that counts only when the model has its first name: what our own defaults are made of."""

    path: str


@dataclass(frozen=True)
class Money:
    """An amount in major units together with where its currency is read.

    Both are specs on the same object (on the line, inside ``Items``). Without ``currency`` the adapter's
    ``currency`` counts, then ``HELLOTEXT["CURRENCY"]``. A fixed currency is ``Value("EUR")``.
    """

    amount: Spec
    currency: Spec = dataclasses.field(default=None, kw_only=True)


@dataclass(frozen=True)
class Items:
    """The lines of a cart or an order.

    ``path`` leads from the cart or order to its lines. These are read on each line: ``product`` leads to the host's
    product, or gives an ID, reference or SKU as text. ``quantity`` is the number of units. ``price`` is the price
    charged for one unit, ``total`` the amount charged for the whole line, both in major units: give one of them;
    without either the product's price counts. ``sku`` and ``title`` name what a line sold whose product is gone; a line
    with an empty ``sku`` and no product is a fee. ``where`` leads to something true for a line that counts.

    ``extra`` are the amounts of an order that stand in no line, each with the name of its line: a list such as
    ``[("shipping_total", "Shipping")]``, read on the order. With ``reconcile`` the lines of an order are brought to its
    ``total``: what they have too much is a discount, spread over them; what they lack is a line "Shipping and fees".
    """

    path: Spec
    product: Spec = dataclasses.field(kw_only=True)
    sku: Spec = dataclasses.field(default=None, kw_only=True)
    quantity: Spec = dataclasses.field(default="quantity", kw_only=True)
    price: Spec = dataclasses.field(default=None, kw_only=True)
    total: Spec = dataclasses.field(default=None, kw_only=True)
    title: Spec = dataclasses.field(default=None, kw_only=True)
    extra: Sequence[tuple[Spec, str]] = dataclasses.field(default=(), kw_only=True)
    where: Spec = dataclasses.field(default=None, kw_only=True)
    reconcile: bool = dataclasses.field(default=True, kw_only=True)

    def parts(self) -> dict[str, Spec]:
        """What is read on each line, by its name here."""
        names = ("product", "sku", "quantity", "price", "total", "title", "where")
        return {name: getattr(self, name) for name in names}

    def extras(self) -> list[tuple[Spec, str]]:
        """The well-formed entries of ``extra``; ``check()`` reports the others."""
        found = self.extra if isinstance(self.extra, tuple | list) else ()
        return [(entry[0], entry[1]) for entry in found if isinstance(entry, tuple | list) and len(entry) == 2]


@dataclass(frozen=True)
class Variants:
    """The variants that a product brings along, for a shop that registers no adapter for them.

    ``path`` leads from the product to its variants; the rest is read on each variant. ``reference`` is its permanent
    identifier, ``name`` and ``sku`` are text, ``price`` is in major units, ``image_url`` is a public http(s) address,
    ``metadata`` a mapping.
    """

    path: Spec
    reference: Spec = dataclasses.field(default="pk", kw_only=True)
    name: Spec = dataclasses.field(default="name", kw_only=True)
    sku: Spec = dataclasses.field(default=None, kw_only=True)
    price: Spec = dataclasses.field(default=None, kw_only=True)
    image_url: Spec = dataclasses.field(default=None, kw_only=True)
    metadata: Spec = dataclasses.field(default=None, kw_only=True)

    def parts(self) -> dict[str, Spec]:
        """What is read on each variant, by its name in the contract."""
        return {name: spec for name, spec in vars(self).items() if name != "path"}


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Who buys without an account, read on the cart or order; counts only when ``profile`` leads nowhere.

    ``phone_region`` leads to the ISO 3166 alpha-2 code of the country that a local ``phone`` belongs to; without it
    ``HELLOTEXT["PHONE_REGION"]`` counts.
    """

    email: Spec = None
    phone: Spec = None
    first_name: Spec = None
    last_name: Spec = None
    phone_region: Spec = None


@dataclass(frozen=True)
class OnChange:
    """Events that follow a field: ``OnChange("status", {"paid": "order.confirmed"}, at={"paid": "paid_at"})``.

    A status that is not in ``actions`` sends nothing (demand A6). ``at`` says where the time of a change is kept
    (a datetime); without it the time at which the change was seen counts.
    """

    field: Spec
    actions: Mapping[Any, str]
    at: Mapping[Any, Spec] = dataclasses.field(default_factory=dict, kw_only=True)


Spec: TypeAlias = (
    str
    | Callable[[Any], Any]
    | Value
    | IfPresent
    | Money
    | Items
    | Variants
    | Guest
    | OnChange
    | Mapping[str, Any]
    | None
)
