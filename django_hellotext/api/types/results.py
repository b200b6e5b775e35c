"""Typed results that are shared, and those of the catalogue and of shopping.

Every result is frozen, built by ``from_json`` and keeps the whole answer in ``raw``, unknown fields included.
A field that the answer does not hold is None or empty; only ``id`` is sure. Times are aware (UTC), amounts Decimal
in major units. ``repr`` shows no personal data (demand I1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from .reading import (
    Raw,
    read_decimal,
    read_flag,
    read_id,
    read_mapping,
    read_object,
    read_objects,
    read_text,
    read_texts,
    read_time,
)
from .values import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money as read, with its conversion into the business's reporting currency."""

    amount: Decimal | None
    currency: str | None
    converted_amount: Decimal | None = None
    converted_currency: str | None = None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Orders say ``converted_amount_currency``, everything else ``converted_currency``: both are read."""
        return cls(
            amount=read_decimal(raw, "amount"),
            currency=read_text(raw, "currency"),
            converted_amount=read_decimal(raw, "converted_amount"),
            converted_currency=read_text(raw, "converted_currency", "converted_amount_currency"),
            raw=dict(raw),
        )

    @property
    def money(self) -> Money | None:
        """Amount and currency as :class:`Money`; None when one of them is missing or not usable."""
        if self.amount is None or self.currency is None:
            return None
        try:
            return Money(self.amount, self.currency)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """The answer of every delete operation."""

    id: str
    type: str | None
    deleted: bool
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Any 2xx is success, so an answer without ``deleted`` counts as deleted."""
        return cls(
            id=read_id(raw),
            type=read_text(raw, "type"),
            deleted=read_flag(raw, "deleted") is not False,
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductVariant:
    """A variant of a product. ``product`` is the parent's ID."""

    id: str
    created_at: datetime | None
    image_url: str | None
    metadata: dict[str, Any] = field(repr=False)
    name: str | None
    price: Price | None
    product: str | None
    reference: str | None
    sku: str | None
    source: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's ProductVariant."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            image_url=read_text(raw, "image_url"),
            metadata=read_mapping(raw, "metadata"),
            name=read_text(raw, "name"),
            price=read_object(raw, "price", Price.from_json),
            product=read_text(raw, "product"),
            reference=read_text(raw, "reference"),
            sku=read_text(raw, "sku"),
            source=read_text(raw, "source"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A catalogue product. The first variant stands for the product itself."""

    id: str
    brand: str | None
    categories: tuple[str, ...]
    collection: tuple[str, ...]
    created_at: datetime | None
    image_url: str | None
    metadata: dict[str, Any] = field(repr=False)
    name: str | None
    price: Price | None
    reference: str | None
    sku: str | None
    source: str | None
    tags: tuple[str, ...]
    url: str | None
    variants: tuple[ProductVariant, ...]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Product."""
        return cls(
            id=read_id(raw),
            brand=read_text(raw, "brand"),
            categories=read_texts(raw, "categories"),
            collection=read_texts(raw, "collection"),
            created_at=read_time(raw, "created_at"),
            image_url=read_text(raw, "image_url"),
            metadata=read_mapping(raw, "metadata"),
            name=read_text(raw, "name"),
            price=read_object(raw, "price", Price.from_json),
            reference=read_text(raw, "reference"),
            sku=read_text(raw, "sku"),
            source=read_text(raw, "source"),
            tags=read_texts(raw, "tags"),
            url=read_text(raw, "url"),
            variants=read_objects(raw, "variants", ProductVariant.from_json),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CartItem:
    """A line of a cart. ``product`` is the ID of a product or a variant."""

    id: str
    created_at: datetime | None
    price: Price | None
    product: str | None
    quantity: Decimal | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's CartItem."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            price=read_object(raw, "price", Price.from_json),
            product=read_text(raw, "product"),
            quantity=read_decimal(raw, "quantity"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A cart of a profile or a session."""

    id: str
    created_at: datetime | None
    items: tuple[CartItem, ...]
    metadata: dict[str, Any] = field(repr=False)
    profile: str | None
    reference: str | None
    session: str | None
    source: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Cart."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            items=read_objects(raw, "items", CartItem.from_json),
            metadata=read_mapping(raw, "metadata"),
            profile=read_text(raw, "profile"),
            reference=read_text(raw, "reference"),
            session=read_text(raw, "session"),
            source=read_text(raw, "source"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """A line of an order. ``order`` is set in the answers of the item operations only."""

    id: str
    created_at: datetime | None
    order: str | None
    price: Price | None
    product: str | None
    quantity: Decimal | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's OrderItem."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            order=read_text(raw, "order"),
            price=read_object(raw, "price", Price.from_json),
            product=read_text(raw, "product"),
            quantity=read_decimal(raw, "quantity"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. It holds no customer: the profile comes with the order's events."""

    id: str
    created_at: datetime | None
    delivery: str | None
    items: tuple[OrderItem, ...]
    metadata: dict[str, Any] = field(repr=False)
    name: str | None
    payment_method: str | None
    reference: str | None
    sales_channel: str | None
    source: str | None
    total: Price | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Order."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            delivery=read_text(raw, "delivery"),
            items=read_objects(raw, "items", OrderItem.from_json),
            metadata=read_mapping(raw, "metadata"),
            name=read_text(raw, "name"),
            payment_method=read_text(raw, "payment_method"),
            reference=read_text(raw, "reference"),
            sales_channel=read_text(raw, "sales_channel"),
            source=read_text(raw, "source"),
            total=read_object(raw, "total", Price.from_json),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """The order or product that was refunded, in short."""

    id: str
    type: str | None
    amount: Decimal | None
    created_at: datetime | None
    currency: str | None
    metadata: dict[str, Any] = field(repr=False)
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the ``refundable`` of the contract's Refund."""
        return cls(
            id=read_id(raw),
            type=read_text(raw, "type"),
            amount=read_decimal(raw, "amount"),
            created_at=read_time(raw, "created_at"),
            currency=read_text(raw, "currency"),
            metadata=read_mapping(raw, "metadata"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund of an order or a product."""

    id: str
    created_at: datetime | None
    metadata: dict[str, Any] = field(repr=False)
    profile: str | None
    reference: str | None
    refundable: Refundable | None
    source: str | None
    total: Price | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Refund."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            metadata=read_mapping(raw, "metadata"),
            profile=read_text(raw, "profile"),
            reference=read_text(raw, "reference"),
            refundable=read_object(raw, "refundable", Refundable.from_json),
            source=read_text(raw, "source"),
            total=read_object(raw, "total", Price.from_json),
            raw=dict(raw),
        )
