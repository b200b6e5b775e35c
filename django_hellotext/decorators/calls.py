"""One call of a decorated view: which of its arguments is the request, and what callables may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from .arguments import REQUEST, RESPONSE, VIEW, Argument, Names


class Call:
    """A view that is called.

    ``given``: the request as the view got it, which may be one of Django REST framework. ``request``: Django's own,
    ``None`` for a call without any. ``instance``: the class-based view, where there is one.
    """

    __slots__ = ("_args", "_place", "_view", "given", "kwargs", "names", "pending", "request")

    def __init__(
        self, view: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, names: Names
    ) -> None:
        self.pending: Any = None  # the event that this call has put into its page
        self.given: Any
        self.request: HttpRequest | None
        self._place: int | None
        self.names = names
        self.kwargs = kwargs
        self._view, self._args = view, args
        if args and isinstance(args[0], HttpRequest):
            # Nearly always; what is not asked for is not looked for either.
            self.given, self.request, self._place = args[0], args[0], 0
            return
        self._place = next((place for place, found in enumerate(args[:2]) if _django_request(found) is not None), None)
        if self._place is None:
            self.given = next((found for found in kwargs.values() if _django_request(found) is not None), None)
        else:
            self.given = args[self._place]
        self.request = _django_request(self.given)

    @property
    def positional(self) -> tuple[Any, ...]:
        """What the view was given by place after the request."""
        return self._args if self._place is None else self._args[self._place + 1 :]

    @property
    def instance(self) -> Any:
        """The class-based view, where there is one."""
        if self._place == 1:
            return self._args[0]
        # method_decorator hands on a bound method, wrapped in a partial.
        return getattr(getattr(self._view, "func", self._view), "__self__", None)

    def ask(self, argument: Argument, response: Any = None) -> Any:
        """What ``argument`` says of this call."""
        if not argument.is_callable:
            return argument.value
        known: dict[str, Any] = dict(zip(self.names.parameters, self.positional, strict=False))
        known |= self.kwargs
        known |= {REQUEST: self.given, RESPONSE: response}
        if self.instance is not None:
            known[VIEW] = self.instance
        return argument.ask(known, self.positional[len(self.names.parameters) :])


def _django_request(found: object) -> HttpRequest | None:
    """Django's request, also out of the one that REST framework wraps around it."""
    if isinstance(found, HttpRequest):
        return found
    inside = getattr(found, "_request", None)
    return inside if isinstance(inside, HttpRequest) else None
