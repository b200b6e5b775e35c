"""Outages cost nothing; a poison row stops nobody (promise 6, demands C7, C8, C12, D5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report
from django_hellotext.delivery.breaker import Breaker
from django_hellotext.delivery.engine import Drain
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.exceptions import RateLimited
from django_hellotext.models import Account, Event, Lane, RemoteObject, State
from django_hellotext.models.accounts import AccountQuerySet
from django_hellotext.signals import paused, resumed
from tests.factories import make_customer, make_order, make_product
from tests.refusals import Refusals

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
EVENTS = "/v1/attribution/events"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CLOCKS = timedelta(milliseconds=10)  # by which this process and the database may differ, and what they round


def record(count: int, **arguments: Any) -> None:
    for number in range(count):
        values = {"profile": make_customer(), "url": f"https://shop.example/{number}", **arguments}
        django_hellotext.track("page.viewed", **values)


def pause_is_over() -> None:
    Account.objects.update(paused_until=LONG_AGO)


def posted(emulator: Emulator, path: str = EVENTS) -> int:
    return sum(entry.path == path and entry.method == "POST" for entry in emulator.log)


def test_an_outage_pauses_the_account_after_a_few_requests(hellotext: Emulator, deliver: Deliver) -> None:
    record(50)
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver(concurrency=4)
    account = Account.objects.get()
    assert account.paused_until is not None
    assert "503" in account.paused_reason
    assert len(hellotext.log) <= 2 * 4 + 1
    assert not Event.objects.exclude(state=State.PENDING).exists()


def test_a_long_outage_ends_with_nothing_refused(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": 2}
    record(20)
    hellotext.add_fault(Fault(kind="error", status=500))
    for _ in range(10):
        deliver()
        pause_is_over()
    assert not Event.objects.filter(state=State.FAILED).exists()
    hellotext.clear_faults()
    deliver()
    assert Event.objects.filter(state=State.DELIVERED).count() == 20


@pytest.mark.usefixtures("long_waits")
def test_while_the_pause_lasts_nothing_is_asked(hellotext: Emulator, deliver: Deliver) -> None:
    record(3)
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver()
    before = len(hellotext.log)
    deliver()
    assert len(hellotext.log) == before


@pytest.mark.parametrize("held", ["paused", "halted"])
def test_a_worker_that_waits_for_hellotext_is_still_seen(hellotext: Emulator, deliver: Deliver, held: str) -> None:
    """Otherwise a long outage would look as if no worker ran (demand J4)."""
    record(1)
    if held == "paused":
        hellotext.add_fault(Fault(kind="error", status=503))
    else:
        hellotext.revoke_token()
    deliver()
    Account.objects.update(drained_at=LONG_AGO)
    deliver()
    account = Account.objects.get()
    assert account.paused_reason or account.halted_reason
    assert account.drained_at is not None
    assert account.drained_at > LONG_AGO


def test_a_probe_and_not_a_row_ends_the_pause(hellotext: Emulator, deliver: Deliver) -> None:
    record(3)
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver()
    before = len(hellotext.log)
    pause_is_over()
    deliver()
    assert [(entry.method, entry.path) for entry in hellotext.log[before:]] == [("GET", "/v1/profiles")]


def test_while_one_worker_asks_the_others_wait_for_its_answer(hellotext: Emulator, deliver: Deliver) -> None:
    record(3)
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver()
    pause_is_over()
    assert Account.objects.take_probe(Account.objects.get().key, seconds=60)
    before = len(hellotext.log)
    deliver()
    assert len(hellotext.log) == before


def test_pauses_grow_while_the_outage_lasts(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, pauses = AccountQuerySet.pause, []

    def noted(self: AccountQuerySet, key: str, *, seconds: float, **rest: Any) -> int:
        pauses.append(seconds)
        return pause(self, key, seconds=seconds, **rest)

    monkeypatch.setattr(AccountQuerySet, "pause", noted)
    record(1)
    hellotext.add_fault(Fault(kind="error", status=503))
    shortest = 0.5
    for expected in range(1, 5):
        before = clock.now()
        deliver()
        account = Account.objects.get()
        assert account.pauses == len(pauses) == expected
        # Jitter above a floor: the longest of one is the shortest of the next but one.
        assert shortest <= pauses[-1] <= 2 * shortest
        assert account.paused_until is not None
        assert account.paused_until - before >= timedelta(seconds=pauses[-1]) - CLOCKS
        shortest *= 2
        pause_is_over()


def test_one_forbidden_operation_fails_its_row_and_nobody_elses(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403: the probe may do something else, so it is this operation that is not allowed."""
    product = make_product()
    record(3)
    forbid(monkeypatch, hellotext, "/v1/attribution/products")
    deliver()
    mirror = RemoteObject.objects.get(host_pk=str(product.pk), kind="product")
    assert (mirror.state, mirror.error_status) == (State.FAILED, 403)
    assert Event.objects.filter(state=State.DELIVERED).count() == 3
    assert Account.objects.get().halted_reason == ""


