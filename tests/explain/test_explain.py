"""Explain: for any row and any object of the shop, why it was or was not sent, in the same words everywhere."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.delivery.advice import for_error, for_skip
from django_hellotext.delivery.explain import explain, explain_object
from django_hellotext.delivery.preview import preview
from django_hellotext.emulator import Emulator
from django_hellotext.models import (
    CHANGES,
    LAST_PAYLOAD,
    Account,
    Event,
    Lane,
    RemoteObject,
    Session,
    SkipReason,
    State,
)
from tests.factories import (
    make_cart,
    make_customer,
    make_order,
    make_product,
    make_staff,
    placed_order,
)
from tests.testshop.models import Order, Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


def codes(what: Any) -> list[str]:
    return explain(what).codes


def mirror(obj: Any) -> RemoteObject:
    found: RemoteObject = RemoteObject.objects.get(host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return found


# What was sent


def test_a_delivered_order_says_so(deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    text = str(explain(order))
    assert text.startswith(f"testshop.order {order.pk}\n")
    assert "Hellotext has it since" in text
    assert "Hellotext received it at" in text
    assert "exactly what would be sent now" in text
    assert not {"refused", "waiting_for", "due", "drifted"} & set(codes(order))


def test_an_object_that_was_changed_behind_the_signals_says_so(deliver: Deliver) -> None:
    product = make_product()
    deliver()
    Product.objects.update(name="Anvil")
    assert "drifted" in codes(product)
    assert "unchanged" not in codes(product)


def test_a_status_that_was_changed_behind_the_signals_says_so(deliver: Deliver) -> None:
    order = placed_order()
    deliver()
    Order.objects.update(status="shipped")
    assert "status_unseen" in codes(order)


def test_a_status_that_was_there_before_the_installation_says_so(deliver: Deliver) -> None:
    """A7"""
    with django_hellotext.paused():
        order = placed_order()
    assert "never_recorded" in codes(order)
    django_hellotext.sync(order)
    deliver()
    assert "status_baseline" in codes(order)


# What was not sent


def test_a_model_without_an_adapter(hellotext: Emulator) -> None:
    group = Group.objects.create(name="vip")
    assert codes(group)[-1] == "unregistered"
    assert explain_object("no.such", "1", using="default").codes[-1] == "unregistered"
    assert explain_object("nonsense", "1", using="default").codes[-1] == "unregistered"


def test_a_model_that_has_no_adapter_any_more(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its objects are there, in the shop and at Hellotext; nothing else is said of them."""
    product = make_product()
    deliver()
    monkeypatch.setattr(registry.registry, "_adapters", {})
    said = explain_object("testshop.Product", str(product.pk), using="default")
    assert said.codes == ["unregistered", "object", "synced", "unrenderable"]
    assert "stays as it is" in str(said)


@pytest.mark.parametrize("pk", ["999", "x", "", "9" * 40, "1'"])
def test_an_object_that_never_was(hellotext: Emulator, pk: str) -> None:
    assert explain_object("testshop.Order", pk, using="default").codes[-1] == "unknown"


def test_an_object_is_known_by_its_reference_too(deliver: Deliver) -> None:
    """An operator has the number of an order at hand, not its key in the table."""
    order = placed_order(number="A-1001")
    placed_order(number=str(order.pk))
    deliver()
    assert str(explain_object("testshop.Order", "A-1001", using="default")) == str(explain(order))
    # A key goes before a reference.
    assert str(explain_object("testshop.order", str(order.pk), using="default")) == str(explain(order))


def test_an_object_that_is_gone(deliver: Deliver) -> None:
    product = make_product()
    deliver()
    pk = product.pk
    product.delete()
    deliver()
    assert {"gone", "deleted"} <= set(explain_object("testshop.product", str(pk), using="default").codes)


