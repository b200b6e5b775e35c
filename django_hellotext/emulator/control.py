"""What is not Hellotext: the page, and the endpoints under ``/_emulator`` by which the double is read and steered."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import simplejson

from . import bodies, inspection, wire
from .core import Emulator, EmulatorResponse
from .faults import Fault
from .refusals import Refused, malformed
from .validation import key, read

PREFIX = "/_emulator"
_JSON = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    f"{PREFIX}/page.css": ("page.css", "text/css; charset=utf-8"),
    f"{PREFIX}/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_PAGE_HEADERS = {
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

Control = Callable[[Emulator, wire.Request], Any]


def owns(path: str) -> bool:
    """Say whether a path is ours and not Hellotext's."""
    return path in {"/", "/favicon.ico"} or path == PREFIX or path.startswith(f"{PREFIX}/")


def answer(emulator: Emulator, request: wire.Request) -> EmulatorResponse:
    """Answer a request for the page or a control endpoint."""
    if request.path in _FILES and request.method in {"GET", "HEAD"}:
        name, content_type = _FILES[request.path]
        body = resources.files(__package__).joinpath("page", name).read_bytes()
        return EmulatorResponse(200, {"content-type": content_type, **_PAGE_HEADERS}, body)
    control = _CONTROLS.get((request.method, request.path.removeprefix(PREFIX)))
    if control is None:
        return _nowhere(request)
    try:
        return _json(200, control(emulator, request))
    except Refused as refused:
        return _json(refused.status, refused.payload())


def _nowhere(request: wire.Request) -> EmulatorResponse:
    path = request.path.removeprefix(PREFIX)
    methods = [method for method, known in _CONTROLS if known == path]
    if request.path in _FILES:
        methods = ["GET", "HEAD"]
    if not methods:
        known = ", ".join(sorted({f"{PREFIX}{path}" for _, path in _CONTROLS}))
        return _json(404, {"error": f"There is no such control endpoint; there are {known}."})
    answer = _json(405, {"error": f"This takes {' and '.join(methods)}, not {request.method}."})
    answer.headers["allow"] = ", ".join(methods)
    return answer


def _json(status: int, payload: Any) -> EmulatorResponse:
    # The log shows what was refused, too: half characters go out as escapes, a number that is none as null.
    body = simplejson.dumps(payload, separators=(",", ":"), ignore_nan=True).encode("ascii")
    return EmulatorResponse(status, dict(_JSON), body)


def _health(emulator: Emulator, request: wire.Request) -> Any:
    return {"status": "ok", "business_id": emulator.business_id}


def _number(query: dict[str, str], name: str, default: int | None) -> int | None:
    value = query.get(name, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise malformed("This must be a number.", parameter=name)
    return int(value)


def _log(emulator: Emulator, request: wire.Request) -> Any:
    query = dict(bodies.decode_pairs(request.query))
    after, limit = _number(query, "after", 0), _number(query, "limit", None)
    return inspection.log(emulator, after=after or 0, limit=limit)


def _counts(emulator: Emulator, request: wire.Request) -> Any:
    return {"by_uuid": emulator.counts_by_uuid()}


def _state(emulator: Emulator, request: wire.Request) -> Any:
    return inspection.state(emulator)


def _overview(emulator: Emulator, request: wire.Request) -> Any:
    return inspection.overview(emulator)


def _objects(emulator: Emulator, request: wire.Request) -> Any:
    query = dict(bodies.decode_pairs(request.query))
    limit = min(_number(query, "limit", 50) or 50, 500)
    kind, text, id_ = query.get("kind", "profile"), query.get("q", ""), query.get("id", "")
    return inspection.objects(emulator, kind=kind, text=text, limit=limit, id_=id_)


def _timeline(emulator: Emulator, request: wire.Request) -> Any:
    query = dict(bodies.decode_pairs(request.query))
    return inspection.timeline(emulator, profile=query.get("profile", ""))


def _faults(emulator: Emulator, request: wire.Request) -> Any:
    return {"faults": emulator.faults(), "token_revoked": emulator.token_revoked, "refusing": emulator.refusing()}


def _add_fault(emulator: Emulator, request: wire.Request) -> Any:
    try:
        fault = Fault.from_mapping(bodies.decode_json(request.body))
    except ValueError as error:
        raise malformed(str(error)) from None
    emulator.add_fault(fault)
    return _faults(emulator, request)


def _clear_faults(emulator: Emulator, request: wire.Request) -> Any:
    emulator.clear_faults()
    return _faults(emulator, request)


def _reset(emulator: Emulator, request: wire.Request) -> Any:
    emulator.reset()
    return {"status": "ok"}


def _know_session(emulator: Emulator, request: wire.Request) -> Any:
    session = read(bodies.decode_json(request.body), {"session": key()}, required=("session",))["session"]
    emulator.know_session(session)
    return {"session": session}


_CONTROLS: dict[tuple[str, str], Control] = {
    ("GET", "/health"): _health,
    ("GET", "/log"): _log,
    ("GET", "/counts"): _counts,
    ("GET", "/state"): _state,
    ("GET", "/overview"): _overview,
    ("GET", "/objects"): _objects,
    ("GET", "/timeline"): _timeline,
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/reset"): _reset,
    ("POST", "/sessions"): _know_session,
}
