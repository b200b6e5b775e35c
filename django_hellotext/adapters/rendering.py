"""Render in one way: a payload must not depend on the visitor, the operator or the server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ContextDecorator, ExitStack
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation
from django.utils.functional import Promise

from django_hellotext import clock


def neutral() -> Neutral:
    """Run the block under ``LANGUAGE_CODE``, UTC, ``ROOT_URLCONF`` and ``FORCE_SCRIPT_NAME``.

    A worker has these, a request may have others. Without it, an object would look changed to an operator whose
    language differs, and ``DISPATCH = "immediate"`` would send it in the visitor's.
    """
    return Neutral()


class Neutral(ContextDecorator):
    """What ``neutral()`` returns. A class, because every attribute of every object is read inside of one."""

    _stack: ExitStack | None = None

    def _recreate_cm(self) -> Neutral:
        return Neutral()  # a decorated function may call itself

    def __enter__(self) -> None:
        prefix, urlconf = get_script_prefix(), get_urlconf()
        wanted = settings.FORCE_SCRIPT_NAME or "/"
        if (
            translation.get_language() == settings.LANGUAGE_CODE
            and timezone.get_current_timezone() == UTC
            and urlconf is None
            and prefix.rstrip("/") == wanted.rstrip("/")
        ):
            return
        with ExitStack() as stack:
            stack.callback(set_script_prefix, prefix)
            stack.callback(set_urlconf, urlconf)
            set_script_prefix(wanted)
            set_urlconf(None)
            stack.enter_context(translation.override(settings.LANGUAGE_CODE))
            stack.enter_context(timezone.override(UTC))
            self._stack = stack.pop_all()

    def __exit__(self, *error: Any) -> None:
        if self._stack is not None:
            self._stack.close()


def settle(value: Any) -> Any:
    """Return ``value`` with lazy text as text and naive times as aware ones, also inside of mappings and lists."""
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, datetime):
        return clock.make_aware(value)
    if isinstance(value, Mapping):
        return {settle(key): settle(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [settle(entry) for entry in value]
    return value
