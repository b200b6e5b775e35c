"""What the system checks say, as ``manage.py check`` shows it."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, run_checks


def checked(**options: Any) -> list[CheckMessage]:
    """The messages of ``run_checks``, without those that the settings silence."""
    return [one for one in run_checks(**options) if not one.is_silenced()]
