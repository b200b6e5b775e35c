"""From the arguments of ``track()`` to a row: what is frozen, and what is refused.

Two kinds of mistakes are told apart (promise 7). A programmer's mistake, which does not depend on data, raises
``TypeError`` or ``TrackingError``. A fault of data becomes a ``failed`` row with its reason, so that nothing is lost
and no visitor sees it.
"""

from __future__ import annotations

import difflib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models

from .. import clock
from ..actions import BUILT_IN, is_hellotexts_own
from ..adapters import Adapter, Link, registry
from ..adapters.money import round_to_minor_unit
from ..adapters.rendering import neutral
from ..api.types import Money
from ..conf import hellotext_settings
from ..exceptions import TrackingError
from ..models import DESTINATION, UUID_KEY, Event
from ..models.identity import fingerprint, ordering_key
from .subjects import link_to

MAX_KEY = 255
MAX_URL = 2048
MAX_DEPTH = 20  # levels of metadata; nothing that people read is deeper
MAX_METADATA = 64 * 1024  # bytes of JSON
LARGEST = Decimal(10) ** 15  # no amount reaches it
DECIMAL_PLACES = 4  # of the column
ONCE = "once"


@dataclass(kw_only=True)
class Fact:
    """What ``track()`` was told, checked.

    ``faults``: what is wrong with the data that the caller gave. ``adapter_faults``: what an adapter could not read;
    the worker reads it when the row is sent again.
    """

    action: str
    destination: str = DESTINATION
    object_link: Link | None = None
    profile: Link | None = None
    session: str = ""
    amount: Decimal | None = None
    currency: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] | None = None
    object_type: str = ""
    url: str = ""
    key: str = ""
    tracked_at: datetime
    recorded_at: datetime | None = None
    consent: bool | None = None
    lane: int = 0
    faults: list[TrackingError] = field(default_factory=list)
    adapter_faults: list[TrackingError] = field(default_factory=list)

    def row(self) -> Event:
        """Return the Event to insert.

        A fault of the caller's data leaves the key free: the caller may record it again, corrected. After a fault of
        an adapter the key is kept, because the row itself is completed when it is sent again.
        """
        identity = uuid.uuid4()
        profile, target = self.profile, self.object_link
        key_owner = profile or target
        event = Event(
            account=hellotext_settings.account,
            source=hellotext_settings.SOURCE,
            uuid=identity,
            lane=self.lane,
            destination=self.destination,
            action=self.action,
            ordering_key=ordering_key(
                session=self.session, label=key_owner.label if key_owner else "", pk=key_owner.pk if key_owner else ""
            ),
            profile_label=profile.label if profile else "",
            profile_pk=profile.pk if profile else "",
            session=self.session,
            object_kind=target.kind if target else "",
            object_label=target.label if target else "",
            object_pk=target.pk if target else "",
            object_type=self.object_type,
            object_parameters=self.parameters,
            amount=self.amount,
            currency=self.currency,
            metadata={**self.metadata, UUID_KEY: str(identity)},
            url=self.url,
            key=self.key,
            tracked_at=self.tracked_at,
            consent=self.consent,
        )
        if self.recorded_at is not None:
            event.created_at = self.recorded_at
        if fault := next(iter([*self.faults, *self.adapter_faults]), None):
            event.refuse_at_recording(type=fault.reason, parameter=fault.parameter, text=str(fault))
        event.incomplete = bool(self.adapter_faults)
        if not self.faults:
            event.dedupe = self._dedupe(profile, target)
        return event

    def _dedupe(self, profile: Link | None, target: Link | None) -> str | None:
        """The fingerprint that makes recording idempotent, or None for an event without a key (demand A3)."""
        spec = BUILT_IN.get(self.action)
        key = self.key or (ONCE if spec and spec.once else "")
        if not key:
            return None
        subject = target or profile
        named = f"{subject.label}:{subject.pk}" if subject else self.session
        return fingerprint(hellotext_settings.account, self.destination, self.action, named, key)


