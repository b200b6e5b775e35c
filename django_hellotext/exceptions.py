"""The error tree.

::

    HellotextError
     ├─ ConfigurationError      a setting or an adapter is wrong (also an ImproperlyConfigured)
     ├─ TrackingError           faulty data given to track() and friends (also a ValueError)
     ├─ NotAllowed              a state move that the ledger forbids
     └─ ApiError                a call to Hellotext did not succeed; carries an Outcome
         ├─ AuthenticationError 401               HALT
         ├─ PermissionDenied    403               HALT
         ├─ NotFound            404               REFUSE
         ├─ ValidationError     other 4xx         REFUSE
         ├─ RateLimited         429               RETRY, after retry_after seconds
         ├─ ServerError         5xx, 408, 425     RETRY; a write may have been applied
         ├─ ConnectionFailed    certainly not sent            RETRY
         ├─ OutcomeUnknown      sent, no (complete) answer    UNKNOWN for writes, RETRY for reads
         ├─ InvalidResponse     an answer that cannot be read UNKNOWN for writes, RETRY for reads
         └─ UnusableId          an ID that cannot be stored   REFUSE

Every class can be pickled. None holds the token or a body; texts and paths are masked on the way in (demand I1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from django.core.exceptions import ImproperlyConfigured

from .redaction import mask, mask_path

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_MESSAGE = 500  # characters
_MAX_CODE = 100  # characters


class Outcome(StrEnum):
    """What an unsuccessful call means for the row behind it."""

    RETRY = "retry"
    """Nothing wrong with the data: the same request may be sent again later."""
    REFUSE = "refuse"
    """Never repeat unchanged; a person or another operation has to step in."""
    UNKNOWN = "unknown"
    """It may have been applied: look before sending again."""
    HALT = "halt"
    """The account cannot send at all: stop everything, lose nothing."""


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of Hellotext's error envelope. Decide on ``type``, never on the English ``message``."""

    type: str
    parameter: str | None = None
    message: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", mask(self.type)[:_MAX_CODE])
        if self.parameter is not None:
            object.__setattr__(self, "parameter", mask(self.parameter)[:_MAX_CODE])
        object.__setattr__(self, "message", mask(self.message)[:_MAX_MESSAGE])


class HellotextError(Exception):
    """Base of everything that this package raises on purpose."""


class ConfigurationError(HellotextError, ImproperlyConfigured):
    """A setting or an adapter is wrong. The text names it and says what to do."""


class TrackingError(HellotextError, ValueError):
    """Faulty data was given to ``track()`` or one of its friends.

    ``reason`` is a short stable code, ``parameter`` the argument at fault ("" when there is no single one).
    """

    def __init__(self, message: str = "", *, reason: str = "", parameter: str = "") -> None:
        super().__init__(mask(message))
        self.reason = reason
        self.parameter = parameter


class NotAllowed(HellotextError):
    """A move between delivery states that is not in the table of allowed moves."""


class ApiError(HellotextError):
    """A call to Hellotext did not succeed.

    :ivar method: HTTP method. :ivar path: masked path without query. :ivar status: HTTP status, None without answer.
    :ivar duration: seconds the call took, None when unknown. :ivar request_id: this call's own ID, as in the log.
    :ivar errors: the entries of the error envelope, in its order.
    """

    meaning: ClassVar[Outcome] = Outcome.UNKNOWN

    def __init__(
        self,
        detail: str = "",
        *,
        method: str = "",
        path: str = "",
        status: int | None = None,
        duration: float | None = None,
        request_id: str = "",
        errors: Iterable[ErrorDetail] = (),
    ) -> None:
        super().__init__(mask(detail)[:_MAX_MESSAGE])
        self.method = method
        self.path = mask_path(path)
        self.status = status
        self.duration = duration
        self.request_id = request_id
        self.errors = tuple(errors)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __str__(self) -> str:
        call = f"{self.method} {self.path}".strip()
        status = "" if self.status is None else f"answered {self.status}"
        parameter = f" ({self.parameter})" if self.parameter else ""
        error = f"{self.type}{parameter}".strip()
        detail = str(self.args[0]) if self.args else ""
        parts = [part for part in (f"{call} {status}".strip(), error, self.message, detail) if part]
        return ": ".join(dict.fromkeys(parts)) or type(self).__name__

    @property
    def outcome(self) -> Outcome:
        """What to do. A read changes nothing, so a read without a usable answer is a plain retry."""
        if self.meaning is Outcome.UNKNOWN and self.method in _SAFE_METHODS:
            return Outcome.RETRY
        return self.meaning

    @property
    def may_have_applied(self) -> bool:
        """Whether Hellotext may have carried out the write although the call failed."""
        return self.outcome is Outcome.UNKNOWN

    @property
    def type(self) -> str:
        """The error type of the first entry, such as ``parameter_not_unique``; "" without one."""
        return self.errors[0].type if self.errors else ""

    @property
    def parameter(self) -> str:
        """The parameter of the first entry; "" without one."""
        return (self.errors[0].parameter or "") if self.errors else ""

    @property
    def message(self) -> str:
        """The English text of the first entry, masked; "" without one."""
        return self.errors[0].message if self.errors else ""


class AuthenticationError(ApiError):
    """401: no token, or an unknown or revoked one."""

    meaning = Outcome.HALT


class PermissionDenied(ApiError):
    """403: the token or the plan does not allow this operation."""

    meaning = Outcome.HALT


class NotFound(ApiError):
    """404: no such object (or, for events, no such action) in this business."""

    meaning = Outcome.REFUSE


class ValidationError(ApiError):
    """400, 409, 422 and every other 4xx without a class of its own: the request was refused as it is."""

    meaning = Outcome.REFUSE


class RateLimited(ApiError):
    """429. ``retry_after`` holds the seconds the server asks to wait, None when it does not say."""

    meaning = Outcome.RETRY

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: float | None = None,
        method: str = "",
        path: str = "",
        status: int | None = None,
        duration: float | None = None,
        request_id: str = "",
        errors: Iterable[ErrorDetail] = (),
    ) -> None:
        super().__init__(
            detail,
            method=method,
            path=path,
            status=status,
            duration=duration,
            request_id=request_id,
            errors=errors,
        )
        self.retry_after = retry_after


class ServerError(ApiError):
    """5xx (also 408 and 425, which say nothing about the data). For a write the remote outcome is open."""

    meaning = Outcome.RETRY

    @property
    def may_have_applied(self) -> bool:
        """True for a write: the contract calls the outcome of a write unknown after a 5xx."""
        return self.method not in _SAFE_METHODS


class ConnectionFailed(ApiError):
    """The request certainly did not leave: DNS, refused, connect time-out, TLS handshake, proxy."""

    meaning = Outcome.RETRY


class OutcomeUnknown(ApiError):
    """The request may have left, and no complete answer came: time-out, reset, cut off, deadline."""

    meaning = Outcome.UNKNOWN


class InvalidResponse(ApiError):
    """An answer came that cannot be read: no JSON, empty, too large, a redirect, without the promised ID."""

    meaning = Outcome.UNKNOWN


class UnusableId(ApiError):
    """Hellotext returned an ID that the delivery cannot store. The object may be there; a person has to look.

    Raised by the delivery, not by the client.
    """

    meaning = Outcome.REFUSE
