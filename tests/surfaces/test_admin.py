"""The admin shows what happened and why, and changes nothing but "send again" and "do not send"."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import django_hellotext
from django_hellotext import clock
from django_hellotext.admin import paging
from django_hellotext.admin.paging import CappedPaginator
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator
from django_hellotext.models import (
    CHANGES,
    PROXIES,
    Account,
    Change,
    Dashboard,
    Event,
    Order,
    Product,
    Profile,
    RemoteObject,
    Session,
    SkipReason,
    State,
    SyncRun,
)
from tests.factories import make_customer, make_order, make_product, placed_order

from .admin_pages import HOSTILE, act, text, url
from .rows import build, make

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
PAGES: list[type[models.Model]] = [Event, *PROXIES, Session, Change, Account]


# Every page


@pytest.mark.parametrize("model", PAGES)
def test_list_and_detail_open_with_no_row_and_with_some(
    hellotext: Emulator, operator: Client, model: type[models.Model]
) -> None:
    text(operator, url(model))
    row = make(model, 1)
    assert str(row.pk) in text(operator, url(model))
    text(operator, url(model, f"{row.pk}/change/"))


@pytest.mark.parametrize("model", PAGES)
def test_a_list_makes_the_same_number_of_queries_however_many_rows_there_are(
    hellotext: Emulator, operator: Client, model: type[models.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part of a page, several pages, and more rows than are counted."""
    monkeypatch.setattr(paging, "MOST", 40)
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 20)
    costs, made = [], 0
    for total in (10, 30, 60):
        model._default_manager.bulk_create(build(model, number) for number in range(made, total))
        made = total
        text(operator, url(model))
        with CaptureQueriesContext(connection) as queries:
            text(operator, url(model))
        costs.append(len(queries))
    assert len(set(costs)) == 1
    assert costs[0] <= 6


