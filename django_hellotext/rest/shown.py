"""What of a row is shown.

The names begin with the package's, and choices are plain text, because all serializers of a project share one OpenAPI
schema. Personal data is shown only to who may see it; everybody else sees its place taken (demand I1).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from rest_framework import serializers

from ..models import Event, Kind, Lane, RemoteObject, SkipReason, State
from ..redaction import REDACTED, hide, mask
from .times import HellotextDateTimeField


class HellotextErrorSerializer(serializers.Serializer[Any]):
    """What Hellotext, or our own look at the row, said last. The message is masked when it is stored."""

    status = serializers.IntegerField(source="error_status", allow_null=True)
    type = serializers.CharField(source="error_type")
    parameter = serializers.CharField(source="error_parameter")
    message = serializers.SerializerMethodField()

    def get_message(self, row: Any) -> str:
        """Masked once more: an older version may have stored it."""
        return mask(row.error_message)


class HellotextRowSerializer(serializers.ModelSerializer[Any]):
    """State, reason and the way so far."""

    state = serializers.CharField(help_text=", ".join(State.values))
    lane = serializers.CharField(source="lane_name", help_text=", ".join(each.name.lower() for each in Lane))
    reason = serializers.CharField(source="why")
    skip_reason = serializers.CharField(help_text=", ".join(SkipReason.values))
    error = HellotextErrorSerializer(source="*")
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: HellotextDateTimeField,
    }
    session = serializers.SerializerMethodField()
    adjustments = serializers.JSONField(allow_null=True, read_only=True)

    class Meta:
        fields: tuple[str, ...] = (
            *("id", "account", "lane", "state", "reason", "skip_reason", "error", "session", "attempts", "adjustments"),
            *("attempted_at", "next_attempt_at", "finished_at", "created_at", "updated_at"),
        )
        read_only_fields = fields

    @property
    def personal_data(self) -> bool:
        """Whether it may be shown."""
        return bool(self.context.get("personal_data"))

    def get_session(self, row: Any) -> str:
        """The visitor's session; with it one could act as that visitor's browser."""
        return self._personal(row.session)

    def _personal(self, text: str) -> str:
        return text if self.personal_data or not text else REDACTED


class HellotextEventSerializer(HellotextRowSerializer):
    """One event."""

    customer = serializers.SerializerMethodField()
    object = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    metadata = serializers.SerializerMethodField()

    class Meta(HellotextRowSerializer.Meta):
        model = Event
        fields = (
            *HellotextRowSerializer.Meta.fields,
            *("uuid", "destination", "action", "source", "customer", "object", "object_kind", "object_type"),
            *("amount", "currency", "url", "metadata", "tracked_at", "consent"),
        )
        read_only_fields = fields

    def get_customer(self, event: Event) -> dict[str, str] | None:
        """The customer's model and key."""
        return _link(event.profile_label, event.profile_pk)

    def get_object(self, event: Event) -> dict[str, str] | None:
        """What the event is about."""
        return _link(event.object_label, event.object_pk)

    def get_url(self, event: Event) -> str:
        """The page; its query may hold anything."""
        return self._personal(event.url)

    def get_metadata(self, event: Event) -> dict[str, Any]:
        """What the shop added."""
        shown: dict[str, Any] = event.metadata if self.personal_data else hide(event.metadata)
        return shown


class HellotextObjectSerializer(HellotextRowSerializer):
    """One mirrored object."""

    kind = serializers.CharField(help_text=", ".join(Kind.values))
    object = serializers.SerializerMethodField()

    class Meta(HellotextRowSerializer.Meta):
        model = RemoteObject
        fields = (
            *HellotextRowSerializer.Meta.fields,
            *("kind", "object", "reference", "source", "remote_id", "version", "synced_version", "baseline"),
            "tombstone_at",
        )
        read_only_fields = fields

    def get_object(self, row: RemoteObject) -> dict[str, str] | None:
        """The object in the shop."""
        return _link(row.host_label, row.host_pk)


def _link(label: str, pk: str) -> dict[str, str] | None:
    return {"label": label, "pk": pk} if label else None
