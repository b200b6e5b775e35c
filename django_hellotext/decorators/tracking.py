"""``@track`` around functions, classes and coroutines."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Literal, TypeVar

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from .arguments import Argument, Names, names_of
from .calls import Call
from .page import OnPage
from .server import OnServer
from .success import Success

V = TypeVar("V", bound=Callable[..., Any])
Given = Callable[..., Any]


# What the views of this process record by themselves; the checks look for what an adapter records, too (demand H7).
DECORATED: set[str] = set()


def track(
    action: str,
    *,
    object: Given | None = None,
    profile: Given | None = None,
    amount: Given | Decimal | int | None = None,
    currency: Given | str | None = None,
    metadata: Given | dict[str, Any] | None = None,
    key: Given | str | None = None,
    when: Literal["success", "redirect"] | Given = "success",
    via: Literal["server", "browser"] = "server",
) -> Callable[[V], V]:
    """Record ``action`` when the decorated view has answered well.

    Decorates a function, an asynchronous one too; a class-based view, on the class or on a method, directly or
    through ``method_decorator``; a view of Django REST framework and an action of a viewset.

    Each argument is a value or a callable; see ``django_hellotext.track`` for their meaning. A callable is given
    what its signature names: ``request``, ``response``, ``view`` (the instance of a class-based view) and the view's
    own parameters.

    :param when: ``"success"`` (2xx), ``"redirect"`` (301, 302, 303, 307, 308: a form that was sent well), or a
        callable that says for either kind of answer whether it counts. An error never counts.
    :param via: ``"browser"`` puts the event into the page instead, for Hellotext.js to send; the page writes no row
        and may be cached. The page needs ``{% hellotext %}``. Only for what anybody may claim and what looks the
        same to everybody: never orders, refunds, coupons, carts, amounts (demands A3, H7).
    :raises TypeError: at decoration, for what is no view, for an argument that cannot be, and for a callable that
        asks for something that the view cannot give; the message names the parameter.

    A ``TemplateResponse`` counts once it has been rendered. HEAD and OPTIONS, bots, prefetched pages and visitors
    who refuse leave no event (demand G8), nor does one of whom neither a session nor a customer is known: a first
    visit, staff. ``request.user`` is only read when a session cookie came (demand G2).

    A fault, of a callable too, is logged and never reaches the visitor; with ``HELLOTEXT["RAISE_ERRORS"]`` it is
    raised. An exception of the view passes through untouched.
    """
    if not isinstance(action, str):
        raise TypeError(f"@track: action must be a string, not {type(action).__name__}.")
    if via not in ("server", "browser"):
        raise TypeError(f"@track: via must be 'server' or 'browser', not {via!r}.")
    success = Success(when)
    given = {
        "object": object,
        "profile": profile,
        "amount": amount,
        "currency": currency,
        "metadata": metadata,
        "key": key,
    }
    arguments = {name: Argument(name, value, before_the_response=via == "browser") for name, value in given.items()}
    surface = OnServer(action, arguments, success) if via == "server" else OnPage(action, arguments, success)

    DECORATED.add(action)

    def decorate(view: V) -> V:
        if not callable(view):
            raise TypeError(f"@track decorates a view, not {view!r}.")
        if not isinstance(view, type):
            return _wrapped(view, surface)
        dispatch = getattr(view, "dispatch", None)
        if not callable(dispatch):
            raise TypeError(f"@track decorates a view; {view.__name__} is a class without dispatch().")
        view.dispatch = _wrapped(dispatch, surface)  # type: ignore[attr-defined]  # it has one
        return view

    return decorate


def _wrapped(view: V, surface: OnServer | OnPage) -> V:
    names = names_of(view)
    surface.check(view, names)
    wrapped = _asynchronous(view, surface, names) if iscoroutinefunction(view) else _synchronous(view, surface, names)
    return functools.wraps(view)(wrapped)  # type: ignore[return-value]  # it takes and answers what the view does


def _synchronous(view: Callable[..., Any], surface: OnServer | OnPage, names: Names) -> Callable[..., Any]:
    if isinstance(surface, OnServer):
        return _recorded(view, surface, names)

    def tracked(*args: Any, **kwargs: Any) -> Any:
        call = Call(view, args, kwargs, names=names)
        if call.request is None:
            return view(*args, **kwargs)
        with surface.during(call):
            response = view(*args, **kwargs)
        if isinstance(response, HttpResponseBase):
            surface.answered(call, response)
        elif inspect.isawaitable(response):  # dispatch() of an asynchronous class-based view
            return _later(call, response, surface)
        return response

    return tracked


def _recorded(view: Callable[..., Any], surface: OnServer, names: Names) -> Callable[..., Any]:
    """The same for the server, which has nothing to do before the answer, and most often nothing after it."""

    def tracked(*args: Any, **kwargs: Any) -> Any:
        response = view(*args, **kwargs)
        if isinstance(response, HttpResponseBase):
            request = args[0] if args else None
            if isinstance(request, HttpRequest) and surface.leaves_out(request, response):
                return response
            call = Call(view, args, kwargs, names=names)
            if call.request is not None:
                surface.answered(call, response)
        elif inspect.isawaitable(response):  # dispatch() of an asynchronous class-based view
            call = Call(view, args, kwargs, names=names)
            if call.request is not None:
                return _later(call, response, surface)
        return response

    return tracked


def _asynchronous(view: Callable[..., Any], surface: OnServer | OnPage, names: Names) -> Callable[..., Any]:
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        call = Call(view, args, kwargs, names=names)
        if call.request is None:
            return await view(*args, **kwargs)
        return await _later(call, view(*args, **kwargs), surface)

    return tracked


async def _later(call: Call, answer: Awaitable[Any], surface: OnServer | OnPage) -> Any:
    with surface.during(call):
        response = await answer
    # What is no response at all is for Django to complain about.
    if isinstance(response, HttpResponseBase):
        await surface.aanswered(call, response)
    return response
