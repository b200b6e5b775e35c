"""References that two models may share: Hellotext would take two objects for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core.checks import CheckMessage, Warning
from django.db import models

from .fields import IfPresent
from .paths import concrete, trace

if TYPE_CHECKING:
    from .base import Adapter


def check_references(adapters: Iterable[Adapter]) -> list[CheckMessage]:
    """Adapters of one kind and source whose references are both counted by the database: 7 is an object of each."""
    counted: dict[tuple[str, str], list[Adapter]] = defaultdict(list)
    for adapter in adapters:
        if adapter.sends_reference and adapter.natural_key == "reference" and _is_counted(adapter):
            counted[adapter.kind, adapter.source_name].append(adapter)
    found: list[CheckMessage] = []
    for (kind, _), (first, *others) in counted.items():
        for other in others:
            message = (
                f"{other.where('reference')} and {first.where('reference')} are both numbers that the database counts: "
                f"two {kind}s with one number would be one at Hellotext, and the second is refused."
            )
            name = concrete(other.model)._meta.model_name
            hint = f'Set the two apart, for example by reference = lambda {name}: f"{name}-{{{name}.pk}}".'
            found.append(Warning(message, hint=hint, obj=type(other), id="hellotext.W117"))
    return found


def _is_counted(adapter: Adapter) -> bool:
    spec = adapter.spec("reference") if adapter.getter("reference") is None else None
    path = spec.path if isinstance(spec, IfPresent) else spec
    if not isinstance(path, str):
        return False
    field = trace(concrete(adapter.model), path).field
    return isinstance(field, models.AutoField | models.IntegerField) and field.unique