def known_action(action: object) -> str:
    """``action`` if it may be sent; raises for an unknown one, naming the nearest."""
    if not isinstance(action, str):
        raise TypeError(f"action must be a string, not {type(action).__name__}.")
    if is_hellotexts_own(action):
        raise TrackingError(
            f"{action!r} is Hellotext's own action; a shop never sends it.", reason="unknown_action", parameter="action"
        )
    if action in BUILT_IN or action in hellotext_settings.ACTIONS:
        return action
    near = difflib.get_close_matches(action, [*BUILT_IN, *hellotext_settings.ACTIONS], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise TrackingError(
        f"{action!r} is neither a built-in action nor one of HELLOTEXT['ACTIONS'].{hint}",
        reason="unknown_action",
        parameter="action",
    )


def object_of(action: str, obj: object) -> tuple[models.Model | None, Adapter | None]:
    """The object of an event and its adapter; raises when the action needs another kind of object."""
    spec = BUILT_IN.get(action)
    if obj is None:
        if spec and spec.object_kind:
            raise TypeError(f"{action!r} needs the {spec.object_kind} that it is about as its second argument.")
        return None, None
    adapter = registry.for_model(obj.__class__) if isinstance(obj, models.Model) else None
    if adapter is None:
        raise TypeError(
            f"{action!r}: no adapter is registered for {type(obj).__name__}; register one in the app's hellotext.py."
        )
    if spec and spec.object_kind and not spec.takes(adapter.kind):
        raise TypeError(
            f"{action!r} is about a {spec.object_kind}, but {type(obj).__name__} is registered as a {adapter.kind}."
        )
    if isinstance(obj, models.Model) and obj.pk is None:
        raise TypeError(f"{action!r}: this {type(obj).__name__} is not saved yet; track it after it was saved.")
    assert isinstance(obj, models.Model)  # noqa: S101 - narrows the type; the look-up above has decided
    return obj, adapter


def money(amount: object, currency: str | None, faults: list[TrackingError]) -> tuple[Decimal | None, str]:
    """Return amount and currency, rounded to the currency's minor unit; both are empty without an amount.

    Raises ``TypeError`` for a float: it cannot hold money.
    """
    if isinstance(amount, Money):
        return money(amount.amount, amount.currency, faults)
    if isinstance(amount, bool | float) or not isinstance(amount, Decimal | int | str | None):
        raise TypeError(f"amount must be a Decimal, an int or Money, not {type(amount).__name__}.")
    if currency is not None and not isinstance(currency, str):
        raise TypeError(f"currency must be a string, not {type(currency).__name__}.")
    if amount is None:
        if currency:
            faults.append(
                TrackingError("currency was given without amount.", reason="parameter_missing", parameter="amount")
            )
        return None, ""
    try:
        value = Decimal(amount)
    except InvalidOperation:
        faults.append(TrackingError("amount is not a decimal number.", reason="parameter_invalid", parameter="amount"))
        return None, ""
    if not value.is_finite() or abs(value) > LARGEST - 1:
        faults.append(
            TrackingError("amount must be a number below 10^15.", reason="parameter_invalid", parameter="amount")
        )
        return None, ""
    code = currency or hellotext_settings.CURRENCY or ""
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        faults.append(
            TrackingError(
                "amount needs a currency, an ISO 4217 code such as EUR.",
                reason="parameter_missing",
                parameter="currency",
            )
        )
        return round(value, DECIMAL_PLACES), ""
    return round_to_minor_unit(value, currency=code), code


def metadata_of(metadata: object, faults: list[TrackingError]) -> Mapping[str, Any]:
    """``metadata`` as plain JSON (demand I6)."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(metadata).__name__}.")
    if _is_deeper(metadata, MAX_DEPTH):
        message = f"metadata is nested more than {MAX_DEPTH} levels deep."
        faults.append(TrackingError(message, reason="parameter_invalid", parameter="metadata"))
        return {}
    try:
        with neutral():
            text = json.dumps(dict(metadata), cls=clock.AwareJSONEncoder, allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")  # half of a surrogate pair is no text
    except (TypeError, ValueError) as error:
        faults.append(
            TrackingError(
                f"metadata cannot be written as JSON: {error}", reason="parameter_invalid", parameter="metadata"
            )
        )
        return {}
    if len(text) > MAX_METADATA:
        faults.append(TrackingError("metadata is longer than 64 KiB.", reason="too_large", parameter="metadata"))
        return {}
    plain: Mapping[str, Any] = json.loads(text)
    return plain


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, Mapping | list | tuple):
        return False
    inside = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(entry, levels - 1) for entry in inside)


def text_of(value: object, *, name: str, limit: int, faults: list[TrackingError]) -> str:
    """A text argument within its column; too long or unprintable text is a fault of data."""
    if value is None:
        return ""
    text = str(value)
    readable = text.encode("utf-8", "ignore").decode("utf-8").replace("\x00", "")
    if len(text) > limit or readable != text:
        faults.append(
            TrackingError(
                f"{name} is longer than {limit} characters or holds what is no text.",
                reason="parameter_invalid",
                parameter=name,
            )
        )
        return readable[:limit]
    return text


def moment_of(tracked_at: object, faults: list[TrackingError]) -> datetime:
    """Return when it happened in UTC: now by default; a naive time is local time in ``TIME_ZONE``."""
    if tracked_at is None:
        return clock.now()
    if not isinstance(tracked_at, datetime):
        raise TypeError(f"tracked_at must be a datetime, not {type(tracked_at).__name__}.")
    try:
        return clock.make_aware(tracked_at).astimezone(UTC)
    except OverflowError:
        faults.append(TrackingError("tracked_at is out of range.", reason="parameter_invalid", parameter="tracked_at"))
        return clock.now()


def parameters_of(items: Iterable[tuple[Any, Any]] | None) -> Mapping[str, Any] | None:
    """The items of a cart event: the product and the *resulting* quantity, frozen (contract: ObjectParameters)."""
    if items is None:
        return None
    frozen = []
    for product, quantity in items:
        adapter = registry.for_model(product.__class__) if isinstance(product, models.Model) else None
        if adapter is None or adapter.kind not in ("product", "product_variant"):
            raise TypeError(f"items: no product adapter is registered for {type(product).__name__}.")
        if isinstance(quantity, bool | float) or not isinstance(quantity, int | Decimal):
            raise TypeError(f"items: the quantity must be an int or a Decimal, not {type(quantity).__name__}.")
        if product.pk is None:
            raise TypeError(f"items: this {type(product).__name__} is not saved yet.")
        link = link_to(product, adapter)
        frozen.append({"product": {"kind": link.kind, "label": link.label, "pk": link.pk}, "quantity": str(quantity)})
    return {"items": frozen}