@pytest.mark.parametrize("model", PAGES)
def test_no_query_of_a_list_counts_or_scans_without_a_limit(
    hellotext: Emulator, operator: Client, model: type[models.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 2)
    for number in range(5):
        make(model, number)
    with CaptureQueriesContext(connection) as queries:
        text(operator, url(model))
    ours = [entry["sql"] for entry in queries if f"FROM {quoted(model)}" in entry["sql"]]
    assert ours
    assert not [sql for sql in ours if "LIMIT" not in sql]


@pytest.mark.parametrize("model", PAGES)
@pytest.mark.parametrize("page", ["add/", "{pk}/delete/"])
def test_nothing_can_be_added_or_deleted(
    hellotext: Emulator, operator: Client, model: type[models.Model], page: str
) -> None:
    address = url(model, page.format(pk=make(model, 1).pk))
    assert operator.get(address).status_code == 403
    assert operator.post(address, {"post": "yes"}).status_code == 403
    assert model._default_manager.count() == 1


@pytest.mark.parametrize("model", PAGES)
def test_nothing_can_be_changed(hellotext: Emulator, operator: Client, model: type[models.Model]) -> None:
    row = make(model, 1)
    before = model._default_manager.values().get()
    assert operator.post(url(model, f"{row.pk}/change/"), {"state": "delivered"}).status_code == 403
    assert model._default_manager.values().get() == before
    assert "delete_selected" not in text(operator, url(model))


@pytest.mark.parametrize("model", PAGES)
def test_a_staff_member_without_rights_sees_nothing(
    hellotext: Emulator, client: Client, model: type[models.Model]
) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    row = make(model, 1)
    assert client.get(url(model)).status_code == 403
    assert client.get(url(model, f"{row.pk}/change/")).status_code == 403
    assert "django_hellotext" not in text(client, "/admin/")


def test_a_right_to_see_one_kind_is_none_for_another(hellotext: Emulator, client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(permission("view_order"))
    client.force_login(clerk)
    assert client.get(url(Order)).status_code == 200
    assert client.get(url(Product)).status_code == 403
    assert client.get(url(Event)).status_code == 403


def test_a_kind_shows_its_own_rows_only(hellotext: Emulator, operator: Client) -> None:
    product, order = make(Product, 1), make(Order, 2)
    assert "R-1" in text(operator, url(Product))
    assert "R-1" not in text(operator, url(Order))
    assert operator.get(url(Order, f"{product.pk}/change/")).status_code == 302
    assert "R-2" in text(operator, url(Order, f"{order.pk}/change/"))


def test_the_index_lists_the_kinds_that_this_shop_mirrors(hellotext: Emulator, operator: Client) -> None:
    [app] = [app for app in operator.get("/admin/").context["app_list"] if app["app_label"] == "django_hellotext"]
    assert {entry["model"] for entry in app["models"]} == {
        *(Event, Session, Change, Account, Dashboard),
        *(proxy for proxy in PROXIES if proxy.KIND not in ("property", "list", "action")),
    }


def test_every_table_that_a_person_may_ask_about_has_a_page() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label == "django_hellotext"}
    assert ours == {*PAGES, Dashboard}
    assert SyncRun not in ours
    assert RemoteObject not in ours  # each row is on the page of its kind


# What is shown


def test_each_state_is_told_in_a_word_and_a_mark(hellotext: Emulator, operator: Client) -> None:
    states = [state for state in State if state not in CHANGES]
    for number, state in enumerate(states):
        make(Product, number, state=state)
    page = text(operator, url(Product))
    for state, mark in zip(states, "…→✓✓?✗○○", strict=True):
        assert f"{mark} {state.label}</span>" in page


def test_a_refusal_is_shown_with_its_reason(hellotext: Emulator, operator: Client) -> None:
    make(
        Event,
        1,
        state=State.FAILED,
        error_status=422,
        error_type="parameter_missing",
        error_parameter="object",
        error_message="is missing",
    )
    assert "422 · parameter_missing · object · is missing" in text(operator, url(Event))


def test_a_skipped_row_says_why(hellotext: Emulator, operator: Client) -> None:
    make(Product, 1, state=State.SKIPPED, skip_reason=SkipReason.NOT_SYNCABLE)
    assert "should_sync() says no" in text(operator, url(Product))


def test_objects_of_the_shop_are_linked_where_the_admin_has_them(hellotext: Emulator, operator: Client) -> None:
    make(Event, 7)
    page = text(operator, url(Event))
    assert '<a href="/admin/auth/user/7/change/">user 7</a>' in page
    assert "product 7" in page  # the test shop's products have no page


def test_a_model_that_the_shop_has_removed_is_still_named(hellotext: Emulator, operator: Client) -> None:
    make(Event, 1, object_label="oldapp.thing", object_pk="9", profile_label="", profile_pk="")
    assert "oldapp.thing 9" in text(operator, url(Event))


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1200", "JPY", "1200 JPY"),
        ("25.8", "EUR", "25.80 EUR"),
        ("5", "EUR", "5.00 EUR"),
        ("100", "EUR", "100.00 EUR"),
        ("0.125", "KWD", "0.125 KWD"),
        ("-3.5", "EUR", "-3.50 EUR"),
    ],
)
def test_an_amount_is_shown_in_major_units(
    hellotext: Emulator, operator: Client, amount: str, currency: str, shown: str
) -> None:
    row = make(Event, 1, amount=Decimal(amount), currency=currency)
    assert shown in text(operator, url(Event))
    assert shown in text(operator, url(Event, f"{row.pk}/change/"))


@pytest.mark.parametrize("model", PAGES)
def test_hostile_content_is_escaped_everywhere(
    hellotext: Emulator, operator: Client, model: type[models.Model]
) -> None:
    row = make(model, 1)
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField) and not field.choices and field.name not in ("identity", "account"):
            setattr(row, field.attname, HOSTILE[: field.max_length])
        elif isinstance(field, models.JSONField):
            setattr(row, field.attname, {HOSTILE: [HOSTILE]})
    row.save()
    for address in (url(model), url(model, f"{row.pk}/change/")):
        page = text(operator, address)
        assert "<script>alert" not in page
    assert "&lt;script&gt;" in text(operator, url(model))


