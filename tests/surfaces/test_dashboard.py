"""The dashboard says whether orders arrive, to whoever may know, and runs nothing of what it shows."""

from __future__ import annotations

import csv
import re
import time
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.admin.charts import lasted
from django_hellotext.delivery import Report
from django_hellotext.delivery.figures import hour_of
from django_hellotext.delivery.inspection import Drift
from django_hellotext.delivery.overview import overview
from django_hellotext.delivery.runs import note_check
from django_hellotext.delivery.standing import Condition
from django_hellotext.delivery.syncing import Choice
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, Figure, Session, State
from django_hellotext.sanitize import one_line
from tests.chromium import PATIENCE, reload_middleware
from tests.chromium import chromium as chromium
from tests.factories import make_customer, make_product, placed_order

from .admin_pages import text, url
from .rows import make, refused_events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("still_clock")]

Deliver = Callable[..., Report]
KEY = "test-business/test"
PAGE = "/admin/django_hellotext/dashboard/"
CHARTS = ("refusals", "hours", "days", "latency", "actions", "drift")
HOSTILE = ("</script><script>alert(1)</script>", "=1+1", "@SUM(A1)", "+1", "-1", "\tx", "\rx", "\x1b[2J\x00", '"><b>')
FORMULAS = (*HOSTILE, " =1+1", "\uff1d1+1", "\u200b\uff0b1", "\t=1+1", "x;=1+1")


def figure(count: int = 1, **values: Any) -> Figure:
    columns = {"subject": "event", "what": "page.viewed", "ending": "delivered", "bucket": 0, **values}
    return Figure.objects.create(account=KEY, hour=hour_of(clock.now()), count=count, **columns)


def table(client: Client, chart: str) -> list[list[str]]:
    response = client.get(f"{PAGE}{chart}.csv")
    assert response.status_code == 200
    return list(csv.reader(StringIO(response.content.decode(), newline="")))


# What it shows


def test_it_opens_in_a_shop_in_which_nothing_has_happened_yet(hellotext: Emulator, operator: Client) -> None:
    page = text(operator, PAGE)
    assert "none was ever seen" in page
    assert page.count("Nothing yet.") == 4
    assert "hellotext_sync --check" in page


def test_it_shows_what_was_delivered_what_waits_and_what_was_refused(deliver: Deliver, operator: Client) -> None:
    placed_order(customer=make_customer())
    report = deliver()
    refused_events("parameter_invalid", 4)
    make(Event, 77, created_at=clock.now() - timedelta(hours=2))
    note_check(Choice(), [Drift(kind="order", model="testshop.Order", looked_at=9, stale=2)], undefined=3)
    page = text(operator, PAGE)
    assert f'<span class="hellotext-number">{report.delivered + report.synced}</span>' in page
    assert "parameter_invalid" in page
    assert "Correct what the parameter names" in page
    assert re.search(r"the oldest for (2.hours|1.hour, 59)", page)
    assert "testshop.Order" in page
    assert "Definitions that were missing there: 3." in page
    assert "order.placed" in page


