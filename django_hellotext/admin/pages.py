"""The pages: events, each kind of the mirror, sessions, what waits to be looked at, accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_hellotext import dispatch
from django_hellotext.adapters import registry
from django_hellotext.adapters.money import round_to_minor_unit
from django_hellotext.adjustments import Adjustments
from django_hellotext.delivery.breaker import Breaker
from django_hellotext.delivery.preview import preview, preview_event
from django_hellotext.models import PROXIES, Account, Change, Event, Profile, RemoteObject, Session, State
from django_hellotext.models.objects import RemoteObjectQuerySet
from django_hellotext.models.sessions import SessionQuerySet
from django_hellotext.redaction import REDACTED, hide

from . import showing
from .acting import confirmed
from .base import DELIVERABLE_FILTERS, DeliverableAdmin, ReadOnlyAdmin
from .filters import MOST_ACCOUNTS, ActionFilter, AdjustedFilter, KindFilter, among_newest
from .hosts import EMPTY
from .search import events_about, objects_named

DELIVERY = ("account", "lane", "attempts", "attempted_at", "next_attempt_at", "finished_at", "created_at", "updated_at")

# Of these, what came to an end last was no sync.
NOT_IN_STEP = (State.FAILED, State.SKIPPED, State.UNCERTAIN)


@admin.register(Event)
class EventAdmin(DeliverableAdmin):
    """What happened in the shop, and whether Hellotext knows."""

    list_display = ("action", "standing", "tracked_at", "customer", "about_and_money")
    list_filter = (*DELIVERABLE_FILTERS, AdjustedFilter, ActionFilter, KindFilter)
    personal = {
        "session": "session_hidden",
        "url": "url_hidden",
        "details": "details_hidden",
        "payload": "payload_hidden",
    }
    search_fields = ("object_pk",)  # shows the box; events_about() does the work
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *(
                        "action",
                        "badge",
                        "reason",
                        "explanation",
                        "payload",
                        "customer",
                        "session",
                        "about",
                        "object_type",
                        "items",
                        "money",
                    ),
                    *("url", "details", "tracked_at", "consent", "key", "source", "uuid"),
                )
            },
        ),
        (_("Adjustments"), {"fields": ("adjusted",)}),
        (_("Delivery"), {"fields": ("destination", *DELIVERY)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Events about what the term names; where there is none, those that were recorded with it as their key."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = queryset.filter(events_about(term, using=queryset.db))
        if found.exists():
            return found, False
        return among_newest(request, queryset).filter(key=term), False

    @admin.display(description=_("customer"))
    def customer(self, event: Event) -> str:
        """The customer, linked."""
        return self.host_object(event.profile_label, event.profile_pk)

    @admin.display(description=_("object"))
    def about(self, event: Event) -> str:
        """What the event is about, linked."""
        return self.host_object(event.object_label, event.object_pk)

    @admin.display(description=_("object"))
    def about_and_money(self, event: Event) -> str:
        """What the event is about, and the amount beneath it: one column less in a list that is wide enough."""
        about = self.about(event)
        if event.amount is None:
            return about
        return format_html('{}<div class="hellotext-beneath">{}</div>', about, self.money(event))

    @admin.display(description=_("amount"))
    def money(self, event: Event) -> str:
        """The amount in major units, with its currency: 25.80 EUR, 1200 JPY."""
        if event.amount is None:
            return EMPTY
        return f"{round_to_minor_unit(event.amount, currency=event.currency):f} {event.currency}"

    @admin.display(description=_("items"))
    def items(self, event: Event) -> str:
        """The items of a cart event as they were."""
        return showing.as_json(event.object_parameters)

    @admin.display(description=_("payload"))
    def payload(self, event: Event) -> str:
        """What would be sent now. What an event says was frozen when it was recorded."""
        return self._payload(event, personal_data=True)

    @admin.display(description=_("payload"))
    def payload_hidden(self, event: Event) -> str:
        """The same, personal data masked."""
        return self._payload(event, personal_data=False)

    def _payload(self, event: Event, *, personal_data: bool) -> str:
        seen = preview_event(event, using=event._state.db or "default")
        return showing.payload(seen, personal_data=personal_data)

    @admin.display(description=_("metadata"))
    def details(self, event: Event) -> str:
        """What the shop added."""
        return showing.as_json(event.metadata)

    @admin.display(description=_("metadata"))
    def details_hidden(self, event: Event) -> str:
        """The names of what the shop added, without a value."""
        return showing.as_json(hide(event.metadata))

    @admin.display(description=_("URL"))
    def url_hidden(self, event: Event) -> str:
        """That there is one; its query may hold anything."""
        return REDACTED if event.url else EMPTY


class RemoteObjectAdmin(DeliverableAdmin):
    """What Hellotext knows of the shop's objects of one kind."""

    list_display = ("named", "standing", "host", "hellotext_id", "last_sync")
    list_filter: ClassVar[Any] = (*DELIVERABLE_FILTERS, AdjustedFilter)
    actions = ("send_again", "sync_now", "do_not_send", "replay_alike", "look_now")
    waits_since = "updated_at"
    personal = {
        "session": "session_hidden",
        "remote": "remote_hidden",
        "comparison": "comparison_hidden",
    }
    search_fields = ("reference",)  # shows the box; objects_named() does the work
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("host", "badge", "reason", "explanation", "comparison", "reference", "source", "hellotext_id"),
                    *("last_sync", "baseline", "session", "remote", "tombstone_at"),
                )
            },
        ),
        (_("Adjustments"), {"fields": ("adjusted",)}),
        (_("Delivery"), {"fields": ("version", "synced_version", "recreated", *DELIVERY)}),
    )

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """What the admin's index goes by: it lists the kinds that this shop mirrors, not all twelve."""
        if self.model.KIND in {adapter.kind for adapter in registry.all()}:
            return super().get_model_perms(request)
        return {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Objects that the term names."""
        term = search_term.strip()
        return (queryset.filter(objects_named(term)) if term else queryset), False

    @admin.display(description=_("reference"))
    def named(self, row: RemoteObject) -> str:
        """The reference; a profile has none, and is named by its key in the shop."""
        return row.reference or f"{row.host_label} {row.host_pk}"

    @admin.display(description=_("in the shop"))
    def host(self, row: RemoteObject) -> str:
        """The object of the shop, linked."""
        return self.host_object(row.host_label, row.host_pk)

    @admin.display(description=_("Hellotext ID"))
    def hellotext_id(self, row: RemoteObject) -> str:
        """The remote ID, to be copied."""
        return showing.copyable(row.remote_id)

    @admin.display(description=_("last sync"))
    def last_sync(self, row: RemoteObject) -> str:
        """When Hellotext was last in step with it, as far as it is known."""
        if not row.synced_version or row.state in NOT_IN_STEP:
            return EMPTY
        return display_for_value(timezone.localtime(row.finished_at) if row.finished_at else None, EMPTY)

    @admin.display(description=_("remote data"))
    def remote(self, row: RemoteObject) -> str:
        """What Hellotext answered last."""
        return showing.as_json(_answered(row))

    @admin.display(description=_("remote data"))
    def remote_hidden(self, row: RemoteObject) -> str:
        """What Hellotext answered last, personal data masked."""
        return showing.as_json(
            {name: showing.masked(name, value, kind=row.kind) for name, value in _answered(row).items()}
        )

    @admin.display(description=_("payload"))
    def comparison(self, row: RemoteObject) -> str:
        """What would be sent now, beside what Hellotext has."""
        return self._comparison(row, personal_data=True)

    @admin.display(description=_("payload"))
    def comparison_hidden(self, row: RemoteObject) -> str:
        """The same, personal data masked."""
        return self._comparison(row, personal_data=False)

    def _comparison(self, row: RemoteObject, *, personal_data: bool) -> str:
        seen = preview(row, using=row._state.db or "default")
        shown = showing.comparison(seen, kind=row.kind, personal_data=personal_data)
        return showing.with_adjustments(shown, Adjustments(seen.adjustments))

    @confirmed(
        description=_("Sync now (look again, send what differs)"),
        explanation=_("The objects are looked at again at once. What Hellotext has already is not sent."),
    )
    def sync_now(self, request: HttpRequest, queryset: RemoteObjectQuerySet) -> int:
        """Let the next drain render these objects anew."""
        count = queryset.renew()
        if count:
            dispatch.wake(queryset.db)
        return count


def _answered(row: RemoteObject) -> dict[str, Any]:
    """What Hellotext answered, without what we keep beside it."""
    return {name: value for name, value in (row.data or {}).items() if not name.startswith("_")}


for proxy in PROXIES:
    if proxy is not Profile:
        admin.site.register(proxy, RemoteObjectAdmin)


@admin.register(Session)
class SessionAdmin(DeliverableAdmin):
    """Which visitor's session belongs to which customer."""

    list_display = ("session", "standing", "customer", "finished_at")
    actions = ("send_again", "send_now", "do_not_send", "replay_alike", "look_now", "release")
    search_fields = ("session__exact",)
    search_help_text = _("Search by session")
    fieldsets = (
        (None, {"fields": ("session", "badge", "reason", "explanation", "customer")}),
        (_("Delivery"), {"fields": DELIVERY}),
    )

    @admin.display(description=_("customer"))
    def customer(self, row: Session) -> str:
        """The customer, linked."""
        return self.host_object(row.profile_label, row.profile_pk)

    @confirmed(
        description=_("Release a session conflict"),
        explanation=_(
            "Sessions in conflict that nobody else holds any more are asked for again. One that is still another "
            "customer's stays a conflict: Hellotext gives a session to one profile for good."
        ),
    )
    def release(self, request: HttpRequest, queryset: SessionQuerySet) -> int:
        """Ask again for sessions that were another customer's."""
        count = queryset.release()
        if count:
            dispatch.wake(queryset.db)
        return count


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    """Saves and deletions that no worker has looked at yet; with a worker at work this page is empty."""

    list_display = ("tracked_at", "host", "what", "status_text", "session")
    fields = ("host", "what", "tracked_at", "status_text", "status_since", "session", "lane")
    personal = {"session": "session_hidden"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        """Leave out the rows that only reserve an ID."""
        rows = super().get_queryset(request)
        return Change.objects.using(rows.db).without_reserves().order_by(*rows.query.order_by)

    @admin.display(description=_("in the shop"))
    def host(self, change: Change) -> str:
        """The object of the shop, linked."""
        return self.host_object(change.label, change.object_pk)

    @admin.display(description=_("what happened"))
    def what(self, change: Change) -> str:
        """Created, changed or deleted."""
        if change.deleted:
            return gettext("deleted")
        return gettext("created") if change.created else gettext("changed")

    @admin.display(description=_("watched status"))
    def status_text(self, change: Change) -> str | None:
        """The status that the adapter watches."""
        return change.status

    @admin.display(description=_("status since"))
    def status_since(self, change: Change) -> datetime | None:
        """Since when the object has that status."""
        return change.status_at


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Whether anything can be sent at all."""

    list_display = ("key", "drained_at", "paused_until", "paused_reason", "halted_at", "halted_until", "halted_reason")
    actions = ("resume",)
    fields = (
        *("business_id", "environment", "drained_at", "paused_until", "paused_reason"),
        *("halted_at", "halted_until", "halted_reason"),
    )

    @confirmed(
        description=_("Resume (paused and halted accounts)"),
        explanation=_(
            "Sending goes on at once. An account that Hellotext does not accept is halted again by the next answer."
        ),
        permission="resume",
    )
    def resume(self, request: HttpRequest, queryset: QuerySet[Account]) -> int:
        """Lift pauses and halts."""
        held = queryset.exclude(paused_reason="", halted_reason="")
        keys = list(held.order_by("pk").values_list("key", flat=True)[:MOST_ACCOUNTS])
        for key in keys:
            Breaker(key, using=queryset.db).resume()
        if keys:
            dispatch.wake(queryset.db)
        return len(keys)

    def has_resume_permission(self, request: HttpRequest) -> bool:
        """Resuming changes the account."""
        return request.user.has_perm("django_hellotext.change_account")
