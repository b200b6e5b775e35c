"""``session/``: the page hands over ``Hellotext.session``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.middleware.csrf import get_token
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from ..intake.handover import accept
from ..intake.sessions import valid_session
from .access import PageAuthentication, PageThrottle
from .endpoint import Endpoint


class SessionField(serializers.RegexField):
    """A Hellotext session: text, never a number that looks like one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^[A-Za-z0-9_-]{1,64}$", max_length=64, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """``data`` as it is. Raises ``ValidationError`` for what can be no session."""
        if not valid_session(data):
            self.fail("invalid")
        return str(data)


class HellotextSessionSerializer(serializers.Serializer[Any]):
    """The session and nothing else: a profile is never the browser's to name (``hellotext-facts`` §2)."""

    session = SessionField()

    def to_internal_value(self, data: Any) -> Any:
        """The session. Raises ``ValidationError`` for a value that is no object, or has more to say."""
        if isinstance(data, Mapping):
            more = sorted(str(name)[:64] for name in data if name not in self.fields)
            if more:
                raise serializers.ValidationError({more[0]: [_("This is not taken from a page.")]})
        return super().to_internal_value(data)


class HellotextCsrfSerializer(serializers.Serializer[Any]):
    """The token that a page on another origin cannot read off its cookie."""

    csrf_token = serializers.CharField(read_only=True)


class SessionView(Endpoint):
    """Takes the visitor's Hellotext session from the page.

    For a logged-in customer the session is attached to the customer's own profile; for everybody it is kept in the
    Django session, until a login attaches it. Staff have neither (demand G5).
    """

    authentication_classes = [PageAuthentication]
    permission_classes = [AllowAny]
    throttle_classes = [PageThrottle]

    def get(self, request: Request) -> Response:
        """Answer with a CSRF token, for pages on another origin that CORS lets read it."""
        return Response({"csrf_token": get_token(request._request)})

    def post(self, request: Request) -> Response:
        """Take the session. Answers 204, and no word about who the visitor is."""
        serializer = HellotextSessionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        accept(request._request, serializer.validated_data["session"])
        return Response(status=204)
