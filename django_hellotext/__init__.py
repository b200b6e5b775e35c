"""Connect a Django shop to Hellotext.

Names are resolved when they are first used (PEP 562), so that importing this package from
settings or from a ``models`` module never imports a model too early.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .intake import (
        Evidence,
        cart_changed,
        cart_ordered,
        export_customer,
        forget_customer,
        merging,
        paused,
        remember_customer,
        remember_session,
        subscribe,
        sync,
        track,
        unsubscribe,
    )
    from .querysets import HellotextManager, HellotextQuerySet

__version__ = "0.1.0"

__all__ = [
    "Evidence",
    "HellotextManager",
    "HellotextQuerySet",
    "cart_changed",
    "cart_ordered",
    "export_customer",
    "forget_customer",
    "merging",
    "paused",
    "remember_customer",
    "remember_session",
    "subscribe",
    "sync",
    "track",
    "unsubscribe",
]

# Modules that a name comes from; the others come from ``intake``.
_ELSEWHERE = {"HellotextManager": "querysets", "HellotextQuerySet": "querysets"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'intake')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
