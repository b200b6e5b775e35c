"""The one path that everything takes, from the host's save to what Hellotext holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import Link
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery import Report, carriage, claim, engine, readiness
from django_hellotext.delivery.batch import Work
from django_hellotext.delivery.change_events import notice_unknown
from django_hellotext.delivery.fold import fold
from django_hellotext.delivery.mirrors import new_mirror
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Change, Event, RemoteObject, State
from tests.factories import make_customer, make_order, make_order_line, make_product, make_staff, placed_order
from tests.testshop.models import Order

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def sent(emulator: Emulator, path: str = "/v1/attribution/events") -> list[dict[str, Any]]:
    return [
        entry.body_json for entry in emulator.log if entry.path == path and entry.method == "POST" and entry.accepted
    ]


def test_an_event_arrives_with_its_profile_object_amount_and_time(hellotext: Emulator, deliver: Deliver) -> None:
    customer, order = make_customer(), make_order()
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    django_hellotext.track(
        "order.placed", order, profile=customer, amount=Decimal("89.90"), currency="EUR", tracked_at=at
    )
    deliver()
    event = Event.objects.get()
    assert event.state == State.DELIVERED
    profile = RemoteObject.objects.get(kind="profile")
    mirror = RemoteObject.objects.get(kind="order")
    [body] = sent(hellotext)
    assert body["action"] == "order.placed"
    assert body["profile"] == profile.remote_id
    assert body["object"] == mirror.remote_id
    assert Decimal(str(body["amount"])) == Decimal("89.90")
    assert body["currency"] == "EUR"
    assert body["tracked_at"] == int(at.timestamp())
    assert body["metadata"]["hellotext_uuid"] == str(event.uuid)


def test_a_second_drain_sends_nothing_again(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("order.placed", make_order(), profile=make_customer())
    deliver()
    before = len(hellotext.log)
    deliver()
    assert len(hellotext.log) == before


def test_ten_saves_are_one_request(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    for number in range(10):
        product.name = f"Name {number}"
        product.save()
    deliver()
    [body] = sent(hellotext, "/v1/attribution/products")
    assert body["name"] == "Name 9"
    assert not Change.objects.exists()


def test_an_unchanged_object_is_not_sent_again(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    before = len(hellotext.log)
    product.save()
    report = deliver()
    assert report.unchanged == 1
    assert len(hellotext.log) == before


@pytest.mark.parametrize("differs", [True, False], ids=["sent", "not sent because it is equal"])
def test_an_edit_that_comes_while_an_object_is_in_hand_is_sent_after_it(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, differs: bool
) -> None:
    """Step 7 of the walk: what is written down is the version that was read."""
    product = make_product(price=Decimal(10))
    deliver()
    product.price = Decimal(20) if differs else Decimal(10)
    product.save()
    look = readiness.readiness
    edited: list[Work] = []

    def edit_meanwhile(work: Work) -> readiness.Readiness:
        if not edited:
            edited.append(work)
            product.price = Decimal(30)
            product.save()
            with transaction.atomic():
                assert fold(hellotext_settings.account, using="default") == 1
        return look(work)

    monkeypatch.setattr(carriage, "readiness", edit_meanwhile)
    deliver()
    [there] = hellotext.world.store["product"].rows.values()
    assert Decimal(there["price"]["amount"]) == 30
    assert RemoteObject.objects.get().state == State.SYNCED


def test_a_rolled_back_save_leaves_no_row(hellotext: Emulator) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        make_product()
        django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
        raise RuntimeError
    assert not Change.objects.exists()
    assert not Event.objects.exists()


def test_an_order_arrives_with_the_lines_saved_after_it(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order(customer=make_customer())
    make_order_line(order=order)
    make_order_line(order=order)
    deliver()
    [body] = sent(hellotext, "/v1/attribution/orders")
    assert len(body["items"]) == 2
    assert body["delivery"] == "deliver"
    assert "total" not in body


def test_status_changes_become_events_in_their_order(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    order.status = Order.Status.PAID
    order.save()
    order.status = Order.Status.SHIPPED
    order.shipped_at = clock.for_host(datetime(2026, 5, 1, tzinfo=UTC))
    order.save()
    deliver()
    bodies = sent(hellotext)
    assert [body["action"] for body in bodies] == ["order.placed", "order.confirmed", "order.shipped"]
    assert bodies[2]["tracked_at"] == int(order.shipped_at.timestamp())
    assert {Decimal(str(body["amount"])) for body in bodies} == {Decimal("25.80")}


def test_saving_the_same_status_twice_is_one_event(hellotext: Emulator, deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    order.save()
    deliver()
    order.save()
    deliver()
    assert len(sent(hellotext)) == 1


MAPPED = {"placed": "order.placed", "paid": "order.confirmed", "shipped": "order.shipped"}
# The last is none of the model's own.
STATUSES = [*Order.Status.values, "lost"]


@pytest.mark.parametrize("now", STATUSES)
@pytest.mark.parametrize("before", STATUSES)
def test_every_transition_sends_what_is_mapped_and_nothing_else(
    hellotext: Emulator, deliver: Deliver, caplog: pytest.LogCaptureFixture, before: str, now: str
) -> None:
    """Demand A6: the whole matrix; what is not mapped is not inferred, and what nobody knows is said once."""
    notice_unknown.cache_clear()
    order = make_order(customer=make_customer(), status=before)
    make_order_line(order=order)
    for _ in range(2):
        deliver()
        order.status = now
        order.save()
    deliver()
    expected = [MAPPED[status] for status in dict.fromkeys([before, now]) if status in MAPPED]
    assert [body["action"] for body in sent(hellotext)] == expected
    assert Event.objects.count() == len(expected)
    said = [record.__dict__["status"] for record in caplog.records if record.getMessage() == "status.unknown"]
    assert said == (["lost"] if "lost" in (before, now) else [])


def test_orders_from_before_the_installation_send_no_event(
    hellotext: Emulator, deliver: Deliver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several folds and several claims."""
    monkeypatch.setattr(engine, "fold", partial(fold, limit=8))
    monkeypatch.setattr(claim, "SIZE", 10)
    monkeypatch.setattr(claim, "ROUNDS", 1)
    configured, settings.HELLOTEXT = settings.HELLOTEXT, {}
    customer = make_customer()
    old = [placed_order(customer=customer) for _ in range(40)]
    assert not Change.objects.exists()
    settings.HELLOTEXT = configured
    for order in old:
        order.save()
    deliver()
    assert not Event.objects.exists()
    assert RemoteObject.objects.filter(kind="order", state=State.SYNCED).count() == 40


