"""The dashboard: one page that says whether orders arrive, how fast, and what a person has to do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models, router
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import advice
from django_hellotext.delivery.data_quality import MOST_ROWS, NEWEST, AdjustedRows
from django_hellotext.delivery.overview import EVENT, SESSION, Overview, Refusal, overview
from django_hellotext.delivery.standing import COUNTED_TO, Condition
from django_hellotext.models import PROXIES, Dashboard, Event, Session, State

from . import quality, showing
from .base import ReadOnlyAdmin
from .charts import charts_of, lasted

DATABASE = "database"  # the parameter of the page's address
TONES = {Condition.OK: "good", Condition.PAUSED: "doubt"}
TABLES = {"events": _("events"), "objects": _("objects"), "sessions": _("sessions")}


@admin.register(Dashboard)
class DashboardAdmin(ReadOnlyAdmin):
    """Stands in the admin's index like a list, and is a page of its own. Shows counts, and no row."""

    class Media:
        css = {"all": ["django_hellotext/vendor/uplot/uPlot.min.css", "django_hellotext/dashboard.css"]}
        js = ["django_hellotext/vendor/uplot/uPlot.iife.min.js", "django_hellotext/dashboard.js"]

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """For whoever may see events or accounts."""
        return request.user.has_perm("django_hellotext.view_event") or request.user.has_perm(
            "django_hellotext.view_account"
        )

    def get_urls(self) -> list[URLPattern]:
        """The page, and a file for each of its tables."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="django_hellotext_dashboard_changelist"),
            path("adjustments/", view(self.quality_view), name="django_hellotext_dashboard_adjustments"),
            path("adjustments.csv", view(self.quality_csv), name="django_hellotext_dashboard_adjustments_csv"),
            path("<slug:chart>.csv", view(self.csv_view), name="django_hellotext_dashboard_csv"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The page. Raises ``PermissionDenied``, and ``Http404`` for a database that is none of ours."""
        seen = self._look(request)
        standing = seen.standing
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            "media": self.media,
            "account": hellotext_settings.account,
            "databases": hellotext_settings.DATABASES,
            "seen": seen,
            "standing": standing,
            "tone": TONES.get(standing.condition, "bad"),
            "word": advice.word_for(standing.condition),
            "said": advice.for_condition(standing.condition, next_try=standing.halted_until),
            "waiting": [
                {
                    "name": name,
                    "count": sum(counts[state.value] for state in (State.PENDING, State.SENDING, State.UNCERTAIN)),
                    "url": self._list_url(request, model, seen, waiting="5m"),
                }
                for (key, name), model in zip(TABLES.items(), (Event, None, Session), strict=True)
                for counts in [standing.counts[key]]
            ],
            "ages": {
                name: showing.lasting(moment, seen.now) if moment else ""
                for name, moment in (
                    ("waiting", standing.waiting_since),
                    ("backfill", standing.backfill_since),
                    ("drained", standing.drained_at),
                )
            },
            "lasted": {"p50": lasted(seen.latency.p50), "p95": lasted(seen.latency.p95)},
            "counted_to": COUNTED_TO,
            "conflicts_url": self._list_url(request, Session, seen, state=State.FAILED.value, error=Session.CONFLICT),
            "refused": sum(one.count for one in seen.refusals),
            "charts": charts_of(seen, url_of=lambda one: self._url_of(request, one, seen)),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/django_hellotext/dashboard.html", context)

    def csv_view(self, request: HttpRequest, chart: str) -> HttpResponse:
        """One table as a file. Raises as the page does."""
        seen = self._look(request)
        wanted = next((one for one in charts_of(seen) if one.name == chart), None)
        if wanted is None:
            raise Http404
        response = HttpResponse(wanted.to_csv(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="hellotext-{wanted.name}.csv"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def quality_view(self, request: HttpRequest) -> TemplateResponse:
        """Adjusted rows by model, field and kind. Raises as the page does."""
        rows = AdjustedRows(self._database(request))
        groups = quality.groups(quality.entries(request, self.admin_site, rows))
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(gettext("data quality")),
            "opts": self.opts,
            "media": self.media,
            "groups": groups,
            "databases": hellotext_settings.DATABASES,
            "using": rows.using,
            "complete": rows.complete,
            "newest": f"{NEWEST:,}",
            "most": f"{MOST_ROWS:,}",
        }
        return TemplateResponse(request, "admin/django_hellotext/quality.html", context)

    def quality_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        """The same rows as a file, one adjustment a line. Raises as the page does."""
        found = quality.entries(request, self.admin_site, AdjustedRows(self._database(request)))
        response = StreamingHttpResponse(quality.csv_lines(found), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="hellotext-adjustments.csv"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def _look(self, request: HttpRequest) -> Overview:
        return overview(self._database(request))

    def _database(self, request: HttpRequest) -> str:
        if not self.has_view_permission(request):
            raise PermissionDenied
        using = request.GET.get(DATABASE) or hellotext_settings.DATABASES[0]
        if using not in hellotext_settings.DATABASES:
            raise Http404
        return using

    def _url_of(self, request: HttpRequest, one: Refusal, seen: Overview) -> str:
        """The list of the refused rows."""
        pages: dict[str, type[models.Model]] = {EVENT: Event, SESSION: Session}
        pages.update((str(proxy.KIND), proxy) for proxy in PROXIES)
        model = pages.get(one.of)
        chosen = {"error": one.type} if one.type else {}
        return self._list_url(request, model, seen, state=State.FAILED.value, **chosen)

    def _list_url(self, request: HttpRequest, model: type[models.Model] | None, seen: Overview, **chosen: str) -> str:
        """The list of ``model`` with filters; empty where it may not be seen, or is one of another database."""
        if model is None or router.db_for_read(model) != seen.standing.using:
            return ""
        shown = self.admin_site._registry.get(model)
        if shown is None or not shown.has_view_permission(request):
            return ""
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        return f"{reverse(name, current_app=self.admin_site.name)}?{urlencode(chosen)}"
