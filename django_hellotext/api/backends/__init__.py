"""Carriers of requests: ``http`` talks to Hellotext, ``console`` shows what would go out, ``dummy`` swallows it."""

from __future__ import annotations

from .base import BaseBackend, PreparedRequest, RawResponse
from .console import ConsoleBackend
from .dummy import DummyBackend
from .http import HttpBackend

__all__ = ["BaseBackend", "ConsoleBackend", "DummyBackend", "HttpBackend", "PreparedRequest", "RawResponse"]
