"""Names in an adapter that look like attributes and are none: whoever wrote them waits for values that never come."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning

from .fields import Guest, IfPresent, Items, Money, OnChange, Value, Variants
from .paths import concrete, trace

if TYPE_CHECKING:
    from .base import Adapter


def check_names(adapter: Adapter) -> Iterator[CheckMessage]:
    """Names in the class body that are nearly, but not quite, an attribute: they would do nothing."""
    known = {
        *adapter.attributes,
        "source",
        "watches",
        "depends_on",
        "kind",
        "on_delete",
        "on_unsyncable",
        "keeps_former",
    }
    verbs = {"should_sync", "queryset", "build"}
    for cls in type(adapter).__mro__:
        if cls.__module__.startswith("django_hellotext.adapters") or cls is object:
            continue
        for name, written in vars(cls).items():
            if name.startswith("_") or hasattr(_our_base(cls), name):
                continue
            bare = name.removeprefix("get_")
            near = _meant(adapter, bare, known if bare != name else known | verbs)
            if bare in known or not (near or _is_declared(adapter, written)):
                continue
            prefix = "get_" if bare != name else ""
            message = f"{adapter.where(name)} is no attribute of the kind {adapter.kind}."
            hint = f"Did you mean {' or '.join(prefix + one for one in near)}?" if near else _offer(adapter)
            yield Warning(message, hint=hint, obj=type(adapter), id="hellotext.W101")


def _meant(adapter: Adapter, name: str, known: set[str]) -> list[str]:
    """What ``name`` is nearly, or a word of: ``image`` is meant for ``image_url``."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return near or [one for one in adapter.attributes if name in one.split("_")]


def _is_declared(adapter: Adapter, written: Any) -> bool:
    """Whether ``written`` says where to read something, as only an attribute does."""
    model = concrete(adapter.model)
    if isinstance(written, str):
        return bool(written) and trace(model, written).field is not None
    return isinstance(written, Value | IfPresent | Money | Items | Variants | Guest | OnChange)


def _offer(adapter: Adapter) -> str:
    return f"Its attributes: {', '.join(adapter.attributes)}."


def _our_base(cls: type) -> type:
    return next(base for base in cls.__mro__ if base.__module__.startswith("django_hellotext.adapters"))