def test_no_page_shows_the_token_or_its_fingerprint_or_a_lease(
    hellotext: Emulator, deliver: Deliver, operator: Client
) -> None:
    placed_order(customer=make_customer(email="wile@acme.example"))
    deliver()
    make(Event, 99, state=State.SENDING, token="lease-token-of-a-worker")
    fingerprint_of_token = Account.objects.get().token_fingerprint
    assert fingerprint_of_token
    for model in PAGES:
        pages = [text(operator, url(model))]
        pages += [text(operator, url(model, f"{row.pk}/change/")) for row in model._default_manager.all()]
        for page in pages:
            assert "test-token" not in page
            assert fingerprint_of_token not in page
            assert "lease-token-of-a-worker" not in page


# Finding


@pytest.fixture
def story(hellotext: Emulator, deliver: Deliver) -> Any:
    """An order of a customer with a session, delivered, among others."""
    customer, order = make_customer(), placed_order()
    order.number, order.customer = "A-777", customer
    order.save()
    for _ in range(3):
        django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    django_hellotext.track("order.confirmed", order, profile=customer, session="session-of-777")
    deliver()
    return order


def found(client: Client, model: type[models.Model], term: str) -> list[Any]:
    response = client.get(url(model), {"q": term})
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_an_event_is_found_by_what_an_operator_has_at_hand(operator: Client, story: Any) -> None:
    event = Event.objects.get(action="order.confirmed")
    mirror = RemoteObject.objects.get(kind="order")
    for term in (story.number, str(event.uuid), "session-of-777", mirror.remote_id, f" {story.number} "):
        assert event in found(operator, Event, term), term
    assert event in found(operator, Event, str(story.customer_id))
    assert len(found(operator, Event, story.number)) < Event.objects.count()


