"""Every claim counts as an attempt, so that a process that ends is counted; what was not sent gives it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import django_hellotext
from django_hellotext.adapters import registry
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import Event, RemoteObject, State
from django_hellotext.models.fields import UtcNow
from tests.factories import make_customer, make_product
from tests.testshop.models import Product

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Report]


class ProcessEndedError(BaseException):
    """Ends a drain at once, as a killed process does: nothing more is written."""


def attempts_of(model: Any) -> set[tuple[str, int]]:
    return set(model.objects.values_list("state", "attempts"))


def in_hand(hellotext: Emulator) -> Any:
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    rows = Event.objects.all()
    assert rows.claim([rows.get().pk], token="mine", lease=60) == 1
    return rows


def test_an_attempt_whose_process_ended_is_counted(deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(self: object, product: Product) -> str:
        raise ProcessEndedError

    make_product()
    with monkeypatch.context() as patch:
        patch.setattr(type(registry.for_model(Product)), "get_brand", end, raising=False)
        with pytest.raises(ProcessEndedError):
            deliver()
    assert attempts_of(RemoteObject) == {(State.SENDING, 1)}
    RemoteObject.objects.update(lease_until=UtcNow() - timedelta(seconds=1))
    deliver()
    assert {attempts for _, attempts in attempts_of(RemoteObject)} == {1}


def test_a_row_that_arrives_at_once_has_no_failed_attempt(deliver: Deliver) -> None:
    make_product()
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    deliver()
    assert attempts_of(RemoteObject) == {(State.SYNCED, 0)}
    assert attempts_of(Event) == {(State.DELIVERED, 0)}


def test_a_refused_row_has_one_attempt(hellotext: Emulator, deliver: Deliver) -> None:
    make_product(name="")
    deliver()
    assert attempts_of(RemoteObject) == {(State.FAILED, 1)}


def test_an_outage_costs_no_attempt(hellotext: Emulator, deliver: Deliver) -> None:
    make_product()
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    hellotext.add_fault(Fault(kind="error", status=503))
    deliver()
    assert attempts_of(Event) == {(State.PENDING, 0)}
    assert attempts_of(RemoteObject) == {(State.PENDING, 0)}


@pytest.mark.parametrize("costs", [True, False])
def test_a_retry_keeps_the_attempt_only_if_it_counts(hellotext: Emulator, costs: bool) -> None:
    rows = in_hand(hellotext)
    rows.retry([rows.get().pk], token="mine", after=0, costs=costs)
    assert attempts_of(Event) == {(State.PENDING, int(costs))}


def test_a_row_that_is_given_back_has_no_attempt(hellotext: Emulator) -> None:
    rows = in_hand(hellotext)
    rows.give_back([rows.get().pk], token="mine")
    assert attempts_of(Event) == {(State.PENDING, 0)}


def test_attempts_that_were_reset_meanwhile_do_not_fall_below_zero(hellotext: Emulator) -> None:
    rows = in_hand(hellotext)
    rows.update(attempts=0)
    rows.give_back([rows.get().pk], token="mine")
    assert attempts_of(Event) == {(State.PENDING, 0)}


@pytest.mark.parametrize(("state", "counted", "attempts"), [("delivered", False, 0), ("failed", True, 1)])
def test_a_result_keeps_the_attempt_only_if_it_failed(
    hellotext: Emulator, state: str, counted: bool, attempts: int
) -> None:
    rows = in_hand(hellotext)
    rows.finish([rows.get().pk], token="mine", state=State(state), counted=counted)
    assert attempts_of(Event) == {(state, attempts)}
