"""Definitions as code: what ``HELLOTEXT["ACTIONS"]``, ``["PROPERTIES"]`` and ``["LISTS"]`` name is brought into being.

Nothing here deletes or changes what exists on their side: other people and systems use it too. What exists there with
other traits is a clash, which a person has to resolve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api import HellotextClient
from ..conf import hellotext_settings
from ..exceptions import ValidationError
from ..models import Kind

PAGE = 100


@dataclass(frozen=True)
class Definition:
    """One entry of the settings. ``traits`` are the further arguments of its creation, such as a property's kind."""

    kind: str
    name: str
    traits: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True)
class Clash:
    """A definition that exists on their side, but not as the settings say."""

    definition: Definition
    message: str

    def __str__(self) -> str:
        return f"{self.definition}: {self.message}"


@dataclass
class Brought:
    """What ``bring_into_being`` did: ``created``, and ``clashes`` that were left as they are."""

    created: list[Definition] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)


def declared() -> list[Definition]:
    """What the settings name, properties first, then lists and actions."""
    properties = [Definition("property", name, _property(says)) for name, says in hellotext_settings.PROPERTIES.items()]
    lists = [Definition("list", name) for name in hellotext_settings.LISTS]
    actions = hellotext_settings.ACTIONS
    said: Mapping[str, Any] = actions if isinstance(actions, Mapping) else dict.fromkeys(actions)
    return [*properties, *lists, *(Definition("action", name, _action(says)) for name, says in said.items())]


def missing(client: HellotextClient) -> list[Definition]:
    """What the settings name and Hellotext does not have. Raises ``ApiError`` when it cannot be asked."""
    there = _there(client)
    return [one for one in declared() if one.name not in there[one.kind]]


def clashes(client: HellotextClient) -> list[Clash]:
    """What Hellotext has otherwise than the settings say. Raises ``ApiError`` when it cannot be asked."""
    there = _there(client)
    return [
        Clash(one, message)
        for one in declared()
        if one.name in there[one.kind] and (message := _difference(one, there[one.kind][one.name]))
    ]


def bring_into_being(client: HellotextClient) -> Brought:
    """Create what is missing; what clashes is left as it is and named. Running it again creates nothing.

    Raises ``ApiError`` when Hellotext cannot be asked; a creation that it refuses is a clash.
    """
    there = _there(client)
    done = Brought()
    for one in declared():
        found = there[one.kind].get(one.name)
        if found is not None:
            message = _difference(one, found)
            if message:
                done.clashes.append(Clash(one, message))
            continue
        try:
            CREATE[one.kind](client, one)
        except ValidationError as error:
            why = "Hellotext has it under a name that differs in case only, or made it just now"
            message = why if error.type == "parameter_not_unique" else error.message or str(error)
            done.clashes.append(Clash(one, f"{message}."))
        else:
            done.created.append(one)
    return done


CREATE: Mapping[str, Callable[[HellotextClient, Definition], Any]] = {
    Kind.PROPERTY: lambda client, one: client.properties.create(name=one.name, **one.traits),
    Kind.LIST: lambda client, one: client.lists.create(name=one.name),
    Kind.ACTION: lambda client, one: client.actions.create(name=one.name, **one.traits),
}


def _property(says: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": says} if isinstance(says, str) else dict(says)


def _action(says: str | Mapping[str, Any] | None) -> dict[str, Any]:
    if isinstance(says, str):
        return {"title": says}
    return dict(says or {})


def _there(client: HellotextClient) -> dict[str, dict[str, Any]]:
    """What Hellotext has, by kind and name; a kind that the settings do not name is not asked for."""
    wanted = {one.kind for one in declared()}
    pages: Mapping[str, Callable[[], Iterable[Any]]] = {
        "property": lambda: client.properties.list(limit=PAGE),
        "list": lambda: client.lists.list(limit=PAGE),
        "action": lambda: client.actions.list(limit=PAGE),
    }
    return {kind: {row.name: row for row in pages[kind]()} if kind in wanted else {} for kind in pages}


def _difference(one: Definition, there: Any) -> str:
    """How ``there`` differs from what the settings say; a title may be changed by people, and a place too."""
    differing = [
        f"{name} is {getattr(there, name)!r} there and {wanted!r} in the settings"
        for name, wanted in one.traits.items()
        if name in ("kind", "unique", "goal", "passive") and getattr(there, name) not in (wanted, None)
    ]
    return "; ".join(differing)
