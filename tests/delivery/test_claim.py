"""Who may send what: claims, leases and order under real concurrency (promise 3, demands C4, C5, C9)."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report, claim
from django_hellotext.delivery.claim import Claimer
from django_hellotext.delivery.presence import Sendable
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Event, Lane, RemoteObject, State
from django_hellotext.models.deliverable import new_token
from django_hellotext.models.fields import UtcNow
from tests.factories import make_customer

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = "test-business/test"


@pytest.fixture
def account(hellotext: Emulator) -> Account:
    return Account.objects.create(key=ACCOUNT, business_id="test-business", environment="test")


def claimed(account: Account, *, size: int = 100) -> tuple[str, list[int]]:
    token = new_token()
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = size
    with transaction.atomic():
        Account.objects.drained(ACCOUNT)
        claimer.claim(token, account=account, now=clock.now())
    return token, list(Event.objects.held(token).order_by("id").values_list("id", flat=True))


def record(count: int, *, customers: int = 1) -> list[int]:
    people = [make_customer() for _ in range(customers)]
    for number in range(count):
        django_hellotext.track("page.viewed", profile=people[number % customers], url=f"https://shop.example/{number}")
    return list(Event.objects.order_by("id").values_list("id", flat=True))


def test_a_key_with_a_row_in_hand_is_left_alone(account: Account) -> None:
    ids = record(4)
    assert claimed(account, size=2)[1] == ids[:2]
    assert claimed(account)[1] == []


def test_a_row_that_waits_holds_back_only_its_own_key(account: Account) -> None:
    ids = record(6, customers=2)
    Event.objects.filter(pk=ids[0]).update(next_attempt_at=clock.now() + timedelta(hours=1))
    assert claimed(account)[1] == ids[1::2]


def test_an_uncertain_row_holds_back_its_key(account: Account) -> None:
    ids = record(3)
    Event.objects.filter(pk=ids[0]).update(state=State.UNCERTAIN)
    assert claimed(account)[1] == []


@pytest.mark.parametrize("state", [State.SENDING, State.UNCERTAIN])
def test_a_row_of_an_account_that_is_drained_no_more_holds_back_nobody(account: Account, state: State) -> None:
    """Demand F5: after a change of the account its former rows stay as they are, and so do the customers."""
    former, current = record(2)
    Event.objects.filter(pk=former).update(state=state, account="former-business/test")
    assert claimed(account)[1] == [current]


def test_an_earlier_row_that_commits_late_waits_for_the_later_one_in_hand(account: Account) -> None:
    """Promise 3: it is sent after it, never beside it."""
    ids = record(2)
    late, sent = ids
    Event.objects.filter(pk=late).update(account="elsewhere")
    assert claimed(account)[1] == [sent]
    Event.objects.filter(pk=late).update(account=ACCOUNT)
    assert claimed(account)[1] == []


def test_a_claim_that_goes_on_behind_its_last_row_keeps_the_order(account: Account) -> None:
    """The remembered place must not let a row overtake an earlier one of its key."""
    ids = record(4)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = 2
    token = new_token()
    claimer.claim(token, account=account, now=clock.now())
    Event.objects.give_back(ids[:2], token=token)
    second = new_token()
    claimer.claim(second, account=account, now=clock.now())
    assert list(Event.objects.held(second).order_by("id").values_list("id", flat=True)) == ids[:2]


def claimed_by(claimer: Claimer, account: Account) -> list[int]:
    """Claim once and return the events, which are then given back."""
    token = new_token()
    account.refresh_from_db()
    claimer.claim(token, account=account, now=clock.now())
    ids = list(Event.objects.held(token).order_by("id").values_list("id", flat=True))
    Event.objects.give_back(ids, token=token)
    return ids


def test_a_claim_goes_on_behind_its_last_row_and_begins_again_at_the_end(account: Account) -> None:
    ids = record(4, customers=4)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = 2
    assert [claimed_by(claimer, account) for _ in range(3)] == [ids[:2], ids[2:], ids[:2]]


def test_a_claim_begins_again_after_some_seconds(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = record(4, customers=4)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = 2
    assert claimed_by(claimer, account) == ids[:2]
    monkeypatch.setattr(claim, "FULL_SCAN", -1.0)
    assert claimed_by(claimer, account) == ids[:2]


@pytest.mark.parametrize(("concurrency", "size"), [(1, 100), (4, 100), (8, 200)])
def test_a_claim_is_as_large_as_the_threads_need(concurrency: int, size: int) -> None:
    assert Claimer(ACCOUNT, using="default", concurrency=concurrency).size == size


def test_a_budget_of_one_request_claims_one_row_each_time(account: Account, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 1}
    [only] = record(1)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    for _ in range(2):  # the second time it begins again, because no row is behind the last one
        Account.objects.update(budget=1.0, budget_at=clock.now())
        assert claimed_by(claimer, account) == [only]


def put(model: Sendable, lane: Lane, count: int) -> None:
    """Create rows that are due, each with an ordering key of its own."""
    shared: dict[str, Any] = {"account": ACCOUNT, "state": State.PENDING, "lane": lane}
    for _ in range(count):
        name = uuid.uuid4()
        if model is Event:
            Event.objects.create(
                **shared, uuid=name, action="page.viewed", ordering_key=name.hex, tracked_at=clock.now()
            )
        else:
            model.objects.create(**{**shared, "identity": name.hex})


@pytest.mark.parametrize(
    ("waiting", "size", "expected"),
    [
        ((30, 30, 30, 30), 20, (9, 9, 1, 1)),  # the back-fill has a tenth, objects have half of each lane
        ((30, 0, 0, 0), 20, (18, 0, 0, 0)),
        ((5, 30, 0, 0), 20, (5, 13, 0, 0)),
        ((30, 5, 0, 0), 20, (13, 5, 0, 0)),
        ((0, 0, 30, 30), 20, (0, 0, 10, 10)),
        ((0, 3, 0, 30), 20, (0, 3, 0, 17)),
        ((3, 3, 3, 3), 1, (1, 0, 0, 0)),
    ],
)
def test_a_claim_is_shared_by_lanes_and_between_objects_and_events(
    account: Account, waiting: tuple[int, ...], size: int, expected: tuple[int, ...]
) -> None:
    places: list[tuple[Sendable, Lane]] = [(model, lane) for lane in Lane for model in (RemoteObject, Event)]
    assert list(Lane) == [Lane.LIVE, Lane.BACKFILL]
    for (model, lane), count in reversed(list(zip(places, waiting, strict=True))):  # the back-fill's rows are older
        put(model, lane, count)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = size
    token = new_token()
    assert claimer.claim(token, account=account, now=clock.now()) == sum(expected)
    assert tuple(model.objects.held(token).filter(lane=lane).count() for model, lane in places) == expected


def test_a_delivered_row_does_not_hold_back_its_key(account: Account) -> None:
    first, second, _ = [*record(2), *record(1)[2:]]
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = 1
    token = new_token()
    claimer.claim(token, account=account, now=clock.now())
    assert Event.objects.finish([first], token=token, state=State.DELIVERED) == 1
    assert claimed_by(claimer, account) == [second]


def test_only_an_earlier_row_of_the_same_lane_holds_back_its_key(account: Account) -> None:
    later = clock.now() + timedelta(hours=1)
    other_lane, now_due, not_due = record(3)
    Event.objects.filter(pk=other_lane).update(lane=Lane.BACKFILL, next_attempt_at=later)
    Event.objects.filter(pk=not_due).update(next_attempt_at=later)
    assert claimed(account)[1] == [now_due]


def test_a_spent_budget_claims_nothing(account: Account, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 10}
    record(1)
    now = clock.now()
    Account.objects.update(budget=0.5, budget_at=now)
    account.refresh_from_db()
    assert Claimer(ACCOUNT, using="default", concurrency=1).claim(new_token(), account=account, now=now) == 0
    assert not Event.objects.exclude(state=State.PENDING).exists()
    assert Account.objects.get().budget == 0.5


@pytest.mark.parametrize("model", [RemoteObject, Event])
@pytest.mark.parametrize("lane", Lane)
def test_a_claim_takes_what_is_due_at_its_own_time(account: Account, model: Sendable, lane: Lane) -> None:
    put(model, lane, 4)
    later = clock.now() + timedelta(hours=1)
    model.objects.update(next_attempt_at=later)
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    claimer.size = 5
    assert claimer.claim(new_token(), account=account, now=later - timedelta(seconds=1)) == 0
    assert claimer.claim(new_token(), account=account, now=later) == 4


@pytest.mark.parametrize(("rate", "count"), [(0.5, 1), (3, 3)])
def test_a_long_pause_saves_up_the_requests_of_one_second(
    account: Account, settings: Any, rate: float, count: int
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": rate}
    record(5, customers=5)
    RemoteObject.objects.all().delete()
    Account.objects.update(budget=0, budget_at=clock.now() - timedelta(hours=1))
    account.refresh_from_db()
    assert (
        Claimer(ACCOUNT, using="default", concurrency=1).claim(new_token(), account=account, now=clock.now()) == count
    )


def test_a_lowered_rate_recovers_by_one_second_in_each_claim(account: Account, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 60}
    Account.objects.update(rate=30, budget=0, budget_at=clock.now() - timedelta(hours=1))
    account.refresh_from_db()
    Claimer(ACCOUNT, using="default", concurrency=1).claim(new_token(), account=account, now=clock.now())
    assert Account.objects.get().rate == 31  # from nothing to the limit in a minute


# What a plan says where a whole table, or a whole index, is read.
WHOLE = {
    "sqlite": re.compile(r"^\s*SCAN|AUTOMATIC", re.MULTILINE),
    "postgresql": re.compile(r"Seq Scan|Hash|Materialize"),
    "mysql": re.compile(r"(event|U0) (ALL|index)\b|MATERIALIZED"),
}


def test_the_claim_is_served_by_its_index_however_much_was_delivered(account: Account) -> None:
    """Demand C11. MariaDB has no partial indexes, so the index must be right without.

    Many keys, each with a history: to a planner that is the case for reading everything once.
    """
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    [sample] = Event.objects.all()
    rows = []
    scale = 1 if connection.vendor == "sqlite" else 5  # the others count pages of the table as well
    for number in range(1200 * scale):
        row = Event(**vars_of(sample))
        row.pk, row.dedupe, row.ordering_key = None, None, f"key {number % (40 * scale)}"
        row.state = (
            State.DELIVERED if number < 1000 * scale else State.PENDING if number < 1192 * scale else State.SENDING
        )
        rows.append(row)
    Event.objects.bulk_create(rows, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {'TABLE ' if connection.vendor == 'mysql' else ''}{Event._meta.db_table}")
    due = Claimer(ACCOUNT, using="default", concurrency=1).due(Event, Lane.LIVE, clock.now())
    plan = due.values_list("pk", flat=True)[:100].explain()
    assert "hellotext_event_claim" in plan, plan
    assert plan.count("hellotext_event_order") >= 3, plan
    assert not WHOLE[connection.vendor].search(plan), plan


def vars_of(event: Event) -> dict[str, Any]:
    return {field.attname: getattr(event, field.attname) for field in Event._meta.concrete_fields}


def test_a_late_finish_is_refused(account: Account) -> None:
    """Demand C4: a worker whose lease ran out cannot overwrite its successor."""
    [only] = record(1)
    first, _ = claimed(account)
    Event.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert Event.objects.expire_leases(ACCOUNT) == 1
    Event.objects.filter(pk=only).update(state=State.PENDING)
    second, _ = claimed(account)
    assert Event.objects.finish([only], token=first, state=State.DELIVERED) == 0
    assert Event.objects.retry([only], token=first, after=0) == 0
    assert Event.objects.give_back([only], token=first) == 0
    assert Event.objects.finish([only], token=second, state=State.DELIVERED) == 1


def test_leases_are_written_and_read_by_one_clock(account: Account) -> None:
    record(1)
    claimed(account)
    left = Event.objects.annotate(now=UtcNow()).values_list("lease_until", "now").get()
    assert left[0] is not None
    assert 60 < (left[0] - left[1]).total_seconds() <= 120
    assert abs((left[1] - clock.now()).total_seconds()) < 60  # the zones of two clocks differ by more


@pytest.fixture
def zone_of_the_server() -> Iterator[None]:
    if connection.vendor != "mysql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+05:00'")
        yield
        cursor.execute("SET time_zone = SYSTEM")


@pytest.mark.usefixtures("zone_of_the_server")
def test_leases_are_right_whatever_the_zone_of_the_server(account: Account) -> None:
    record(1)
    claimed(account)
    # Against this process's clock: two times of the server's would agree with each other in any zone.
    lease_until = Event.objects.get().lease_until
    assert lease_until is not None
    assert 60 < (lease_until - clock.now()).total_seconds() < 125
    assert Event.objects.expire_leases(ACCOUNT) == 0
    Event.objects.update(lease_until=UtcNow() - timedelta(seconds=1))
    assert Event.objects.expire_leases(ACCOUNT) == 1


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server for threads side by side")
def test_eight_workers_never_claim_a_row_twice(account: Account) -> None:
    """Demand C5."""
    ids = record(400, customers=40)
    hands: list[list[int]] = []

    def work() -> None:
        try:
            while True:
                _, mine = claimed(account, size=10)
                if not mine:
                    return
                hands.append(mine)
        finally:
            connections.close_all()

    side_by_side(work, 8)
    taken = [pk for hand in hands for pk in hand]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(ids)
    # A key is in one hand only.
    keys = dict(Event.objects.values_list("id", "ordering_key"))
    owners: dict[str, set[int]] = {}
    for number, hand in enumerate(hands):
        for pk in hand:
            owners.setdefault(keys[pk], set()).add(number)
    assert all(len(hands_of_key) == 1 for hands_of_key in owners.values())


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs a database server for threads side by side")
def test_fifty_parallel_recordings_of_one_key_are_one_row(hellotext: Emulator) -> None:
    """Demand A3."""
    customer = make_customer()

    def work() -> None:
        try:
            django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/", key="landing")
        finally:
            connections.close_all()

    side_by_side(work, 50)
    assert Event.objects.count() == 1


def side_by_side(work: Callable[[], None], count: int) -> None:
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


def test_no_transaction_is_open_while_a_request_runs(
    hellotext: Emulator, deliver: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demand C6."""
    record(3, customers=3)
    seen: list[bool] = []
    answer, main = hellotext.handle, connection

    def handle(*args: Any, **rest: Any) -> Any:
        seen.append(main.in_atomic_block)
        return answer(*args, **rest)

    monkeypatch.setattr(hellotext, "handle", handle)
    deliver(concurrency=1)
    assert seen
    assert not any(seen)


def test_one_moment_counts_for_a_row_and_for_its_followers(account: Account) -> None:
    """Promise 3: a row that becomes due while the claim is being read is not overtaken by the next of its key."""
    first, _ = record(2)
    moment = clock.now() - timedelta(seconds=2)
    Event.objects.filter(pk=first).update(next_attempt_at=moment + timedelta(seconds=1))
    claimer = Claimer(ACCOUNT, using="default", concurrency=1)
    assert not claimer.due(Event, Lane.LIVE, moment).exists()
    assert claimer.due(Event, Lane.LIVE, clock.now()).count() == 2