def test_it_says_for_which_adapter_rows_wait(
    deliver: Deliver, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product()
    monkeypatch.setattr(registry.registry, "_adapters", {})
    assert "1: No adapter is registered for testshop.product in this process." in text(operator, PAGE)


def test_a_halted_account_is_the_first_thing_to_read(hellotext: Emulator, operator: Client) -> None:
    Account.objects.create(key=KEY, business_id="test-business", environment="test", drained_at=clock.now())
    Account.objects.halt(KEY, reason="Hellotext answered 401")
    page = text(operator, PAGE)
    assert "hellotext-condition-bad" in page
    assert "Credentials refused: Hellotext answered 401" in page
    halted_until = Account.objects.get().halted_until
    assert halted_until is not None
    shown = timezone.localtime(halted_until)
    assert f"next try {shown:%H:%M:%S}" in page
    assert f"nothing is sent until the token is accepted again; next try {shown:%Y-%m-%d %H:%M:%S}." in page


def test_a_paused_account_says_why_and_until_when(hellotext: Emulator, operator: Client) -> None:
    Account.objects.create(key=KEY, business_id="test-business", environment="test", drained_at=clock.now())
    Account.objects.pause(KEY, seconds=60, reason="ServerError 503")
    page = text(operator, PAGE)
    assert "hellotext-condition-doubt" in page
    assert "Breaker open: ServerError 503" in page
    assert "asked again at" in page


def test_a_session_conflict_is_told_calmly_and_leads_to_its_rows(
    deliver: Deliver, clerk: Callable[..., Client], operator: Client
) -> None:
    """G6"""
    deliver()
    assert "session conflicts" not in text(operator, PAGE)
    row = make(Session, 1, state=State.FAILED, error_type=Session.CONFLICT)
    page = text(operator, PAGE)
    assert "hellotext-alarming" not in page
    assert "Nothing is refused." in page
    link = re.search(r'<a href="([^"]*)">session conflicts: 1, nothing to do</a>', page)
    assert link is not None
    assert list(operator.get(link[1].replace("&amp;", "&")).context["cl"].result_list) == [row]
    assert "<li>session conflicts: 1, nothing to do</li>" in text(clerk("view_account"), PAGE)


@pytest.mark.parametrize("condition", Condition)
def test_the_condition_is_a_word_of_the_readers_language(
    hellotext: Emulator, operator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, condition: Condition
) -> None:
    monkeypatch.setattr("django_hellotext.delivery.standing._condition", lambda *args, **options: condition)
    assert f"<strong>{condition.value}</strong>" in text(operator, PAGE)
    settings.LANGUAGE_CODE = "es"
    page = text(operator, PAGE)
    assert f"<strong>{condition.value}</strong>" not in page
    assert re.search(r"<strong>[a-z ]+</strong>", page)


def test_actions_beyond_the_most_frequent_are_one_series(hellotext: Emulator, operator: Client) -> None:
    for number in range(10):
        figure(100 - number, what=f"action{number}")
    head, *rows = table(operator, "actions")
    assert head == ["day", *(f"action{number}" for number in range(7)), "others"]
    assert rows[-1][1:] == ["100", "99", "98", "97", "96", "95", "94", str(93 + 92 + 91)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.52, "0.5 s"), (89, "89 s"), (183.3, "3.1 min"), (86_400.0, "24 h")]
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds: float | None, text: str) -> None:
    assert lasted(seconds) == text


# The way to it


def test_the_index_and_every_list_lead_to_it(hellotext: Emulator, operator: Client) -> None:
    assert f'href="{PAGE}"' in text(operator, "/admin/")
    for model in (Event, Account):
        assert f'href="{PAGE}"' in text(operator, url(model))


def test_what_is_refused_leads_to_these_rows(hellotext: Emulator, operator: Client) -> None:
    refused_events("parameter_invalid", 2)
    refused_events("not_found", 1)
    make(django_hellotext.models.Order, 5, state=State.FAILED, error_type="number_invalid")
    links = re.findall(r'<a href="(/admin/django_hellotext/\w+/\?state=[^"]*)">', text(operator, PAGE))
    assert len(links) == 3
    shown = {}
    for link in links:
        found = operator.get(link.replace("&amp;", "&")).context["cl"]
        shown[found.opts.model_name, found.params.get("error", "")] = found.result_count
    assert [count for (_, _), count in sorted(shown.items())] == [1, 2, 1]


def test_what_waits_leads_to_what_has_waited_long(hellotext: Emulator, operator: Client) -> None:
    make(Event, 77)
    link = re.search(r'<a href="([^"]*waiting=5m)">', text(operator, PAGE))
    assert link is not None
    assert operator.get(link[1]).status_code == 200


# Who may see it


@pytest.mark.parametrize("right", ["view_event", "view_account"])
def test_a_right_to_see_events_or_accounts_opens_it(clerk: Callable[..., Client], right: str) -> None:
    client = clerk(right)
    assert client.get(PAGE).status_code == 200
    assert client.get(f"{PAGE}hours.csv").status_code == 200
    assert f'href="{PAGE}"' in text(client, "/admin/")


@pytest.mark.parametrize("rights", [(), ("view_order",), ("change_event", "view_personal_data")])
def test_nobody_else_sees_it_or_the_way_to_it(clerk: Callable[..., Client], rights: tuple[str, ...]) -> None:
    client = clerk(*rights)
    for address in (PAGE, *(f"{PAGE}{chart}.csv" for chart in CHARTS)):
        assert client.get(address).status_code == 403
    assert PAGE not in text(client, "/admin/")
    if "view_order" in rights:
        assert PAGE not in text(client, "/admin/django_hellotext/order/")


