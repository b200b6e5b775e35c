"""Which answers of a view count."""

from __future__ import annotations

from typing import Any

from .arguments import Argument, Names
from .calls import Call

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Success:
    """``when``: ``"success"``, ``"redirect"`` or a callable. Raises ``TypeError`` for anything else."""

    def __init__(self, when: Any) -> None:
        if not callable(when) and when not in ("success", "redirect"):
            raise TypeError(f"@track: when must be 'success', 'redirect' or a callable, not {when!r}.")
        self.when = when
        self._asked = Argument("when", when) if callable(when) else None

    def check(self, names: Names) -> None:
        """Raise ``TypeError`` for a callable that asks for what the view cannot give."""
        if self._asked is not None:
            self._asked.check(names)

    def counts(self, call: Call, response: Any) -> bool:
        """Whether ``response`` is one to record. Raises what the shop's callable raises."""
        succeeded = 200 <= response.status_code < 300
        if self._asked is not None:
            # Whatever the shop says, an error is no success.
            return (succeeded or response.status_code in REDIRECTS) and bool(call.ask(self._asked, response))
        return succeeded if self.when == "success" else response.status_code in REDIRECTS
