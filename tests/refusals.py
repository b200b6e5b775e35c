"""A Hellotext that refuses what a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django_hellotext.emulator import Emulator
from django_hellotext.emulator.core import EmulatorResponse

Body = dict[str, Any]


class Refusals:
    """Refuses requests with 422. ``asked`` counts the requests that were refused."""

    def __init__(self, emulator: Emulator) -> None:
        self._answer = emulator.handle
        self._rules: list[tuple[str, str, str, str, Callable[[Body], bool]]] = []
        self.asked = 0

    def refuse(
        self,
        path: str,
        *,
        parameter: str = "",
        type: str = "invalid",
        method: str = "",
        when: Callable[[Body], bool] = lambda body: True,
    ) -> None:
        """Refuse writes to ``path`` with a body for which ``when`` holds; without ``parameter`` the row as a whole."""
        self._rules.append((method, path, parameter, type, when))

    def stop(self) -> None:
        """Refuse nothing any more."""
        self._rules.clear()

    def handle(self, method: str, path: str, **rest: Any) -> EmulatorResponse:
        """Answer for the emulator."""
        for refused, prefix, parameter, type_, when in self._rules:
            is_meant = method == refused if refused else method in ("POST", "PATCH")
            if is_meant and path.startswith(prefix) and when(json.loads(rest["body"])):
                self.asked += 1
                problem = {"type": type_, "message": "It cannot be taken.", "parameter": parameter or None}
                return EmulatorResponse(422, {}, json.dumps({"errors": [problem]}).encode())
        return self._answer(method, path, **rest)
