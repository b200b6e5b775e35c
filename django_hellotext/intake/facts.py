"""From the arguments of ``track()`` to a row: what is frozen, and what is refused.

A programmer's mistake, which does not depend on data, raises ``TypeError`` or ``TrackingError``. A fault of data is
repaired or left out (``cleaning``). Only money that cannot be determined and a missing identity become a ``failed``
row with its reason, so that nothing is lost and no visitor sees it.
"""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from ..actions import BUILT_IN, is_hellotexts_own
from ..adapters import Adapter, Link, registry
from ..adapters.money import currency_code, is_currency, round_to_minor_unit, to_decimal
from ..adjustments import AdjustmentKind, Adjustments, adjust
from ..conf import hellotext_settings
from ..exceptions import TrackingError
from ..models import DESTINATION, UUID_KEY, Event
from ..models.identity import fingerprint, ordering_key
from .subjects import link_to

LARGEST = Decimal(10) ** 15  # no amount reaches it
DECIMAL_PLACES = 4  # of the column
ONCE = "once"


@dataclass(kw_only=True)
class Fact:
    """What ``track()`` was told, checked.

    ``adjustments``: what of the caller's data was repaired or left out. ``faults``: what is wrong with it so that the
    event cannot be sent. ``adapter_faults``: what an adapter could not read;
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
    adjustments: Adjustments = field(default_factory=Adjustments)
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
            adjustments=self.adjustments.as_json(),
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


def money(amount: object, currency: object, faults: list[TrackingError]) -> tuple[Decimal | None, str]:
    """Return amount and currency, rounded to the currency's minor unit; both are empty without an amount.

    ``amount`` is a Decimal, int, float, decimal text, or an object with ``amount`` and ``currency``. A float is the
    number that it is written as. Raises ``TypeError`` for another type.
    """
    if hasattr(amount, "amount") and hasattr(amount, "currency"):
        return money(amount.amount, amount.currency or currency, faults)
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | float | str | None):
        raise TypeError(f"amount must be a Decimal, an int, a float, a text or Money, not {type(amount).__name__}.")
    if not (currency is None or isinstance(currency, str) or isinstance(getattr(currency, "code", None), str)):
        raise TypeError(f"currency must be a string, not {type(currency).__name__}.")
    if amount is None or (isinstance(amount, str) and not amount.strip()):
        if currency:
            adjust("currency", AdjustmentKind.LEFT_OUT, "It was given without an amount.", currency)
        return None, ""
    try:
        value = to_decimal(amount, where="amount")
    except TrackingError:
        is_text = isinstance(amount, str)
        message = "amount is not a decimal number." if is_text else "amount must be a number below 10^15."
        faults.append(TrackingError(message, reason="parameter_invalid", parameter="amount"))
        return None, ""
    if abs(value) > LARGEST - 1:
        faults.append(
            TrackingError("amount must be a number below 10^15.", reason="parameter_invalid", parameter="amount")
        )
        return None, ""
    code = currency_code(getattr(currency, "code", currency)) or hellotext_settings.CURRENCY or ""
    if not is_currency(code):
        faults.append(
            TrackingError(
                "amount needs a currency, an ISO 4217 code such as EUR.",
                reason="parameter_missing",
                parameter="currency",
            )
        )
        return round(value, DECIMAL_PLACES), ""
    return round_to_minor_unit(value, currency=code), code


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
