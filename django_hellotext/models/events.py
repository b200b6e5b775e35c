"""Facts: what happened, each one exactly one request."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .deliverable import _LET_GO, NO_ERROR, Deliverable, DeliverableQuerySet, error_fields
from .fields import UtcDateTimeField
from .states import CHANGES, SkipReason, State, sources_of

# The layout of a row. A newer engine reads the older ones (demand K5).
PAYLOAD_VERSION = 1
UUID_KEY = "hellotext_uuid"
DESTINATION = "hellotext"

# Rows that set a customer's subscription, the only ones that do (promise 9). Their evidence is in the metadata.
SUBSCRIPTION = "subscription"
SUBSCRIBE = "subscribe"
UNSUBSCRIBE = "unsubscribe"
EVIDENCE_KEY = "evidence"


# What tells of a person or of what they did. Its ID and its key's fingerprint say nothing of anybody.
PERSONAL: dict[str, Any] = {
    "ordering_key": "",
    "key": "",
    "profile_label": "",
    "profile_pk": "",
    "session": "",
    "object_kind": "",
    "object_label": "",
    "object_pk": "",
    "object_type": "",
    "object_parameters": None,
    "amount": None,
    "currency": "",
    "metadata": {},
    "url": "",
    "consent": None,
    "adjustments": None,
    **NO_ERROR,
}


class EventQuerySet(DeliverableQuerySet):
    def freeze_amounts(self, events: Collection[Event], *, token: str) -> None:
        """Store the amounts that were read for ``events`` in hand under ``token``."""
        self.held(token).bulk_update(events, ["amount", "currency"])

    def complete(self, events: Collection[Event], *, token: str) -> None:
        """Store what was missing from ``events`` in hand under ``token``."""
        columns = ["profile_label", "profile_pk", "session", "ordering_key", "amount", "currency", "incomplete"]
        self.held(token).bulk_update(events, columns)

    def erase(self, ids: Collection[int]) -> int:
        """Nothing more is sent of these rows, and nothing personal stays of them (demand I3); answers how many.

        A row with a key stays, empty: recording the same thing once more is still recording it twice. One that is
        just being sent keeps its state, so that its worker can finish it.
        """
        rows = self.filter(pk__in=ids)
        count = rows.count()
        rows.filter(dedupe=None).exclude(state=State.SENDING).delete()
        rows.filter(state__in=sources_of(State.SKIPPED)).exclude(state=State.SENDING).update(
            state=State.SKIPPED, skip_reason=SkipReason.ERASED, next_attempt_at=None, **_LET_GO
        )
        rows.update(**PERSONAL)
        return count


_Manager = models.Manager.from_queryset(EventQuerySet)


class EventManager(_Manager["Event"]):
    """The events, without the changes that share their table."""

    def get_queryset(self) -> EventQuerySet:
        """Leave out the changes."""
        return EventQuerySet(self.model, using=self._db).exclude(state__in=CHANGES)


class Event(Deliverable):
    """A fact bound for a destination. What cannot be read later is frozen here when it is recorded.

    ``amount`` is in major units. ``object_parameters`` holds what the object was like at that moment (the items of
    a cart event) with links to host objects, which become remote IDs when the event is sent.
    """

    uuid = models.UUIDField(_("UUID"), editable=False)
    destination = models.CharField(_("destination"), max_length=32, default=DESTINATION, db_default=DESTINATION)
    action = models.CharField(_("action"), max_length=100)
    source = models.CharField(_("source"), max_length=60)
    key = models.CharField(_("key"), max_length=255, blank=True, default="", db_default="")
    dedupe = models.CharField(max_length=64, null=True, unique=True, editable=False)
    profile_label = models.CharField(_("profile model"), max_length=128, blank=True, default="", db_default="")
    profile_pk = models.CharField(_("profile object"), max_length=255, blank=True, default="", db_default="")
    session = models.CharField(_("session"), max_length=64, blank=True, default="", db_default="")
    object_kind = models.CharField(_("kind of object"), max_length=32, blank=True, default="", db_default="")
    object_label = models.CharField(_("object's model"), max_length=128, blank=True, default="", db_default="")
    object_pk = models.CharField(_("object"), max_length=255, blank=True, default="", db_default="")
    object_type = models.CharField(_("object type"), max_length=100, blank=True, default="", db_default="")
    object_parameters = models.JSONField(_("object parameters"), null=True)
    amount = models.DecimalField(_("amount"), max_digits=19, decimal_places=4, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="", db_default="")
    metadata = models.JSONField(_("metadata"), default=dict)
    url = models.CharField(_("URL"), max_length=2048, blank=True, default="", db_default="")
    tracked_at = UtcDateTimeField(_("happened"))
    consent = models.BooleanField(_("consent"), null=True)
    payload_version = models.PositiveSmallIntegerField(
        default=PAYLOAD_VERSION, db_default=PAYLOAD_VERSION, editable=False
    )
    # An adapter failed while this was recorded; the worker reads what is missing when the row is sent again.
    incomplete = models.BooleanField(default=False, db_default=False, editable=False)

    objects = EventManager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["account", "state", "lane", "id"], name="hellotext_event_claim"),
            models.Index(fields=["ordering_key", "state", "id"], name="hellotext_event_order"),
            models.Index(fields=["object_label", "object_pk", "state"], name="hellotext_event_object"),
            models.Index(fields=["profile_label", "profile_pk"], name="hellotext_event_profile"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.uuid}"

    @property
    def is_subscription(self) -> bool:
        """Whether this row subscribes or unsubscribes a customer, rather than telling of something."""
        return self.destination == SUBSCRIPTION

    def refuse_at_recording(self, *, type: str, parameter: str, text: str) -> None:
        """Make an unsaved row a failed one that waits for a person. Its key is free for a later, better one."""
        self.state = State.FAILED
        self.dedupe = None
        for name, value in error_fields(type=type, parameter=parameter, message=text).items():
            setattr(self, name, value)

    def blank(self) -> None:
        """Take out of an unsaved row whatever came from outside and may be more than its columns hold."""
        self.metadata = {UUID_KEY: str(self.uuid)}
        self.object_parameters = None
        self.url = self.key = self.object_type = ""
        self.amount, self.currency = None, ""
