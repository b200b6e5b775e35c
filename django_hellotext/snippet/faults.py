"""A mistake in a page's data costs its event or option, never the page (promise 7)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from ..conf import hellotext_settings
from ..savepoints import HostCode

logger = logging.getLogger("django_hellotext.snippet")


@contextmanager
def contained(what: str, **extra: Any) -> Iterator[None]:
    """Log what is raised inside and go on; with ``HELLOTEXT["RAISE_ERRORS"]`` it is raised."""
    try:
        with HostCode(DEFAULT_DB_ALIAS):
            yield
    except Exception as error:
        logger.exception(what, extra={"error": type(error).__name__, **extra})
        if hellotext_settings.RAISE_ERRORS:
            raise