def test_an_object_that_is_not_to_be_mirrored(deliver: Deliver) -> None:
    product = make_product(is_published=False)
    assert "not_syncable" in codes(product) or "unseen_change" in codes(product)
    deliver()
    assert {"skipped", "skipped_not_syncable", "not_syncable"} <= set(codes(product))


def test_a_member_of_staff(deliver: Deliver) -> None:
    staff = make_staff()
    deliver()
    assert "not_syncable" in codes(staff)


def test_a_change_that_no_worker_has_seen(hellotext: Emulator) -> None:
    """J4"""
    product = make_product()
    assert {"no_worker", "unseen_change"} <= set(codes(product))


def test_of_an_order_that_no_worker_has_seen_nobody_says_that_it_made_no_event(deliver: Deliver) -> None:
    """Its event is recorded when the worker looks at the change."""
    order = placed_order(customer=make_customer())
    assert codes(order)[-1] == "unseen_change"
    deliver()
    assert "event" in codes(order)
    Event.objects.all().delete()
    assert "no_event" in codes(order)


def test_an_anonymous_cart(deliver: Deliver) -> None:
    cart = make_cart()
    deliver()
    assert {"skipped_anonymous", "no_event"} <= set(codes(cart))


def test_a_row_that_waits_for_nothing_is_due(deliver: Deliver) -> None:
    deliver()
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    assert codes(Event.objects.get()) == ["pending", "due"]


def test_a_row_waits_for_the_one_before_it(deliver: Deliver) -> None:
    """C7"""
    customer = make_customer()
    deliver()
    for number in range(2):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
    first, second = Event.objects.order_by("pk")
    assert "waiting_for_order" not in codes(first)
    assert "waiting_for_order" in codes(second)


def test_a_row_waits_for_what_it_refers_to(deliver: Deliver) -> None:
    deliver()
    order = placed_order(customer=make_customer())
    RemoteObject.objects.all().delete()
    django_hellotext.track("order.placed", order)
    event = Event.objects.get()
    assert "waiting_for" in codes(event)
    assert f"the order testshop.order {order.pk}, which was not mirrored yet" in str(explain(event))


def test_a_row_waits_for_its_session(deliver: Deliver) -> None:
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, session="a-session", url="https://shop.example/")
    assert "waiting_for_session" in codes(Event.objects.get())


def test_a_row_that_is_tried_later_says_when(deliver: Deliver) -> None:
    product = make_product()
    deliver()
    RemoteObject.objects.update(
        state=State.PENDING, attempts=2, next_attempt_at=clock.now() + datetime.timedelta(hours=1), error_status=503
    )
    assert "next_attempt" in codes(mirror(product))
    assert "after 2 without success" in str(explain(mirror(product)))


@pytest.mark.parametrize(("verb", "code"), [("pause", "paused"), ("halt", "halted")])
def test_a_paused_or_halted_account(deliver: Deliver, verb: str, code: str) -> None:
    deliver()
    product = make_product()
    options = {"seconds": 60} if verb == "pause" else {}
    getattr(Account.objects, verb)("test-business/test", reason="Hellotext answered 401", **options)
    assert code in codes(product)
    assert "Hellotext answered 401" in str(explain(product))
    assert ("next try" in str(explain(product))) == (verb == "halt")


def test_a_database_of_another_environment(hellotext: Emulator) -> None:
    """A8"""
    product = make_product()
    Account.objects.create(key="test-business/production", business_id="test-business", environment="production")
    assert codes(product)[0] == "foreign"


def test_a_row_of_another_account(deliver: Deliver, settings: Any) -> None:
    product = make_product()
    deliver()
    RemoteObject.objects.update(state=State.PENDING, account="other/live")
    assert codes(mirror(product))[1] == "foreign"


def test_an_app_that_is_not_configured(settings: Any) -> None:
    """K3"""
    settings.HELLOTEXT = None
    assert "inactive" in explain_object("testshop.order", "1", using="default").codes
    settings.HELLOTEXT = {"BUSINES_ID": "x"}
    assert "BUSINES_ID" in str(explain_object("testshop.order", "1", using="default"))


