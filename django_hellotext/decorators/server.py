"""``via="server"``: the event is recorded when the view has answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from .. import consent
from ..actions import BUILT_IN, purpose_of
from ..adapters import registry
from ..conf import hellotext_settings
from ..intake import track as record
from ..intake.counting import is_missed
from ..intake.ledger import TransactionLostError
from ..intake.sessions import COOKIE, PARAMETER, may_have_session, user_of
from ..intake.subjects import OWNED, visitor
from ..savepoints import HostCode
from .arguments import Argument, Names
from .calls import Call
from .success import Success

logger = logging.getLogger("django_hellotext.decorators")

NOT_SEEN = frozenset({"HEAD", "OPTIONS", "TRACE"})  # nobody looks at what they answer
IDLE: AbstractContextManager[None] = nullcontext()


class OnServer:
    """Records ``action`` with ``arguments`` when an answer counts."""

    def __init__(self, action: str, arguments: Mapping[str, Argument], success: Success) -> None:
        self.action = action
        self.arguments = arguments
        self.success = success
        spec = BUILT_IN.get(action)
        kind = spec.object_kind if spec else "unknown"
        # A cart or order knows whose it is, whoever looks at it; what a custom action is about may be one.
        about_somebody = arguments["object"].value is not None and (kind in OWNED or kind == "unknown")
        self._knows_somebody = about_somebody or arguments["profile"].value is not None
        self._purpose = purpose_of(action)

    def check(self, view: Callable[..., Any], names: Names) -> None:
        """Raise ``TypeError`` for a callable that asks for what ``view`` cannot give."""
        for argument in self.arguments.values():
            argument.check(names)
        self.success.check(names)

    def leaves_out(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        """Whether there is nothing to record, as far as that shows at almost no cost: asked with each answer."""
        if response.status_code >= 400 or not (self._knows_somebody or _is_somebody(request)):
            return True
        try:
            return not hellotext_settings.active or self._is_refused(request)
        except Exception as error:
            self._report(error)
            return True

    def during(self, call: Call) -> AbstractContextManager[None]:
        """Nothing happens while the view works."""
        return IDLE

    def answered(self, call: Call, response: Any) -> None:
        """Record now, or once the response has been rendered."""
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            response.add_post_render_callback(lambda rendered: self._record(call, rendered))
        else:
            self._record(call, response)

    async def aanswered(self, call: Call, response: Any) -> None:
        """The same for an asynchronous view: one thread hop, and only when there is something to record."""
        request = call.request
        rendered = not isinstance(response, SimpleTemplateResponse) or response.is_rendered
        if request is None or (rendered and not self._may_count(call, response)):
            return
        if may_have_session(request) and hasattr(request, "auser"):
            # The view has asked for it by the same name, or nobody has: no second query in the thread.
            request.user = await request.auser()
        if rendered:
            await sync_to_async(self._record)(call, response)
        else:
            self.answered(call, response)  # Django renders in a thread, and there it is recorded

    def _is_refused(self, request: HttpRequest) -> bool:
        """Whether the visitor refuses. What is about somebody else, recording asks of them (demand G5)."""
        return not self._knows_somebody and consent.is_refused(request, purpose=self._purpose, customer=user_of)

    def _may_count(self, call: Call, response: Any) -> bool:
        """What can be said at no cost: who is nobody, and what nobody looked at."""
        request = call.request
        if request is None or request.method in NOT_SEEN or response.status_code >= 400:
            return False
        if self.success.when == "success" and not 200 <= response.status_code < 300:
            return False
        return self._knows_somebody or _is_somebody(request)

    def _record(self, call: Call, response: Any) -> None:
        try:
            request = call.request
            if request is None or not self._may_count(call, response):
                return
            if not hellotext_settings.active or is_missed(self.action, request):
                return
            # Before the shop's callables, which may cost queries; recording asks again, knowing more.
            if self._is_refused(request):
                return
            with HostCode(DEFAULT_DB_ALIAS):
                if not self.success.counts(call, response):
                    return
                asked = {name: call.ask(argument, response) for name, argument in self.arguments.items()}
                target, customer = asked.pop("object"), asked.pop("profile")
                if customer is None and not _has_owner(target) and visitor(request) == (None, ""):
                    return
            record(self.action, target, profile=customer, request=request, **asked)
        except Exception as error:
            self._report(error)

    def _report(self, error: Exception) -> None:
        logger.error("track.failed", exc_info=error, extra={"action": self.action, "error": type(error).__name__})
        if hellotext_settings.RAISE_ERRORS or isinstance(error, TransactionLostError):
            raise error


def _is_somebody(request: HttpRequest) -> bool:
    """Whether a session or a customer may be known; touches neither."""
    cookies = vars(request).get("COOKIES")
    if cookies is None:  # not taken apart yet: nobody else need ask for them
        cookies = request.META.get("HTTP_COOKIE", "")
    return (
        COOKIE in cookies
        or may_have_session(request)
        or PARAMETER in request.META.get("QUERY_STRING", "")
        or issubclass(type(vars(request).get("user")), Model)
    )


def _has_owner(target: Any) -> bool:
    """Whether the object itself may know its customer or session, whoever looks at it."""
    adapter = registry.for_model(type(target)) if isinstance(target, Model) else None
    return adapter is not None and adapter.kind in OWNED
