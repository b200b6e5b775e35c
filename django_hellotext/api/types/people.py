"""Typed results about people and what they do: profiles, their definitions, sessions, events, and small objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from .reading import (
    Raw,
    Unreadable,
    read_decimal,
    read_flag,
    read_id,
    read_integer,
    read_mapping,
    read_object,
    read_objects,
    read_text,
    read_texts,
    read_time,
)
from .values import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileList:
    """A named group of profiles (the contract's List)."""

    id: str
    name: str | None
    created_at: datetime | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's List."""
        return cls(id=read_id(raw), name=read_text(raw, "name"), created_at=read_time(raw, "created_at"), raw=dict(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileProperty:
    """One value held by a profile. The shape of ``value`` depends on ``kind`` (contract: ProfileProperty)."""

    id: str
    kind: str | None
    name: str | None
    value: Any = field(repr=False)
    verified: bool | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's ProfileProperty."""
        return cls(
            id=read_id(raw),
            kind=read_text(raw, "kind"),
            name=read_text(raw, "name"),
            value=raw.get("value"),
            verified=read_flag(raw, "verified"),
            raw=dict(raw),
        )

    @property
    def address(self) -> Address | None:
        """The value as an :class:`Address`; None for every other kind."""
        return read_object(self.raw, "value", read_address) if self.kind == "address" else None


def read_address(raw: Raw) -> Address:
    """Read the contract's AddressValue; coordinates may be decimal strings in scientific notation."""
    street = read_mapping(raw, "street")
    return Address(
        city=read_text(raw, "city"),
        country=read_text(raw, "country"),
        latitude=read_decimal(raw, "latitude"),
        longitude=read_decimal(raw, "longitude"),
        notes=read_text(raw, "notes"),
        postal_code=read_text(raw, "postal_code"),
        region=read_text(raw, "region"),
        street_name=read_text(street, "name"),
        street_number=read_text(street, "number"),
        subregion=read_text(raw, "subregion"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person. ``state`` is the consent to promotional messages: unconfirmed, subscribed or unsubscribed."""

    id: str
    blocked: bool | None
    created_at: datetime | None
    emails: tuple[str, ...] = field(repr=False)
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    lists: tuple[ProfileList, ...]
    phones: tuple[str, ...] = field(repr=False)
    properties: tuple[ProfileProperty, ...]
    state: str | None
    verified_emails: tuple[str, ...] = field(repr=False)
    verified_phones: tuple[str, ...] = field(repr=False)
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Profile."""
        return cls(
            id=read_id(raw),
            blocked=read_flag(raw, "blocked"),
            created_at=read_time(raw, "created_at"),
            emails=read_texts(raw, "emails"),
            first_name=read_text(raw, "first_name"),
            last_name=read_text(raw, "last_name"),
            lists=read_objects(raw, "lists", ProfileList.from_json),
            phones=read_texts(raw, "phones"),
            properties=read_objects(raw, "properties", ProfileProperty.from_json),
            state=read_text(raw, "state"),
            verified_emails=read_texts(raw, "verified_emails"),
            verified_phones=read_texts(raw, "verified_phones"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileCreated:
    """The ID of a new or matched profile; the values may still be processing."""

    id: str
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's ProfileCreated."""
        return cls(id=read_id(raw), raw=dict(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUpdated:
    """The answer of an update."""

    id: str
    updated: bool
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Any 2xx is success, so an answer without ``updated`` counts as updated."""
        return cls(id=read_id(raw), updated=read_flag(raw, "updated") is not False, raw=dict(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether the e-mail or phone counts as verified now."""

    verified: bool
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Verification. Raises Unreadable without ``verified``."""
        verified = read_flag(raw, "verified")
        if verified is None:
            raise Unreadable("The answer has no verified.")
        return cls(verified=verified, raw=dict(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """The definition of an attribute. ``profile`` is its owner when it belongs to one profile only."""

    id: str
    created_at: datetime | None
    kind: str | None
    name: str | None
    position: int | None
    profile: str | None
    unique: bool | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Property."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            kind=read_text(raw, "kind"),
            name=read_text(raw, "name"),
            position=read_integer(raw, "position"),
            profile=read_text(raw, "profile"),
            unique=read_flag(raw, "unique"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A code that exists in the shop."""

    id: str
    code: str | None
    created_at: datetime | None
    description: str | None
    destination_url: str | None
    reference: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Coupon."""
        return cls(
            id=read_id(raw),
            code=read_text(raw, "code"),
            created_at=read_time(raw, "created_at"),
            description=read_text(raw, "description"),
            destination_url=read_text(raw, "destination_url"),
            reference=read_text(raw, "reference"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """The definition of a custom action. ``goal``: counts as a conversion; ``passive``: keeps the inbox order."""

    id: str
    created_at: datetime | None
    goal: bool | None
    name: str | None
    passive: bool | None
    title: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Action."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            goal=read_flag(raw, "goal"),
            name=read_text(raw, "name"),
            passive=read_flag(raw, "passive"),
            title=read_text(raw, "title"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An application whose installs and spending are tracked."""

    id: str
    created_at: datetime | None
    image_url: str | None
    metadata: dict[str, Any] = field(repr=False)
    name: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's App."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            image_url=read_text(raw, "image_url"),
            metadata=read_mapping(raw, "metadata"),
            name=read_text(raw, "name"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A named form."""

    id: str
    created_at: datetime | None
    metadata: dict[str, Any] = field(repr=False)
    name: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Form."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            metadata=read_mapping(raw, "metadata"),
            name=read_text(raw, "name"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser session after an attempt to attach it.

    ``attached`` False means that it belongs to nobody. True means that it belongs to *somebody*: the value in the
    answer is an internal number that is never compared or stored (contract, "Where the sources disagree").
    """

    id: str
    created_at: datetime | None
    attached: bool
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Session; an early revision said ``profile_id``."""
        return cls(
            id=read_id(raw),
            created_at=read_time(raw, "created_at"),
            attached=raw.get("profile") is not None or raw.get("profile_id") is not None,
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event was accepted for processing. This says nothing about the outcome, and there is no ID."""

    status: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Any 2xx is success; an early revision of the help site answered with ``state``."""
        return cls(status=read_text(raw, "status", "state"), raw=dict(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trackable:
    """The object of an event, in short."""

    id: str
    type: str | None
    amount: Decimal | None
    currency: str | None
    product_ids: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the ``trackable`` of the contract's Event."""
        return cls(
            id=read_id(raw),
            type=read_text(raw, "type"),
            amount=read_decimal(raw, "amount"),
            currency=read_text(raw, "currency"),
            product_ids=read_texts(raw, "product_ids"),
            raw=dict(raw),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A stored event. ``action`` is its name, such as ``order.placed``."""

    id: str
    action: str | None
    action_id: str | None
    amount: Decimal | None
    converted_amount: Decimal | None
    converted_currency: str | None
    created_at: datetime | None
    currency: str | None
    metadata: dict[str, Any] = field(repr=False)
    profile: str | None
    session: str | None
    trackable: Trackable | None
    tracked_at: datetime | None
    url: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Self:
        """Read the contract's Event; an update answers with ``profile_id`` and ``session_id``."""
        action = raw.get("action")
        named = action if isinstance(action, dict) else {"name": action}
        return cls(
            id=read_id(raw),
            action=read_text(named, "name"),
            action_id=read_text(named, "id"),
            amount=read_decimal(raw, "amount"),
            converted_amount=read_decimal(raw, "converted_amount"),
            converted_currency=read_text(raw, "converted_amount_currency", "converted_currency"),
            created_at=read_time(raw, "created_at"),
            currency=read_text(raw, "currency"),
            metadata=read_mapping(raw, "metadata"),
            profile=read_text(raw, "profile", "profile_id"),
            session=read_text(raw, "session", "session_id"),
            trackable=read_object(raw, "trackable", Trackable.from_json),
            tracked_at=read_time(raw, "tracked_at"),
            url=read_text(raw, "url"),
            raw=dict(raw),
        )
