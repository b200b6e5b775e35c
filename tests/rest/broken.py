"""A cache whose server is down."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.dummy import DummyCache


class BrokenCache(DummyCache):
    """Raises whatever it is asked."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("the cache is down")

    def set(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("the cache is down")
