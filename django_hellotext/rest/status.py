"""``status/``: how delivery stands, for monitoring. No personal data, and cheap at a million rows."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from .. import clock
from ..conf import hellotext_settings
from ..delivery.standing import COUNTED_TO, Condition, standing, worst
from .access import MayReadStatus, StatusTokenAuthentication
from .endpoint import Endpoint
from .times import HellotextDateTimeField

WORDS = ", ".join(Condition)


class HellotextLeftRowsSerializer(serializers.Serializer[Any]):
    """Rows that this release leaves to another one; ``model`` is empty for events in a newer layout."""

    model = serializers.CharField(source="label")
    counts = serializers.DictField(child=serializers.IntegerField())
    since = HellotextDateTimeField()


class HellotextStandingSerializer(serializers.Serializer[Any]):
    """One database."""

    database = serializers.CharField(source="using")
    state = serializers.CharField(source="condition", help_text=WORDS)
    counts = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    unseen_changes = serializers.IntegerField(source="changes")
    waiting_since = HellotextDateTimeField(allow_null=True)
    backfill_since = HellotextDateTimeField(allow_null=True)
    last_drain = HellotextDateTimeField(source="drained_at", allow_null=True)
    paused_until = HellotextDateTimeField(allow_null=True)
    paused_reason = serializers.CharField()
    halted_at = HellotextDateTimeField(allow_null=True)
    halted_until = HellotextDateTimeField(allow_null=True)
    halted_reason = serializers.CharField()
    left = HellotextLeftRowsSerializer(many=True, help_text="rows of models without an adapter in this process")


class HellotextStatusSerializer(serializers.Serializer[Any]):
    """All databases, and one word for the whole."""

    state = serializers.CharField(help_text=WORDS)
    environment = serializers.CharField()
    now = HellotextDateTimeField()
    counted_to = serializers.IntegerField()
    databases = HellotextStandingSerializer(many=True)


class StatusView(Endpoint):
    """What waits and since when, whether the account may send, and when a worker last looked.

    Answers 200 whatever the state is: a monitor reads the word. 503 is for a database that cannot be read.
    """

    permission_classes = [MayReadStatus]

    def get_authenticators(self) -> list[Any]:
        """The monitor's token first, then the ways in which the host knows its staff."""
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        return [StatusTokenAuthentication(), *(each() for each in classes)]

    def get(self, request: Request) -> Response:
        """Answer with the status of each database."""
        try:
            databases = [standing(alias) for alias in hellotext_settings.DATABASES]
        except DatabaseError:
            return Response({"detail": "The database cannot be read."}, status=503)
        return Response(
            HellotextStatusSerializer(
                {
                    "state": worst([each.condition for each in databases]),
                    "environment": hellotext_settings.ENVIRONMENT,
                    "now": clock.now(),
                    "counted_to": COUNTED_TO,
                    "databases": databases,
                }
            ).data
        )
