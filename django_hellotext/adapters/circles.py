"""A circle of prerequisites: each of its objects would wait for another to be at Hellotext first (promise 4)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def circles(edges: Mapping[Node, Iterable[Node]]) -> list[tuple[Node, ...]]:
    """The circles in a graph of ``node: what it needs first``, none of them twice.

    Each begins anywhere on it, in the order in which one needs the next. Where circles share a part, one of them may
    hide another until it is broken.
    """
    found: dict[frozenset[Node], tuple[Node, ...]] = {}
    finished: set[Node] = set()

    def walk(node: Node, path: list[Node]) -> None:
        if node in path:
            circle = tuple(path[path.index(node) :])
            found.setdefault(frozenset(circle), circle)
            return
        if node in finished:
            return
        for needed in edges.get(node, ()):
            walk(needed, [*path, node])
        finished.add(node)

    for node in edges:
        walk(node, [])
    return list(found.values())
