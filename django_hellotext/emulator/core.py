"""The emulated Hellotext: method, path and bytes in, status and bytes out. No socket, no thread, no Django."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import simplejson

from . import bodies, events, routes, sessions
from .damage import mark, write_marks
from .faults import Fault, Faults
from .log import KEPT_BODY, LoggedRequest, RequestLog, uuid_of
from .parameters import Parameters, ignored
from .reading import STRICT, Reading
from .refusals import Problem, Refused
from .world import Call, Options, World

logger = logging.getLogger(__name__)

_ENCODER = simplejson.JSONEncoder(separators=(",", ":"), ensure_ascii=False, use_decimal=True, allow_nan=False)
_JSON = {"content-type": "application/json; charset=utf-8"}
_GARBAGE = b"<!doctype html><title>Bad gateway</title>\xff\xfe not JSON {"
PREFLIGHT_SECONDS = "600"


@dataclass(frozen=True, slots=True)
class EmulatorResponse:
    """An answer, and how it is to be carried: ``cut`` is "", reset, no_answer, drip or refuse."""

    status: int
    headers: dict[str, str]
    body: bytes
    delay: float = 0.0  # seconds before the answer
    cut: str = ""
    seconds: float = 0.0  # of the cut


@dataclass(slots=True)
class _Outcome:
    status: int
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    accepted: bool = False
    reason: str = ""
    uuid: str = ""
    ignored: tuple[str, ...] = ()


class Emulator:
    """A local Hellotext of one business. ``handle`` may be called from any thread.

    ``token``: the private token; ``business_id``: what the browser sends; ``seed``: makes ids and faults repeat;
    ``delay_events``: seconds until an accepted event is listed; ``clock``: epoch seconds; ``known_sessions``:
    sessions that count as made by a short link; ``reading``: what holds where the documentation can be read in several
    ways.
    """

    def __init__(
        self,
        *,
        token: str = "test-token",  # noqa: S107 - a token of nothing but this double
        business_id: str = "test-business",
        seed: int = 0,
        delay_events: float = 0.0,
        clock: Callable[[], float] = time.time,
        known_sessions: tuple[str, ...] = (),
        strict_sessions: bool = False,
        conflict_answer: str = "null",
        reading: Reading = STRICT,
    ) -> None:
        if conflict_answer not in {"null", "owner"}:
            raise ValueError("conflict_answer is null or owner")
        self._token = token
        self._seed = seed
        self._known = known_sessions
        self._options = Options(
            delay_events=delay_events,
            strict_sessions=strict_sessions,
            conflict_answer=conflict_answer,
            reading=reading,
        )
        self._business_id = business_id
        self._clock = clock
        self._lock = RLock()
        self.version = 0  # grows with every change of an object, a fault or the log
        self.generation = f"{time.time_ns():x}"  # another one after every start and reset
        self.on_refuse: Callable[[float], None] | None = None  # set by a server that can stop listening
        self._begin()

    def _begin(self) -> None:
        self.world = World(business_id=self._business_id, seed=self._seed, options=self._options, clock=self._clock)
        self.requests = RequestLog()
        self._faults = Faults(seed=self._seed)
        self._revoked = False
        self._refusing_until = 0.0
        for session in self._known:
            sessions.know(self.world, session, origin="short link")
        self.world.store.commit()
        self.version += 1

    @property
    def token(self) -> str:
        """The private token that server operations need."""
        return self._token

    @property
    def business_id(self) -> str:
        """The public id that browser operations need."""
        return self._business_id

    @property
    def reading(self) -> Reading:
        """What holds where the documentation can be read in several ways."""
        return self._options.reading

    @property
    def token_revoked(self) -> bool:
        """Say whether the token was revoked."""
        return self._revoked

    @property
    def log(self) -> list[LoggedRequest]:
        """The requests so far, oldest first."""
        with self._lock:
            return list(self.requests.entries)

    def counts_by_uuid(self) -> dict[str, dict[str, int]]:
        """Return for each of our UUIDs how many requests took effect and how many did not."""
        with self._lock:
            return {uuid: dict(counts) for uuid, counts in self.requests.by_uuid.items()}

    def add_fault(self, fault: Fault) -> None:
        """Let a fault happen from now on; revoke, and refuse without conditions, happen at once."""
        with self._lock:
            self.version += 1
            at_once = fault.rate == 1 and not (fault.skip or fault.times or fault.path or fault.method or fault.given)
            if fault.kind == "revoke" and at_once:
                self._revoked = True
            elif fault.kind == "refuse" and at_once:
                self._refuse(fault.wait)
            else:
                self._faults.add(fault)

    def clear_faults(self) -> None:
        """Let everything go well again: no fault, the token valid."""
        with self._lock:
            self.version += 1
            self._faults.clear()
            self._revoked = False
            self._refuse(0.0)

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults at work."""
        with self._lock:
            return self._faults.payload()

    def revoke_token(self) -> None:
        """Answer 401 from now on."""
        self.add_fault(Fault("revoke"))

    def refusing(self) -> float:
        """Return for how many seconds more no connection is accepted."""
        return max(0.0, self._refusing_until - time.monotonic())

    def know_session(self, session: str) -> None:
        """Make a session known, as a short link does."""
        with self._lock:
            sessions.know(self.world, session, origin="short link")
            self._commit()

    def reset(self) -> None:
        """Forget every object, request and fault."""
        with self._lock:
            self._refuse(0.0)
            self._begin()
            self.generation = f"{time.time_ns():x}"

    def locked(self) -> RLock:
        """Return the lock under which the world may be read."""
        return self._lock

    def _refuse(self, seconds: float) -> None:
        was = self.refusing()
        self._refusing_until = time.monotonic() + seconds
        if self.on_refuse is not None and (seconds or was):
            self.on_refuse(seconds)

    def _commit(self) -> None:
        self.world.store.commit()
        self.version += 1

    def handle(
        self, method: str, path: str, *, query: str = "", headers: Mapping[str, str], body: bytes
    ) -> EmulatorResponse:
        """Answer one request. Never raises for what a client can send."""
        began = time.perf_counter()
        lower = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            found = routes.match(method, path, post_updates=self.reading.post_updates)
            if method == "OPTIONS" and found.browser:
                return EmulatorResponse(204, _preflight(lower, found.methods), b"")
            hits = self._faults.pick(method, path, body)
            fault = next((hit for hit in hits if hit.kind != "latency"), None)
            if fault is not None and fault.kind == "revoke":
                self._revoked = True
            outcome = self._outcome(found, method, query, lower, body, fault)
            answer = b"" if outcome.payload is None else _ENCODER.encode(outcome.payload).encode("utf-8")
            response = self._carry(outcome, answer, fault, hits)
            if found.browser:
                response.headers.update(_cors(lower))
            self._write(method, path, query, body, outcome, response, hits, found, began)
            return response

    def _outcome(
        self,
        found: routes.Match,
        method: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        fault: Fault | None,
    ) -> _Outcome:
        if fault is not None and not fault.takes_effect and fault.kind != "revoke":
            outcome = _Outcome(0, reason=f"fault: {fault.kind}")
            if body and found.operation is not None:
                outcome.uuid = _uuid_anyway(body)
            return outcome
        world = self.world
        world.note = ""
        data: dict[str, Any] = Parameters()
        try:
            self._authorize(found, headers)
            operation = found.operation
            if operation is None:
                return _nowhere(method, found)
            reads_query = query and method == "GET" and not operation.browser
            call = Call(found.path, bodies.decode_query(query) if reads_query else Parameters())
            if operation.body in {"json", "form"}:
                takes_form = operation.body == "form" or (
                    world.reading.form_events and operation.handler is events.track
                )
                call.data = data = bodies.decode_body(
                    body, content_type=headers.get("content-type"), takes_form=takes_form
                )
            status, payload = operation.handler(world, call)
        except Refused as refused:
            world.store.roll_back()
            status = _status(refused, found, method, missing=world.reading.missing_status)
            uuid = uuid_of(data) or _uuid_anyway(body)
            return _Outcome(status, refused.payload(), reason=refused.reason(), uuid=uuid)
        except Exception:
            world.store.roll_back()
            logger.exception("the emulator failed at %s %s", method, found.operation and found.operation.template)
            error = {"errors": [{"type": "internal", "message": "The emulator has a defect; see its own output."}]}
            return _Outcome(500, error, reason="a defect of the emulator")
        self._commit()
        dropped = world.note.startswith("dropped")
        unknown = () if dropped else (*ignored(call.query), *ignored(data))
        return _Outcome(status, payload, accepted=not dropped, reason=world.note, uuid=uuid_of(data), ignored=unknown)

    def _authorize(self, found: routes.Match, headers: Mapping[str, str]) -> None:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        expected = self._business_id if found.browser else self._token
        if scheme.lower() != "bearer" or value.strip() != expected or (self._revoked and not found.browser):
            raise Refused(401, Problem("unauthorized", "The token is missing, unknown or revoked."))

    def _carry(self, outcome: _Outcome, answer: bytes, fault: Fault | None, hits: list[Fault]) -> EmulatorResponse:
        headers = {**_JSON, **outcome.headers}
        delay = sum(hit.wait for hit in hits if hit.kind == "latency")
        if fault is None or fault.kind == "revoke":
            return EmulatorResponse(outcome.status, headers, answer, delay)
        if fault.kind == "error" and fault.error is not None:
            payload = {"errors": [fault.error.payload()]}
            return EmulatorResponse(fault.status, headers, _ENCODER.encode(payload).encode(), delay)
        if fault.kind == "error":
            return EmulatorResponse(fault.status, {"content-type": "text/html"}, b"<h1>Sorry</h1>", delay)
        if fault.kind == "rate_limit":
            error = {"errors": [{"type": "rate_limited", "message": "Too many requests."}]}
            headers["retry-after"] = str(fault.retry_after)
            return EmulatorResponse(429, headers, _ENCODER.encode(error).encode(), delay)
        if fault.kind == "garbage" and fault.body != "not_json" and outcome.payload is not None:
            damaged = _ENCODER.encode(mark(outcome.payload, fault.body)).encode()
            return EmulatorResponse(outcome.status, headers, write_marks(damaged, fault.body), delay)
        if fault.kind == "garbage":
            return EmulatorResponse(200, {"content-type": "text/html"}, _GARBAGE, delay)
        if fault.kind == "refuse":
            self._refuse(fault.wait)
        status = outcome.status if fault.kind == "drip" else 0
        return EmulatorResponse(status, headers, answer, delay, fault.kind, fault.wait)

    def _write(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes,
        outcome: _Outcome,
        response: EmulatorResponse,
        hits: list[Fault],
        found: routes.Match,
        began: float,
    ) -> None:
        self.version += 1
        self.requests.add(
            LoggedRequest(
                number=self.requests.total + 1,
                at=self._clock(),
                method=method,
                path=path,
                query=query,
                status=response.status,
                uuid=outcome.uuid,
                accepted=outcome.accepted,
                fault=", ".join(hit.kind for hit in hits),
                reason=outcome.reason,
                ignored=outcome.ignored,
                operation=found.operation.operation_id if found.operation else "",
                milliseconds=(time.perf_counter() - began) * 1_000,
                body=body[:KEPT_BODY],
                answer=b"" if response.cut in {"reset", "no_answer", "refuse"} else response.body[:KEPT_BODY],
            )
        )


