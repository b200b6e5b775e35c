"""Faults on demand: what goes wrong, how often, where; drawn from a seeded source, so that a run repeats."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any, Literal, get_args

from .refusals import Problem

Kind = Literal["latency", "error", "rate_limit", "refuse", "reset", "no_answer", "drip", "garbage", "revoke"]
KINDS: tuple[str, ...] = get_args(Kind)
BODIES = ("not_json", "surrogate", "nul", "long_id")
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_APPLIED_BY_DEFAULT = frozenset({"latency", "no_answer", "drip", "garbage"})
_SECONDS_BY_DEFAULT = {"latency": 0.5, "refuse": 5.0, "no_answer": 30.0, "drip": 0.25}
LONGEST_SECONDS = 3_600.0
_LONGEST_COUNT = 8  # power of ten: counts have at most nine digits
_ERRORS = {
    400: ("parameter_missing", "This parameter is required."),
    401: ("unauthorized", "The token is missing, unknown or revoked."),
    403: ("forbidden", "The token or the plan does not allow this operation."),
    404: ("not_found", "This object was not found. Perhaps it was deleted."),
    429: ("rate_limited", "Too many requests."),
}
_OTHER_ERROR = ("invalid", "The value you provided for the parameter is not correct.")
_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    ``kind``:
        latency     every answer comes ``seconds`` later
        error       answered with ``status``, 400 to 599; ``applied`` says whether the request took effect. A 4xx
                    comes with one error of ``type`` and ``parameter``, a 5xx with HTML
        rate_limit  429 with ``Retry-After: retry_after`` (seconds)
        refuse      no connection is accepted for ``seconds``, beginning at once or with the next request
        reset       the connection is reset before the answer
        no_answer   the request takes effect and the connection stays silent for ``seconds``, then closes
        drip        the answer comes one byte every ``seconds``
        garbage     the request takes effect and 200 comes with a body that is no JSON. ``body`` may be, instead of
                    not_json, JSON that a database cannot hold: surrogate or nul (a lone surrogate or a NUL after
                    each text, except IDs and types), or long_id (an ID of 300 characters)
        revoke      the token is refused from now on

    ``rate`` is the share of requests hit (0 to 1), ``times`` how many at most (None: no end), ``skip`` how many
    pass first, ``method`` and ``path`` (a prefix) which ones; ``given``: only those whose JSON body gives this
    parameter. ``seconds`` is 0.5 for latency, 5 for refuse, 30 for
    no_answer and 0.25 for drip when not given. ``applied`` says whether the request takes effect all the same; when
    not given it does for no_answer, drip and garbage, and does not for the others (latency never decides it).

    Raises ``ValueError`` naming what is wrong.
    """

    kind: str
    rate: float = 1.0
    times: int | None = None
    path: str = ""
    method: str = ""
    skip: int = 0
    status: int = 503
    seconds: float | None = None
    retry_after: int = 1
    applied: bool | None = None
    body: str = BODIES[0]
    type: str = ""  # of the error in a 4xx; what is usual for the status when empty
    parameter: str = ""  # that the error in a 4xx names
    given: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of fault; there are {', '.join(KINDS)}")
        if not 0 <= self.rate <= 1:
            raise ValueError("rate is from 0 to 1")
        if not 400 <= self.status <= 599:
            raise ValueError("status is from 400 to 599")
        if self.seconds is not None and not 0 <= self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds is from 0 to {LONGEST_SECONDS:g}")
        if self.body not in BODIES:
            raise ValueError(f"body is one of {', '.join(BODIES)}")
        if self.path and not self.path.startswith("/"):
            raise ValueError("path is a prefix such as /v1/profiles")
        object.__setattr__(self, "method", self.method.upper())
        if self.method and self.method not in METHODS:
            raise ValueError(f"method is one of {', '.join(METHODS)}")
        if self.skip < 0 or self.retry_after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("skip, retry_after and times are counts")

    @property
    def takes_effect(self) -> bool:
        """Say whether a request that this fault hits is applied all the same."""
        return self.kind in _APPLIED_BY_DEFAULT if self.applied is None else self.applied

    @property
    def error(self) -> Problem | None:
        """Return the error in the answer of an ``error`` with a 4xx; None for a 5xx."""
        if self.status >= 500:
            return None
        usual, message = _ERRORS.get(self.status, _OTHER_ERROR)
        return Problem(self.type or usual, message, self.parameter or self.given or None)

    @property
    def wait(self) -> float:
        """Return ``seconds``, or what is usual for the kind."""
        return _SECONDS_BY_DEFAULT.get(self.kind, 0.0) if self.seconds is None else self.seconds

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Read ``kind`` or ``kind:name=value,...``, such as ``error:rate=0.2,status=502``."""
        kind, _, rest = spec.partition(":")
        values: dict[str, str] = {}
        for part in filter(None, rest.split(",")):
            name, equals, value = part.partition("=")
            if not equals:
                raise ValueError(f"{part!r} is not name=value")
            values[name.strip()] = value.strip()
        return cls.from_mapping({"kind": kind.strip(), **values})

    @classmethod
    def from_mapping(cls, data: dict[str, Any]) -> Fault:
        """Build a fault from JSON or from text values; raises ``ValueError`` for what is wrong."""
        known = {field.name for field in fields(cls)}
        wrong = sorted(set(data) - known)
        if wrong:
            raise ValueError(f"unknown: {', '.join(wrong)}; there are {', '.join(sorted(known))}")
        values = {name: _READERS[name](name, value) for name, value in data.items() if value is not None}
        if "kind" not in values:
            raise ValueError(f"kind is missing; there are {', '.join(KINDS)}")
        return cls(**values)


def _number(name: str, value: object) -> Decimal:
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool):
        with contextlib.suppress(ArithmeticError, ValueError):
            return Decimal(value)
    raise ValueError(f"{name} must be a number")


def _share(name: str, value: object) -> float:
    return float(_number(name, value))


def _count(name: str, value: object) -> int:
    number = _number(name, value)
    # Looked at before int(), which would write out the billion digits of 1e999999999.
    if not number.is_finite() or number.adjusted() > _LONGEST_COUNT or number != number.to_integral_value():
        raise ValueError(f"{name} must be a whole number of at most {_LONGEST_COUNT + 1} digits")
    return int(number)


def _choice(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        value = _TRUTHS.get(str(value).strip().lower())
    if value is None:
        raise ValueError(f"{name} must be true or false")
    return bool(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value


_READERS: dict[str, Callable[[str, object], Any]] = {
    "kind": _text,
    "rate": _share,
    "times": _count,
    "path": _text,
    "method": _text,
    "skip": _count,
    "status": _count,
    "seconds": _share,
    "retry_after": _count,
    "applied": _choice,
    "body": _text,
    "type": _text,
    "parameter": _text,
    "given": _text,
}


def _gives(body: bytes, parameter: str) -> bool:
    """Say whether the JSON object in ``body`` has this parameter."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and parameter in data


