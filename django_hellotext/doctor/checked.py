"""Django's system checks, those of ours, as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.core import checks

from .findings import Finding, Mark


def from_checks(belongs: Callable[[str], bool]) -> Iterator[Finding]:
    """What ``manage.py check`` says under the IDs that belong here (``hellotext.E001``), silenced ones left out."""
    for message in checks.run_checks(tags=["hellotext"]):
        if message.id and message.id.startswith("hellotext.") and belongs(message.id) and not message.is_silenced():
            yield Finding(
                message.id,
                Mark.ERROR if message.is_serious() else Mark.WARNING,
                str(message.msg),
                advice=str(message.hint or ""),
            )