def test_an_old_order_that_moves_on_sends_only_the_new_step(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    configured, settings.HELLOTEXT = settings.HELLOTEXT, {}
    order = placed_order(customer=make_customer())
    settings.HELLOTEXT = configured
    order.save()
    order.status = Order.Status.PAID
    order.save()
    deliver()
    assert [body["action"] for body in sent(hellotext)] == ["order.confirmed"]


def test_staff_have_no_profile(hellotext: Emulator, deliver: Deliver) -> None:
    make_staff()
    deliver()
    assert not hellotext.log
    assert RemoteObject.objects.get().skip_reason == "not_syncable"


def test_an_event_of_a_customer_who_became_staff_is_not_sent(hellotext: Emulator, deliver: Deliver) -> None:
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    customer.is_staff = True
    customer.save()
    deliver()
    event = Event.objects.get()
    assert (event.state, event.skip_reason) == (State.SKIPPED, "not_syncable")
    assert not sent(hellotext)


def test_a_guest_buys_with_a_profile_of_their_own(hellotext: Emulator, deliver: Deliver) -> None:
    placed_order(email="guest@example.com", first_name="Gail")
    deliver()
    [profile] = sent(hellotext, "/v1/profiles")
    assert profile["email"] == "guest@example.com"
    [event] = sent(hellotext)
    assert event["profile"] == RemoteObject.objects.get(kind="profile").remote_id


def test_events_of_one_customer_arrive_in_the_order_they_were_recorded(hellotext: Emulator, deliver: Deliver) -> None:
    customer = make_customer()
    for number in range(30):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    deliver(concurrency=8)
    assert [body["url"] for body in sent(hellotext)] == [f"https://shop.example/{number}" for number in range(30)]


@pytest.mark.usefixtures("long_waits")
def test_an_unreachable_hellotext_loses_nothing(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    configured = settings.HELLOTEXT
    settings.HELLOTEXT = {
        **configured,
        "BACKEND": "http",
        "BACKEND_OPTIONS": {},
        "BASE_URL": "http://127.0.0.1:9",
    }
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    event, account = Event.objects.get(), Account.objects.get()
    assert (event.state, event.attempts) == (State.PENDING, 0)
    assert account.paused_reason == "ConnectionFailed"
    settings.HELLOTEXT = configured
    deliver()
    assert not hellotext.log
    Account.objects.update(paused_until=datetime(2020, 1, 1, tzinfo=UTC))
    deliver()
    assert hellotext.log[0].path == "/v1/profiles"
    assert hellotext.log[0].method == "GET"
    assert len(sent(hellotext)) == 1


def test_two_events_of_somebody_new_create_them_once(hellotext: Emulator, deliver: Deliver) -> None:
    """Promise 4: two browsers, so two keys, whose events go side by side."""
    with django_hellotext.paused():
        customer = make_customer()
    for session in ("phone", "laptop"):
        hellotext.know_session(session)
        django_hellotext.track("page.viewed", profile=customer, session=session, url="https://shop.example/")
    deliver(concurrency=4)
    assert len(sent(hellotext, "/v1/profiles")) == 1
    assert {body["profile"] for body in sent(hellotext)} == {RemoteObject.objects.get().remote_id}
    assert len(sent(hellotext)) == 2


def test_a_customer_whom_another_worker_has_in_hand_is_waited_for_without_an_attempt(
    hellotext: Emulator, deliver: Deliver
) -> None:
    """Promise 4"""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    with transaction.atomic():
        fold(hellotext_settings.account, using="default")
    profiles = RemoteObject.objects.all()
    assert profiles.claim([profiles.get().pk], token="another", lease=60)
    assert deliver().given_back >= 1
    event = Event.objects.get()
    assert (event.state, event.attempts, event.error_type) == (State.PENDING, 0, "")
    assert event.next_attempt_at is not None
    profiles.give_back([profiles.get().pk], token="another")
    Event.objects.all().send_now()
    deliver()
    assert Event.objects.get().state == State.DELIVERED


def test_many_events_of_one_key_flow_without_a_claim_for_each(hellotext: Emulator, deliver: Deliver) -> None:
    customer = make_customer()
    for number in range(60):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    with CaptureQueriesContext(connection) as queries:
        deliver(concurrency=4)
    assert [body["url"] for body in sent(hellotext)] == [f"https://shop.example/{number}" for number in range(60)]
    updates = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("UPDATE")]
    claims = [sql for sql in updates if "hellotext_event" in sql and "'sending'" in sql.split("WHERE")[0]]
    assert 1 <= len(claims) <= 2


def test_a_mirror_that_another_worker_makes_meanwhile_is_taken_as_it_is(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker needs it for an event in hand, outside of the account's lock; the fold and all in hand would be lost."""
    product = make_product()
    made: list[RemoteObject] = []

    def slow(link: Link, *, lane: int) -> RemoteObject:
        if not made:
            made.append(new_mirror(link, lane=lane))
            made[0].save(force_insert=True)
        return new_mirror(link, lane=lane)

    monkeypatch.setattr("django_hellotext.delivery.fold.new_mirror", slow)
    deliver()
    row = RemoteObject.objects.get()
    assert (row.pk, row.host_pk, row.state) == (made[0].pk, str(product.pk), State.SYNCED)
    assert (row.version, row.synced_version) == (2, 2)
    assert not Change.objects.exists()