def _uuid_anyway(body: bytes) -> str:
    """Return the UUID of a request that was not applied, if its body can be read."""
    if b"hellotext_uuid" not in body:
        return ""
    try:
        return uuid_of(bodies.decode_json(body))
    except Refused:
        return ""


def _status(refused: Refused, found: routes.Match, method: str, *, missing: int) -> int:
    """Keep to the statuses that the contract has: the browser knows no 400, a list no 422."""
    status = refused.status
    if status == 400 and any(problem.type == "parameter_missing" for problem in refused.problems):
        status = missing
    if found.browser and status == 400:
        return 422
    if method == "GET" and status == 422 and not found.browser:
        return 400
    return status


def _nowhere(method: str, found: routes.Match) -> _Outcome:
    if not found.methods:
        error = Refused(404, Problem("not_found", "There is no such path."))
        return _Outcome(404, error.payload(), reason="There is no such path.")
    text = f"This path takes {', '.join(found.methods)}, not {method[:16]}."
    error = Refused(405, Problem("not_allowed", text))
    return _Outcome(405, error.payload(), headers={"allow": ", ".join(found.methods)}, reason=text)


def _cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {"access-control-allow-origin": headers.get("origin", "*"), "vary": "origin"}


def _preflight(headers: Mapping[str, str], methods: tuple[str, ...]) -> dict[str, str]:
    return {
        **_cors(headers),
        "access-control-allow-methods": ", ".join(methods),
        "access-control-allow-headers": headers.get(
            "access-control-request-headers", "authorization, content-type, accept"
        ),
        "access-control-allow-private-network": "true",
        "access-control-max-age": PREFLIGHT_SECONDS,
    }