def test_an_event_is_found_by_the_key_that_it_was_recorded_with(
    hellotext: Emulator, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J1: through the newest rows only, as the table has no index of keys."""
    for number in (41, 42):
        make(Event, number, key=f"payment-{number}")
    assert [row.key for row in found(operator, Event, " payment-42 ")] == ["payment-42"]
    monkeypatch.setattr("django_hellotext.admin.filters.NEWEST", 1)
    assert [len(found(operator, Event, key)) for key in ("payment-41", "payment-42")] == [0, 1]


def test_an_object_is_found_by_reference_key_and_remote_id(operator: Client, story: Any) -> None:
    mirror = Order.objects.get()
    for term in (story.number, str(story.pk), mirror.remote_id):
        assert found(operator, Order, term) == [mirror], term
    assert Profile.objects.get(host_pk=str(story.customer_id)) in found(operator, Profile, str(story.customer_id))


def test_a_session_is_found_by_its_id(operator: Client, story: Any) -> None:
    row = make(Session, 1)
    assert found(operator, Session, "session-1") == [row]


@pytest.mark.parametrize(
    "term", ["nothing", "%", "_", "'; DROP TABLE x", HOSTILE, "x" * 5000, "\x00", "\N{GRINNING FACE}"]
)
@pytest.mark.parametrize("model", [Event, Product, Session])
def test_a_search_for_nonsense_finds_nothing(
    hellotext: Emulator, operator: Client, model: type[models.Model], term: str
) -> None:
    make(model, 1)
    assert found(operator, model, term) == [] or term == "\x00"


@pytest.mark.parametrize("model", [Event, Product, Session])
def test_an_empty_search_finds_all(hellotext: Emulator, operator: Client, model: type[models.Model]) -> None:
    make(model, 1)
    assert len(found(operator, model, "  ")) == 1


@pytest.mark.parametrize("model", [Event, Product, Session])
def test_rows_are_filtered_by_state(hellotext: Emulator, operator: Client, model: type[models.Model]) -> None:
    for number, state in enumerate([State.PENDING, State.FAILED, State.UNCERTAIN]):
        make(model, number, state=state)

    def states(chosen: str) -> set[str]:
        rows = operator.get(url(model), {"state": chosen}).context["cl"].result_list
        return {row.state for row in rows}

    assert states("problems") == {"failed", "uncertain"}
    assert states("pending") == {"pending"}
    assert states("skipped") == set()


def test_a_session_in_conflict_is_shown_calmly_and_asks_for_nobody(hellotext: Emulator, operator: Client) -> None:
    """G6"""
    row = make(Session, 1, state=State.FAILED, error_type=Session.CONFLICT)
    for address in (url(Session), url(Session, f"{row.pk}/change/")):
        page = text(operator, address)
        assert "○ in conflict" in page
        assert "hellotext-state-bad" not in page
    assert list(operator.get(url(Session), {"state": "problems"}).context["cl"].result_list) == []
    assert list(operator.get(url(Session), {"error": Session.CONFLICT}).context["cl"].result_list) == [row]


def test_the_last_sync_is_never_the_time_of_a_refusal(hellotext: Emulator, operator: Client) -> None:
    long_ago = timezone.make_aware(datetime.datetime(2020, 3, 4, 12))  # noqa: DTZ001 - local time
    row = make(Product, 1, state=State.SYNCED, synced_version=1, finished_at=long_ago)

    def last_sync() -> str:
        found = re.search(r'<td class="field-last_sync[^"]*">([^<]*)</td>', text(operator, url(Product)))
        assert found is not None
        return found[1]

    assert last_sync() == "March 4, 2020, noon"
    Product.objects.update(state=State.PENDING)  # it has changed since
    assert last_sync() == "March 4, 2020, noon"
    for state in (State.FAILED, State.SKIPPED, State.UNCERTAIN):
        Product.objects.update(state=state)
        assert last_sync() == "-"
    Product.objects.update(state=State.PENDING, synced_version=0)
    assert last_sync() == "-"
    assert row.finished_at == long_ago


@pytest.mark.usefixtures("still_clock")
def test_a_list_says_when_a_row_is_tried_again_as_a_time_to_go(hellotext: Emulator, operator: Client) -> None:
    for number, seconds in enumerate((-5, 30, 3600)):
        later = clock.now() + datetime.timedelta(seconds=seconds)
        make(Event, number, state=State.PENDING, attempts=number, next_attempt_at=later)
    page = text(operator, url(Event))
    assert "attempts: 0, the next is due" in page
    assert re.search(r"attempts: 1, the next in (29|30) seconds", page)
    assert re.search(r"attempts: 2, the next in (1.hour|59.minutes)", page)


def test_events_are_filtered_by_action(hellotext: Emulator, operator: Client, settings: Any) -> None:
    settings.HELLOTEXT["ACTIONS"] = ["quiz.taken"]
    make(Event, 1)
    quiz = make(Event, 2, action="quiz.taken")
    rows = operator.get(url(Event), {"action": "quiz.taken"}).context["cl"].result_list
    assert list(rows) == [quiz]
    assert "quiz.taken" in text(operator, url(Event))


def test_counting_stops_at_ten_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_hellotext.admin.paging.MOST", 3)
    for number in range(5):
        make(Product, number)
    assert CappedPaginator(Product.objects.order_by("pk"), 50).count == 3
    assert CappedPaginator(Product.objects.filter(host_pk="1").order_by("pk"), 50).count == 1
    assert CappedPaginator([1, 2, 3, 4], 50).count == 4


# The way back


@pytest.mark.parametrize("model", [Event, Product, Session])
@pytest.mark.parametrize("state", [State.FAILED, State.SKIPPED])
def test_send_again_requeues_what_was_refused_or_skipped(
    hellotext: Emulator, operator: Client, model: type[models.Model], state: State
) -> None:
    later = clock.now() + datetime.timedelta(hours=1)
    row = make(model, 1, state=state, attempts=5, error_type="invalid", next_attempt_at=later)
    assert act(operator, model, "send_again", row) == "Send again (refused and skipped rows): 1 row."
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error_type, row.next_attempt_at) == (State.PENDING, 0, "", None)
    assert (
        act(operator, model, "send_again", row)
        == "Send again (refused and skipped rows): there was nothing to do for these rows."
    )


@pytest.mark.parametrize("state", [State.DELIVERED, State.SENDING, State.UNCERTAIN, State.PENDING])
def test_send_again_leaves_every_other_row_alone(hellotext: Emulator, operator: Client, state: State) -> None:
    row = make(Event, 1, state=state)
    act(operator, Event, "send_again", row)
    row.refresh_from_db()
    assert row.state == state


def test_a_requeued_event_arrives(hellotext: Emulator, deliver: Deliver, operator: Client) -> None:
    django_hellotext.track("order.placed", make_order(), profile=make_customer())
    Event.objects.update(state=State.FAILED)
    deliver()
    act(operator, Event, "send_again", Event.objects.get())
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def test_any_number_of_rows_is_one_update(hellotext: Emulator, operator: Client) -> None:
    rows = [make(Event, number, state=State.FAILED) for number in range(120)]
    with CaptureQueriesContext(connection) as queries:
        assert (
            act(operator, Event, "send_again", rows[0], across=True)
            == "Send again (refused and skipped rows): 120 rows."
        )
    updates = [entry["sql"] for entry in queries if entry["sql"].startswith(f"UPDATE {quoted(Event)}")]
    assert len(updates) == 1


def test_send_again_keeps_to_what_the_list_shows(hellotext: Emulator, operator: Client) -> None:
    product, order = make(Product, 1, state=State.FAILED), make(Order, 2, state=State.FAILED)
    act(operator, Product, "send_again", product, order, across=True)
    order.refresh_from_db()
    assert order.state == State.FAILED


def test_do_not_send_skips_what_waits(hellotext: Emulator, operator: Client) -> None:
    row, delivered = make(Event, 1), make(Event, 2, state=State.DELIVERED)
    assert act(operator, Event, "do_not_send", row, delivered) == "Do not send (waiting and refused rows): 1 row."
    row.refresh_from_db()
    assert (row.state, row.skip_reason) == (State.SKIPPED, SkipReason.PERSON)
    assert (
        act(operator, Event, "do_not_send", row, delivered)
        == "Do not send (waiting and refused rows): there was nothing to do for these rows."
    )


@pytest.mark.parametrize("action", ["send_again", "do_not_send"])
def test_a_right_to_see_is_no_right_to_act(hellotext: Emulator, client: Client, action: str) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(permission("view_event"))
    client.force_login(clerk)
    row = make(Event, 1, state=State.FAILED)
    assert action not in text(client, url(Event))
    act(client, Event, action, row)
    row.refresh_from_db()
    assert row.state == State.FAILED


def test_a_right_to_change_is_a_right_to_act(hellotext: Emulator, client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(permission("view_order"), permission("change_order"))
    client.force_login(clerk)
    row = make(Order, 1, state=State.FAILED)
    act(client, Order, "send_again", row)
    row.refresh_from_db()
    assert row.state == State.PENDING


def permission(codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="django_hellotext", codename=codename)


def test_a_change_of_a_cart_is_shown_once(hellotext: Emulator, operator: Client) -> None:
    django_hellotext.cart_changed("basket-7", [(make_product(), 1)])
    assert text(operator, url(Change)).count("cart basket-7") == 1


def test_a_product_that_waits_to_be_looked_at_is_shown(hellotext: Emulator, operator: Client) -> None:
    with django_hellotext.paused():
        other = make_product()
    product = make_product()
    page = text(operator, url(Change))
    assert f"product {product.pk}" in page
    assert ">created<" in page
    other.save()
    product.delete()
    page = text(operator, url(Change))
    assert ">changed<" in page
    assert ">deleted<" in page


def quoted(model: type[Any]) -> str:
    """The table of ``model`` as this database writes it."""
    return connection.ops.quote_name(model._meta.db_table)


# What belongs to the shop


def test_deleting_a_customer_costs_the_same_whatever_they_have_done(hellotext: Emulator, operator: Client) -> None:
    """J5: no key leads from our rows to the shop's, so that nothing is gathered, shown or deleted along."""

    def deletion(events: int) -> tuple[int, int, int]:
        with django_hellotext.paused():
            customer = make_customer()
        rows = [build(Event, 1, uuid=uuid.uuid4(), profile_pk=str(customer.pk)) for _ in range(events)]
        Event.objects.bulk_create(rows, batch_size=500)
        with CaptureQueriesContext(connection) as asked:
            question = text(operator, f"/admin/auth/user/{customer.pk}/delete/")
        with CaptureQueriesContext(connection) as deleted:
            customer.delete()
        return question.count("<li>"), len(asked), len(deleted)

    alone = deletion(0)
    assert deletion(2_000) == alone
    assert Event.objects.count() == 2_000
