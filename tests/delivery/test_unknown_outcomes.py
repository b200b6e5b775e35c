"""A request without an answer is looked for before it is sent again (promise 2, demand A4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import django_hellotext
from django_hellotext import clock
from django_hellotext.delivery import Report, reconcile, settling
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.emulator.core import EmulatorResponse
from django_hellotext.emulator.inspection import state
from django_hellotext.models import Account, Event, RemoteObject, State
from django_hellotext.signals import delivered
from tests.factories import (
    make_cart_line,
    make_customer,
    make_order,
    make_order_line,
    make_product,
    make_variant,
    placed_order,
)

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
EVENTS = "/v1/attribution/events"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def soon_settled(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}


def garbage(path: str, **values: Any) -> Fault:
    """Accepted, and the answer is unreadable: nobody can know."""
    return Fault(kind="garbage", path=path, method="POST", times=1, **values)


def again(deliver: Deliver) -> None:
    Event.objects.update(next_attempt_at=None)
    RemoteObject.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=LONG_AGO)
    deliver()


def accepted(emulator: Emulator, path: str = EVENTS) -> int:
    return sum(entry.path == path and entry.method == "POST" and entry.accepted for entry in emulator.log)


def test_an_event_that_arrived_is_not_sent_again(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    hellotext.add_fault(garbage(EVENTS))
    deliver()
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
    assert accepted(hellotext) == 1


def test_an_event_that_did_not_arrive_is_sent_again_once_it_has_settled(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 3600}
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    hellotext.add_fault(garbage(EVENTS, applied=False))
    deliver()
    again(deliver)
    assert Event.objects.get().state == State.UNCERTAIN
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 0.001}
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
    assert accepted(hellotext) == 1


@pytest.mark.parametrize("trouble", [{"kind": "garbage", "applied": False}, {"kind": "error", "status": 504}])
def test_an_event_that_hellotext_loses_again_and_again_waits_for_a_person_and_holds_up_nobody(
    hellotext: Emulator, deliver: Deliver, settings: Any, trouble: dict[str, Any]
) -> None:
    """Everything else works, so it is no outage: attempts count, and the key goes on without it (demand C7)."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": 3}
    customer = make_customer()
    deliver()
    for number in range(3):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    hellotext.add_fault(Fault(path=EVENTS, method="POST", times=3, **trouble))
    for _ in range(8):
        again(deliver)
    rows = list(Event.objects.order_by("pk"))
    assert [row.state for row in rows] == [State.FAILED, State.DELIVERED, State.DELIVERED]
    assert (rows[0].attempts, rows[0].error_status) == (3, trouble.get("status", 200))
    assert accepted(hellotext) == 2


