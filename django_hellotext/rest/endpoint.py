"""What every endpoint has in common: JSON in and out, small bodies, nothing that a cache may keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import json
from rest_framework.views import APIView

MAX_BODY = 4096  # bytes; the largest body that an endpoint takes is a session


class TooLarge(APIException):
    """The body is longer than any that is asked for."""

    status_code = 413
    default_detail = _("The body is too large.")
    default_code = "too_large"


class SmallJSONParser(BaseParser):
    """JSON in UTF-8 (RFC 8259) of at most ``MAX_BODY`` bytes.

    DRF's own parser reads a body of any size, decodes it with whatever codec the request names, and lets a deeply
    nested one end in a ``RecursionError``.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's value. Raises ``ParseError`` (400) or ``TooLarge`` (413)."""
        try:
            body = stream.read(MAX_BODY + 1)
        except OSError as error:  # the client has gone away
            raise ParseError() from error
        if len(body) > MAX_BODY:
            raise TooLarge()
        try:
            return json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is not JSON.")) from error


class Endpoint(APIView):
    """Independent of the host's defaults in all but the authentication of its staff."""

    renderer_classes = [JSONRenderer]
    parser_classes = [SmallJSONParser]
    throttle_classes = []
    versioning_class = None
    metadata_class = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Read the query string as UTF-8, whatever codec the request's ``Content-Type`` names."""
        if request.encoding is not None:
            request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """What is true for one visitor at one moment is nobody else's."""
        final: Any = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "private, no-store"
        answer: Response = final
        return answer
