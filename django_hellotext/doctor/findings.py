"""What an examination finds: one line with a mark, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PAGE = "reference/doctor.html#finding-"
CHECKS = "reference/checks.html#check-"


class Mark(StrEnum):
    """How a finding is to be taken, worst first."""

    ERROR = "error"  # events do not arrive, or will not
    WARNING = "warning"  # somebody should look, and nothing is lost
    SKIPPED = "skipped"  # not looked at, and the title says why
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. ``code`` never changes; texts may, and hold neither personal data nor a credential.

    ``family`` is the examination, ``database`` the alias where it is about one.
    """

    code: str
    state: Mark
    title: str
    meaning: str = ""
    advice: str = ""
    family: str = ""
    database: str = ""

    @property
    def page(self) -> str:
        """Page and anchor in the documentation."""
        return f"{CHECKS if self.code.startswith('hellotext.') else PAGE}{self.code}"


def ok(code: str, title: str, meaning: str = "") -> Finding:
    """All is well."""
    return Finding(code, Mark.OK, title, meaning)


def warning(code: str, title: str, meaning: str, advice: str) -> Finding:
    """Somebody should look."""
    return Finding(code, Mark.WARNING, title, meaning, advice)


def error(code: str, title: str, meaning: str, advice: str) -> Finding:
    """Events do not arrive, or will not."""
    return Finding(code, Mark.ERROR, title, meaning, advice)


def skipped(code: str, title: str, meaning: str = "") -> Finding:
    """It was not looked at."""
    return Finding(code, Mark.SKIPPED, title, meaning)


def worst(findings: list[Finding]) -> Mark:
    """The mark of the whole; what was not looked at counts as well."""
    marks = {finding.state for finding in findings} - {Mark.SKIPPED}
    return min(marks, key=list(Mark).index, default=Mark.OK)
