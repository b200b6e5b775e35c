"""``via="browser"``: the event stands in the page, and Hellotext.js sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.template.response import SimpleTemplateResponse

from ..snippet.events import Pending, attach, detach, tracked_by_browsers, why_not_from_browser
from ..snippet.faults import contained
from .arguments import Argument, Names
from .calls import Call
from .success import Success

IN_A_PAGE = ("object", "metadata")


class OnPage:
    """Puts the event into the page's tag. Raises ``TypeError`` for what must not stand in a page."""

    def __init__(self, action: str, arguments: Mapping[str, Argument], success: Success) -> None:
        reason = why_not_from_browser(action)
        if reason:
            raise TypeError(f"@track(via='browser'): {action!r} {reason}.")
        for name, argument in arguments.items():
            if argument.value is not None and name not in IN_A_PAGE:
                raise TypeError(f"@track(via='browser'): {name} is for the server; a page must not hold it.")
        if success.when == "redirect":
            raise TypeError("@track(via='browser'): when must not be 'redirect', which shows no page.")
        self.action = action
        self.arguments = {name: arguments[name] for name in IN_A_PAGE}
        self.success = success

    def check(self, view: Callable[..., Any], names: Names) -> None:
        """Raise ``TypeError`` for a callable that asks for what ``view`` cannot give."""
        for argument in self.arguments.values():
            argument.check(names)
        self.success.check(names)
        tracked_by_browsers[self.action] = f"{view.__module__}.{getattr(view, '__qualname__', repr(view))}"

    @contextmanager
    def during(self, call: Call) -> Iterator[None]:
        """The page has the event, unless the view fails: the page of an error is another one."""
        pending = Pending(self.action, lambda: {name: call.ask(one) for name, one in self.arguments.items()})
        call.pending = pending
        attach(call.request, pending)
        try:
            yield
        except BaseException:
            detach(call.request, pending)
            raise

    def answered(self, call: Call, response: Any) -> None:
        """Take the event out of an answer that does not count."""
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            # What the view answers is known already, unlike the page.
            if not self._counts(call, response):
                detach(call.request, call.pending)
        elif not self._counts(call, response):
            detach(call.request, call.pending)
            _take_out(call.pending, response)

    async def aanswered(self, call: Call, response: Any) -> None:
        """The same for an asynchronous view."""
        self.answered(call, response)

    def _counts(self, call: Call, response: Any) -> bool:
        with contained("track.failed", action=self.action):
            return self.success.counts(call, response)
        return False


def _take_out(pending: Pending, response: Any) -> None:
    html = pending.html.encode(getattr(response, "charset", "utf-8"))
    if html and not response.streaming and html in response.content:
        response.content = response.content.replace(html, b"")
