"""Answers that a database cannot hold: the worker goes on, and only the row that met one fails, with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection
from django.db.models import QuerySet

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.models import Account, Event, RemoteObject, State
from tests.factories import make_customer, make_product, placed_order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Change = Callable[[dict[str, Any]], dict[str, Any]]
EVENTS = "/v1/attribution/events"
ORDERS = "/v1/attribution/orders"
PRODUCTS = "/v1/attribution/products"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
UNSTORABLE = {"surrogate": "\ud83d", "nul": "\x00"}


@pytest.fixture(autouse=True)
def soon_settled(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001, "MAX_ATTEMPTS": 3}


def again(deliver: Deliver) -> None:
    Event.objects.update(next_attempt_at=None)
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=LONG_AGO)
    deliver()


@pytest.fixture
def rewrite(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Change], None]:
    """Change the JSON of each answer to a method and path from now on."""

    def begin(changed_method: str, prefix: str, change: Change) -> None:
        answer = hellotext.handle

        def handle(method: str, path: str, **rest: Any) -> EmulatorResponse:
            response = answer(method, path, **rest)
            if method == changed_method and path.startswith(prefix) and response.body:
                response = EmulatorResponse(
                    response.status, response.headers, json.dumps(change(json.loads(response.body))).encode()
                )
            return response

        monkeypatch.setattr(hellotext, "handle", handle)

    return begin


@pytest.mark.parametrize("body", ["surrogate", "nul"])
def test_a_refusal_with_text_that_no_database_holds_is_the_reason_of_its_row(
    hellotext: Emulator, deliver: Deliver, settings: Any, body: str
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": ["unknown.action"]}
    django_hellotext.track("unknown.action", profile=make_customer())
    make_product()
    hellotext.add_fault(Fault("garbage", body=body, path=EVENTS))
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_status) == (State.FAILED, 404)
    assert event.error_message
    assert not RemoteObject.objects.exclude(state=State.SYNCED).exists()


@pytest.mark.parametrize("body", ["surrogate", "nul"])
def test_the_stored_answer_holds_a_replacement_for_what_no_database_holds(
    hellotext: Emulator, deliver: Deliver, body: str
) -> None:
    make_product(name="Green tea")
    hellotext.add_fault(Fault("garbage", body=body, path=PRODUCTS))
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.data["name"]) == (State.SYNCED, "Green tea\ufffd")


@pytest.mark.parametrize("depth", [30, 200, 700])
def test_an_answer_that_is_nested_too_deeply_for_a_database_is_stored_in_part(
    deliver: Deliver, rewrite: Callable[[str, str, Change], None], depth: int
) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    rewrite("POST", PRODUCTS, lambda answer: {**answer, "deep": nested})
    make_product(name="Green tea")
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.data["name"]) == (State.SYNCED, "Green tea")


def test_an_answer_that_is_very_large_is_not_stored(
    deliver: Deliver, rewrite: Callable[[str, str, Change], None]
) -> None:
    rewrite("POST", PRODUCTS, lambda answer: {**answer, "note": "é" * 1_000_000})
    make_product()
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, "note" in row.data) == (State.SYNCED, False)


@pytest.mark.parametrize("path", ["/v1/profiles", PRODUCTS, ORDERS])
@pytest.mark.parametrize("damage", [*UNSTORABLE, "long_id"])
def test_an_id_that_cannot_be_stored_fails_its_row_and_no_other(
    hellotext: Emulator, deliver: Deliver, rewrite: Callable[[str, str, Change], None], damage: str, path: str
) -> None:
    if damage == "long_id":
        hellotext.add_fault(Fault("garbage", body="long_id", path=path, method="POST"))
    else:
        rewrite("POST", path, lambda answer: {**answer, "id": answer["id"] + UNSTORABLE[damage]})
    placed_order(customer=make_customer())
    product = make_product()
    for _ in range(3):
        again(deliver)
    failed = RemoteObject.objects.filter(state=State.FAILED, error_type="unusable_id")
    assert {row.kind for row in failed} == {{"/v1/profiles": "profile", PRODUCTS: "product"}.get(path, "order")}
    assert all(row.remote_id == "" and "ID" in row.error_message for row in failed)
    if path != PRODUCTS:
        assert RemoteObject.objects.get(kind="product", host_pk=str(product.pk)).state == State.SYNCED
    assert not RemoteObject.objects.filter(state__in=[State.PENDING, State.SENDING, State.UNCERTAIN]).exists()


@pytest.mark.parametrize("by", ["a save", "a person", "sync now"])
def test_an_object_that_failed_and_is_there_is_found_before_it_is_sent_again(
    hellotext: Emulator, deliver: Deliver, by: str
) -> None:
    """Hellotext does not refuse a second order with the same reference."""
    order = placed_order(customer=make_customer())
    hellotext.add_fault(Fault("garbage", body="long_id", path=ORDERS, method="POST", times=1))
    deliver()
    rows = RemoteObject.objects.filter(kind="order")
    assert rows.get().error_type == "unusable_id"
    if by == "a save":
        order.save()
    elif by == "a person":
        rows.requeue()
    else:
        rows.renew()
    for _ in range(2):
        again(deliver)
    assert rows.get().state == State.SYNCED
    assert len(hellotext.world.store["order"].rows) == 1


@pytest.mark.parametrize("damage", [*UNSTORABLE, "long_id"])
def test_an_event_does_not_need_its_id(
    hellotext: Emulator, deliver: Deliver, rewrite: Callable[[str, str, Change], None], damage: str
) -> None:
    rewrite("POST", EVENTS, lambda answer: {**answer, "id": UNSTORABLE.get(damage, "x" * 300)})
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def spoil_listed(answer: dict[str, Any]) -> dict[str, Any]:
    for name in ("profiles", "orders"):
        for item in answer.get(name, []):
            item["id"] = "x" * 300
    return answer


def test_an_object_that_is_found_by_an_id_that_cannot_be_stored_fails(
    hellotext: Emulator, deliver: Deliver, rewrite: Callable[[str, str, Change], None]
) -> None:
    """It is there: to send it again would double it."""
    placed_order(customer=make_customer())
    hellotext.add_fault(Fault("garbage", path=ORDERS, method="POST", times=1))
    rewrite("GET", ORDERS, spoil_listed)
    for _ in range(3):
        again(deliver)
    row = RemoteObject.objects.get(kind="order")
    assert (row.state, row.error_type, row.remote_id) == (State.FAILED, "unusable_id", "")
    assert sum(entry.path == ORDERS and entry.method == "POST" for entry in hellotext.log) == 1


def test_a_profile_that_is_looked_up_by_an_id_that_cannot_be_stored_fails(
    deliver: Deliver, rewrite: Callable[[str, str, Change], None]
) -> None:
    make_customer(email="first@example.com")
    deliver()
    RemoteObject.objects.all().delete()
    make_customer(email="first@example.com")
    rewrite("GET", "/v1/profiles", spoil_listed)
    deliver()
    row = RemoteObject.objects.get()
    assert (row.state, row.error_type) == (State.FAILED, "unusable_id")


@pytest.fixture
def refused_writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Exception], None]:
    """Let the database raise for each UPDATE that finishes the row with this key."""

    def begin(pk: int, error: Exception) -> None:
        update = QuerySet.update

        def guarded(rows: QuerySet[Any], **columns: Any) -> int:
            finishing = columns.get("state") == State.DELIVERED or "synced_version" in columns
            if finishing and rows.filter(pk=pk).exists():
                raise error
            return update(rows, **columns)

        monkeypatch.setattr(QuerySet, "update", guarded)

    return begin


@pytest.mark.parametrize(
    "error",
    [
        DataError("value too long"),
        IntegrityError("a constraint failed"),
        OperationalError(1366, "Incorrect string value"),
    ],
)
def test_one_row_of_a_batch_that_cannot_be_written_fails_and_the_others_do_not(
    deliver: Deliver, refused_writes: Callable[[int, Exception], None], error: Exception
) -> None:
    for number in range(5):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
    guilty = Event.objects.order_by("pk")[2]
    refused_writes(guilty.pk, error)
    deliver()
    guilty.refresh_from_db()
    assert (guilty.state, guilty.error_type) == (State.FAILED, "unwritable")
    assert str(error) in guilty.error_message
    assert Event.objects.filter(state=State.DELIVERED).count() == 4


def test_an_open_transaction_survives_a_row_that_cannot_be_written(deliver: Deliver) -> None:
    """PostgreSQL aborts a transaction at an error, unless there is a savepoint."""
    if connection.vendor != "postgresql":
        pytest.skip("an error ends PostgreSQL's transaction, not this database's")
    for number in range(5):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
    with connection.cursor() as cursor:
        rule = "CHECK (state <> 'delivered' OR url <> 'https://shop.example/2')"
        cursor.execute(f"ALTER TABLE {Event._meta.db_table} ADD CONSTRAINT rule {rule}")
    deliver()
    failed = Event.objects.get(url="https://shop.example/2")
    assert (failed.state, failed.error_type) == (State.FAILED, "unwritable")
    assert Event.objects.filter(state=State.DELIVERED).count() == 4


def test_an_object_that_cannot_be_written_fails(
    deliver: Deliver, refused_writes: Callable[[int, Exception], None]
) -> None:
    product, _ = make_product(), make_product()
    deliver()
    product.name = "Changed"
    product.save()
    row = RemoteObject.objects.get(host_pk=str(product.pk))
    refused_writes(row.pk, DataError("value too long"))
    deliver()
    row.refresh_from_db()
    assert (row.state, row.error_type) == (State.FAILED, "unwritable")
    assert RemoteObject.objects.filter(state=State.SYNCED).count() == 1


def test_a_database_in_trouble_fails_no_row(deliver: Deliver, refused_writes: Callable[[int, Exception], None]) -> None:
    for number in range(3):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
    refused_writes(Event.objects.earliest("pk").pk, OperationalError("server closed the connection"))
    with pytest.raises(OperationalError):
        deliver()
    assert not Event.objects.filter(state=State.FAILED).exists()


@pytest.fixture
def broken_look(hellotext: Emulator) -> Callable[..., None]:
    """Let each look at this path but the first ``skip`` fail, while everything else works."""
    return lambda path, skip=0: hellotext.add_fault(Fault("error", status=500, path=path, method="GET", skip=skip))


def test_a_listing_that_fails_for_ever_ends_as_the_policy_of_the_action_says(
    deliver: Deliver, hellotext: Emulator, broken_look: Callable[..., None]
) -> None:
    customer, product = make_customer(), make_product()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    django_hellotext.track("product.purchased", product, profile=make_customer(), amount=5)
    Event.objects.update(state=State.UNCERTAIN, attempts=1)
    broken_look(EVENTS)
    again(deliver)
    assert set(Event.objects.values_list("state", "attempts")) == {(State.UNCERTAIN, 2)}
    waits = Event.objects.earliest("pk").next_attempt_at
    assert waits is not None
    again(deliver)
    viewed, bought = Event.objects.order_by("pk")
    assert (viewed.state, viewed.error_type, viewed.error_status) == (State.FAILED, "lookup_failed", 500)
    assert (bought.state, bought.skip_reason) == (State.SKIPPED, "unknown")
    assert not any(entry.path == EVENTS and entry.method == "POST" for entry in hellotext.log)


def test_an_event_that_was_given_up_is_looked_for_before_it_is_sent_again(
    deliver: Deliver, hellotext: Emulator, broken_look: Callable[..., None]
) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    hellotext.add_fault(Fault("garbage", path=EVENTS, method="POST", times=1))
    broken_look(EVENTS)
    for _ in range(3):
        again(deliver)
    assert Event.objects.get().error_type == "lookup_failed"
    hellotext.clear_faults()
    Event.objects.all().requeue()
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert sum(entry.path == EVENTS and entry.method == "POST" for entry in hellotext.log) == 1


def test_an_object_whose_look_fails_for_ever_holds_up_no_other(
    deliver: Deliver, hellotext: Emulator, broken_look: Callable[..., None]
) -> None:
    first, second = make_product(), make_product()
    hellotext.add_fault(Fault("garbage", path=PRODUCTS, method="POST", times=2))
    broken_look(f"{PRODUCTS}/{first.pk}", skip=1)  # the look before the creation
    for _ in range(4):
        again(deliver)
    assert RemoteObject.objects.get(host_pk=str(second.pk)).state == State.SYNCED
    row = RemoteObject.objects.get(host_pk=str(first.pk))
    assert (row.state, row.error_type, row.attempts) == (State.FAILED, "lookup_failed", 3)


def test_an_outage_that_a_look_meets_costs_no_attempt(deliver: Deliver, hellotext: Emulator) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    Event.objects.update(state=State.UNCERTAIN)
    hellotext.add_fault(Fault("error", status=503))
    for _ in range(6):
        again(deliver)
    assert set(Event.objects.values_list("state", "attempts")) == {(State.UNCERTAIN, 0)}
    hellotext.clear_faults()
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
