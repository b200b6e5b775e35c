"""The admin's pages of a shop with a long history beside those of one with a short history, on PostgreSQL.

A page is the view and its template, as the admin calls them; who asks is known already. Two databases take turns, and
a router says which one the admin reads. One row in a hundred waits for a person, as after a bad day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections, models, router
from django.test import RequestFactory
from django.utils import timezone

from benchmarks.figures import Figure as Measured
from benchmarks.figures import ratios
from benchmarks.shop import customers, events, template
from benchmarks.timing import side_by_side
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.figures import hour_of
from django_hellotext.models import Account, Dashboard, Event, Figure, State

SHORT_HISTORY, LONG_HISTORY = 10_000, 1_000_000
FEW, MANY = "default", "other"
TIMES = 15
KNOWN = "4711"  # a customer with a page full of events in both
REFUSED = 100  # one row in so many
ACTIONS, HOURS, BUCKETS = 12, 24 * 30, 4


class Turn:
    """Our tables are read from one database, then from the other."""

    using = FEW

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        """Where the admin reads."""
        return self.using if model._meta.app_label == "django_hellotext" else None


def measure(short: bool) -> Iterator[Measured]:
    """Yield each page of a long history against that of a short one, and the dashboard's time."""
    history = 100_000 if short else LONG_HISTORY
    people = [str(person.pk) for person in customers(5000)]
    pk = template(customers(1)[0])
    pattern = Event.objects.get(pk=pk)
    pattern.pk = None
    pattern.save(using=MANY, force_insert=True)
    for using, origin, number in ((FEW, pk, SHORT_HISTORY), (MANY, pattern.pk, history)):
        _fill(using, origin, number, people)
    turn = Turn()
    router.routers = [turn]
    who = User.objects.create_superuser("operator")
    for what, model, query in (
        ("list of events", Event, {}),
        ("list of events, refused", Event, {"state": "failed"}),
        ("list of events, one action", Event, {"action": "page.viewed"}),
        ("list of events, an action that none has", Event, {"action": "refund.requested"}),
        ("search for a customer's events", Event, {"q": KNOWN}),
    ):
        few, many = side_by_side(
            *(_page(turn, using, model, query, who) for using in (FEW, MANY)), count=1 if short else 3, times=TIMES
        )
        detail = f"{many.median * 1000:.0f} ms, with {SHORT_HISTORY:,} rows {few.median * 1000:.0f} ms"
        yield ratios(many, few).as_figure(f"{what}, {history:,} rows", at_most=1.5, detail=detail)
    few, many = side_by_side(
        *(_page(turn, using, Dashboard, {"database": using}, who) for using in (FEW, MANY)), count=1, times=TIMES
    )
    detail = f"with {SHORT_HISTORY:,} rows {few.median * 1000:.0f} ms, {Figure.objects.using(MANY).count():,} figures"
    yield many.as_figure(f"dashboard, {history:,} rows", unit="s", at_most=1.0, detail=detail)


def _fill(using: str, pk: int, number: int, people: list[str]) -> None:
    refused = number // REFUSED
    events(pk, number=number - refused, keys=people, state=State.DELIVERED, using=using)
    events(pk, number=refused, keys=people, state=State.FAILED, using=using)
    Event.objects.using(using).filter(state=State.FAILED).update(error_type="parameter_invalid", error_status=422)
    events(pk, number=60, keys=[KNOWN], state=State.DELIVERED, using=using)
    Account.objects.using(using).get_or_create(
        key=hellotext_settings.account,
        defaults={"business_id": hellotext_settings.BUSINESS_ID, "environment": hellotext_settings.ENVIRONMENT},
    )
    now = hour_of(timezone.now())
    figures = (
        Figure(
            account=hellotext_settings.account,
            hour=now - timedelta(hours=hour),
            subject="event",
            what=f"action{action}",
            ending="delivered",
            bucket=bucket,
            count=number // (HOURS * ACTIONS * BUCKETS) + 1,
        )
        for hour in range(HOURS)
        for action in range(ACTIONS)
        for bucket in range(BUCKETS)
    )
    Figure.objects.using(using).bulk_create(figures, batch_size=5000)
    with connections[using].cursor() as cursor:
        # The statistics that autovacuum leaves.
        cursor.execute("VACUUM ANALYZE")


def _page(turn: Turn, using: str, model: type[models.Model], query: dict[str, str], who: User) -> Callable[[], object]:
    shown = admin.site.get_model_admin(model)

    def ask() -> object:
        turn.using = using
        request = RequestFactory().get("/", query)
        request.user = who
        response: Any = shown.changelist_view(request)
        content = response.render().content
        assert response.status_code == 200
        return content

    assert ask()
    return ask
