"""What can be seen of the addresses of profiles without an object: parts that Hellotext does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning

from .paths import concrete, trace
from .postal import KEYS, MEANT, STREET

if TYPE_CHECKING:
    from .base import Adapter


def check_addresses(adapter: Adapter) -> Iterator[CheckMessage]:
    """Unknown parts of declared addresses, and paths to objects where an address is expected."""
    if adapter.kind != "profile":
        return
    for name, spec in _declared(adapter):
        if isinstance(spec, Mapping):
            yield from _parts(adapter, name, spec)
        elif isinstance(spec, str):
            yield from _path(adapter, name, spec)


def _declared(adapter: Adapter) -> Iterator[tuple[str, Any]]:
    if adapter.getter("address") is None:
        yield "address", adapter.spec("address")
    named = adapter.spec("addresses") if adapter.getter("addresses") is None else None
    if isinstance(named, Mapping):
        yield from ((f"addresses[{key!r}]", spec) for key, spec in named.items())


def _parts(adapter: Adapter, name: str, spec: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    unknown = [str(key) for key in spec if str(key) not in KEYS]
    street = spec.get("street")
    unknown += [f"street.{key}" for key in street if key not in STREET] if isinstance(street, Mapping) else []
    if not unknown:
        return
    meant = [f"{MEANT[key]} for {key}" for key in unknown if key in MEANT]
    hint = f"Write {', '.join(meant)}. " if meant else ""
    yield Warning(
        f"{adapter.where(name)} is sent without {', '.join(unknown)}: an address has no such part.",
        hint=f"{hint}Its parts: {', '.join(sorted(KEYS))}.",
        obj=type(adapter),
        id="hellotext.W115",
    )


def _path(adapter: Adapter, name: str, spec: str) -> Iterator[CheckMessage]:
    found = trace(concrete(adapter.model), spec)
    if found.problem or found.model is None:
        return
    yield Warning(
        f"{adapter.where(name)} leads to {found.model._meta.label}, which is no address: it is left out.",
        hint=f'Name its parts: {{"city": "{spec}.city", …}}.',
        obj=type(adapter),
        id="hellotext.W116",
    )