def test_somebody_who_is_not_logged_in_is_sent_to_the_login(client: Client) -> None:
    for address in (PAGE, f"{PAGE}hours.csv"):
        assert client.get(address).status_code == 302


def test_there_is_no_link_to_rows_that_may_not_be_seen(clerk: Callable[..., Client]) -> None:
    refused_events("not_found")
    assert "state=failed" not in text(clerk("view_account"), PAGE)
    assert "state=failed" in text(clerk("view_event"), PAGE)


def test_nothing_personal_is_on_it(deliver: Deliver, clerk: Callable[..., Client]) -> None:
    placed_order(customer=make_customer(email="canary@shop.example", first_name="Canary"))
    deliver()
    Event.objects.update(state=State.FAILED, error_message="canary@shop.example", error_type="odd")
    client = clerk("view_event", "view_account", "view_personal_data")
    for address in (PAGE, *(f"{PAGE}{chart}.csv" for chart in CHARTS)):
        assert "canary" not in text(client, address).lower()


# Several databases


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_each_database_has_a_page_of_its_own(
    hellotext: Emulator, operator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASES = {**settings.DATABASES, "archive": settings.DATABASES["default"]}
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DATABASES": ["default", "archive"]}

    def look(using: str) -> Any:
        seen = overview("default")
        return replace(seen, standing=replace(seen.standing, using=using))

    monkeypatch.setattr("django_hellotext.admin.dashboard.overview", look)
    refused_events("not_found")
    assert re.search(r'href="\?database=default" aria-current="page"', text(operator, PAGE))
    page = text(operator, f"{PAGE}?database=archive")
    assert re.search(r'href="\?database=archive" aria-current="page"', page)
    assert "refusals.csv?database=archive" in page
    # The lists of this admin are of another database.
    assert "state=failed" not in page


@pytest.mark.parametrize("address", [f"{PAGE}?database=elsewhere", f"{PAGE}hours.csv?database=x", f"{PAGE}no.csv"])
def test_what_is_not_there_is_not_found(hellotext: Emulator, operator: Client, settings: Any, address: str) -> None:
    settings.DEBUG = True  # Django's own page
    assert operator.get(address).status_code == 404


# Files


@pytest.mark.parametrize("chart", CHARTS)
def test_each_table_is_a_file(hellotext: Emulator, operator: Client, chart: str) -> None:
    figure(3)
    refused_events("not_found", 2)
    response = operator.get(f"{PAGE}{chart}.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="hellotext-{chart}.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_file_holds_numbers_and_times_that_a_program_reads(hellotext: Emulator, operator: Client) -> None:
    figure(1234)
    head, *rows = table(operator, "hours")
    assert head == ["hour", "events", "objects", "refused", "not sent"]
    assert len(rows) == 48
    assert rows[-1] == [timezone.localtime(hour_of(clock.now())).isoformat(), "1234", "0", "0", "0"]
    assert table(operator, "latency")[-1][1:] == ["0.5", "0.9", "1234"] or table(operator, "latency")[-1][2] == "1.0"


@pytest.mark.parametrize("name", FORMULAS)
def test_no_name_is_a_formula(hellotext: Emulator, operator: Client, name: str) -> None:
    if "\x00" in name and connection.vendor == "postgresql":
        name = name.replace("\x00", "")
    figure(3, what=name)
    refused_events(name)
    heads = table(operator, "actions")[0]
    types = [row[1] for row in table(operator, "refusals")[1:]]
    for cell in (heads[1], types[0]):
        assert cell.lstrip("'") == one_line(name)
        assert not unicodedata.normalize("NFKC", cell.lstrip(" \u200b")).startswith(("=", "+", "-", "@"))
        assert not set(cell) & set("\t\r\n\x1b")


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula(hellotext: Emulator, operator: Client) -> None:
    refused_events("x;=1+1")
    assert '"x;=1+1"' in text(operator, f"{PAGE}refusals.csv")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_part_of_the_page(hellotext: Emulator, operator: Client, name: str) -> None:
    if "\x00" in name and connection.vendor == "postgresql":
        name = name.replace("\x00", "")
    plain = text(operator, PAGE).count("<script")
    figure(3, what=name)
    refused_events(name)
    page = text(operator, PAGE)
    assert page.count("<script") == plain
    assert "<b>" not in page


# What it costs


def test_it_takes_the_same_number_of_queries_however_many_rows_there_are(
    hellotext: Emulator, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last are more than are counted."""
    for module in ("overview", "standing"):
        monkeypatch.setattr(f"django_hellotext.delivery.{module}.COUNTED_TO", 200)
    found, made = [], 0
    text(operator, PAGE)
    for many in (10, 100, 1_000):
        Event.objects.bulk_create(
            Event(
                account=KEY,
                uuid=uuid.uuid4(),
                action="page.viewed",
                ordering_key=str(number),
                tracked_at=clock.now(),
                state=State.FAILED if number % 3 else State.DELIVERED,
                error_type=f"type{number % 5}",
            )
            for number in range(made, many)
        )
        Figure.objects.bulk_create(
            Figure(
                account=KEY,
                hour=hour_of(clock.now()) - timedelta(hours=number % 700),
                subject="event",
                what=f"action{number // 700}",
                ending="delivered",
                bucket=number % 5,
                count=1,
            )
            for number in range(made, many)
        )
        made = many
        with CaptureQueriesContext(connection) as queries:
            text(operator, PAGE)
        found.append(len(queries))
    assert len(set(found)) == 1, found


# In a browser


class StrictPolicy:
    """Lets in what the site itself serves, and nothing that stands in the page."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        response["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
            "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return response


@pytest.fixture
def site(settings: Any, hellotext: Emulator, operator: Client, live_server: Any) -> Any:
    """A server under a strict policy."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.surfaces.test_dashboard.StrictPolicy"]
    settings.STATICFILES_DIRS = []
    reload_middleware(live_server)
    return live_server


def opened(chromium: Any, site: Any, operator: Client, **options: Any) -> tuple[Any, list[str]]:
    """The dashboard in a window of its own, and what the browser complains of."""
    context = chromium.new_context(**options)
    context.add_cookies([{"name": "sessionid", "value": operator.cookies["sessionid"].value, "url": site.url}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(site.url) else None)
    page.goto(site.url + PAGE)
    return page, [one for one in wrong if "favicon" not in one]


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
def test_charts_are_drawn_under_a_strict_policy_and_the_tables_fold(chromium: Any, site: Any, operator: Client) -> None:
    for name in HOSTILE[:-2]:
        figure(5, what=name)
    refused_events(HOSTILE[0])
    page, wrong = opened(chromium, site, operator)
    assert page.locator("canvas").count() == 4
    assert page.locator("details[open]").count() == 0
    assert wrong == []
    page.locator("#hours .hellotext-canvas").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#hours .u-legend .u-value").last.inner_text() == str(5 * len(HOSTILE[:-2]))
    page.locator("#hours summary").press("Enter")
    assert page.locator("#hours table").first.is_visible()


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
def test_charts_take_the_colours_of_the_theme_when_it_changes(chromium: Any, site: Any, operator: Client) -> None:
    figure(5)
    page, _ = opened(chromium, site, operator, color_scheme="light")
    light = drawn(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wait_for(lambda: drawn(page) != light)
    page.evaluate("document.documentElement.dataset.theme = 'auto'")
    wait_for(lambda: drawn(page) == light)
    page.emulate_media(color_scheme="dark")
    wait_for(lambda: drawn(page) != light)


def drawn(page: Any) -> str:
    return str(page.evaluate("document.querySelector('#hours canvas').toDataURL()"))


def wait_for(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
def test_without_scripts_the_tables_show(chromium: Any, site: Any, operator: Client) -> None:
    figure(5)
    page, _ = opened(chromium, site, operator, java_script_enabled=False)
    for chart in ("hours", "days", "latency", "actions"):
        assert page.locator(f"#{chart} table").is_visible()
        assert not page.locator(f"#{chart} .hellotext-canvas").is_visible()


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [375, 768, 1280])
def test_the_page_is_as_wide_as_the_window(chromium: Any, site: Any, operator: Client, width: int) -> None:
    figure(5, what="x" * 100)
    refused_events("y" * 64)
    make_product()
    page, _ = opened(chromium, site, operator, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
