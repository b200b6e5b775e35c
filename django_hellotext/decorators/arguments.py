"""The arguments of ``@track``: a value, or a callable that is given what its signature names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import iscoroutinefunction

Kind = inspect.Parameter

REQUEST, RESPONSE, VIEW = "request", "response", "view"


@dataclass(frozen=True)
class Names:
    """What a view can hand on: the names of its parameters after the request; ``any`` for one with ``**kwargs``."""

    parameters: tuple[str, ...] = ()
    any: bool = False
    has_instance: bool = False


def names_of(view: Callable[..., Any]) -> Names:
    """The names that callables of ``view`` may ask for, as far as its signature says."""
    # method_decorator decorates anew at each request: what lies beneath is always the same.
    return _names_of(inspect.unwrap(view))


@functools.lru_cache(maxsize=1024)
def _names_of(function: Callable[..., Any]) -> Names:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return Names(any=True)
    has_instance = bool(parameters) and parameters[0].name == "self"
    if has_instance:
        parameters = parameters[1:]
    named = [one.name for one in parameters if one.kind in (Kind.POSITIONAL_OR_KEYWORD, Kind.KEYWORD_ONLY)]
    # The first one is the request, whatever it is called.
    first = bool(parameters) and parameters[0].kind in (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD)
    takes_any = any(one.kind is Kind.VAR_KEYWORD for one in parameters)
    return Names(tuple(named[1:] if first else named), any=takes_any, has_instance=has_instance)


class Argument:
    """One argument of ``@track``.

    A callable is called with those of ``request``, ``response``, ``view`` (the instance of a class-based view) and
    the view's own parameters that its signature names. Raises ``TypeError`` for a callable that is asynchronous: it
    is called in a thread, where queries are allowed.
    """

    def __init__(self, name: str, value: Any, *, before_the_response: bool = False) -> None:
        self.name = name
        self.value = value
        self.is_callable = callable(value)
        self._positional: list[str] = []
        self._named: list[str] = []
        self._by_keyword_only: list[str] = []
        self._required: list[str] = []
        self._rest = self._all_named = False
        if self.is_callable:
            self._read_signature()
        if before_the_response and RESPONSE in (*self._positional, *self._required):
            raise TypeError(f"@track: {name} asks for the response, but it is called while the page is made.")

    def _read_signature(self) -> None:
        if iscoroutinefunction(self.value):
            raise TypeError(f"@track: {self.name} must be a plain function, not an asynchronous one.")
        try:
            parameters = inspect.signature(self.value).parameters.values()
        except (TypeError, ValueError):  # some callables written in C do not say what they take
            self._positional = [REQUEST]
            return
        for one in parameters:
            if one.kind is Kind.VAR_POSITIONAL:
                self._rest = True
            elif one.kind is Kind.VAR_KEYWORD:
                self._all_named = True
            elif one.kind is Kind.POSITIONAL_ONLY:
                if one.default is Kind.empty:
                    self._positional.append(self._by_place(len(self._positional)))
            else:
                (self._by_keyword_only if one.kind is Kind.KEYWORD_ONLY else self._named).append(one.name)
                if one.default is Kind.empty:
                    self._required.append(one.name)

    def _by_place(self, place: int) -> str:
        if place > 1:
            raise TypeError(f"@track: {self.name} takes more by place than (request, response).")
        return (REQUEST, RESPONSE)[place]

    def check(self, names: Names) -> None:
        """Raise ``TypeError``, naming the parameter, when the view cannot give what the callable asks for."""
        if names.any:
            return
        known = {REQUEST, RESPONSE, *names.parameters, *((VIEW,) if names.has_instance else ())}
        for wanted in self._required:
            if wanted not in known:
                raise TypeError(
                    f"@track: {self.name} asks for {wanted!r}; this view can give {', '.join(sorted(known))}."
                )

    def ask(self, given: Mapping[str, Any], rest: tuple[Any, ...]) -> Any:
        """The value. ``given``: what may be asked for, by name; ``rest``: the view's arguments without a name."""
        if not self.is_callable:
            return self.value
        positional = [given[name] for name in self._positional]
        named = {name: given[name] for name in (*self._named, *self._by_keyword_only) if name in given}
        if self._all_named:
            reserved = (REQUEST, RESPONSE, VIEW)
            named |= {name: value for name, value in given.items() if name not in reserved}
        if self._rest and rest:
            # What stands before *args can then only be given by place.
            positional += [named.pop(name) for name in self._named if name in named]
            positional += rest
        return self.value(*positional, **named)