def test_a_product_that_hellotext_loses_again_and_again_waits_for_a_person(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": 2}
    make_product()
    hellotext.add_fault(Fault(kind="error", status=502, path="/v1/attribution/products", method="POST"))
    for _ in range(6):
        again(deliver)
    mirror = RemoteObject.objects.get()
    assert (mirror.state, mirror.attempts, mirror.error_status) == (State.FAILED, 2, 502)


def test_an_outage_that_swallows_answers_costs_no_attempt(hellotext: Emulator, deliver: Deliver, settings: Any) -> None:
    """Promise 6: neither the row nor the probe gets an answer."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": 2}
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    hellotext.add_fault(Fault(kind="error", status=504))
    for _ in range(6):
        again(deliver)
    hellotext.clear_faults()
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED


def test_whoever_listens_hears_what_was_found_out(hellotext: Emulator, deliver: Deliver) -> None:
    heard: list[tuple[str, str]] = []

    def on_delivered(instance: Any, **kwargs: Any) -> None:
        if isinstance(instance, Event):
            heard.append((instance.action, instance.state))

    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    hellotext.add_fault(garbage(EVENTS))
    delivered.connect(on_delivered)
    try:
        deliver()
        again(deliver)
    finally:
        delivered.disconnect(on_delivered)
    assert heard == [("page.viewed", "delivered")]


def test_one_scan_serves_all_uncertain_events_of_the_account(hellotext: Emulator, deliver: Deliver) -> None:
    for _ in range(20):
        django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    Event.objects.update(state=State.UNCERTAIN)
    before = len(hellotext.log)
    deliver()
    scans = [entry for entry in hellotext.log[before:] if entry.path == EVENTS and entry.method == "GET"]
    assert len(scans) == 1
    assert Event.objects.filter(state=State.DELIVERED).count() == 20


def test_bad_answers_in_a_long_listing_do_not_begin_the_look_anew(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one answer in five lost, a listing of a dozen pages would hardly ever be read to its end."""
    monkeypatch.setattr(reconcile, "PAGE", 2)
    for number in range(24):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
    deliver()
    Event.objects.filter(pk=Event.objects.earliest("pk").pk).update(state=State.UNCERTAIN)
    for skip in (1, 2, 5, 9):
        hellotext.add_fault(Fault(kind="error", path=EVENTS, method="GET", times=1, skip=skip))
    deliver()
    assert not Event.objects.exclude(state=State.DELIVERED).exists()
    assert accepted(hellotext) == 24


def test_a_look_that_hellotext_slows_down_is_not_repeated_at_once(hellotext: Emulator, deliver: Deliver) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    Event.objects.update(state=State.UNCERTAIN)
    hellotext.add_fault(Fault(kind="rate_limit", path=EVENTS, method="GET"))
    before = len(hellotext.log)
    deliver()
    assert sum(entry.path == EVENTS and entry.method == "GET" for entry in hellotext.log[before:]) == 1
    assert Event.objects.get().state == State.UNCERTAIN


def test_a_look_that_hellotext_slows_down_pauses_the_account(hellotext: Emulator, deliver: Deliver) -> None:
    """Demand C12: whoever is told to wait, everybody waits."""
    record_one_in_doubt(deliver)
    hellotext.add_fault(Fault(kind="rate_limit", path=EVENTS, method="GET", retry_after=40))
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    before = len(hellotext.log)
    deliver()
    assert [entry.method for entry in hellotext.log[before:]] == ["GET"]
    account = Account.objects.get()
    assert "429" in account.paused_reason
    assert account.paused_until is not None
    assert account.paused_until > clock.now() + timedelta(seconds=30)


def test_an_outage_that_only_a_look_meets_is_one_warning(
    hellotext: Emulator, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    record_one_in_doubt(deliver)
    hellotext.add_fault(Fault(kind="error", status=503))
    for _ in range(4):
        again(deliver)
    assert [entry.message for entry in caplog.records if entry.levelname == "WARNING"] == ["account.paused"]
    hellotext.clear_faults()
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED


def record_one_in_doubt(deliver: Deliver) -> None:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    Event.objects.update(state=State.UNCERTAIN)


@pytest.fixture
def refuse(hellotext: Emulator, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Answer every GET of a path with a status from now on."""

    def begin(refused: str, status: int) -> None:
        answer = hellotext.handle

        def handle(method: str, path: str, **rest: Any) -> EmulatorResponse:
            if method == "GET" and path.partition("?")[0] == refused:
                return EmulatorResponse(status, {}, b"{}")
            return answer(method, path, **rest)

        monkeypatch.setattr(hellotext, "handle", handle)

    return begin


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_listing_that_is_refused_holds_back_no_key_for_ever(
    hellotext: Emulator, deliver: Deliver, refuse: Callable[[str, int], None], status: int
) -> None:
    """It will never tell, so each action's policy decides, as for a listing that is too long (demand C7)."""
    customer, product = make_customer(), make_product()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    django_hellotext.track("product.purchased", product, profile=make_customer(), amount=5)
    Event.objects.update(state=State.UNCERTAIN)
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/later")
    refuse(EVENTS, status)
    again(deliver)
    states = list(Event.objects.order_by("pk").values_list("state", "skip_reason"))
    assert states == [(State.DELIVERED, ""), (State.SKIPPED, "unknown"), (State.DELIVERED, "")]
    assert not Account.objects.get().halted_reason


def test_an_account_that_may_do_nothing_decides_nothing(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 for the probe as well: the account is halted, and the row is looked for when it sends again."""
    record_one_in_doubt(deliver)
    with monkeypatch.context() as patch:
        patch.setattr(hellotext, "handle", lambda *args, **rest: EmulatorResponse(403, {}, b"{}"))
        deliver()
    assert "403" in Account.objects.get().halted_reason
    Account.objects.resume(Account.objects.get().key)
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
    assert accepted(hellotext) == 1


@pytest.mark.parametrize("status", [400, 500])
def test_an_object_whose_look_always_fails_holds_up_no_other(
    hellotext: Emulator, deliver: Deliver, settings: Any, refuse: Callable[[str, int], None], status: int
) -> None:
    """Demand F2: the first of two is not to be found out about."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 60}
    first, second = make_product(), make_product()
    deliver()
    RemoteObject.objects.update(state=State.UNCERTAIN, remote_id="", finished_at=LONG_AGO)
    refuse(f"/v1/attribution/products/{first.pk}", status)
    deliver()
    poison = RemoteObject.objects.get(host_pk=str(first.pk))
    if status == 500:
        assert (poison.state, poison.attempts) == (State.UNCERTAIN, 1)
        assert poison.next_attempt_at is not None
    assert RemoteObject.objects.get(host_pk=str(second.pk)).state == State.SYNCED


@pytest.fixture
def listed(hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], int]:
    """Ten events are listed, one on each page; the oldest is uncertain. Answers how many pages a look reads.

    The nine others seem to have come so long before the attempt.
    """
    monkeypatch.setattr(reconcile, "PAGE", 1)
    monkeypatch.setattr(settling, "SURE", 5)
    for number in range(10):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
        deliver()  # one by one: events of ten customers that are sent at once arrive in any order
    oldest = Event.objects.earliest("pk")

    def look(before: timedelta) -> int:
        Event.objects.filter(pk=oldest.pk).update(state=State.UNCERTAIN, attempted_at=clock.now())
        for number, row in enumerate(hellotext.world.store["event"].rows.values()):
            row["created_at"] = int((clock.now() - before).timestamp()) - 10 + number
        requests = len(hellotext.log)
        deliver()
        return sum(entry.path == EVENTS and entry.method == "GET" for entry in hellotext.log[requests:])

    return look


def test_a_look_allows_for_clocks_that_differ_by_minutes(listed: Callable[[timedelta], int]) -> None:
    assert listed(timedelta(minutes=4)) == 10
    assert Event.objects.earliest("pk").state == State.DELIVERED
    assert listed(timedelta(minutes=6)) < 10


def test_a_look_that_may_still_be_repeated_reads_no_further_than_the_attempt(
    listed: Callable[[timedelta], int], settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 3600}
    Event.objects.update(finished_at=clock.now())
    assert listed(timedelta(hours=1)) == 1
    assert Event.objects.earliest("pk").state == State.UNCERTAIN


def test_a_last_look_does_not_trust_the_clocks_before_it_has_read_many(listed: Callable[[timedelta], int]) -> None:
    """An hour between the two clocks is no reason to send the newest events again."""
    assert listed(timedelta(hours=1)) == 5


def test_an_order_event_of_a_customer_is_simply_repeated(hellotext: Emulator, deliver: Deliver) -> None:
    """Hellotext keeps it once per order and action, so that looking first would only cost time."""
    placed_order(customer=make_customer())
    hellotext.add_fault(garbage(EVENTS))
    deliver()
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
    assert not any(entry.path == EVENTS and entry.method == "GET" for entry in hellotext.log)


@pytest.mark.parametrize("killed", [False, True])
def test_an_order_event_whose_customer_is_not_there_is_looked_for_first(
    hellotext: Emulator, deliver: Deliver, killed: bool
) -> None:
    """It goes with the session alone, and for nobody does Hellotext keep it once."""
    customer = make_customer()
    django_hellotext.track("order.placed", make_order(), profile=customer, session="visit", amount=5)
    customer.is_staff = True
    customer.save()
    hellotext.add_fault(garbage(EVENTS))
    deliver()
    assert Event.objects.get().profile_label
    if killed:
        Event.objects.update(state=State.SENDING, token="a killed worker's", lease_until=LONG_AGO)
    again(deliver)
    assert Event.objects.get().state == State.DELIVERED
    assert accepted(hellotext) == 1


def test_what_cannot_be_found_out_follows_the_policy_of_its_action(
    hellotext: Emulator, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The listing is longer than the budget: a viewed page is repeated, a purchase is not counted twice."""
    monkeypatch.setattr(reconcile, "PAGE_BUDGET", 1)
    monkeypatch.setattr(reconcile, "PAGE", 1)
    customer, product = make_customer(), make_product()
    for number in range(3):
        django_hellotext.track("page.viewed", profile=make_customer(), url=f"https://shop.example/{number}")
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/", key="a")
    django_hellotext.track("product.purchased", product, profile=make_customer(), amount=5)
    Event.objects.filter(state=State.PENDING).update(state=State.UNCERTAIN, attempted_at=LONG_AGO)
    again(deliver)
    bought = Event.objects.get(action="product.purchased")
    assert (bought.state, bought.skip_reason) == (State.SKIPPED, "unknown")
    assert Event.objects.get(key="a").state == State.DELIVERED


@pytest.mark.parametrize("kind", ["profile", "product", "cart", "order"])
def test_an_object_that_arrived_is_found_and_adopted(hellotext: Emulator, deliver: Deliver, kind: str) -> None:
    paths = {
        "profile": "/v1/profiles",
        "product": "/v1/attribution/products",
        "cart": "/v1/attribution/carts",
        "order": "/v1/attribution/orders",
    }
    line = make_cart_line(cart__owner=make_customer())
    make_order_line(order=make_order(customer=line.cart.owner), product=line.product)
    hellotext.add_fault(garbage(paths[kind]))
    deliver()
    again(deliver)
    again(deliver)
    assert not RemoteObject.objects.exclude(state=State.SYNCED).exists()
    assert accepted(hellotext, paths[kind]) == 1


@pytest.mark.parametrize("kind", ["product", "product_variant"])
def test_an_object_of_another_source_is_not_taken_for_ours(hellotext: Emulator, deliver: Deliver, kind: str) -> None:
    """References mean something within one source only: another integration counts its products as well."""
    product = make_product()
    obj: Any = product
    path = "/v1/attribution/products"
    if kind == "product_variant":
        deliver()
        obj = make_variant(product=product)
        path = f"{path}/{RemoteObject.objects.get().remote_id}/variants"
    reference = str(obj.pk) if kind == "product" else "another"
    client = client_from_settings()
    other = client.products.create(name="Theirs", source="another", reference=reference).id
    if kind == "product_variant":
        other = client.variants.create(other, name="Theirs", source="another", reference=str(obj.pk)).id
    hellotext.add_fault(garbage(path, applied=False))
    deliver()
    again(deliver)
    mirror = RemoteObject.objects.get(kind=kind, host_pk=str(obj.pk))
    assert mirror.state == State.SYNCED
    assert mirror.remote_id != other
    client.close()


def test_a_guest_is_found_by_their_e_mail(hellotext: Emulator, deliver: Deliver) -> None:
    placed_order(email="guest@example.com")
    hellotext.add_fault(garbage("/v1/profiles"))
    deliver()
    again(deliver)
    assert accepted(hellotext, "/v1/profiles") == 1
    assert Event.objects.get().state == State.DELIVERED


def test_an_action_that_hellotext_does_not_know_is_refused_with_its_reason(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "ACTIONS": ["wishlist.shared"]}
    django_hellotext.track("wishlist.shared", profile=make_customer())
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_status, event.error_type) == (State.FAILED, 404, "not_found")


def test_an_event_about_an_object_deleted_meanwhile_says_so(hellotext: Emulator, deliver: Deliver) -> None:
    product = make_product()
    django_hellotext.track("product.viewed", product, profile=make_customer())
    product.delete()
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_type) == (State.FAILED, "prerequisite_failed")
    assert "deleted" in event.error_message


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("profile", {"email": "nobody@example.com", "phone": "+34600000000"}),
        ("profile", {"first_name": "Will"}),
        ("product", {"sku": "NONE"}),
        ("product_variant", {"reference": "none", "sku": ""}),
        ("coupon", {"code": "NONE"}),
        ("coupon", {}),
        ("form", {"name": "None"}),
        ("app", {"name": "None"}),
        ("property", {"name": "None"}),
        ("action", {"name": "nothing.happened"}),
        ("list", {"name": "None"}),
        ("list", {}),
        ("cart", {"reference": "none", "source": "testshop"}),
        ("order", {"reference": "none", "source": "testshop"}),
        ("refund", {"reference": "none", "source": "testshop"}),
        ("session", {}),
    ],
)
def test_an_object_that_never_arrived_is_not_found(hellotext: Emulator, kind: str, values: dict[str, Any]) -> None:
    client = client_from_settings()
    client.coupons.create(code="SAVE", description="Ten percent off", destination_url="https://shop.example/")
    client.orders.create(delivery="deliver", reference="A-1", source="testshop")
    assert reconcile.find_object(client, kind, values) == ""
    client.close()


def test_a_look_for_an_object_reads_no_more_pages_than_the_budget(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_from_settings()
    for number in range(3):
        client.forms.create(name=f"Form {number}")
        client.orders.create(delivery="deliver", reference=f"A-{number}", source="testshop")
    form, order = {"name": "Form 0"}, {"reference": "A-0", "source": "testshop"}
    assert reconcile.find_object(client, "form", form)
    assert reconcile.find_object(client, "order", order)
    monkeypatch.setattr(reconcile, "PAGE_BUDGET", 2)
    monkeypatch.setattr(reconcile, "PAGE", 1)
    assert reconcile.find_object(client, "form", form) == ""
    assert reconcile.find_object(client, "order", order) == ""
    client.close()


def test_a_hellotext_that_ignores_the_filter_does_not_lend_us_another_profile(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_from_settings()
    client.profiles.create(email="somebody@example.com", phone="+59899123456")
    answer = hellotext.handle
    monkeypatch.setattr(hellotext, "handle", lambda *args, **rest: answer(*args, **{**rest, "query": ""}))
    wanted = {"email": "another@example.com", "phone": "+59899000000"}
    assert reconcile.find_object(client, "profile", wanted) == ""
    client.close()


def test_an_object_that_is_not_there_yet_is_looked_for_again(
    hellotext: Emulator, deliver: Deliver, settings: Any
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "SETTLE_TIME": 3600}
    make_product()
    hellotext.add_fault(garbage("/v1/attribution/products", applied=False))
    deliver()
    again(deliver)
    row = RemoteObject.objects.get()
    assert (row.state, accepted(hellotext, "/v1/attribution/products")) == (State.UNCERTAIN, 0)
    assert row.next_attempt_at is not None


def test_an_unknown_outcome_does_not_give_a_row_the_profile_of_another_account(
    hellotext: Emulator, deliver: Deliver
) -> None:
    first = make_customer(email="shared@example.com", first_name="First")
    deliver()
    second = make_customer(email="shared@example.com", first_name="Second")
    hellotext.add_fault(garbage("/v1/profiles", applied=False))
    deliver()
    again(deliver)
    row = RemoteObject.objects.get(host_pk=str(second.pk), kind="profile")
    assert (row.state, row.attributed) == (State.SYNCED, True)
    assert row.remote_id == RemoteObject.objects.get(host_pk=str(first.pk), kind="profile").remote_id
    assert [profile["first_name"] for profile in state(hellotext)["profiles"]] == ["First"]