def test_a_refused_order_says_why_and_what_to_do(deliver: Deliver) -> None:
    """C8"""
    order = make_order(number="", status="placed")
    deliver()
    text = str(explain(order))
    assert {"refused", "advice"} <= set(codes(order))
    assert mirror(order).error_type in text
    assert for_error(mirror(order).error_type, None) in text


def test_an_event_whose_order_was_refused_names_the_order(deliver: Deliver) -> None:
    make_order(number="", status="placed", customer=make_customer())
    deliver()
    event = Event.objects.get()
    assert event.error_type == "prerequisite_failed"
    assert {"refused", "advice", "waiting_for"} <= set(codes(event))


def test_a_session_conflict(hellotext: Emulator) -> None:
    """G6"""
    row = Session.objects.create(
        account="test-business/test",
        identity="x",
        session="s",
        profile_label="auth.user",
        profile_pk="1",
        state=State.FAILED,
        error_type=Session.CONFLICT,
    )
    assert "advice" in codes(row)
    assert "belongs to another customer" in str(explain(row))
    assert "waits for nobody" in str(explain(row))
    row.error_type = "profile_shared"
    assert "waits for a person" in str(explain(row))


def test_an_event_that_goes_without_its_session_says_so(deliver: Deliver) -> None:
    """G6"""
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, session="of-another", url="https://shop.example/")
    deliver()
    event = Event.objects.get()
    assert "session_conflict" not in codes(event)
    Session.objects.update(state=State.FAILED, error_type=Session.CONFLICT)
    assert "session_conflict" in codes(event)


def test_an_amount_that_cannot_be_sent_is_a_fault_of_the_data_not_of_the_adapter(deliver: Deliver) -> None:
    placed_order(currency="€")
    deliver()
    event = Event.objects.get()
    assert (event.state, event.error_type) == (State.FAILED, "currency_invalid")
    assert "Correct the currency" in str(explain(event))


@pytest.mark.parametrize("reason", SkipReason)
def test_every_reason_for_not_sending_is_explained(hellotext: Emulator, reason: SkipReason) -> None:
    product = make_product()
    row = RemoteObject.objects.create(
        account="test-business/test", identity="x", kind="product", host_label="testshop.product",
        host_pk=str(product.pk), source="s", state=State.SKIPPED, skip_reason=reason,
    )  # fmt: skip
    assert f"skipped_{reason}" in codes(row)
    assert for_skip(reason) in str(explain(row))


def test_a_withdrawn_consent_is_told(deliver: Deliver, settings: Any) -> None:
    """I2"""
    customer = make_customer()
    deliver()
    django_hellotext.track("page.viewed", profile=customer, url="https://shop.example/")
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: subject is None}
    assert "consent" in codes(Event.objects.get())
    assert "consent" in codes(customer)


