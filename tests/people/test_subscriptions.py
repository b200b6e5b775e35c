"""Subscribing needs evidence, is sent once, and never overrules an opt-out (demand A1, promise 9)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

import django_hellotext as hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.adapters.base import CONSENT_KEYS
from django_hellotext.delivery import Report
from django_hellotext.delivery.clients import client_from_settings
from django_hellotext.delivery.prune import prune
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.exceptions import ConfigurationError, TrackingError
from django_hellotext.intake import backfill
from django_hellotext.models import Account, Event, RemoteObject, State
from tests.factories import make_customer, make_order, make_product, make_staff, placed_order
from tests.testshop.models import Cart, Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
Profiles = Callable[[], list[dict[str, Any]]]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def evidence(*, ago: float = 0.0, **values: Any) -> hellotext.Evidence:
    """Evidence that was given so many seconds ago."""
    given = {"source": "checkout", "text": "Yes, send me offers.", "at": clock.now() - timedelta(seconds=ago)}
    return hellotext.Evidence(**{**given, **values})


def calls(emulator: Emulator) -> list[str]:
    """The calls that set a subscription, in their order."""
    words = ("subscribe", "unsubscribe")
    return [word for entry in emulator.log if (word := entry.path.rpartition("/")[2]) in words]


def opt_out_at_hellotext(customer: User) -> None:
    """The customer answers STOP."""
    remote_id = RemoteObject.objects.get(host_label="auth.user", host_pk=str(customer.pk)).remote_id
    client_from_settings().profiles.unsubscribe(remote_id)


def skip_reasons() -> list[str]:
    return [row.skip_reason for row in Event.objects.order_by("pk")]


def test_a_subscription_is_a_row_with_its_evidence_and_is_sent_once(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """A1: the row keeps what the customer agreed to."""
    given = evidence(ip="192.0.2.7", ago=60)
    customer = make_customer()
    hellotext.subscribe(customer, evidence=given)
    hellotext.subscribe(customer, evidence=given)
    deliver()
    deliver()
    row = Event.objects.get()
    assert (row.destination, row.action, row.state) == ("subscription", "subscribe", State.DELIVERED)
    assert row.tracked_at == given.at
    assert row.metadata["evidence"] == {
        "source": "checkout",
        "text": "Yes, send me offers.",
        "at": given.at.isoformat(),
        "ip": "192.0.2.7",
    }
    assert [profile["state"] for profile in profiles()] == ["subscribed"]
    assert calls(hellotext_app) == ["subscribe"]


@pytest.mark.parametrize("wrong", [None, True, "yes", {"source": "form"}, clock.now()])
def test_without_evidence_nobody_is_subscribed(hellotext_app: Emulator, wrong: Any) -> None:
    """A1: no default, no shortcut."""
    customer = make_customer()
    with pytest.raises(TypeError, match="evidence"):
        hellotext.subscribe(customer, evidence=wrong)
    with pytest.raises(TypeError):
        hellotext.subscribe(customer)  # type: ignore[call-arg]  # the very mistake
    assert not Event.objects.exists()


@pytest.mark.parametrize("wrong", [{"source": " "}, {"text": ""}])
def test_evidence_that_shows_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrackingError):
        evidence(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source": 1}, "source must be a string, not int"),
        ({"text": None}, "text must be a string, not NoneType"),
        ({"at": "today"}, "at must be a datetime, not str"),
        ({"ip": 7}, "ip must be a string, not int"),
        ({"renewed": "yes"}, "renewed must be a bool, not str"),
    ],
)
def test_evidence_of_another_type_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        evidence(**wrong)


def test_a_long_text_is_cut() -> None:
    assert evidence(text="x" * 10_001).as_data()["text"] == "x" * 10_000


def test_an_address_that_is_none_is_left_out() -> None:
    """Behind a proxy the address is whatever a visitor claims."""
    assert "ip" not in evidence(ip="; DROP TABLE").as_data()


@pytest.mark.parametrize("stranger", [None, 5, object(), Order(number="unsaved")])
def test_only_a_known_customer_or_guest_can_subscribe(hellotext_app: Emulator, stranger: Any) -> None:
    with pytest.raises(TypeError):
        hellotext.subscribe(stranger, evidence=evidence())


def test_a_guest_subscribes_with_the_order(deliver: Deliver, profiles: Profiles) -> None:
    """A10: a guest may tick the box, too."""
    hellotext.subscribe(placed_order(email="guest@example.com"), evidence=evidence())
    deliver()
    assert [(profile["emails"], profile["state"]) for profile in profiles()] == [(["guest@example.com"], "subscribed")]


def test_an_order_of_nobody_is_a_refused_row(hellotext_app: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": False}
    hellotext.subscribe(make_order(), evidence=evidence())
    row = Event.objects.get()
    assert (row.state, row.error_type, row.error_parameter) == (State.FAILED, "parameter_missing", "profile")


def test_a_guest_who_opted_out_with_one_order_can_subscribe_again_with_the_next(
    deliver: Deliver, profiles: Profiles
) -> None:
    """Both orders are one profile, so the opt-out is known to be older than the new evidence."""
    first = placed_order(email="guest@example.com")
    hellotext.subscribe(first, evidence=evidence(ago=60))
    hellotext.unsubscribe(first)
    deliver()
    hellotext.subscribe(placed_order(email="guest@example.com"), evidence=evidence())
    deliver()
    assert [profile["state"] for profile in profiles()] == ["subscribed"]


@pytest.mark.usefixtures("still_clock")
def test_an_opt_out_of_the_same_moment_wins_over_the_evidence(deliver: Deliver, profiles: Profiles) -> None:
    customer = make_customer()
    hellotext.unsubscribe(customer)
    hellotext.subscribe(customer, evidence=evidence())
    deliver()
    assert skip_reasons() == ["", "opted_out"]


def test_who_is_not_mirrored_is_not_subscribed(hellotext_app: Emulator, deliver: Deliver) -> None:
    hellotext.subscribe(make_staff(), evidence=evidence())
    deliver()
    assert skip_reasons() == ["not_syncable"]
    assert calls(hellotext_app) == []


def test_the_customers_words_are_sent_in_their_order(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    customer = make_customer()
    hellotext.subscribe(customer, evidence=evidence(ago=30))
    deliver()
    hellotext.unsubscribe(customer, evidence=evidence(ago=20))
    hellotext.subscribe(customer, evidence=evidence(ago=10))
    deliver()
    assert calls(hellotext_app) == ["subscribe", "unsubscribe", "subscribe"]
    assert profiles()[0]["state"] == "subscribed"


def test_an_opt_out_that_is_still_waiting_stops_an_earlier_subscription(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """A1: the opt-out is known to us before Hellotext has it."""
    customer = make_customer()
    hellotext.subscribe(customer, evidence=evidence(ago=10))
    hellotext.unsubscribe(customer)
    deliver()
    assert calls(hellotext_app) == ["unsubscribe"]
    assert skip_reasons() == ["opted_out", ""]
    assert profiles()[0]["state"] == "unsubscribed"


def test_old_evidence_never_overrules_a_later_opt_out(hellotext_app: Emulator, deliver: Deliver) -> None:
    """A1: the nightly job that reads ``newsletter_since`` from a table."""
    customer = make_customer()
    hellotext.unsubscribe(customer, evidence=evidence(ago=60))
    deliver()
    hellotext.subscribe(customer, evidence=evidence(ago=3600))
    deliver()
    assert calls(hellotext_app) == ["unsubscribe"]
    assert skip_reasons() == ["", "opted_out"]


def test_an_opt_out_at_hellotext_stops_a_subscription(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """A1: nobody told us; it is read from their side in the same send."""
    customer = make_customer()
    deliver()
    opt_out_at_hellotext(customer)
    hellotext.subscribe(customer, evidence=evidence())
    deliver()
    assert calls(hellotext_app) == ["unsubscribe"]
    assert skip_reasons() == ["opted_out"]
    assert profiles()[0]["state"] == "unsubscribed"


def test_who_asks_again_after_the_opt_out_was_seen_is_subscribed(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    customer = make_customer()
    deliver()
    opt_out_at_hellotext(customer)
    hellotext.subscribe(customer, evidence=evidence(ago=10))
    deliver()
    hellotext.subscribe(customer, evidence=evidence(ago=-5))
    deliver()
    assert profiles()[0]["state"] == "subscribed"


def test_who_knowingly_asks_again_is_subscribed(deliver: Deliver, profiles: Profiles) -> None:
    customer = make_customer()
    deliver()
    opt_out_at_hellotext(customer)
    hellotext.subscribe(customer, evidence=evidence(renewed=True))
    deliver()
    assert profiles()[0]["state"] == "subscribed"


def test_a_second_opt_out_at_hellotext_is_not_taken_for_the_first(deliver: Deliver, profiles: Profiles) -> None:
    """A1: out in the shop, in again, out at Hellotext; then a job with evidence of in between."""
    customer = make_customer()
    hellotext.unsubscribe(customer, evidence=evidence(ago=300))
    hellotext.subscribe(customer, evidence=evidence(ago=200))
    deliver()
    opt_out_at_hellotext(customer)
    hellotext.subscribe(customer, evidence=evidence(ago=100))
    deliver()
    assert skip_reasons() == ["", "", "opted_out"]
    assert profiles()[0]["state"] == "unsubscribed"


def test_an_opt_out_as_customer_counts_for_the_same_person_as_guest(deliver: Deliver, profiles: Profiles) -> None:
    """A1: two host objects, one profile."""
    customer = make_customer(email="wile@example.com")
    order = placed_order(email="wile@example.com")
    deliver()
    hellotext.unsubscribe(customer, evidence=evidence(ago=10))
    hellotext.subscribe(order, evidence=evidence(ago=20))
    deliver()
    assert skip_reasons()[-1] == "opted_out"
    assert [profile["state"] for profile in profiles()] == ["unsubscribed"]


def test_a_subscription_without_an_answer_is_simply_sent_again(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles
) -> None:
    """A4: it sets a state, so that repeating it does no harm."""
    customer = make_customer()
    deliver()
    remote_id = RemoteObject.objects.get(kind="profile").remote_id
    hellotext_app.add_fault(Fault(kind="garbage", path=f"/v1/profiles/{remote_id}/subscribe", times=1))
    hellotext.subscribe(customer, evidence=evidence())
    deliver()
    Event.objects.update(next_attempt_at=None)
    Account.objects.update(paused_until=LONG_AGO)
    deliver()
    assert Event.objects.get().state == State.DELIVERED
    assert profiles()[0]["state"] == "subscribed"


def test_consent_to_messages_is_asked_twice_and_an_opt_out_never(deliver: Deliver, settings: Any) -> None:
    """I2: withdrawn between recording and sending; an opt-out needs nobody's consent."""
    allowed = True
    asked: list[str] = []

    def hook(request: Any, purpose: str, subject: Any) -> bool | None:
        asked.append(purpose)
        return allowed if purpose == "message" else None

    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": hook}
    first, second = make_customer(), make_customer()
    hellotext.subscribe(first, evidence=evidence())
    hellotext.unsubscribe(second)
    allowed = False
    hellotext.subscribe(second, evidence=evidence())
    deliver()
    assert set(asked) == {"message"}
    assert [(row.action, row.state, row.skip_reason) for row in Event.objects.order_by("pk")] == [
        ("subscribe", State.SKIPPED, "consent"),
        ("unsubscribe", State.DELIVERED, ""),
    ]