@dataclass(slots=True)
class _Armed:
    fault: Fault
    hits: int = 0


class Faults:
    """The faults at work. The caller holds the emulator's lock."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, nothing secret
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Let this fault happen from now on."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more, and begin the seeded draw anew."""
        self._armed.clear()
        self._random.seed(self._seed)

    def pick(self, method: str, path: str, body: bytes = b"") -> list[Fault]:
        """Return what hits this request: any latency, and the first other fault that is drawn."""
        hits: list[Fault] = []
        other = False
        for place, armed in enumerate(self._armed):
            fault = armed.fault
            if (fault.method and fault.method != method) or not path.startswith(fault.path):
                continue
            if fault.given and not _gives(body, fault.given):
                continue
            if fault.kind != "latency" and other:
                continue
            if fault.skip > 0:
                armed.fault = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times is not None and armed.hits >= fault.times:
                continue
            if fault.rate < 1 and self._random.random() >= fault.rate:
                continue
            self._armed[place].hits += 1
            other = other or fault.kind != "latency"
            hits.append(fault)
        return hits

    def payload(self) -> list[dict[str, Any]]:
        """Return the faults at work, with how often each has hit."""
        return [
            {**asdict(armed.fault), "hits": armed.hits}
            for armed in self._armed
            if armed.fault.times is None or armed.hits < armed.fault.times
        ]