def test_an_adapter_that_cannot_say_the_status_is_told(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    order = placed_order(customer=make_customer())
    deliver()

    def broken(self: Any, obj: Any) -> None:
        raise ValueError("wile@acme.example is broken")

    monkeypatch.setattr("tests.testshop.hellotext.OrderAdapter.status", broken)
    assert "no_status" in codes(order)


def test_an_adapter_that_raises_is_told(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product()

    def broken(self: Any, obj: Any) -> bool:
        raise ValueError("wile@acme.example is broken")

    monkeypatch.setattr("tests.testshop.hellotext.ProductAdapter.should_sync", broken)
    assert "unrenderable" in codes(product)
    deliver()
    text = str(explain(product))
    assert "ValueError" in text
    assert "wile@acme.example" not in text  # I1


@pytest.mark.parametrize("state", [state for state in State if state not in CHANGES])
def test_every_state_is_explained(hellotext: Emulator, state: State) -> None:
    event = Event.objects.create(
        uuid="00000000-0000-4000-8000-000000000001", account="test-business/test", action="page.viewed",
        source="s", ordering_key="k", tracked_at=clock.now(), state=state,
    )  # fmt: skip
    assert codes(event)[0] == state.value


# What it costs, and where else it is said


def test_it_asks_a_bounded_number_of_questions(deliver: Deliver) -> None:
    order = placed_order(customer=make_customer())
    deliver()
    with CaptureQueriesContext(connection) as few:
        explain(order)
    for number in range(60):
        django_hellotext.track("product.viewed", make_product(), profile=order.customer, key=str(number))
        Event.objects.create(
            uuid=f"00000000-0000-4000-8000-{number:012}", account="test-business/test", action="order.seen",
            source="s", ordering_key="k", object_kind="order", object_label="testshop.order",
            object_pk=str(order.pk), tracked_at=clock.now(), state=State.DELIVERED,
        )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        explain(order)
    assert len(many) <= len(few) <= 14


def test_it_changes_nothing_and_sends_nothing(deliver: Deliver, hellotext: Emulator) -> None:
    order = placed_order()
    deliver()
    before = [list(model._default_manager.values()) for model in (Event, RemoteObject, Session, Account)]
    requests = len(hellotext.log)
    explain(order)
    explain(mirror(order))
    assert [list(model._default_manager.values()) for model in (Event, RemoteObject, Session, Account)] == before
    assert len(hellotext.log) == requests


def test_what_was_sent_last_is_kept_and_compared(deliver: Deliver) -> None:
    product = make_product(name="Anvil")
    deliver()
    row = mirror(product)
    assert "Anvil" not in str(row.data[LAST_PAYLOAD])  # no value is kept
    assert preview(row, using="default").differs == frozenset()
    Product.objects.update(name="Rocket")
    seen = preview(row, using="default")
    assert seen.now is not None
    assert (seen.now["name"], seen.answered["name"], seen.changed) == ("Rocket", "Anvil", True)
    assert seen.differs == frozenset({"name"})


def command(*args: str) -> str:
    out = StringIO()
    call_command("hellotext_explain", *args, stdout=out)
    return out.getvalue()


def test_the_command_says_the_same(deliver: Deliver) -> None:
    order = placed_order()
    deliver()
    assert command("testshop.order", str(order.pk)).strip() == str(explain(order))
    event = Event.objects.get()
    assert command("event", str(event.pk)).strip() == str(explain(event))
    told = json.loads(command("object", str(mirror(order).pk), "--json"))
    assert [line["code"] for line in told["lines"]] == codes(mirror(order))


@pytest.mark.parametrize(
    "args", [("event", "9"), ("event", "x"), ("event", "9" * 30), ("a.b", "1", "--database", "other")]
)
def test_the_command_refuses_what_is_not_there(hellotext: Emulator, args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(*args)


def test_a_worker_that_has_stopped_is_named(deliver: Deliver) -> None:
    deliver()
    Account.objects.update(drained_at=clock.now() - datetime.timedelta(hours=1))
    text = str(explain(make_product()))
    assert "No worker has looked at this database since" in text


def test_a_back_fill_waits_for_what_is_live(deliver: Deliver) -> None:
    product = make_product()
    deliver()
    RemoteObject.objects.update(state=State.PENDING, lane=Lane.BACKFILL)
    assert {"backfill", "due"} <= set(codes(product))


def test_an_agreement_that_was_given_is_named(hellotext: Emulator, settings: Any) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda *asked: True}
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    assert "consent_given" in codes(Event.objects.get())


@pytest.mark.parametrize(("removal", "word"), [("clear", "emptied"), ("delete", "deleted")])
def test_a_removal_that_waits_says_what_is_to_happen(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, removal: str, word: str
) -> None:
    cart = make_cart(owner=make_customer())
    deliver()
    row = mirror(cart)
    RemoteObject.objects.entomb([row.pk], at=clock.now(), how=removal)
    row.refresh_from_db()
    found = explain(row)
    assert "removal" in found.codes
    assert f"It is to be {word} at Hellotext." in str(found)
