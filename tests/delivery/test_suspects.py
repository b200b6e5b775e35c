"""A row that ends the process of every worker that has it in hand: it takes the others with it only a few times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

import django_hellotext
from django_hellotext import clock
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, RemoteObject, Session, State
from django_hellotext.models.deliverable import ALONE_AFTER
from tests.factories import make_customer, make_product
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MOST = 5  # attempts


class ProcessEndedError(BaseException):
    """Ends a drain at once, as a killed process does: nothing more is written."""


class Worker:
    """Drains again and again; the process ends whenever ``poison`` is rendered."""

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.poison = ""
        self.crashes = 0
        self.taken_along: list[set[int]] = []  # the objects that were in hand at each crash

    def brand(self, adapter: object, product: Product) -> str:
        if product.name == self.poison:
            raise ProcessEndedError
        return "fine"

    def run(self, times: int = 1) -> None:
        """Drain ``times``, each time after all leases have ended and what was sent has settled."""
        for _ in range(times):
            for model in (Event, RemoteObject, Session):
                model.objects.exclude(lease_until=None).update(lease_until=LONG_AGO)
                model.objects.filter(state__in=[State.PENDING, State.UNCERTAIN]).update(next_attempt_at=None)
                model.objects.filter(state=State.UNCERTAIN).update(finished_at=LONG_AGO)
            try:
                self.deliver()
            except ProcessEndedError:
                self.crashes += 1
                in_hand = RemoteObject.objects.filter(lease_until__gt=clock.now())
                self.taken_along.append(set(in_hand.values_list("pk", flat=True)))


@pytest.fixture
def worker(deliver: Deliver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Worker:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "MAX_ATTEMPTS": MOST, "SETTLE_TIME": 0.1}
    worker = Worker(deliver)
    adapter = type(registry.for_model(Product))
    monkeypatch.setattr(adapter, "get_brand", lambda self, product: worker.brand(self, product), raising=False)
    return worker


def row_of(obj: Model) -> RemoteObject:
    row: RemoteObject = RemoteObject.objects.get(host_label=obj._meta.label_lower, host_pk=str(obj.pk))
    return row


def test_the_others_arrive_and_the_row_waits_for_a_person(hellotext: Emulator, worker: Worker) -> None:
    products = [make_product() for _ in range(4)]
    poison = make_product(name="poison")
    worker.poison = "poison"
    worker.run(20)
    assert {row_of(product).state for product in products} == {State.SYNCED}
    row = row_of(poison)
    assert (row.state, row.error_type) == (State.FAILED, "killed_worker")
    assert f"attempts: {row.attempts}" in row.error_message
    assert worker.crashes <= MOST + 1
    assert all(taken == {row.pk} for taken in worker.taken_along[ALONE_AFTER:])


def test_a_repaired_row_that_is_sent_again_arrives(hellotext: Emulator, worker: Worker) -> None:
    poison = make_product(name="poison")
    worker.poison = "poison"
    worker.run(20)
    worker.poison = ""
    RemoteObject.objects.filter(pk=row_of(poison).pk).requeue()
    worker.run()
    assert (row_of(poison).state, row_of(poison).attempts) == (State.SYNCED, 0)


def test_an_object_that_hellotext_has_ends_the_same_way(hellotext: Emulator, worker: Worker) -> None:
    poison, fine = make_product(name="poison"), make_product()
    worker.run()
    assert row_of(poison).remote_id
    worker.poison = "poison!"
    for product in (poison, fine):
        product.name += "!"
        product.save()
    worker.run(20)
    assert (row_of(poison).state, row_of(poison).error_type) == (State.FAILED, "killed_worker")
    assert row_of(fine).state == State.SYNCED
    assert worker.crashes <= MOST


def test_the_object_that_an_event_needs_does_not_take_the_event_along(hellotext: Emulator, worker: Worker) -> None:
    poison, customer = make_product(name="poison"), make_customer()
    worker.poison = "poison"
    django_hellotext.track("product.viewed", poison, profile=customer)
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    worker.run(20)
    assert row_of(poison).error_type == "killed_worker"
    assert Event.objects.get(action="page.viewed").state == State.DELIVERED
    assert Event.objects.get(action="product.viewed").error_type == "prerequisite_failed"
    assert worker.crashes <= MOST


def test_a_process_that_ends_while_the_object_is_looked_for(hellotext: Emulator, worker: Worker) -> None:
    """It was sent without an answer, and what looks for it at Hellotext renders it."""
    poison, fine = make_product(name="poison"), make_product()
    hellotext.add_fault(Fault(kind="garbage", path="/v1/attribution/products", method="POST", times=1))
    hellotext.add_fault(Fault(kind="garbage", path="/v1/attribution/products", method="POST", times=1))
    worker.deliver()
    RemoteObject.objects.filter(pk=row_of(poison).pk).update(state=State.UNCERTAIN, reference="", remote_id="")
    worker.poison = "poison"
    worker.run(20)
    assert row_of(fine).state == State.SYNCED
    assert row_of(poison).error_type == "killed_worker"
    assert worker.crashes <= MOST


def test_a_suspect_is_not_overtaken_by_what_follows_it(hellotext: Emulator, worker: Worker) -> None:
    customer, others = make_customer(), [make_customer() for _ in range(3)]
    worker.run()
    for number in range(4):
        django_hellotext.track("page.viewed", profile=customer, url=f"https://shop.example/{number}")
        for other in others:
            django_hellotext.track("page.viewed", profile=other, url=f"https://shop.example/other/{number}")
    suspects = Event.objects.filter(url__in=["https://shop.example/0", "https://shop.example/1"])
    suspects.update(error_type="lease_expired", attempts=ALONE_AFTER)
    worker.run()
    urls = [entry.body_json["url"] for entry in hellotext.log if entry.method == "POST" and "events" in entry.path]
    assert len(urls) == 16
    assert [url for url in urls if "other" not in url] == [f"https://shop.example/{number}" for number in range(4)]


def test_an_innocent_row_with_many_attempts_is_not_given_up(hellotext: Emulator, worker: Worker) -> None:
    """Others in the same hand ended the process; this one had failed often before."""
    product = make_product(name="poison")
    worker.poison = "poison"
    worker.run()
    RemoteObject.objects.update(attempts=MOST + 1)
    worker.poison = ""
    worker.run(2)
    assert row_of(product).state == State.SYNCED


def test_a_sent_alone_row_that_arrives_is_like_any_other(hellotext: Emulator, worker: Worker) -> None:
    product = make_product(name="poison")
    worker.poison = "poison"
    worker.run(ALONE_AFTER + 1)
    worker.poison = ""
    worker.run(2)
    row = row_of(product)
    assert (row.state, row.attempts, row.error_type) == (State.SYNCED, 0, "")
    assert not row.is_suspect


def test_a_lease_that_is_not_over_is_no_reason(hellotext: Emulator, worker: Worker) -> None:
    product = make_product(name="poison")
    worker.poison = "poison"
    worker.run()
    RemoteObject.objects.update(lease_until=clock.now() + timedelta(minutes=1))
    worker.poison = ""
    worker.deliver()
    assert row_of(product).state == State.SENDING
