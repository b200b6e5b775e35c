"""How the emulator says no: one exception, which becomes Hellotext's error envelope.

The statuses follow the contract: 400 for what is malformed or missing, 404 for an unknown object in the
path, 422 for a value that is refused (contract, ``components.responses``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of ``errors``: a machine-readable type, a text for people, the parameter it is about."""

    type: str
    message: str
    parameter: str | None = None

    def payload(self) -> dict[str, Any]:
        """Return the entry as it goes into the answer."""
        return {"type": self.type, "message": self.message, "parameter": self.parameter}


class Refused(Exception):
    """The request is refused with a status and at least one problem; nothing of it is kept."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(status, *problems)
        self.status = status
        self.problems = problems

    def payload(self) -> dict[str, Any]:
        """Return the error envelope ``{"errors": [...]}``."""
        return {"errors": [problem.payload() for problem in self.problems]}

    def reason(self) -> str:
        """Return the first problem in one line, for the log."""
        first = self.problems[0]
        return f"{first.parameter}: {first.message}" if first.parameter else first.message


def gather(problems: list[Problem]) -> None:
    """Raise for ``problems``, if there are any: 400 when something is missing, else 422."""
    if not problems:
        return
    missing = any(problem.type == "parameter_missing" for problem in problems)
    raise Refused(400 if missing else 422, *problems)


def malformed(message: str, *, parameter: str | None = None) -> Refused:
    """Return the 400 for a request that cannot be read."""
    return Refused(400, Problem("invalid", message, parameter))


def missing(parameter: str, *, message: str = "This parameter is required.") -> Refused:
    """Return the 400 for an absent required parameter."""
    return Refused(400, Problem("parameter_missing", message, parameter))


def not_found(parameter: str = "id") -> Refused:
    """Return the 404 for an unknown object that the request is about."""
    return Refused(404, Problem("not_found", "This object was not found. Perhaps it was deleted.", parameter))


def unknown(parameter: str) -> Refused:
    """Return the 422 for a parameter of the body that names an unknown object.

    It is no 404, so that a client can tell "the object to change is gone" from "it refers to nothing".
    """
    return Refused(422, Problem("not_found", "This object was not found. Perhaps it was deleted.", parameter))


def empty(parameter: str) -> Refused:
    """Return the 422 for a required parameter that is null."""
    return Refused(422, Problem("parameter_invalid_empty", "This parameter must not be empty.", parameter))


def not_unique(parameter: str) -> Refused:
    """Return the 422 for a value that somebody else has already."""
    return Refused(422, Problem("parameter_not_unique", "The value must be unique.", parameter))


def invalid(parameter: str, message: str) -> Refused:
    """Return the 422 for a wrong value."""
    return Refused(422, Problem("invalid", message, parameter))


def not_allowed(message: str, *, parameter: str | None = None) -> Refused:
    """Return the 422 for something that the object's present state does not allow."""
    return Refused(422, Problem("not_allowed", message, parameter))


def ambiguous(parameter: str, message: str) -> Refused:
    """Return the 422 for several parameters given for one role."""
    return Refused(422, Problem("ambiguous_parameter", message, parameter))


def nothing_given() -> Refused:
    """Return the 422 for a body without any of the optional parameters."""
    return Refused(422, Problem("object_invalid", "Give at least one parameter."))
