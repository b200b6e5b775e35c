"""Filters whose choices are known without asking the table (demand J1).

State, error and age go through the index of the claim. What has no index looks through the newest rows only, unless
one of those narrows the list first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_hellotext import clock
from django_hellotext.actions import BUILT_IN
from django_hellotext.adjustments import FLAGS, Adjustments
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import advice
from django_hellotext.models import CHANGES, Account, Event, Kind, Session, State

PROBLEMS = "problems"
OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN, State.FAILED)
NEWEST = 100_000  # rows that a filter without an index looks through
MOST_ACCOUNTS = 50
MOST_ADJUSTED = 20_000  # adjusted rows among which flagged ones are looked for
MOST_FLAGGED = 900  # SQLite may take no more than 999 parameters

# Parameters whose filter leaves the few rows of an open state.
NARROWING = ("state", "error", "waiting")


class StateFilter(admin.SimpleListFilter):
    """First what needs a person, then each state that rows of this model can have."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        end = {State.SYNCED, State.DELETED} if model_admin.model is Event else {State.DELIVERED}
        return [
            (PROBLEMS, _("needs attention")),
            *((state.value, state.label) for state in State if state not in end and state not in CHANGES),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.value()
        if chosen == PROBLEMS:
            found = _in_states(queryset, State.FAILED, State.UNCERTAIN)
            # A conflict is refused for good, and nobody has to do anything (demand G6).
            return found.exclude(error_type=Session.CONFLICT) if queryset.model is Session else found
        return _in_states(queryset, chosen) if chosen else queryset


class ErrorFilter(admin.SimpleListFilter):
    """The refused rows with one error type; an address may name one that is not among the choices."""

    title = _("error type")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [(name, name) for name in advice.error_types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.value()
        if not chosen:
            return queryset
        return _in_states(queryset, State.FAILED, State.UNCERTAIN).filter(error_type=chosen)


class WaitingFilter(admin.SimpleListFilter):
    """Rows that have not arrived for so long; ages are fixed, so that nothing has to be counted."""

    title = _("not there for more than")
    parameter_name = "waiting"
    AGES = {
        "5m": (timedelta(minutes=5), _("5 minutes")),
        "1h": (timedelta(hours=1), _("1 hour")),
        "1d": (timedelta(days=1), _("1 day")),
        "7d": (timedelta(days=7), _("7 days")),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        self.since = model_admin.waits_since
        return [(name, label) for name, (_age, label) in self.AGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.AGES.get(self.value() or "")
        if chosen is None:
            return queryset
        return _in_states(queryset, *OPEN).filter(**{f"{self.since}__lt": clock.now() - chosen[0]})


class AccountFilter(admin.SimpleListFilter):
    """The accounts that have drained this database; one is not worth a filter."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        keys = list(Account.objects.order_by("pk").values_list("key", flat=True)[:MOST_ACCOUNTS])
        return [(key, key) for key in keys] if len(keys) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.value()
        return queryset.filter(account=chosen) if chosen else queryset


class AdjustedFilter(admin.SimpleListFilter):
    """Rows of which something was changed or left out, or whose total and lines differ."""

    title = _("adjusted")
    parameter_name = "adjusted"
    is_told = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        return [("any", _("adjusted")), ("flagged", _("the books do not agree"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice; flagged ones are picked in Python, because JSON look-ups differ among databases."""
        chosen = self.value()
        if not chosen:
            return queryset
        found = among_newest(request, queryset).filter(adjustments__isnull=False)
        if chosen != "flagged":
            return found
        flagged: list[int] = []
        newest = found.order_by("-pk").values_list("pk", "adjustments")[: MOST_ADJUSTED + 1]
        for read, (pk, made) in enumerate(newest.iterator()):
            if read == MOST_ADJUSTED or len(flagged) == MOST_FLAGGED:
                self._tell_that_more_may_be_there(request)
                break
            if any(one.kind in FLAGS for one in Adjustments.from_json(made)):
                flagged.append(pk)
        return queryset.filter(pk__in=flagged)

    def _tell_that_more_may_be_there(self, request: HttpRequest) -> None:
        """Say it once, however often the rows are asked for."""
        if not self.is_told:
            self.is_told = True
            text = _("Not all rows are shown: only the newest %(shown)d, of the newest %(read)d adjusted ones.")
            values = {"shown": MOST_FLAGGED, "read": MOST_ADJUSTED}
            messages.warning(request, text % values, fail_silently=True)


class ActionFilter(admin.SimpleListFilter):
    """The actions that this shop may send."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [(name, name) for name in (*BUILT_IN, *hellotext_settings.ACTIONS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.value()
        return among_newest(request, queryset).filter(action=chosen) if chosen else queryset


class KindFilter(admin.SimpleListFilter):
    """What the events are about."""

    title = _("object")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        kinds = {spec.object_kind for spec in BUILT_IN.values() if spec.object_kind}
        return [(kind.value, kind.label) for kind in Kind if kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice."""
        chosen = self.value()
        return among_newest(request, queryset).filter(object_kind=chosen) if chosen else queryset


def _in_states(queryset: Any, *states: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = queryset.in_states(*states)
    return rows


def among_newest(request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
    """The newest rows, unless the list is short already: for what no index tells."""
    if any(request.GET.get(name) for name in NARROWING):
        return queryset
    newest = queryset.model._default_manager.using(queryset.db).aggregate(newest=Max("pk"))["newest"]
    return queryset.filter(pk__gt=newest - NEWEST) if newest else queryset
