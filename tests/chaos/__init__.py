"""The fault suite: ``python -m tests.chaos``."""

from __future__ import annotations

# As in any project that uses Celery: whoever imports it has the app.
from .celery_app import app as celery_app

__all__ = ["celery_app"]