def test_an_account_that_may_do_nothing_is_halted_and_loses_nothing(hellotext: Emulator, deliver: Deliver) -> None:
    """403 for the probe as well: the plan does not allow it. A person resumes."""
    record(3)
    with pytest.MonkeyPatch.context() as patch:
        asked = forbid(patch, hellotext, "/v1/")
        deliver(concurrency=1)
        assert "403" in Account.objects.get().halted_reason
        before = len(asked)
        deliver()
        assert len(asked) == before
    assert not Event.objects.exclude(state=State.PENDING).exists()
    assert Account.objects.resume(Account.objects.get().key) == 1
    deliver()
    assert Event.objects.filter(state=State.DELIVERED).count() == 3


def forbid(patch: pytest.MonkeyPatch, emulator: Emulator, prefix: str) -> list[str]:
    """Answer 403 to whatever begins with ``prefix``; answers the paths that were asked for."""
    answer, asked = emulator.handle, []

    def handle(method: str, path: str, **rest: Any) -> EmulatorResponse:
        if not path.startswith(prefix):
            return answer(method, path, **rest)
        asked.append(path)
        return EmulatorResponse(403, {}, b"{}")

    patch.setattr(emulator, "handle", handle)
    return asked


def test_an_outage_is_one_warning_and_one_signal(
    hellotext: Emulator, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def on_pause(account: str, **kwargs: Any) -> None:
        heard.append(f"paused {account}")

    def on_resume(account: str, **kwargs: Any) -> None:
        heard.append(f"resumed {account}")

    paused.connect(on_pause)
    resumed.connect(on_resume)
    record(5)
    hellotext.add_fault(Fault(kind="error", status=503))
    with caplog.at_level(logging.INFO, logger="django_hellotext"):
        for _ in range(4):
            deliver()
            pause_is_over()
        hellotext.clear_faults()
        deliver()
    assert heard == ["paused test-business/test", "resumed test-business/test"]
    ours = [entry.message for entry in caplog.records if entry.name == "django_hellotext.delivery"]
    assert ours == ["account.paused", "account.resumed"]
    assert [entry.message for entry in caplog.records if entry.levelno >= logging.WARNING] == ["account.paused"]


def test_one_poison_row_is_refused_and_stops_nobody(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    """A row that Hellotext chokes on, while the probe succeeds."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": 3}
    poison = make_product()
    record(30)
    hellotext.add_fault(Fault(kind="error", status=500, path="/v1/attribution/products"))
    for _ in range(3):
        deliver()
        RemoteObject.objects.filter(state=State.PENDING).update(next_attempt_at=None)
    assert Event.objects.filter(state=State.DELIVERED).count() == 30
    mirror = RemoteObject.objects.get(host_pk=str(poison.pk), kind="product")
    assert (mirror.state, mirror.attempts, mirror.error_status) == (State.FAILED, 3, 500)


@pytest.mark.usefixtures("long_waits")
def test_what_follows_a_row_that_is_to_be_repeated_waits_behind_it(hellotext: Emulator, deliver: Deliver) -> None:
    """Promise 3: both are in one worker's hand, and the first of them comes to grief."""
    customer = make_customer()
    deliver()
    record(3, profile=customer)
    hellotext.add_fault(Fault(kind="error", status=500, path=EVENTS, method="POST", times=1))
    deliver()
    assert posted(hellotext) == 1
    assert set(Event.objects.values_list("state", flat=True)) == {State.PENDING}
    Event.objects.all().send_now()
    deliver()
    assert list(Event.objects.order_by("pk").values_list("state", "attempts")) == [
        (State.DELIVERED, 1),
        (State.DELIVERED, 0),
        (State.DELIVERED, 0),
    ]


def test_a_refused_event_holds_up_nobody_even_under_its_own_key(
    hellotext: Emulator, deliver: Deliver, refusals: Refusals
) -> None:
    """Demand C7: one poison event among those of the same customer."""
    customer = make_customer()
    refusals.refuse(EVENTS, when=lambda body: body.get("url") == "https://shop.example/4")
    for number in range(10):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    deliver()
    urls = [entry.body_json["url"] for entry in hellotext.log if entry.path == EVENTS and entry.method == "POST"]
    assert urls == [f"https://shop.example/{number}" for number in range(10) if number != 4]
    assert Event.objects.get(url="https://shop.example/4").state == State.FAILED


def test_a_refused_token_halts_the_account_and_a_new_one_resumes_it(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    record(30)
    settings.HELLOTEXT = {**settings.HELLOTEXT, "API_TOKEN": "revoked"}
    deliver(concurrency=2)
    asked = len(hellotext.log)
    assert asked <= 2
    assert "401" in Account.objects.get().halted_reason
    deliver()
    assert len(hellotext.log) == asked
    settings.HELLOTEXT = {**settings.HELLOTEXT, "API_TOKEN": "test-token"}
    deliver()
    assert Event.objects.filter(state=State.DELIVERED).count() == 30


def test_too_many_requests_pause_for_as_long_as_hellotext_says(hellotext: Emulator, deliver: Deliver) -> None:
    record(3)
    hellotext.add_fault(Fault(kind="rate_limit", retry_after=40, times=1))
    deliver(concurrency=1)
    account = Account.objects.get()
    assert account.paused_until is not None
    assert account.drained_at is not None
    assert 35 < (account.paused_until - account.drained_at).total_seconds() < 90  # the drain itself takes a while
    assert not Event.objects.filter(attempts__gt=0).exists()


def test_an_outage_that_many_workers_meet_at_once_is_one_pause(
    hellotext: Emulator, deliver: Deliver, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted for each of them, the first hiccup would pause a large site for a minute, and cut its rate to nothing."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 100}
    record(1)
    deliver()
    workers = [Breaker("test-business/test", using="default") for _ in range(8)]
    for worker in workers:
        worker.judge(RateLimited(status=429))
    account = Account.objects.get()
    assert account.pauses == 1
    assert account.rate == pytest.approx(50)
    assert account.paused_until is not None
    assert account.paused_until < clock.now() + timedelta(seconds=5)
    # Whoever was told to wait for longer is listened to all the same.
    workers[0].judge(RateLimited(status=429, retry_after=600))
    workers[1].judge(RateLimited(status=429, retry_after=60))
    account.refresh_from_db()
    assert account.pauses == 1
    assert account.paused_until > clock.now() + timedelta(seconds=500)
    assert [entry.message for entry in caplog.records if entry.levelno >= logging.WARNING] == ["account.paused"]


@pytest.fixture
def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The clock by which budgets are counted stands still, and is set forward by so many seconds."""
    moment = clock.now()

    def by(seconds: float) -> None:
        nonlocal moment
        moment += timedelta(seconds=seconds)

    monkeypatch.setattr(Drain, "_now", lambda self: moment)
    return by


def test_a_rate_is_kept_by_the_account(
    hellotext: Emulator, deliver: Deliver, settings: Any, forward: Callable[[float], None]
) -> None:
    """Demand D5: however often and by however many workers it is drained."""
    customer = make_customer()
    deliver()
    rate = 2
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": rate}
    for number in range(20):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    for _ in range(5):
        deliver()
        assert posted(hellotext) == rate
    for seconds, more in ((0.5, rate // 2), (1, rate), (60, rate)):  # at most the burst of one second is saved up
        before = posted(hellotext)
        forward(seconds)
        deliver()
        assert posted(hellotext) == before + more


def test_what_an_event_needs_first_is_taken_off_the_budget_too(
    hellotext: Emulator, deliver: Deliver, settings: Any, forward: Callable[[float], None]
) -> None:
    """Demand D5: an event of somebody new is two requests."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 10}
    with django_hellotext.paused():
        record(30)
    # One row in ten is the back-fill's: nine events and their nine customers, and then what the second allows.
    for seconds, asked, left in ((0, 18, -8), (1, 22, -2), (1, 38, -8)):
        forward(seconds)
        deliver()
        assert sum(entry.method == "POST" for entry in hellotext.log) == asked
        assert Account.objects.get().budget == left


def test_a_budget_that_was_overdrawn_by_far_is_made_up_for(
    hellotext: Emulator, deliver: Deliver, settings: Any, forward: Callable[[float], None]
) -> None:
    """Demand D5: what events need first may cost more than the burst of a second."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 10}
    record(3)
    deliver()
    record(1)
    Account.objects.update(budget=-50)
    for seconds, delivered in ((4, 3), (2, 4)):
        forward(seconds)
        deliver()
        assert Event.objects.filter(state=State.DELIVERED).count() == delivered


def test_a_clock_that_was_set_back_does_not_stop_the_budget(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 10}
    record(1)
    deliver()
    record(1)
    Account.objects.update(budget=0, budget_at=clock.now() + timedelta(hours=1))
    deliver()
    account = Account.objects.get()
    assert account.budget_at is not None
    assert account.budget_at < clock.now() + timedelta(minutes=1)


def test_customers_do_not_wait_for_a_whole_catalogue(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    """Demand D3: many objects that were saved at once leave events their share of a claim."""
    customers = [make_customer() for _ in range(20)]
    deliver()
    for _ in range(40):
        make_product()
    for customer in customers:
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 20}
    before = len(hellotext.log)
    deliver(concurrency=1)  # side by side, one of the next claim may overtake the last of this one
    first = [entry.path for entry in hellotext.log[before:] if entry.method == "POST"][:18]
    assert first.count(EVENTS) == first.count("/v1/attribution/products") == 9


def test_too_many_requests_lower_the_rate_and_it_comes_back_slowly(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 100}
    record(3)
    hellotext.add_fault(Fault(kind="rate_limit", retry_after=0, times=1))
    deliver(concurrency=1)
    lowered = Account.objects.get().rate
    assert lowered == pytest.approx(50)
    # However long nobody drained: it comes back by a second's worth with a claim, and no further than the limit.
    for before, least, most in ((lowered, 50, 60), (99.9, 100, 100)):
        Account.objects.update(budget_at=LONG_AGO, paused_until=LONG_AGO, rate=before)
        record(1)
        deliver()
        rate = Account.objects.get().rate
        assert rate is not None
        assert least <= rate <= most


def test_live_rows_go_before_a_back_fill_without_starving_it(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    """Demand D3."""
    old, new = [make_customer() for _ in range(40)], [make_customer() for _ in range(40)]
    deliver()
    for customer in old:
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/old")
    Event.objects.update(lane=Lane.BACKFILL)
    for customer in new:
        django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/new")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RATE": 20}
    deliver(concurrency=1)  # side by side, one of the next claim may overtake the last of this one
    urls = [entry.body_json["url"] for entry in hellotext.log if entry.path == EVENTS and entry.method == "POST"]
    first = urls[:20]
    assert first.count("https://shop.example/new") == 18
    assert first.count("https://shop.example/old") == 2


@pytest.mark.parametrize("frozen", [None, {"items": [{"product": "shop.book/7"}]}])
def test_an_event_recorded_by_a_newer_release_waits_for_a_worker_of_that_release(
    hellotext: Emulator, deliver: Deliver, frozen: object
) -> None:
    record(1)
    Event.objects.update(payload_version=99, object_parameters=frozen)
    record(1)
    deliver()
    event = Event.objects.earliest("pk")
    assert Event.objects.latest("pk").state == State.DELIVERED
    assert (event.state, event.attempts, event.attempted_at) == (State.PENDING, 0, None)
    Event.objects.update(payload_version=1, object_parameters=None)
    deliver()
    event.refresh_from_db()
    assert event.state == State.DELIVERED


def test_an_object_deleted_at_hellotext_is_created_anew_once(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    first = RemoteObject.objects.get()
    delete(hellotext, f"/v1/attribution/products/{first.remote_id}")
    product.name = "Another name"
    product.save()
    deliver()
    second = RemoteObject.objects.get()
    assert second.state == State.SYNCED
    assert second.remote_id != first.remote_id
    assert posted(hellotext, "/v1/attribution/products") == 2


def test_an_object_that_is_gone_again_and_again_is_recreated_each_time(hellotext: Emulator, deliver: Deliver) -> None:
    """What refers to it, such as an order, can go on; one save is one creation at most."""
    product = make_product()
    deliver()
    for name in ("Second", "Third"):
        row = RemoteObject.objects.get(kind="product")
        delete(hellotext, f"/v1/attribution/products/{row.remote_id}")
        product.name = name
        product.save()
        record(1)
        deliver()
    row = RemoteObject.objects.get(kind="product")
    assert (row.state, row.recreated) == (State.SYNCED, 0)
    assert posted(hellotext, "/v1/attribution/products") == 3
    assert Event.objects.filter(state=State.DELIVERED).count() == 2


def test_a_delivery_recreates_an_object_once_at_most(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    deliver()
    row = RemoteObject.objects.get()
    delete(hellotext, f"/v1/attribution/products/{row.remote_id}")
    RemoteObject.objects.update(recreated=1)
    product.name = "Second"
    product.save()
    deliver()
    row.refresh_from_db()
    assert (row.state, row.error_status, row.error_type) == (State.FAILED, 404, "not_found")
    # A person who has looked may have it created once more.
    assert RemoteObject.objects.all().requeue() == 1
    deliver()
    assert RemoteObject.objects.get().state == State.SYNCED
    assert posted(hellotext, "/v1/attribution/products") == 2


def delete(emulator: Emulator, path: str) -> None:
    emulator.handle("DELETE", path, headers={"Authorization": "Bearer test-token"}, body=b"")


def test_an_object_that_exists_there_already_is_adopted(hellotext: Emulator, deliver: Deliver) -> None:
    """422 parameter_not_unique: find it and keep its ID."""
    product = make_product()
    deliver()
    first = RemoteObject.objects.get()
    RemoteObject.objects.update(remote_id="", payload_hash="", synced_version=0)
    product.save()
    deliver()
    again = RemoteObject.objects.get()
    assert (again.remote_id, again.state) == (first.remote_id, State.SYNCED)


def test_an_adapter_that_raises_holds_up_only_its_own_object(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.testshop.hellotext import ProductAdapter

    broken, good = make_product(name="broken"), make_product()
    build = ProductAdapter.build

    def raising(self: ProductAdapter, obj: Any) -> dict[str, Any]:
        if obj.name == "broken":
            raise KeyError("colour")
        return build(self, obj)

    monkeypatch.setattr(ProductAdapter, "build", raising)
    deliver()
    states = dict(RemoteObject.objects.values_list("host_pk", "state"))
    assert states == {str(broken.pk): "failed", str(good.pk): "synced"}
    assert "ProductAdapter raised KeyError" in RemoteObject.objects.get(host_pk=str(broken.pk)).error_message


def test_a_deleted_order_is_not_created_any_more(hellotext: Emulator, deliver: Deliver) -> None:
    order = make_order()
    order.delete()
    deliver()
    mirror = RemoteObject.objects.get()
    assert (mirror.state, posted(hellotext, "/v1/attribution/orders")) == (State.DELETED, 0)
    assert mirror.tombstone_at is not None
