"""What an adapter attribute may be.

A dotted path, a callable that takes the object, or one of the small declarations below. A mapping of such
specs describes a mapping, as in ``properties = {"Birthday": "birthday"}``. ``None`` leaves the attribute out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
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

    ``path`` leads from the cart or order to its lines; ``product``, ``quantity`` and ``price`` are read on each
    line. ``product`` leads to the host's product, or gives an ID, reference or SKU as text. ``price`` is the
    price charged for one unit in major units; without it Hellotext takes the product's.
    """

    path: Spec
    product: Spec = dataclasses.field(kw_only=True)
    quantity: Spec = dataclasses.field(default="quantity", kw_only=True)
    price: Spec = dataclasses.field(default=None, kw_only=True)

    def parts(self) -> dict[str, Spec]:
        """What is read on each line, by its name in the contract."""
        return {"product": self.product, "quantity": self.quantity, "price": self.price}


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
