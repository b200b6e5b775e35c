"""The operator's admin: explained, compared, filtered, acted on after a question, and safe to look at."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.admin import acting, paging
from django_hellotext.delivery import Report
from django_hellotext.delivery.explain import explain
from django_hellotext.emulator import Emulator
from django_hellotext.models import (
    CHANGES,
    Account,
    Event,
    Order,
    Product,
    Profile,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from tests.factories import make_customer, make_product, placed_order

from .admin_pages import HOSTILE, act, text, url
from .rows import make

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
KEY = "test-business/test"


def minutes_ago(count: int) -> datetime.datetime:
    return clock.now() - datetime.timedelta(minutes=count)


# Explained and compared


def test_the_page_of_a_row_explains_it_in_the_words_of_the_command(deliver: Deliver, operator: Client) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    for row in (RemoteObject.objects.get(kind="order", host_pk=str(order.pk)), Event.objects.get()):
        model = Order if isinstance(row, RemoteObject) else Event
        page = text(operator, url(model, f"{row.pk}/change/"))
        for line in explain(row).lines:
            assert line.text.split("'")[0] in page


def test_the_payload_stands_beside_what_hellotext_has_and_differences_are_marked(
    deliver: Deliver, operator: Client
) -> None:
    product = make_product(name="Anvil")
    deliver()
    row = Product.objects.get()
    address = url(Product, f"{row.pk}/change/")
    assert "hellotext-differs" not in text(operator, address)
    type(product).objects.update(name="Rocket")
    page = text(operator, address)
    assert page.count('class="hellotext-differs"') == 1
    assert "Rocket" in page
    assert "Anvil" in page


def test_a_page_before_the_first_sending_shows_what_would_go(hellotext: Emulator, operator: Client) -> None:
    product = make_product(name="Anvil")
    row = make(Product, product.pk, data={})
    assert "not sent yet" in text(operator, url(Product, f"{row.pk}/change/"))


def test_the_page_of_an_event_shows_what_would_be_sent(deliver: Deliver, operator: Client) -> None:
    product = make_product()
    django_hellotext.track("product.viewed", product, profile=make_customer())
    event = Event.objects.get()
    address = url(Event, f"{event.pk}/change/")
    assert f"<td>product testshop.product {product.pk}</td>" in text(operator, address)
    deliver()
    page = text(operator, address)
    for mirror in RemoteObject.objects.all():
        assert f"<td>{mirror.remote_id}</td>" in page
    Event.objects.update(state=State.SKIPPED, skip_reason=SkipReason.ERASED)
    assert "would be sent now" not in text(operator, address)


def test_an_adapter_that_raises_does_not_break_the_page(
    deliver: Deliver, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product()
    deliver()

    def broken(self: Any, obj: Any) -> bool:
        raise ValueError("no")

    monkeypatch.setattr("tests.testshop.hellotext.ProductAdapter.should_sync", broken)
    row = Product.objects.get()
    assert "adapter_failed" in text(operator, url(Product, f"{row.pk}/change/"))


# Personal data


def test_personal_data_is_shown_to_those_only_who_may_see_it(deliver: Deliver, clerk: Callable[..., Client]) -> None:
    """I1"""
    customer = make_customer(email="wile@acme.example", first_name="Wilhelmina", last_name="Coyotesdottir")
    order = placed_order(customer=customer, email="wile@acme.example", phone="+34600111222", first_name="Wilhelmina")
    django_hellotext.track(
        "page.viewed",
        profile=customer,
        session="a-private-session",
        url="https://shop.example/?email=wile@acme.example",
        metadata={"note": "Wilhelmina called"},
    )
    deliver()
    assert order.pk
    models = [Event, Order, Profile, Product, Session]
    private = ("wile@acme", "Wilhelmina", "Coyotesdottir", "600111222", "a-private-session")

    def pages(client: Client) -> str:
        found = []
        for model in models:
            found.append(text(client, url(model)))
            found += [text(client, url(model, f"{row.pk}/change/")) for row in model._default_manager.all()]
        return "\n".join(found)

    names = [f"view_{model._meta.model_name}" for model in models]
    seen = pages(clerk(*names))
    assert [word for word in private if word in seen] == []
    trusted = pages(clerk(*names, "view_personal_data"))
    assert [word for word in private if word not in trusted] == ["600111222"]  # a customer's order has no guest


def test_a_right_to_see_shows_no_action(clerk: Callable[..., Client]) -> None:
    row = make(Event, 1, state=State.FAILED)
    client = clerk("view_event", "view_account", "view_session")
    page = text(client, url(Event))
    for name in ("send_again", "send_now", "do_not_send", "replay_alike", "look_now"):
        assert f'value="{name}"' not in page
        act(client, Event, name, row)
    Account.objects.create(key=KEY, business_id="test-business", environment="test", halted_reason="401")
    act(client, Account, "resume", Account.objects.get())
    assert Account.objects.get().halted_reason == "401"
    row.refresh_from_db()
    assert row.state == State.FAILED


@pytest.mark.parametrize("model", [Event, Product, Session])
def test_hostile_and_huge_content_is_shown_as_text(hellotext: Emulator, operator: Client, model: Any) -> None:
    row = make(
        model, 1, state=State.FAILED, error_type="invalid", error_message=(HOSTILE + "=1+1\x07\x1b[31m" * 40)[:500]
    )
    if model is Event:
        row.metadata, row.url = {"a" * 100: "<b>" * 400_000, HOSTILE: HOSTILE}, "javascript:alert(1)//" + HOSTILE
    elif model is Product:
        row.data = {"name": HOSTILE, "huge": "x" * 1_000_000}
    row.save()
    for address in (url(model), url(model, f"{row.pk}/change/")):
        page = text(operator, address)
        assert "<script>alert" not in page
        assert 'href="javascript:' not in page
        assert len(page) < 400_000


# Filters


def test_rows_are_found_by_error_type(hellotext: Emulator, operator: Client) -> None:
    wanted = make(Event, 1, state=State.FAILED, error_type="prerequisite_failed")
    make(Event, 2, state=State.FAILED, error_type="invalid")
    assert rows(operator, Event, error="prerequisite_failed") == [wanted]
    assert rows(operator, Event, error="of_their_own_invention") == []


def test_rows_are_found_by_how_long_they_are_not_there(hellotext: Emulator, operator: Client) -> None:
    old = make(Event, 1, created_at=minutes_ago(70))
    make(Event, 2, created_at=minutes_ago(3))
    make(Event, 3, created_at=minutes_ago(99), state=State.DELIVERED)
    assert rows(operator, Event, waiting="1h") == [old]
    assert rows(operator, Event, waiting="1d") == []
    assert rows(operator, Event, waiting="nonsense") == rows(operator, Event)
    stuck = make(Product, 4, updated_at=minutes_ago(10), created_at=minutes_ago(1))
    assert rows(operator, Product, waiting="5m") == [stuck]


def test_rows_are_found_by_account_and_kind(hellotext: Emulator, operator: Client) -> None:
    one, two = make(Event, 1), make(Event, 2, account="test-business/staging", object_kind="order")
    assert "By account" not in text(operator, url(Event))
    for key in (KEY, "test-business/staging"):
        Account.objects.create(key=key, business_id="test-business", environment=key.partition("/")[2])
    assert rows(operator, Event, account=KEY) == [one]
    assert rows(operator, Event, kind="order") == [two]


def test_what_has_no_index_looks_through_the_newest_rows_only(
    hellotext: Emulator, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J1"""
    monkeypatch.setattr("django_hellotext.admin.filters.NEWEST", 2)
    made = [make(Event, number, state=State.FAILED) for number in range(4)]
    assert rows(operator, Event, action="product.viewed") == made[:1:-1]
    assert rows(operator, Event, action="product.viewed", state="failed") == made[::-1]


