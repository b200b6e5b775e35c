"""A carrier that shows what would go out, as Django's console e-mail backend."""

from __future__ import annotations

import sys
from typing import TextIO
from urllib.parse import parse_qsl, urlsplit

import simplejson

from django_hellotext.api.types.encoding import decode_json
from django_hellotext.redaction import mask_data, mask_path
from django_hellotext.sanitize import one_line

from .base import PreparedRequest, RawResponse
from .dummy import DummyBackend


class ConsoleBackend(DummyBackend):
    """Writes every request to ``stream`` (standard output), personal values masked, and answers as the dummy does."""

    def __init__(self, *, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, request: PreparedRequest) -> RawResponse:
        """Write the request, then answer it. Raises what the stream raises."""
        answer = super().send(request)
        stream = sys.stdout if self._stream is None else self._stream
        stream.write(_describe(request, answer))  # in one piece, so that threads do not mix their lines
        stream.flush()
        return answer


def _describe(request: PreparedRequest, answer: RawResponse) -> str:
    lines = [f"{request.method} {mask_path(request.path)}"]
    query = dict(parse_qsl(urlsplit(request.url).query))
    if query:
        lines.append(f"query: {_readable(mask_data(query))}")
    if request.body is not None:
        lines.append(_readable(mask_data(decode_json(request.body))))
    lines.append(f"not sent; answered {answer.status} {_readable(mask_data(decode_json(answer.body)))}")
    return "\n".join([*lines, "-" * 79, ""])


def _readable(data: object) -> str:
    document = simplejson.dumps(data, use_decimal=True, ensure_ascii=False, indent=2)
    return "\n".join(map(one_line, document.split("\n")))