def test_what_a_customer_said_is_never_pruned(deliver: Deliver) -> None:
    """A1: an opt-out of two years ago still counts, and evidence is the proof of a consent."""
    customer = make_customer()
    hellotext.subscribe(customer, evidence=evidence(ago=60))
    hellotext.unsubscribe(customer, evidence=evidence(ago=30))
    hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    deliver()
    Event.objects.update(created_at=LONG_AGO, finished_at=LONG_AGO)
    prune(days=30)
    assert [row.action for row in Event.objects.exclude(metadata={}).order_by("pk")] == ["subscribe", "unsubscribe"]


def test_nothing_but_these_rows_ever_subscribes(
    hellotext_app: Emulator, deliver: Deliver, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: a whole shop is mirrored, nobody is subscribed, and an opt-out outlives the next sync."""
    monkeypatch.setattr(backfill, "SIZE", 20)
    names = [f"customer-{number}" for number in range(50)]
    User.objects.bulk_create(User(username=name, email=f"{name}@example.com") for name in names)
    customers = list(User.objects.filter(username__in=names[:5]).order_by("pk"))
    call_command("hellotext_sync", stdout=StringIO(), stderr=StringIO())
    for customer in customers:
        placed_order(customer=customer)
    placed_order(email="guest@example.com", phone="+59899123456")
    deliver()
    opt_out_at_hellotext(customers[0])
    hellotext.sync(User.objects.all())
    customers[0].first_name = "Changed"
    customers[0].save()
    deliver()
    states = [profile["state"] for profile in profiles()]
    assert (len(states), states.count("subscribed"), states.count("unsubscribed")) == (51, 0, 1)
    assert calls(hellotext_app) == ["unsubscribe"]
    sent = [entry.body_json for entry in hellotext_app.log if entry.path.startswith("/v1/profiles") and entry.body_json]
    assert len(sent) > 50
    assert not {key.partition("[")[0].lower() for body in sent for key in body} & CONSENT_KEYS


texts = st.text(max_size=20)


@pytest.mark.usefixtures("hellotext_app")
@settings(max_examples=30)
@given(email=texts, phone=texts, first_name=texts, last_name=texts, status=st.sampled_from(Order.Status.values))
def test_no_payload_of_any_kind_holds_a_subscription_state(
    email: str, phone: str, first_name: str, last_name: str, status: str
) -> None:
    """A1: a property of every payload builder of the shop, whatever its objects hold."""
    objects = [
        User(pk=1, username="u", email=email, first_name=first_name, last_name=last_name),
        Order(pk=2, number="N", email=email, phone=phone, first_name=first_name, status=status),
        Cart(pk=3, email=email),
        Product(pk=4, name=first_name or "x"),
    ]
    for obj in objects:
        adapter = registry.for_model(type(obj))
        assert adapter is not None
        for payload in (adapter.guest_payload(obj), *([adapter.payload(obj)] if isinstance(obj, User) else [])):
            assert not {key.partition("[")[0].lower() for key in payload or {}} & CONSENT_KEYS


@pytest.mark.parametrize("key", sorted(CONSENT_KEYS))
def test_an_adapter_that_says_it_all_the_same_is_refused(hellotext_app: Emulator, key: str) -> None:
    """A1: not even the shop's own ``build()`` can send a state."""
    adapter = registry.for_model(Order)
    assert adapter is not None
    with pytest.raises(ConfigurationError, match="Consent"):
        adapter._without_consent({key: True}, kind="profile")


def test_recording_is_one_statement(hellotext_app: Emulator, django_assert_num_queries: Any) -> None:
    customer = make_customer()
    make_product()
    with django_assert_num_queries(1):
        hellotext.subscribe(customer, evidence=evidence())


def test_an_opt_out_with_the_wrong_evidence_is_a_mistake(hellotext_app: Emulator) -> None:
    with pytest.raises(TypeError, match=r"evidence must be a hellotext\.Evidence, not str"):
        hellotext.unsubscribe(make_customer(), evidence="yes")  # type: ignore[arg-type]  # the very mistake


def test_an_inert_app_subscribes_nobody(settings: Any) -> None:
    customer = make_customer()
    settings.HELLOTEXT = {}
    hellotext.subscribe(customer, evidence=evidence())
    hellotext.unsubscribe(customer)
    assert not Event.objects.exists()


@pytest.mark.parametrize("raises", [False, True])
def test_an_adapter_that_raises_leaves_a_failed_row(
    hellotext_app: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "RAISE_ERRORS": raises}
    order = placed_order(email="guest@example.com")
    monkeypatch.setattr(type(registry.for_model(Order)), "profile_link", lambda self, obj: 1 / 0)
    with pytest.raises(TrackingError) if raises else nullcontext():
        hellotext.subscribe(order, evidence=evidence())
    event = Event.objects.get()
    assert (event.state, event.error_type) == (State.FAILED, "adapter_failed")
