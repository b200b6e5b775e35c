"""A project without Django's time zone support: everything works, and people see the shop's local time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report, overview
from django_hellotext.delivery.abandonment import record_abandoned
from django_hellotext.delivery.prune import Pruned, prune
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Dashboard, Event, Figure, Order, Profile, RemoteObject, State
from tests.factories import make_cart_line, make_customer, make_order, placed_order
from tests.needs import needed_module
from tests.surfaces.admin_pages import text, url

ZONE = "America/Montevideo"  # three hours behind UTC, without daylight saving time
LOCAL = datetime(2026, 3, 4, 9, 30, tzinfo=ZoneInfo(ZONE))

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


@pytest.fixture(autouse=True, params=[False, True], ids=["USE_TZ=False", "USE_TZ=True"])
def zone(request: pytest.FixtureRequest, settings: Any) -> None:
    """The zone of the shop; what people see is the same with and without Django's support."""
    settings.USE_TZ, settings.TIME_ZONE = request.param, ZONE


def sent(emulator: Emulator) -> list[dict[str, Any]]:
    entries = [entry for entry in emulator.log if entry.path == "/v1/attribution/events" and entry.accepted]
    return [entry.body_json for entry in entries]


def output(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("given", [LOCAL, LOCAL.replace(tzinfo=None), LOCAL.astimezone(UTC)])
def test_an_event_arrives_with_its_time(given: datetime, hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    django_hellotext.track("order.placed", order, tracked_at=given)
    assert Event.objects.get().tracked_at == LOCAL
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert [body["tracked_at"] for body in sent(hellotext)] == [int(LOCAL.timestamp())]
    assert Figure.objects.filter(subject="event", ending="delivered").count() == 1


@pytest.mark.usefixtures("hellotext")
def test_naive_times_in_metadata_and_evidence_are_local() -> None:
    naive = LOCAL.replace(tzinfo=None)
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/", metadata={"seen": naive})
    assert Event.objects.get().metadata["seen"] == "2026-03-04T09:30:00-03:00"
    assert django_hellotext.Evidence(source="form", text="yes", at=naive).at == LOCAL


def test_the_time_of_a_status_is_read_from_the_shop(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    order.status, order.shipped_at = "shipped", clock.for_host(LOCAL)
    order.save()
    deliver()
    assert [body["tracked_at"] for body in sent(hellotext) if body["action"] == "order.shipped"] == [
        int(LOCAL.timestamp())
    ]


def test_the_admin_shows_local_time(operator: Client, deliver: Deliver) -> None:
    django_hellotext.track("order.placed", make_order(customer=make_customer()), tracked_at=LOCAL)
    deliver()
    Order.objects.update(finished_at=LOCAL)
    event, order = Event.objects.get(), Order.objects.get()
    for page in (url(Event), url(Event, f"{event.pk}/change/"), url(Order), url(Order, f"{order.pk}/change/")):
        shown = text(operator, page)
        assert "March 4, 2026, 9:30 a.m." in shown, page
        assert "12:30 p.m." not in shown


def test_the_dashboard_shows_local_hours(operator: Client, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: LOCAL.astimezone(UTC))
    Figure.objects.create(
        account="test-business/test",
        hour=LOCAL.replace(minute=0),
        subject="event",
        what="a",
        ending="delivered",
        count=7,
    )
    Account.objects.create(
        key="test-business/test",
        business_id="test-business",
        environment="test",
        paused_until=LOCAL + timedelta(minutes=5),
        paused_reason="ServerError 503",
    )
    page = text(operator, url(Dashboard))
    assert '<time datetime="2026-03-04T09:30:00-03:00">09:30:00</time>' in page
    assert "09:35:00" in page
    found = overview.overview("default")
    assert found.this_hour.events == 7
    assert [span.events for span in found.days[-1:]] == [7]
    assert str(found.days[-1].at) == "2026-03-04"


def test_commands_and_explanations(deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    django_hellotext.track("order.placed", order, tracked_at=LOCAL)
    deliver()
    Event.objects.update(finished_at=LOCAL)
    assert "2026-03-04 09:30:00" in output("hellotext_explain", "event", str(Event.objects.get().pk))
    output("hellotext_status")
    now = datetime.fromisoformat(json.loads(output("hellotext_status", "--json"))["now"])
    assert now.utcoffset() is not None
    assert abs(now - clock.now()) < timedelta(minutes=5)


def test_the_status_endpoint_gives_an_offset(settings: Any, client: Client, deliver: Deliver) -> None:
    needed_module("rest_framework")
    settings.ROOT_URLCONF = "tests.rest.urls"
    settings.HELLOTEXT = {**settings.HELLOTEXT, "STATUS_TOKEN": "status-token-of-the-monitor"}
    make_customer()
    deliver()
    Account.objects.update(drained_at=LOCAL)
    found = client.get("/hellotext/status/", headers={"Authorization": "Bearer status-token-of-the-monitor"})
    assert found.status_code == 200
    assert found.json()["databases"][0]["last_drain"] == "2026-03-04T09:30:00-03:00"


def test_a_sync_since_a_day_reads_the_shop_s_own_column(hellotext: Emulator) -> None:
    with django_hellotext.paused():
        old, new = (make_cart_line(cart__owner=make_customer()).cart for _ in range(2))
    # The shop's day begins three hours after that of UTC.
    for cart, created in (
        (old, datetime(2026, 3, 4, 2, 59, tzinfo=UTC)),
        (new, datetime(2026, 3, 4, 3, 1, tzinfo=UTC)),
    ):
        type(cart).objects.filter(pk=cart.pk).update(created_at=clock.for_host(created))
    output("hellotext_sync", "cart", "--since", "2026-03-04", "--wait", "10", "--json")
    assert list(RemoteObject.objects.filter(kind="cart").values_list("host_pk", flat=True)) == [str(new.pk)]


def test_a_cart_is_abandoned_after_its_time(settings: Any, deliver: Deliver) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CART_ABANDONED_AFTER": 3600}
    make_cart_line(cart__owner=make_customer())
    deliver()
    for minutes, recorded in ((59, 0), (61, 1)):
        RemoteObject.objects.filter(kind="cart").update(changed_at=clock.now() - timedelta(minutes=minutes))
        assert record_abandoned("default") == recorded


def test_events_are_pruned_after_their_time(deliver: Deliver) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    for minutes, deleted in ((-5, 0), (5, 1)):
        past = clock.now() - timedelta(days=30, minutes=minutes)
        Event.objects.update(created_at=past, finished_at=past)
        assert prune(days=30) == Pruned(deleted=deleted)


@pytest.mark.usefixtures("hellotext")
def test_a_lease_lasts_for_its_seconds() -> None:
    make_customer()
    row = Profile.objects.create(account="a", identity="i", kind="profile", host_label="l", host_pk="1", source="s")
    Profile.objects.claim([row.pk], token="t", lease=60)
    lease_until = Profile.objects.get(pk=row.pk).lease_until
    assert lease_until is not None
    assert 0 < (lease_until - clock.now()).total_seconds() <= 65
    assert Profile.objects.expire_leases("a") == 0
    Profile.objects.filter(pk=row.pk).update(lease_until=clock.now() - timedelta(seconds=5))
    assert Profile.objects.expire_leases("a") == 1


def test_the_default_zone_is_that_of_the_shop() -> None:
    assert timezone.get_default_timezone_name() == ZONE
