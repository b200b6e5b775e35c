"""What every page has in common: it shows rows and edits none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import DateTimeField, Model
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from django_hellotext import dispatch
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery.explain import explain_row
from django_hellotext.models import Dashboard, SkipReason, State
from django_hellotext.models.deliverable import Deliverable, DeliverableQuerySet
from django_hellotext.redaction import REDACTED

from . import showing
from .acting import Reason, confirmed
from .filters import AccountFilter, ErrorFilter, StateFilter, WaitingFilter
from .hosts import EMPTY, shown
from .paging import CappedPaginator

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:  # Django's own class takes no parameters
    Base = admin.ModelAdmin

VIEW_PERSONAL_DATA = "django_hellotext.view_personal_data"
MOST_EXAMPLES = 1_000  # chosen rows whose error types are looked at
DELIVERABLE_FILTERS = (StateFilter, WaitingFilter, ErrorFilter, AccountFilter)


class ReadOnlyAdmin(Base):
    """Looks, never edits; counts and filters nothing that a large table cannot bear (demand J1).

    ``personal`` names the columns that hold personal data, each with what takes its place for whoever has no right to
    see it (demand I1).
    """

    change_list_template = "admin/django_hellotext/change_list.html"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    ordering = ("-id",)
    sortable_by = ()  # newest first: sorting by a column without an index reads the whole table
    list_per_page = 50
    list_max_show_all = 200
    personal: ClassVar[Mapping[str, str]] = {}

    class Media:
        css = {"all": ["django_hellotext/admin.css"]}
        js = ["django_hellotext/admin.js"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are recorded, never typed."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows say what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Deleting a row would lose a fact, or make a duplicate."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the way to the dashboard for who may see it."""
        site = self.admin_site
        may_see = site.is_registered(Dashboard) and site.get_model_admin(Dashboard).has_view_permission(request)
        return super().changelist_view(request, {"may_see_dashboard": may_see, **(extra_context or {})})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns; personal ones only for who may see them."""
        return [self._seen(request, name) for name in super().get_list_display(request)]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The fields; personal ones only for who may see them."""
        return [
            (title, {**options, "fields": [self._seen(request, name) for name in options["fields"]]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def _seen(self, request: HttpRequest, name: Any) -> Any:
        name = name if request.user.has_perm(VIEW_PERSONAL_DATA) else self.personal.get(name, name)
        return self._local_times.get(name, name)

    @cached_property
    def _local_times(self) -> dict[str, Any]:
        return {field.name: showing.local_time(field) for field in self.opts.fields if isinstance(field, DateTimeField)}

    def host_object(self, label: str, pk: str) -> str:
        """An object of the shop, linked to its own page where this admin has one."""
        return shown(label, pk, site=self.admin_site)

    @admin.display(description=_("session"))
    def session_hidden(self, row: Any) -> str:
        """That there is one."""
        return REDACTED if row.session else EMPTY


class DeliverableAdmin(ReadOnlyAdmin):
    """State, reason and the way back. ``waits_since`` is the column that says since when a row is not there."""

    actions: tuple[str, ...] = ("send_again", "send_now", "do_not_send", "replay_alike", "look_now")
    list_filter: ClassVar[Any] = DELIVERABLE_FILTERS
    search_help_text: ClassVar[Any] = _(
        "Search by order number or other reference, key in the shop, session or Hellotext ID"
    )
    waits_since = "created_at"
    personal: ClassVar[Mapping[str, str]] = {"session": "session_hidden"}

    @admin.display(description=_("state"))
    def standing(self, row: Deliverable) -> SafeString:
        """The state and, where there is one, the reason and the next attempt beneath it."""
        return showing.standing(row)

    @admin.display(description=_("state"))
    def badge(self, row: Deliverable) -> SafeString:
        """The state, as a mark, a word and a colour."""
        return showing.badge(row)

    @admin.display(description=_("reason"))
    def reason(self, row: Deliverable) -> str:
        """Why the row was not sent, or what Hellotext said last."""
        return row.why or EMPTY

    @admin.display(description=_("adjustments"))
    def adjusted(self, row: Deliverable) -> SafeString | str:
        """What was changed or left out so that the row could be sent."""
        return showing.adjustments(Adjustments.from_json(row.adjustments))

    @admin.display(description=_("why"))
    def explanation(self, row: Deliverable) -> SafeString:
        """Why it was, or was not, sent."""
        return showing.explanation(explain_row(row, using=row._state.db or "default"))

    @confirmed(
        description=_("Send again (refused and skipped rows)"),
        explanation=_("Refused and skipped rows wait to be sent again, from their first attempt."),
    )
    def send_again(self, request: HttpRequest, queryset: DeliverableQuerySet) -> int:
        """Requeue what was refused or skipped."""
        return _woken(queryset, queryset.requeue())

    @confirmed(
        description=_("Send now (waiting rows)"),
        explanation=_("Waiting rows are tried at once, not at the time of their next attempt."),
    )
    def send_now(self, request: HttpRequest, queryset: DeliverableQuerySet) -> int:
        """Make what waits for its next attempt due."""
        return _woken(queryset, queryset.send_now())

    @confirmed(
        description=_("Do not send (waiting and refused rows)"),
        explanation=_("Waiting and refused rows are not sent. They can be sent again later."),
        form=Reason,
    )
    def do_not_send(self, request: HttpRequest, queryset: DeliverableQuerySet, note: str) -> int:
        """Skip what waits or was refused."""
        return queryset.skip(SkipReason.PERSON, note=note)

    @confirmed(
        description=_("Replay all refused rows with the same error types"),
        explanation=_(
            "All refused rows of this page's kind, chosen or not, that have one of the error types of the chosen "
            "rows wait to be sent again. For after a repair: choose one example of what was repaired."
        ),
    )
    def replay_alike(self, request: HttpRequest, queryset: DeliverableQuerySet) -> int:
        """Requeue every refused row whose error type is that of a chosen one."""
        chosen = queryset.in_states(State.FAILED).order_by().values_list("error_type", flat=True)
        types = set(chosen[:MOST_EXAMPLES])
        everything = self.model._default_manager.using(queryset.db)
        return _woken(queryset, everything.in_states(State.FAILED).replay(types)) if types else 0

    @confirmed(
        description=_("Reconcile now (sent without an answer)"),
        explanation=_("Rows that were sent without an answer are looked for at Hellotext at once."),
    )
    def look_now(self, request: HttpRequest, queryset: DeliverableQuerySet) -> int:
        """Let the next drain find out what became of uncertain rows."""
        return _woken(queryset, queryset.look_now())

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Sending again, or not at all, is a change of the row's state."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


def _woken(queryset: DeliverableQuerySet, count: int) -> int:
    if count:
        dispatch.wake(queryset.db)
    return count
