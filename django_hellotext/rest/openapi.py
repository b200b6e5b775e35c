# drf-spectacular's classes are typed, the hook that registers them is not.
# mypy: disallow-untyped-calls=False
"""What drf-spectacular cannot see by itself. Imported only where it is installed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiViewExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view

from .choices import EventChoices, ObjectChoices
from .page import HellotextCsrfSerializer, HellotextSessionSerializer
from .shown import HellotextEventSerializer, HellotextObjectSerializer
from .status import HellotextStatusSerializer

ROOM = "django_hellotext.rest"
TAGS = ["hellotext"]


def _said(code: int) -> dict[int, OpenApiResponse]:
    said = {
        400: "The request is malformed, or a value is not allowed.",
        401: "Nobody is logged in, or the token is wrong.",
        403: "A right is missing, or the CSRF check failed.",
        404: "There is no such row.",
        406: "JSON is not accepted.",
        413: "The body is too large.",
        415: "The body is not JSON.",
        429: "Too many requests.",
    }
    return {code: OpenApiResponse(OpenApiTypes.OBJECT, description=said[code])}


def _answers(*codes: int) -> dict[int, OpenApiResponse]:
    return {code: answer for each in codes for code, answer in _said(each).items()}


class PageScheme(OpenApiAuthenticationExtension):
    """Django's session cookie; the CSRF token goes beside it."""

    target_class = f"{ROOM}.access.PageAuthentication"
    name = "hellotextPage"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """The header that the page adds."""
        return {"type": "apiKey", "in": "header", "name": "X-CSRFToken"}


class MonitorScheme(OpenApiAuthenticationExtension):
    """``HELLOTEXT["STATUS_TOKEN"]``."""

    target_class = f"{ROOM}.access.StatusTokenAuthentication"
    name = "hellotextStatus"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token."""
        return dict(build_bearer_security_scheme_object(header_name="Authorization", token_prefix="Bearer"))  # noqa: S106 - the scheme's name


class SessionExtension(OpenApiViewExtension):
    target_class = f"{ROOM}.page.SessionView"

    def view_replacement(self) -> Any:
        """The view with its request and answers."""
        return extend_schema_view(
            get=extend_schema(
                operation_id="hellotext_csrf_token",
                responses={200: HellotextCsrfSerializer, **_answers(406, 429)},
                tags=TAGS,
            ),
            post=extend_schema(
                operation_id="hellotext_hand_over_session",
                request=HellotextSessionSerializer,
                responses={
                    204: OpenApiResponse(description="Taken."),
                    **_answers(400, 403, 406, 413, 415, 429),
                },
                tags=TAGS,
            ),
        )(self.target)


class StatusExtension(OpenApiViewExtension):
    target_class = f"{ROOM}.status.StatusView"

    def view_replacement(self) -> Any:
        """The view with its answers."""
        return extend_schema_view(
            get=extend_schema(
                operation_id="hellotext_status",
                responses={
                    200: HellotextStatusSerializer,
                    503: OpenApiResponse(OpenApiTypes.OBJECT, description="The database cannot be read."),
                    **_answers(401, 403, 406),
                },
                tags=TAGS,
            )
        )(self.target)


class EventsExtension(OpenApiViewExtension):
    target_class = f"{ROOM}.rows.EventViewSet"

    def view_replacement(self) -> Any:
        """The view with its parameters and answers."""
        return _rows(self.target, "event", HellotextEventSerializer, EventChoices)


class ObjectsExtension(OpenApiViewExtension):
    target_class = f"{ROOM}.rows.ObjectViewSet"

    def view_replacement(self) -> Any:
        """The view with its parameters and answers."""
        return _rows(self.target, "object", HellotextObjectSerializer, ObjectChoices)


def _rows(view: Any, name: str, serializer: Any, choices: Any) -> Any:
    errors = _answers(400, 401, 403, 404, 406)
    return extend_schema_view(
        list=extend_schema(
            operation_id=f"hellotext_list_{name}s",
            parameters=[choices],
            responses={200: serializer(many=True), **errors},
            tags=TAGS,
        ),
        retrieve=extend_schema(operation_id=f"hellotext_{name}", responses={200: serializer, **errors}, tags=TAGS),
        retry=extend_schema(
            operation_id=f"hellotext_retry_{name}", request=None, responses={200: serializer, **errors}, tags=TAGS
        ),
    )(view)
