"""The client: one request at a time, nothing repeated, nothing private shown."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from ipaddress import ip_address
from time import monotonic
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from django_hellotext import __version__
from django_hellotext.exceptions import ApiError, ConfigurationError, InvalidResponse
from django_hellotext.redaction import Redacted, mask_path, register_secret

from .backends.base import BaseBackend, PreparedRequest, RawResponse
from .backends.http import MAX_BODY, HttpBackend
from .errors import error_for
from .resources.actions import Actions
from .resources.apps import Apps
from .resources.carts import Carts
from .resources.coupons import Coupons
from .resources.events import Events
from .resources.forms import Forms
from .resources.lists import Lists
from .resources.orders import OrderItems, Orders
from .resources.products import Products, Variants
from .resources.profiles import Profiles
from .resources.properties import Properties
from .resources.refunds import Refunds
from .resources.sessions import Sessions
from .response import ApiResponse
from .tracebacks import hide_locals
from .types.encoding import decode_answer, encode_json

logger = logging.getLogger("django_hellotext.api")

DEFAULT_BASE_URL = "https://api.hellotext.com"
DEFAULT_TIMEOUT = (3.05, 10.0)
"""(connect, read) in seconds."""
DEFAULT_DEADLINE = 20.0
"""Hard total of one call in seconds."""
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
_NO_CONTENT = frozenset({204, 205})


class HellotextClient:
    """The Hellotext API of one business. Needs no Django models; thread-safe and fork-safe; never repeats a request.

    :param token: private API token. :param base_url: http only for this machine, unless ``allow_http``.
    :param backend: the carrier; HTTP when not given. :param timeout: (connect, read) in seconds.
    :param deadline: hard total of one call in seconds, also against a server that sends one byte at a time.
    :param failure_level: the level at which a call that fails is logged, for callers that report it themselves.

    Raises ConfigurationError for a token or URL that cannot be right. Every call raises an
    :class:`~django_hellotext.exceptions.ApiError` when it does not succeed, and TypeError or ValueError, naming the
    argument, before anything is sent.
    """

    _base_url = ""  # so that repr() works in a traceback of __init__

    def __init__(
        self,
        *,
        token: str,
        base_url: str = DEFAULT_BASE_URL,
        backend: BaseBackend | None = None,
        timeout: tuple[float, float] = DEFAULT_TIMEOUT,
        deadline: float = DEFAULT_DEADLINE,
        allow_http: bool = False,
        failure_level: int = logging.WARNING,
    ) -> None:
        problem = _token_problem(token)
        self._authorization = Redacted("" if problem else f"Bearer {_reveal(token)}")
        if not problem:
            register_secret(token)
        del token  # no local of a traceback may hold it
        if problem:
            raise ConfigurationError(problem)
        self._base_url = _check_base_url(base_url, allow_http=allow_http)
        self._backend = HttpBackend() if backend is None else backend
        self._timeout = _check_timeout(timeout)
        self._deadline = _check_seconds("deadline", deadline)
        self._failure_level = failure_level

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}>"

    def __getstate__(self) -> NoReturn:
        raise TypeError("A client holds a secret and open connections; build one per process instead of pickling it.")

    @property
    def base_url(self) -> str:
        """The URL that every path is appended to, without a slash at its end."""
        return self._base_url

    @property
    def backend(self) -> BaseBackend:
        """The carrier in use."""
        return self._backend

    def with_options(
        self,
        *,
        timeout: tuple[float, float] | None = None,
        deadline: float | None = None,
        backend: BaseBackend | None = None,
    ) -> HellotextClient:
        """Return a client on the same connections with other time limits (seconds): the override for single calls.

        ``backend`` is for a carrier that stands before this one's and passes requests on to it.
        """
        twin = object.__new__(type(self))
        twin._authorization = self._authorization
        twin._base_url = self._base_url
        twin._backend = self._backend if backend is None else backend
        twin._failure_level = self._failure_level
        twin._timeout = self._timeout if timeout is None else _check_timeout(timeout)
        twin._deadline = self._deadline if deadline is None else _check_seconds("deadline", deadline)
        return twin

    def close(self) -> None:
        """Release the connections. The client may be used again afterwards."""
        self._backend.close()

    @hide_locals
    def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> ApiResponse:
        """Send one request and return its answer.

        ``path`` begins with ``/v1/`` and is percent-encoded; ``json`` becomes the body; ``params`` the query (None and
        UNSET must be left out by the caller); ``deadline`` replaces the client's, in seconds.
        Raises ApiError, and TypeError or ValueError for arguments that cannot be sent.
        """
        request = self._prepare(method, path, json=json, params=params, deadline=deadline)
        started = monotonic()
        try:
            raw = self._backend.send(request)
            response = _read(request, raw)
        except ApiError as error:
            _complete(error, request, duration=monotonic() - started)
            _log_failure(request, error, level=self._failure_level)
            raise
        _log(request, logging.INFO, status=raw.status, duration=raw.duration)
        return response

    def _prepare(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        deadline: float | None,
    ) -> PreparedRequest:
        if method not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(sorted(_METHODS))}.")
        if not isinstance(path, str):
            raise TypeError(f"path must be a str, not {type(path).__name__}.")
        if not path.startswith("/") or path.startswith("//") or any(mark in path for mark in "?# \r\n\\"):
            raise ValueError("path must begin with one slash and hold no query, space or line break.")
        headers: dict[str, str] = {
            "Accept": "application/json",
            # No compression: an answer is small, and a compressed one could grow past the limit while it is unpacked.
            "Accept-Encoding": "identity",
            "Authorization": self._authorization,
            "User-Agent": f"django-hellotext/{__version__}",
        }
        body = None if json is None else encode_json(json)
        if body is not None:
            headers["Content-Type"] = "application/json"
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        return PreparedRequest(
            method=method,
            url=f"{self._base_url}{path}{query}",
            path=path,
            headers=headers,
            body=body,
            timeout=self._timeout,
            deadline=self._deadline if deadline is None else _check_seconds("deadline", deadline),
            request_id=uuid4().hex,
        )

    @cached_property
    def profiles(self) -> Profiles:
        """People known to the business."""
        return Profiles(self)

    @cached_property
    def properties(self) -> Properties:
        """Definitions of the attributes a profile can have."""
        return Properties(self)

    @cached_property
    def lists(self) -> Lists:
        """Named groups of profiles."""
        return Lists(self)

    @cached_property
    def coupons(self) -> Coupons:
        """Codes that exist in the shop."""
        return Coupons(self)

    @cached_property
    def events(self) -> Events:
        """Tracking, and the stored events."""
        return Events(self)

    @cached_property
    def actions(self) -> Actions:
        """Definitions of custom actions."""
        return Actions(self)

    @cached_property
    def apps(self) -> Apps:
        """Applications whose installs and spending are tracked."""
        return Apps(self)

    @cached_property
    def carts(self) -> Carts:
        """Shopping carts."""
        return Carts(self)

    @cached_property
    def forms(self) -> Forms:
        """Named forms used by form events."""
        return Forms(self)

    @cached_property
    def orders(self) -> Orders:
        """Orders."""
        return Orders(self)

    @cached_property
    def order_items(self) -> OrderItems:
        """Lines of an order."""
        return OrderItems(self)

    @cached_property
    def products(self) -> Products:
        """Catalogue products."""
        return Products(self)

    @cached_property
    def variants(self) -> Variants:
        """Variants of a product."""
        return Variants(self)

    @cached_property
    def refunds(self) -> Refunds:
        """Refunds of an order or a product."""
        return Refunds(self)

    @cached_property
    def sessions(self) -> Sessions:
        """Joining an anonymous browser session to a profile."""
        return Sessions(self)


def _read(request: PreparedRequest, raw: RawResponse) -> ApiResponse:
    if not 200 <= raw.status < 300:
        raise error_for(request, raw)
    problem = ""
    data: Any = {}
    if len(raw.body) > MAX_BODY:
        problem = f"The answer is larger than {MAX_BODY // 1_000_000} MB."
    elif not raw.body.strip():
        problem = "" if raw.status in _NO_CONTENT else "The answer is empty."
    else:
        try:
            data = decode_answer(raw.body)
        except ValueError:
            problem = "The answer is not JSON."
    if not problem and not isinstance(data, dict):
        problem = "The answer is not a JSON object."
    if problem:
        raise InvalidResponse(
            problem,
            method=request.method,
            path=request.path,
            status=raw.status,
            duration=raw.duration,
            request_id=request.request_id,
        )
    return ApiResponse(raw.status, data, raw.headers, raw.duration, request.request_id)


def _complete(error: ApiError, request: PreparedRequest, *, duration: float) -> None:
    """Fill in what a carrier left out."""
    error.method = error.method or request.method
    error.path = error.path or mask_path(request.path)
    error.request_id = error.request_id or request.request_id
    if error.duration is None:
        error.duration = duration


def _log_failure(request: PreparedRequest, error: ApiError, *, level: int) -> None:
    _log(
        request,
        level,
        status=error.status,
        duration=error.duration or 0.0,
        kind=type(error).__name__,
        error_type=error.type,
        error_parameter=error.parameter,
    )


def _log(
    request: PreparedRequest,
    level: int,
    *,
    status: int | None,
    duration: float,
    kind: str = "",
    error_type: str = "",
    error_parameter: str = "",
) -> None:
    """Write the one record of a call: never the token, the query, a header or a body."""
    if not logger.isEnabledFor(level):
        return
    path = mask_path(request.path)
    error = " ".join(part for part in (kind, error_type, error_parameter and f"({error_parameter})") if part)
    logger.log(
        level,
        "%s %s %s in %.3f s, request %s%s",
        request.method,
        path,
        "no answer" if status is None else status,
        duration,
        request.request_id,
        error and f": {error}",
        extra={
            "method": request.method,
            "path": path,
            "status": status,
            "duration": duration,
            "request_id": request.request_id,
            "error": kind,
            "error_type": error_type,
            "error_parameter": error_parameter,
        },
    )


def _reveal(token: str) -> str:
    return token.reveal() if isinstance(token, Redacted) else token


def _token_problem(token: object) -> str:
    if not isinstance(token, str):
        return f"The API token must be a str, not {type(token).__name__}."
    plain = _reveal(token)
    if not plain:
        return "The API token is empty."
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        return "The API token holds a space, a line break or a letter that no token has."
    return ""


def _check_base_url(base_url: object, *, allow_http: bool) -> str:
    if not isinstance(base_url, str):
        raise ConfigurationError(f"The base URL must be a str, not {type(base_url).__name__}.")
    try:
        parts = urlsplit(base_url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("The base URL cannot be read as a URL.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError("The base URL must begin with https:// and name a host.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("The base URL must hold no user name, query or fragment.")
    if not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise ConfigurationError("The base URL holds a space or a letter that no URL has.")
    if parts.path.rstrip("/").endswith("/v1"):
        raise ConfigurationError("Leave /v1 out of the base URL; every path begins with it.")
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        raise ConfigurationError(
            "The base URL is http: the token would travel in the clear. Use https, or allow http explicitly."
        )
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}.")
    if not 0 < value < 86400:
        raise ValueError(f"{name} must be more than 0 and less than 86,400 seconds.")
    return float(value)


def _check_timeout(value: object) -> tuple[float, float]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError("timeout must be a pair of seconds: (connect, read).")
    return _check_seconds("timeout[0]", value[0]), _check_seconds("timeout[1]", value[1])
