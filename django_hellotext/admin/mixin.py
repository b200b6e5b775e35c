"""``HellotextAdminMixin``: the shop's own admin pages say what Hellotext knows of each object.

A column with the state, a panel that explains, and two actions. A list asks one question more, whatever its length
(demand J2). Shown to who may see the kind in our own pages; the actions ask for its right to change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_hellotext import dispatch
from django_hellotext.adapters import Adapter, registry
from django_hellotext.delivery.explain import explain_object
from django_hellotext.intake import sync
from django_hellotext.intake.ledger import alias_for
from django_hellotext.models import PROXIES, Event, Kind, RemoteObject

from . import showing
from .hosts import EMPTY

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

COLUMN, PANEL = "hellotext_state", "hellotext_panel"
MOST_EVENTS = 10
CHUNK = 500
_ROW = "_hellotext_row"


class HellotextAdminMixin(Base):
    """Goes before ``ModelAdmin`` among the bases of the admin of a registered model."""

    @property
    def media(self) -> forms.Media:
        """The page's own files and ours. A ``Media`` class would give way to the page's own."""
        return super().media + forms.Media(css={"all": ["django_hellotext/admin.css"]})

    # The column

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The state behind the page's own columns."""
        columns = list(super().get_list_display(request))
        return [*columns, COLUMN] if COLUMN not in columns and self._sees(request) else columns

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the mirror of every object that it shows."""
        changes = super().get_changelist_instance(request)
        adapter = self._adapter()
        if adapter is not None and self._sees(request):
            _attach(changes.result_list, adapter)
        return changes

    @admin.display(description=_("Hellotext"))
    def hellotext_state(self, obj: Model) -> SafeString | str:
        """What Hellotext knows of ``obj``."""
        adapter = self._adapter()
        if adapter is None:
            return EMPTY
        if _ROW not in obj.__dict__:
            _attach([obj], adapter)
        row = obj.__dict__[_ROW]
        return showing.standing(row) if row is not None else EMPTY

    # The panel

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The panel is read."""
        fields = list(super().get_readonly_fields(request, obj))
        return [*fields, PANEL] if obj is not None and PANEL not in fields and self._sees(request) else fields

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The panel in a fieldset of its own, after the page's."""
        fieldsets: list[tuple[Any, dict[str, Any]]] = [
            (title, dict(options)) for title, options in super().get_fieldsets(request, obj)
        ]
        if obj is None or not self._sees(request):
            return fieldsets
        shown = False
        for _title, options in fieldsets:
            # Without fieldsets of its own, a page lists every read-only field.
            names = [name for name in options["fields"] if name != PANEL or self.fieldsets]
            shown = shown or PANEL in names
            options["fields"] = names
        return fieldsets if shown else [*fieldsets, (_("Hellotext"), {"fields": [PANEL]})]

    @admin.display(description=_("why"))
    def hellotext_panel(self, obj: Model) -> SafeString | str:
        """Why the object was or was not sent, with its rows and its newest events."""
        adapter = self._adapter()
        if adapter is None:
            return EMPTY
        using, pk = alias_for(None, obj), str(obj.pk)
        told = showing.explanation(explain_object(adapter.label, pk, using=using))
        rows = RemoteObject.objects.using(using).filter(host_label=adapter.label, host_pk=pk).order_by("pk")
        about = Event.objects.using(using).filter(object_label=adapter.label, object_pk=pk)
        if adapter.kind == Kind.PROFILE:
            about = Event.objects.using(using).filter(profile_label=adapter.label, profile_pk=pk)
        found = [*rows[:MOST_EVENTS], *about.order_by("-pk")[:MOST_EVENTS]]
        table = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td></tr>",
            ((self._linked(row), showing.standing(row)) for row in found),
        )
        return format_html('{}<div class="hellotext-scroll"><table>{}</table></div>', told, table)

    def _linked(self, row: RemoteObject | Event) -> SafeString | str:
        """What the row is, linked to its own page."""
        name = row.action if isinstance(row, Event) else row.get_kind_display()
        model = "event" if isinstance(row, Event) else _proxy_of(row.kind)._meta.model_name
        try:
            url = reverse(f"{self.admin_site.name}:django_hellotext_{model}_change", args=[row.pk])
        except NoReverseMatch:  # a site without our pages
            return name
        return format_html('<a href="{}">{}</a>', url, name)

    # The actions

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """The page's own actions and ours. Since Django 6.1 it is told where on the page they stand."""
        where = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **where)
        if not self._may_change(request):
            return actions
        for name in ("hellotext_sync", "hellotext_send_again"):
            found = self.get_action(name, **where)
            if found is not None and actions is not None:
                actions[name] = found
        return actions

    @admin.action(description=_("Hellotext: sync now"))
    def hellotext_sync(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Say that the objects changed; what Hellotext has already is not sent."""
        if not self._may_change(request):
            return
        count = sync(queryset, events=False)
        text = ngettext("%d object is looked at again.", "%d objects are looked at again.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    @admin.action(description=_("Hellotext: send refused rows again"))
    def hellotext_send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Requeue the refused and skipped rows of the objects, and of the events about them."""
        adapter = self._adapter()
        if adapter is None or not self._may_change(request):
            return
        using, count = alias_for(None), 0
        keys = [str(pk) for pk in queryset.order_by().values_list("pk", flat=True)]
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            count += RemoteObject.objects.using(using).filter(host_label=adapter.label, host_pk__in=part).requeue()
            if request.user.has_perm("django_hellotext.change_event"):
                count += Event.objects.using(using).filter(object_label=adapter.label, object_pk__in=part).requeue()
        if count:
            dispatch.wake(using)
        text = ngettext("%d row waits to be sent again.", "%d rows wait to be sent again.", count)
        self.message_user(request, text % count, messages.SUCCESS if count else messages.WARNING)

    # Who

    def _adapter(self) -> Adapter | None:
        return registry.for_model(self.model)

    def _sees(self, request: HttpRequest) -> bool:
        return self._has(request, "view") or self._has(request, "change")

    def _may_change(self, request: HttpRequest) -> bool:
        return self._has(request, "change")

    def _has(self, request: HttpRequest, verb: str) -> bool:
        adapter = self._adapter()
        if adapter is None:
            return False
        return request.user.has_perm(f"django_hellotext.{verb}_{_proxy_of(adapter.kind)._meta.model_name}")


def _proxy_of(kind: str) -> type[RemoteObject]:
    return next(proxy for proxy in PROXIES if kind == proxy.KIND)


def _attach(objects: Iterable[Model], adapter: Adapter) -> None:
    """Put its mirror on each object, ``None`` where there is none; one query for each thousand."""
    found = list(objects)
    using = alias_for(None, *found[:1])
    rows: dict[str, RemoteObject] = {}
    keys = [str(obj.pk) for obj in found]
    for start in range(0, len(keys), CHUNK):
        mirrors = RemoteObject.objects.using(using).filter(
            host_label=adapter.label, kind=adapter.kind, host_pk__in=keys[start : start + CHUNK]
        )
        rows.update({mirror.host_pk: mirror for mirror in mirrors.order_by("pk")})
    for obj in found:
        obj.__dict__[_ROW] = rows.get(str(obj.pk))
