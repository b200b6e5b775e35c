"""From an answer that is no success to the exception that names it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django_hellotext.exceptions import (
    ApiError,
    AuthenticationError,
    ErrorDetail,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    ValidationError,
)

from .backends.base import PreparedRequest, RawResponse
from .types.encoding import decode_answer

_MAX_DETAILS = 20
_MAX_DEPTH = 5
MAX_RETRY_AFTER = 86_400.0
"""Longest wait in seconds that a server can ask for; a day is as good as "look again later"."""
_TRANSIENT_4XX = frozenset({408, 425})  # they speak of the moment, not of the data

_BY_STATUS: Mapping[int, type[ApiError]] = {401: AuthenticationError, 403: PermissionDenied, 404: NotFound}


def error_for(request: PreparedRequest, response: RawResponse) -> ApiError:
    """Return the exception for an answer outside 2xx. Never raises, whatever the body holds."""
    context: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "status": response.status,
        "duration": response.duration,
        "request_id": request.request_id,
        "errors": read_details(response.body),
    }
    if response.status == 429:
        return RateLimited(retry_after=read_retry_after(response.headers.get("retry-after")), **context)
    if response.status in _BY_STATUS:
        return _BY_STATUS[response.status](**context)
    if response.status >= 500 or response.status in _TRANSIENT_4XX:
        return ServerError(**context)
    if response.status >= 400:
        return ValidationError(**context)
    if 300 <= response.status < 400:
        return InvalidResponse("A redirect, which is not followed: check the base URL.", **context)
    return InvalidResponse("Not a status that the API documents.", **context)


def read_details(body: bytes) -> tuple[ErrorDetail, ...]:
    """Return the entries of an error envelope: ``errors`` or ``error``, ``message`` or ``description``, nested or not.

    A body that is no JSON gives no entries.
    """
    try:
        data = decode_answer(body)
    except ValueError:
        return ()
    details: list[ErrorDetail] = []
    _collect(data, None, details, depth=0)
    return tuple(details[:_MAX_DETAILS])


def _collect(data: Any, parameter: str | None, details: list[ErrorDetail], *, depth: int) -> None:
    if depth > _MAX_DEPTH or len(details) >= _MAX_DETAILS:
        return
    if isinstance(data, str):
        details.append(ErrorDetail("", parameter, data))
    elif isinstance(data, list):
        for item in data:
            _collect(item, parameter, details, depth=depth + 1)
    elif isinstance(data, Mapping):
        _collect_mapping(data, parameter, details, depth=depth)


def _collect_mapping(data: Mapping[str, Any], parameter: str | None, details: list[ErrorDetail], *, depth: int) -> None:
    inner = data.get("errors") or data.get("error")
    if isinstance(data.get("type"), str):
        text = data.get("message") or data.get("description") or ""
        named = data.get("parameter")
        details.append(ErrorDetail(data["type"], named if isinstance(named, str) else parameter, str(text)))
    elif isinstance(inner, Mapping) and "type" not in inner and not inner.keys() & {"errors", "error"}:
        for name, item in inner.items():
            _collect(item, None if name == "message" else str(name), details, depth=depth + 1)
    elif inner:
        _collect(inner, parameter, details, depth=depth + 1)
    elif isinstance(data.get("message"), str):
        details.append(ErrorDetail("", parameter, data["message"]))


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header (a number or an HTTP date), at most a day.

    None when the header is missing or says nothing usable.
    """
    if not value:
        return None
    try:
        if value.strip().isdecimal():
            return min(float(value), MAX_RETRY_AFTER)
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), MAX_RETRY_AFTER)
