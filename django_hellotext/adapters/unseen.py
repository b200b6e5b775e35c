"""What a payload reads of related objects whose changes nobody tells of: it would go stale unnoticed (demand E1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Warning
from django.db.models import Model

from .dependencies import models_read
from .fields import Shape
from .loading import paths_of
from .paths import concrete, trace

if TYPE_CHECKING:
    from .base import Adapter

# What becomes a value of the payload itself. A link is a key, and lines and variants are known by themselves.
VALUES = frozenset(Shape) - {Shape.LINK, Shape.ITEMS, Shape.VARIANTS, Shape.GUEST, Shape.ON_CHANGE}


def check_unseen(adapter: Adapter) -> Iterator[CheckMessage]:
    """Models that the adapter's paths read and its ``depends_on`` does not name."""
    known = (*(way.model for way in adapter.dependencies.related), *adapter.dependencies.named)
    own = concrete(adapter.model)
    found: dict[type[Model], tuple[str | None, list[str]]] = {}
    for name in (name for name in adapter.sent if adapter.attributes[name] in VALUES):
        for path in (path for path in paths_of(adapter, name) if not trace(own, path).problem):
            for model, way in models_read(own, path):
                if issubclass(model, known) or not model._meta.managed:
                    continue
                names = found.setdefault(model, (way, []))[1]
                names.extend([name] if name not in names else [])
    for model, (way, names) in found.items():
        label = model._meta.label
        shown = f'"{way}"' if way else f"a function that answers a queryset of {adapter.model._meta.label}"
        yield Warning(
            f"{adapter.where(' and '.join(names))} reads {label}, and nothing tells when an object of it changes.",
            hint=f'Add "{label}": {shown} to depends_on. With [] instead you say that it does not matter.',
            obj=type(adapter),
            id="hellotext.W104",
        )
