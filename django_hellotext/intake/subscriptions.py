"""``subscribe`` and ``unsubscribe``: a customer's word about promotional messages, with the evidence for it.

The only way by which a subscription state leaves the shop (promise 9, demand A1). Each is a row of its own with its
own time, sent in order with the customer's other rows. No mirror, no sync and no event carries such a state.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import models

from .. import clock, consent, dispatch
from ..actions import Purpose
from ..adapters import Adapter, Link, registry
from ..conf import hellotext_settings
from ..exceptions import TrackingError
from ..models import EVIDENCE_KEY, SUBSCRIBE, SUBSCRIPTION, UNSUBSCRIBE
from ..savepoints import HostCode
from . import cleaning, facts
from .faults import report
from .ledger import alias_for
from .subjects import link_to
from .tracking import insert_fact

MAX_SOURCE = 200  # characters
MAX_TEXT = 10_000  # characters: the wording that the customer agreed to


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What shows that the customer asked for it.

    :param source: where they said so, such as ``"checkout form"``; not empty.
    :param text: the words that they agreed to, as they stood there; not empty.
    :param at: when; a naive time is local time in ``TIME_ZONE``, and becomes aware.
    :param ip: the IP address they came from; omitted if it is not a valid address.
    :param renewed: they know that they had opted out, and asked for it again. Overrules an opt-out at Hellotext of
        which nobody knows the time.

    Raises ``TypeError`` for a wrong type, ``TrackingError`` (a ``ValueError``) for an empty text.
    """

    source: str
    text: str = field(repr=False)
    at: datetime
    ip: str = field(default="", repr=False)
    renewed: bool = False

    def __post_init__(self) -> None:
        for name in ("source", "text", "ip"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"evidence: {name} must be a string, not {type(getattr(self, name)).__name__}.")
        if not isinstance(self.at, datetime):
            raise TypeError(f"evidence: at must be a datetime, not {type(self.at).__name__}.")
        if not isinstance(self.renewed, bool):
            raise TypeError(f"evidence: renewed must be a bool, not {type(self.renewed).__name__}.")
        for name in ("source", "text"):
            if not getattr(self, name).strip():
                raise TrackingError(f"evidence: {name} is empty.", reason="parameter_missing", parameter="evidence")
        object.__setattr__(self, "at", clock.make_aware(self.at))

    def as_data(self) -> dict[str, Any]:
        """The evidence as it is kept on the row: plain JSON."""
        found: dict[str, Any] = {
            "source": self.source[:MAX_SOURCE],
            "text": self.text[:MAX_TEXT],
            "at": self.at.astimezone(UTC).isoformat(),
        }
        if _is_address(self.ip):
            found["ip"] = self.ip
        if self.renewed:
            found["renewed"] = True
        return found


def subscribe(profile: models.Model, *, evidence: Evidence, using: str | None = None) -> None:
    """Subscribe a customer to promotional messages; sent later, in order, once.

    :param profile: the customer, or an object whose adapter names a guest, such as an order.
    :param evidence: why this is allowed; it is kept on the row. The same evidence is one row, however often given.
    :raises TypeError: without evidence, or for an object without an adapter.

    It is not sent (``skipped``, reason ``opted_out``) when the customer has opted out since the evidence, or when
    Hellotext says that they have and nobody knows when. Consent is asked for the purpose ``message``.
    """
    if not isinstance(evidence, Evidence):
        raise TypeError(f"subscribe: evidence must be a hellotext.Evidence, not {type(evidence).__name__}.")
    _record(SUBSCRIBE, profile, evidence=evidence, using=using)


def unsubscribe(profile: models.Model, *, evidence: Evidence | None = None, using: str | None = None) -> None:
    """Take a customer out of promotional messages; sent later, in order. An opt-out needs no evidence and no consent.

    :raises TypeError: evidence of a wrong type, or an object without an adapter.
    """
    if evidence is not None and not isinstance(evidence, Evidence):
        raise TypeError(f"unsubscribe: evidence must be a hellotext.Evidence, not {type(evidence).__name__}.")
    _record(UNSUBSCRIBE, profile, evidence=evidence, using=using)


def _record(action: str, subject: Any, *, evidence: Evidence | None, using: str | None) -> None:
    adapter = registry.for_model(subject.__class__) if isinstance(subject, models.Model) else None
    if adapter is None:
        raise TypeError(f"{action}: no adapter is registered for {type(subject).__name__}.")
    if subject.pk is None:
        raise TypeError(f"{action}: this {type(subject).__name__} is not saved yet.")
    if not hellotext_settings.active:
        return
    alias = alias_for(using, subject, None)
    faults: list[TrackingError] = []
    try:
        answer = None
        if action == SUBSCRIBE:
            answer = consent.decide(None, purpose=Purpose.MESSAGE, subject=subject)
            if answer is False:
                return
        fact = facts.Fact(
            action=action,
            destination=SUBSCRIPTION,
            profile=_whose(subject, adapter, faults, using=alias),
            metadata=cleaning.metadata_of({EVIDENCE_KEY: evidence.as_data()} if evidence else None),
            key=cleaning.key_of(f"{evidence.source[:MAX_SOURCE]}@{evidence.at.astimezone(UTC).isoformat()}")
            if evidence
            else "",
            tracked_at=evidence.at.astimezone(UTC) if evidence else clock.now(),
            consent=answer,
            faults=faults,
        )
        insert_fact(fact, using=alias)
    except Exception as error:
        report(error, action, using=alias)
    else:
        dispatch.wake(alias)
    if faults and hellotext_settings.RAISE_ERRORS:
        raise faults[0]


def _whose(subject: models.Model, adapter: Adapter, faults: list[TrackingError], *, using: str) -> Link | None:
    """The customer meant by ``subject``. Whether they are mirrored at all is asked when the row is sent."""
    try:
        with HostCode(using):
            link = link_to(subject, adapter) if adapter.kind == "profile" else adapter.profile_link(subject)
    except Exception as error:
        message = f"An adapter raised {type(error).__name__}: {error}"
        faults.append(TrackingError(message, reason="adapter_failed"))
        return None
    if link is None:
        message = f"This {type(subject).__name__} names neither a customer nor a guest."
        faults.append(TrackingError(message, reason="parameter_missing", parameter="profile"))
    return link


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
