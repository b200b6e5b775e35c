"""``@track``: a view records an event when it has answered well, or has the visitor's browser send it."""

from __future__ import annotations

from .tracking import track

__all__ = ["track"]
