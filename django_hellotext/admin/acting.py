"""Actions that ask before they act: what will be done, to how many rows, and why.

Each is a verb of the rows' own queryset, one UPDATE however many rows were chosen, and harmless when it is done twice
(demand J3). An action that cannot be confirmed is refused like any other without its permission.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .paging import MOST

logger = logging.getLogger("django_hellotext.admin")

CONFIRMED = "confirmed"

Act = Callable[..., Any]


class NoQuestions(forms.Form):
    """Nothing but yes or no."""


class Reason(forms.Form):
    """What a person says of a decision; stands on the row."""

    note = forms.CharField(
        label=_("Reason"),
        max_length=200,
        required=False,
        help_text=_("Stands on each row, for whoever asks later. Leave names and addresses of customers out."),
    )


def confirmed(
    *, description: Any, explanation: Any, permission: str = "send", form: type[forms.Form] = NoQuestions
) -> Callable[[Act], Act]:
    """Make an action of a verb: ``(admin, request, queryset, **answers) -> number of rows``.

    The first time the rows and the ``explanation`` are shown, the second time the verb is called.
    """

    def decorate(verb: Act) -> Act:
        @functools.wraps(verb)
        def act(model_admin: Any, request: HttpRequest, queryset: Any) -> TemplateResponse | None:
            answers = form(request.POST if CONFIRMED in request.POST else None)
            if not answers.is_bound or not answers.is_valid():
                return _ask(model_admin, request, queryset, verb.__name__, description, explanation, answers)
            count = verb(model_admin, request, queryset, **answers.cleaned_data)
            logger.info(
                "admin.action",
                extra={
                    "action": verb.__name__,
                    "model": model_admin.opts.label,
                    "rows": count,
                    "user": request.user.pk,
                },
            )
            if count:
                text = ngettext("%(action)s: %(count)d row.", "%(action)s: %(count)d rows.", count)
                message = text % {"action": description, "count": count}
                model_admin.message_user(request, message, messages.SUCCESS)
            else:
                text = gettext("%(action)s: there was nothing to do for these rows.")
                model_admin.message_user(request, text % {"action": description}, messages.WARNING)
            return None

        decorated: Act = admin.action(description=description, permissions=[permission])(act)
        return decorated

    return decorate


def _ask(
    model_admin: Any, request: HttpRequest, queryset: Any, name: str, description: Any, explanation: Any, form: Any
) -> TemplateResponse:
    """The page that asks. The rows are counted no further than any list is."""
    across = request.POST.get("select_across") == "1"
    count = queryset.order_by()[:MOST].count()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": description,
        "explanation": explanation,
        "opts": model_admin.opts,
        "form": form,
        "action": name,
        "across": across,
        "chosen": [] if across else request.POST.getlist(ACTION_CHECKBOX_NAME),
        "first": next(iter(request.POST.getlist(ACTION_CHECKBOX_NAME)), ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
        "count": count,
        "or_more": count >= MOST,
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/django_hellotext/confirm.html", context)
