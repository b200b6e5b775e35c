"""What a list can be narrowed by: equality on indexed columns, or on the few rows of an open state (demand J1)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..conf import hellotext_settings
from ..models import CHANGES, Kind, Session, State
from ..models.deliverable import DeliverableQuerySet
from ..models.identity import ordering_key

PROBLEMS = "problems"  # what needs a person: refused, or sent without an answer

STATES = [state.value for state in State if state not in CHANGES]


class LinkField(serializers.CharField):
    """An object of the shop, as ``shop.order:1001``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128 + 1 + 255, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """The label and the key. Raises ``ValidationError`` where one of them is missing."""
        label, _colon, pk = super().to_internal_value(data).partition(":")
        if not (label and pk) or "\x00" in data:
            raise serializers.ValidationError(_("Write the model and the key, such as shop.order:1001."))
        return label.lower(), pk


class Choices(serializers.Serializer[Any]):
    """The parameters of a list; a misspelt one is refused, since a list that ignores it shows the wrong rows."""

    OTHERS: ClassVar[frozenset[str]] = frozenset({"cursor", "page_size", "format"})
    OF_ONE: ClassVar[frozenset[str]] = frozenset({"database", "format"})

    database = serializers.CharField(required=False, max_length=100)
    state = serializers.ChoiceField([PROBLEMS, *STATES], required=False)
    error_type = serializers.CharField(required=False, max_length=64)
    account = serializers.CharField(required=False, max_length=130)

    def __init__(self, *args: Any, whole: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.whole = whole

    def to_internal_value(self, data: Any) -> Any:
        """The values. Raises ``ValidationError`` for a parameter that there is not."""
        known = {*self.fields, *self.OTHERS} if self.whole else self.OF_ONE
        unknown = sorted(str(name)[:64] for name in data if name not in known)
        if unknown:
            raise serializers.ValidationError({unknown[0]: [_("There is no such parameter.")]})
        return super().to_internal_value(data)

    def validate_database(self, alias: str) -> str:
        """An alias that holds our tables."""
        if alias not in hellotext_settings.DATABASES:
            raise serializers.ValidationError(_("This is none of HELLOTEXT['DATABASES']."))
        return alias

    def narrow(self, rows: DeliverableQuerySet) -> DeliverableQuerySet:
        """The rows that the parameters leave."""
        values = self.validated_data
        state, type_ = values.get("state"), values.get("error_type")
        if state or type_:
            # An error stands on refused rows; without their state, all rows would be read to find it.
            states = [State.FAILED, State.UNCERTAIN] if state in (PROBLEMS, None) else [State(state)]
            rows = rows.in_states(*states)
        if type_:
            rows = rows.filter(error_type=type_)
        if "account" in values:
            rows = rows.filter(account=values["account"])
        return rows


class EventChoices(Choices):
    """The parameters of the events."""

    action = serializers.CharField(required=False, max_length=100)
    customer = LinkField(required=False)
    object = LinkField(required=False)
    session = serializers.CharField(required=False, max_length=Session._meta.get_field("session").max_length)

    def narrow(self, rows: DeliverableQuerySet) -> DeliverableQuerySet:
        """The events that the parameters leave."""
        rows, values = super().narrow(rows), self.validated_data
        if "action" in values:
            rows = rows.filter(action=values["action"])
        if "customer" in values:
            label, pk = values["customer"]
            rows = rows.filter(profile_label=label, profile_pk=pk)
        if "object" in values:
            label, pk = values["object"]
            rows = rows.filter(object_label=label, object_pk=pk)
        if "session" in values:
            rows = rows.filter(ordering_key=ordering_key(session=values["session"]))
        return rows


class ObjectChoices(Choices):
    """The parameters of the mirrored objects."""

    kind = serializers.ChoiceField(Kind.values, required=False)
    object = LinkField(required=False)
    reference = serializers.CharField(required=False, max_length=255)
    remote_id = serializers.CharField(required=False, max_length=64)

    def narrow(self, rows: DeliverableQuerySet) -> DeliverableQuerySet:
        """The objects that the parameters leave."""
        rows, values = super().narrow(rows), self.validated_data
        for name in ("kind", "reference", "remote_id"):
            if name in values:
                rows = rows.filter(**{name: values[name]})
        if "object" in values:
            label, pk = values["object"]
            rows = rows.filter(host_label=label, host_pk=pk)
        return rows
