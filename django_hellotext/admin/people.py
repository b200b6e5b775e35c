"""The list of profiles: two accounts that are one customer, and profiles that were left behind at Hellotext."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from django_hellotext.adapters import registry
from django_hellotext.delivery.profiles import SHARED
from django_hellotext.models import FORMER, Kind, Profile, RemoteObject, State

from .filters import StateFilter, among_newest
from .hosts import EMPTY
from .pages import RemoteObjectAdmin

ONE_CUSTOMER = "one"
LEFT_BEHIND = "left"
MOST_SHOWN = 20  # accounts or profiles in one cell


class CustomersFilter(admin.SimpleListFilter):
    """Accounts that Hellotext takes for one customer, and those that have left a profile behind there."""

    title = _("customers")
    parameter_name = "customers"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        return [(ONE_CUSTOMER, _("two accounts, one customer")), (LEFT_BEHIND, _("former profile left at Hellotext"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the choice; of two accounts the second, which writes nothing to the profile."""
        chosen = self.value()
        if chosen == ONE_CUSTOMER:
            rows = among_newest(request, queryset).filter(host_label__in=_accounts())
            same = RemoteObject.objects.using(queryset.db).filter(
                account=OuterRef("account"),
                remote_id=OuterRef("remote_id"),
                kind=Kind.PROFILE,
                host_label__in=_accounts(),
                pk__lt=OuterRef("pk"),
            )
            shares = ~Q(remote_id="") & (Q(attributed=True) | Exists(same.exclude(state=State.DELETED)))
            return rows.exclude(state=State.DELETED).filter(shares | Q(error_type=SHARED))
        if chosen == LEFT_BEHIND:
            return among_newest(request, queryset).filter(data__has_key=FORMER)
        return queryset


class ProfileAdmin(RemoteObjectAdmin):
    """The profiles of customers and guests."""

    list_filter = (StateFilter, CustomersFilter, *RemoteObjectAdmin.list_filter[1:])

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns, with one more for what the filter has chosen."""
        more = {ONE_CUSTOMER: "same_customer", LEFT_BEHIND: "left_behind"}.get(
            request.GET.get(CustomersFilter.parameter_name, "")
        )
        columns = super().get_list_display(request)
        return [*columns[:1], more, *columns[1:]] if more else columns

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page of the list, with what the column needs: one query for all of its rows."""
        page = super().get_changelist_instance(request)
        chosen = request.GET.get(CustomersFilter.parameter_name, "")
        rows = RemoteObject.objects.using(page.queryset.db).filter(kind=Kind.PROFILE).exclude(state=State.DELETED)
        if chosen == ONE_CUSTOMER:
            page.result_list = list(page.result_list)
            _note_accounts(page.result_list, rows)
        elif chosen == LEFT_BEHIND:
            page.result_list = list(page.result_list)
            _note_left(page.result_list, rows)
        return page

    @admin.display(description=_("one customer with"))
    def same_customer(self, row: Any) -> str:
        """The other accounts that have the same profile, linked."""
        shown = [(self.host_object(one.host_label, one.host_pk),) for one in row.accounts if one.pk != row.pk]
        return format_html_join(", ", "{}", shown[:MOST_SHOWN]) or EMPTY

    @admin.display(description=_("former profiles"))
    def left_behind(self, row: Any) -> str:
        """The IDs of profiles that this customer had before, and that are no other customer's now."""
        return ", ".join(row.left[:MOST_SHOWN]) or EMPTY


def _note_accounts(page: Iterable[Any], rows: QuerySet[RemoteObject]) -> None:
    """Note on each row of ``page`` the accounts that have its profile, the oldest first. One query."""
    found: dict[str, list[RemoteObject]] = defaultdict(list)
    wanted = {row.remote_id for row in page} - {""}
    for one in rows.filter(remote_id__in=wanted, host_label__in=_accounts()).order_by("pk"):
        found[one.remote_id].append(one)
    for row in page:
        row.accounts = found.get(row.remote_id, [])


def _note_left(page: Iterable[Any], rows: QuerySet[RemoteObject]) -> None:
    """Note on each row of ``page`` the former profiles that no row has now. One query."""
    former = {row.pk: (row.data or {}).get(FORMER, []) for row in page}
    wanted = {one for ids in former.values() for one in ids}
    held = set(rows.filter(remote_id__in=wanted).order_by().values_list("remote_id", flat=True).distinct())
    for row in page:
        row.left = [one for one in former[row.pk] if one not in held]


def _accounts() -> list[str]:
    return [adapter.label for adapter in registry.all() if adapter.kind == Kind.PROFILE]


admin.site.register(Profile, ProfileAdmin)
