"""The carrier that talks to Hellotext, over ``requests``."""

from __future__ import annotations

import os
import threading
import weakref
from time import monotonic
from typing import Any

import requests
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError

from django_hellotext.exceptions import ApiError, ConnectionFailed, OutcomeUnknown

from .base import BaseBackend, PreparedRequest, RawResponse
from .transport import CURRENT_CALL, Call, DeadlineAdapter

MAX_BODY = 8_000_000
"""Largest answer that is read, in bytes. One byte more is kept, so that the client sees that there was more."""
MAX_IDLE = 15.0
"""Seconds after which an idle connection is not used again: shorter than the keep-alive of common servers, so that a
connection that the other side is just closing does not turn into an unknown outcome."""
_BLOCK = 65536  # bytes


class _HeadersAsGiven(AuthBase):
    """Stops ``requests`` from replacing the Authorization header with one from a .netrc file."""

    def __call__(self, request: Any) -> Any:
        return request


class _NoCookies(RequestsCookieJar):
    """Keeps nothing: the API has no cookies, and a load balancer's must not join two accounts."""

    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> None:
        return None


class _Session(requests.Session):
    """A session for one thread of one process."""

    def __init__(self) -> None:
        super().__init__()
        self.pid = os.getpid()
        self.used = monotonic()
        self._environments: dict[str, dict[str, Any]] = {}
        self.headers.clear()
        self.cookies = _NoCookies()
        self.mount("https://", DeadlineAdapter())
        self.mount("http://", DeadlineAdapter())

    def environment(self, url: str) -> dict[str, Any]:
        """Proxies and CA bundle for the host of ``url``, as ``requests`` finds them; looked up once per connection.

        ``requests`` itself reads the whole environment anew with each request, a sixth of a call's CPU.
        """
        origin = url[: url.find("/", 8)]
        found = self._environments.get(origin)
        if found is None:
            found = self._environments[origin] = dict(self.merge_environment_settings(origin, {}, True, None, None))
        return found

    def close(self) -> None:
        """Close the connections; the next one looks at the environment again."""
        self._environments.clear()
        super().close()

    def get_redirect_target(self, resp: Any) -> str | None:
        """A redirect is an answer: never prepared for following, which would read its body without a limit."""
        return None


class HttpBackend(BaseBackend):
    """Sends over keep-alive connections, one for each thread of each process.

    Proxies and CA bundles are found as ``requests`` finds them (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE).
    Redirects are not followed, nothing is repeated, no cookie is kept. Thread-safe, fork-safe, lazy.

    :param max_idle: seconds after which an unused connection is replaced.
    :param max_body: largest answer in bytes that is read.
    """

    def __init__(self, *, max_idle: float = MAX_IDLE, max_body: int = MAX_BODY) -> None:
        self._max_idle = max_idle
        self._max_body = max_body
        self._local = threading.local()
        # By identity: its references can be listed in one step, while other threads add theirs, and without a lock that
        # a fork could leave locked.
        self._sessions: weakref.WeakValueDictionary[int, _Session] = weakref.WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def send(self, request: PreparedRequest) -> RawResponse:
        """Carry one request. Raises ConnectionFailed or OutcomeUnknown; see the base class."""
        connect, read = request.timeout
        call = Call(connect=connect, read=read, deadline=request.deadline)
        started = monotonic()
        # Raised outside the except block: an exception of requests carries the request with its headers.
        failure: ApiError | None = None
        marker = CURRENT_CALL.set(call)
        try:
            return self._exchange(request, call, started)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = _failure(request, call, error, duration=monotonic() - started)
        finally:
            CURRENT_CALL.reset(marker)
        raise failure

    def close(self) -> None:
        """Close the connections of all threads. The next request opens a new one."""
        for reference in self._sessions.valuerefs():
            session = reference()
            if session is not None:
                session.close()

    def _exchange(self, request: PreparedRequest, call: Call, started: float) -> RawResponse:
        session = self._session()
        clean = False
        try:
            prepared = requests.Request(
                request.method, request.url, headers=dict(request.headers), data=request.body, auth=_HeadersAsGiven()
            ).prepare()
            with session.send(
                prepared,
                timeout=(call.left(call.connect), call.left(call.read)),
                allow_redirects=False,
                **session.environment(request.url),
            ) as response:
                body = self._read(response, call)
                clean = len(body) <= self._max_body
                headers = {name.lower(): value for name, value in response.headers.items()}
                return RawResponse(response.status_code, headers, body, monotonic() - started)
        finally:
            session.used = monotonic()
            if not clean:
                session.close()  # whatever is still on that connection must not answer the next request

    def _read(self, response: requests.Response, call: Call) -> bytes:
        blocks: list[bytes] = []
        size = 0
        for block in response.iter_content(_BLOCK):
            call.left(call.read)
            blocks.append(block)
            size += len(block)
            if size > self._max_body:
                break
        return b"".join(blocks)[: self._max_body + 1]

    def _session(self) -> _Session:
        session: _Session | None = getattr(self._local, "session", None)
        if session is not None and session.pid != os.getpid():
            session = None  # after a fork the socket is shared with the parent: leave it alone
        if session is None:
            session = self._local.session = _Session()
            self._sessions[id(session)] = session
        elif monotonic() - session.used > self._max_idle:
            session.close()
        return session


def _failure(request: PreparedRequest, call: Call, error: Exception, *, duration: float) -> ApiError:
    kind = OutcomeUnknown if call.sent else ConnectionFailed
    return kind(
        _describe(error),
        method=request.method,
        path=request.path,
        duration=duration,
        request_id=request.request_id,
    )


def _describe(error: BaseException) -> str:
    """The innermost reason, in a few words: urllib3 wraps it several times, object addresses included."""
    inner = [error.__cause__, getattr(error, "reason", None), *error.args]
    for reason in inner:
        if isinstance(reason, BaseException) and (str(reason) or reason.args):
            return _describe(reason)
    return f"{type(error).__name__}: {error}"