def rows(client: Client, model: Any, **chosen: str) -> list[Any]:
    response = client.get(url(model), chosen)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


@pytest.mark.parametrize("chosen", [{"state": "problems"}, {"error": "invalid"}, {"waiting": "5m"}])
def test_a_filter_by_state_goes_through_the_index_of_the_claim(
    hellotext: Emulator, operator: Client, chosen: dict[str, str]
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    make(Event, 1, state=State.FAILED)
    with CaptureQueriesContext(connection) as queries:
        rows(operator, Event, **chosen)
    ours = [entry["sql"] for entry in queries if f'FROM "{Event._meta.db_table}"' in entry["sql"]]
    assert ours
    for sql in ours:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "hellotext_event_claim" in " ".join(str(row[3]) for row in cursor.fetchall())


@pytest.mark.parametrize("model", [Event, Product])
def test_a_page_costs_the_same_however_many_rows_there_are(
    hellotext: Emulator, operator: Client, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part of a page, several pages, and more rows than are counted."""
    monkeypatch.setattr(paging, "MOST", 40)
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 20)
    row, costs = columns(make(model, 10**6, state=State.FAILED)), []
    for have, wanted in ((1, 10), (10, 30), (30, 60)):
        fresh = [model(**{**row, **unique(model, number)}) for number in range(have, wanted)]
        model._default_manager.bulk_create(fresh, batch_size=500)
        for chosen in ({}, {"state": "problems"}, {"error": "invalid"}):
            text_of(operator, model, chosen)
            with CaptureQueriesContext(connection) as queries:
                text_of(operator, model, chosen)
            costs.append(len(queries))
    assert len(set(costs[::3])) == len(set(costs[1::3])) == len(set(costs[2::3])) == 1
    assert max(costs) <= 10


def text_of(client: Client, model: Any, chosen: dict[str, str]) -> str:
    return client.get(url(model), chosen).content.decode()


def columns(row: Any) -> dict[str, Any]:
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name != "id"}


def unique(model: Any, number: int) -> dict[str, Any]:
    if model is Event:
        return {"uuid": f"10000000-0000-4000-8000-{number:012}"}
    return {"identity": f"copy-{number}"}


# Actions


def test_an_action_asks_before_it_acts(hellotext: Emulator, operator: Client) -> None:
    row = make(Event, 1, state=State.FAILED)
    data = {"action": "send_again", "_selected_action": [row.pk]}
    response = operator.post(url(Event), data)
    page = response.content.decode()
    assert response.status_code == 200
    assert "1 row is chosen" in page
    assert f'name="_selected_action" value="{row.pk}"' in page
    row.refresh_from_db()
    assert row.state == State.FAILED


def test_a_question_about_all_rows_stays_one_about_all_rows(hellotext: Emulator, operator: Client) -> None:
    made = [make(Event, number, state=State.FAILED, error_type="invalid") for number in range(60)]
    other = make(Event, 99, state=State.FAILED, error_type="not_found")
    data = {"action": "send_again", "_selected_action": [made[0].pk], "select_across": "1"}
    page = operator.post(url(Event) + "?error=invalid", data).content.decode()
    assert "60 rows are chosen" in page
    assert 'name="select_across" value="1"' in page
    operator.post(url(Event) + "?error=invalid", {**data, "confirmed": "1"})
    assert Event.objects.filter(state=State.PENDING).count() == 60
    other.refresh_from_db()
    assert other.state == State.FAILED


def test_all_chosen_rows_are_one_update(hellotext: Emulator, operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a list counts."""
    monkeypatch.setattr(paging, "MOST", 1_000)
    monkeypatch.setattr(acting, "MOST", 1_000)
    first = make(Event, 1, state=State.FAILED)
    copy = columns(first)
    fresh = [Event(**{**copy, **unique(Event, number)}) for number in range(10_001 - 1)]
    Event.objects.bulk_create(fresh, batch_size=500)
    with CaptureQueriesContext(connection) as queries:
        message = act(operator, Event, "send_again", first, across=True)
    assert "10001 rows" in message
    assert (
        len([entry for entry in queries if entry["sql"].startswith("UPDATE") and "hellotext_event" in entry["sql"]])
        == 1
    )
    assert len(queries) < 25
    assert not Event.objects.filter(state=State.FAILED).exists()


def test_send_now_makes_what_waits_due(hellotext: Emulator, operator: Client) -> None:
    later = clock.now() + datetime.timedelta(hours=1)
    row, held = make(Event, 1, next_attempt_at=later, attempts=3), make(Event, 2, state=State.FAILED)
    for expected in ("1 row", "nothing to do"):
        assert expected in act(operator, Event, "send_now", row, held)
    row.refresh_from_db()
    assert (row.next_attempt_at, row.attempts) == (None, 3)


def test_sync_now_sends_what_differs(deliver: Deliver, operator: Client, hellotext: Emulator) -> None:
    product = make_product(name="Anvil")
    deliver()
    type(product).objects.update(name="Rocket")
    row = Product.objects.get()
    for _ in range(2):
        act(operator, Product, "sync_now", row)
    deliver()
    row.refresh_from_db()
    assert (row.state, row.version, row.synced_version) == (State.SYNCED, 2, 2)
    assert row.data["name"] == "Rocket"


def test_sync_now_leaves_rows_in_hand_and_what_is_gone_alone(hellotext: Emulator, operator: Client) -> None:
    made = [make(Product, n, state=state) for n, state in enumerate([State.SENDING, State.UNCERTAIN, State.DELETED])]
    made.append(make(Product, 9, state=State.SKIPPED, skip_reason=SkipReason.ERASED))
    before = list(Product.objects.order_by("pk").values())
    act(operator, Product, "sync_now", *made)
    act(operator, Product, "send_again", *made)
    assert list(Product.objects.order_by("pk").values()) == before


def test_a_person_says_why_a_row_is_not_sent(hellotext: Emulator, operator: Client) -> None:
    row = make(Event, 1, state=State.FAILED, error_type="invalid", error_status=422)
    act(operator, Event, "do_not_send", row, note="Test order of wile@acme.example")
    row.refresh_from_db()
    assert (row.state, row.skip_reason) == (State.SKIPPED, SkipReason.PERSON)
    page = text(operator, url(Event))
    assert "a person skipped it: Test order of w***@acme.example" in page
    assert "wile@acme.example" not in row.error_message


def test_a_reason_that_is_too_long_is_asked_for_again(hellotext: Emulator, operator: Client) -> None:
    row = make(Event, 1)
    data = {"action": "do_not_send", "_selected_action": [row.pk], "confirmed": "1", "note": "x" * 201}
    response = operator.post(url(Event), data)
    assert "200" in response.content.decode()
    row.refresh_from_db()
    assert row.state == State.PENDING


def test_what_was_refused_alike_is_replayed(hellotext: Emulator, operator: Client) -> None:
    example = make(Event, 1, state=State.FAILED, error_type="adapter_failed")
    alike = make(Event, 2, state=State.FAILED, error_type="adapter_failed")
    other = make(Event, 3, state=State.FAILED, error_type="invalid")
    assert "2 rows" in act(operator, Event, "replay_alike", example)
    for row, state in ((example, State.PENDING), (alike, State.PENDING), (other, State.FAILED)):
        row.refresh_from_db()
        assert row.state == state
    assert "nothing to do" in act(operator, Event, "replay_alike", example)


def test_reconcile_looks_at_once(hellotext: Emulator, operator: Client) -> None:
    row = make(Event, 1, state=State.UNCERTAIN, next_attempt_at=clock.now() + datetime.timedelta(hours=1))
    act(operator, Event, "look_now", row)
    row.refresh_from_db()
    assert (row.state, row.next_attempt_at) == (State.UNCERTAIN, None)


def test_a_conflict_is_released_once_nobody_holds_the_session(hellotext: Emulator, operator: Client) -> None:
    """G6: a session belongs to one profile for good, so the action moves none."""
    holder = make(Session, 1, session="shared", state=State.SYNCED)
    row = make(Session, 2, session="shared", state=State.FAILED, error_type=Session.CONFLICT)
    refused = make(Session, 3, state=State.FAILED, error_type="not_found")
    assert "nothing to do" in act(operator, Session, "release", row, refused)
    Session.objects.filter(pk=holder.pk).update(state=State.FAILED)
    assert "1 row" in act(operator, Session, "release", row, refused)
    row.refresh_from_db()
    refused.refresh_from_db()
    assert (row.state, refused.state) == (State.PENDING, State.FAILED)


def test_a_halted_account_is_resumed(deliver: Deliver, operator: Client) -> None:
    deliver()
    Account.objects.halt(KEY, reason="Hellotext answered 401")
    make_product()
    deliver()
    assert not Product.objects.exists()
    assert "1 row" in act(operator, Account, "resume", Account.objects.get())
    assert "nothing to do" in act(operator, Account, "resume", Account.objects.get())
    deliver()
    assert Product.objects.get().state == State.SYNCED


@pytest.mark.parametrize("name", ["send_again", "send_now", "do_not_send", "replay_alike", "look_now"])
@pytest.mark.parametrize("state", [state for state in State if state not in CHANGES])
def test_every_action_is_harmless_twice(hellotext: Emulator, operator: Client, name: str, state: State) -> None:
    """J3"""
    row = make(Event, 1, state=state, error_type="invalid" if state == State.FAILED else "")
    for _ in range(2):
        act(operator, Event, name, row)
        after = Event.objects.values("state", "attempts", "skip_reason").get()
    row.refresh_from_db()
    assert {"state": row.state, "attempts": row.attempts, "skip_reason": row.skip_reason} == after


def test_no_page_loads_anything_from_elsewhere(hellotext: Emulator, operator: Client) -> None:
    row = make(Product, 1)
    for address in (url(Product), url(Product, f"{row.pk}/change/")):
        page = text(operator, address)
        assert 'src="http' not in page
        assert 'href="http' not in page
    assert admin.site.is_registered(Product)
