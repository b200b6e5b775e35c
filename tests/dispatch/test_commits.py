"""One hint for each transaction, after its commit, and the host does not notice (demand B6, step 3 of the walk)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

import django_hellotext as hellotext
from django_hellotext import dispatch
from django_hellotext.dispatch import ways
from django_hellotext.emulator import Emulator
from django_hellotext.models import Event
from tests.factories import make_customer


@pytest.fixture
def at_once(settings: Any, hellotext: Emulator) -> Emulator:
    """Hints drain in this process: what arrived at Hellotext shows which were given."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "DISPATCH": "immediate"}
    return hellotext


def arrived(emulator: Emulator) -> int:
    return sum(entry.method == "POST" and entry.path.endswith("/events") for entry in emulator.log)


def track(customer: Any) -> None:
    hellotext.track("page.viewed", profile=customer, url="https://shop.example/")


def hints() -> int:
    """How many callbacks of ours wait for the commit."""
    return sum(entry[1].__qualname__.endswith("ask_after_commit") for entry in connection.run_on_commit)


@pytest.mark.django_db(transaction=True)
def test_what_a_transaction_recorded_arrives_after_its_commit_by_one_hint(at_once: Emulator) -> None:
    customer = make_customer()
    before = arrived(at_once)
    with transaction.atomic():
        for _ in range(5):
            track(customer)
        assert hints() == 1
        assert arrived(at_once) == before
    assert arrived(at_once) == before + 5


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_the_hint_goes_out_at_once(at_once: Emulator) -> None:
    track(make_customer())
    assert arrived(at_once) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_rolled_back_gives_no_hint(at_once: Emulator) -> None:
    customer = make_customer()
    requests = len(at_once.log)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        track(customer)
        _ = 1 / 0
    assert len(at_once.log) == requests
    track(customer)
    assert arrived(at_once) == 1


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_rolled_back_forgets_that_it_asked(at_once: Emulator) -> None:
    customer = make_customer()
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            track(customer)
            assert hints() == 1
            _ = 1 / 0
        assert hints() == 0
        track(customer)
        assert hints() == 1
    assert arrived(at_once) == 1


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_rolled_back_keeps_what_was_asked_before_it(at_once: Emulator) -> None:
    customer = make_customer()
    with transaction.atomic():
        transaction.on_commit(lambda: None)
        track(customer)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            track(customer)
            _ = 1 / 0
        track(customer)
        assert hints() == 1
    assert arrived(at_once) == 2


@pytest.mark.django_db(transaction=True)
def test_callbacks_that_a_savepoint_took_away_do_not_hide_ours(at_once: Emulator) -> None:
    customer = make_customer()
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            for _ in range(3):
                transaction.on_commit(lambda: None)
            _ = 1 / 0
        transaction.on_commit(lambda: None)
        track(customer)
        with transaction.atomic():
            track(customer)
        track(customer)
        assert hints() == 1


@pytest.mark.django_db(transaction=True)
def test_manual_transaction_management_is_left_alone(at_once: Emulator) -> None:
    customer = make_customer()
    requests = len(at_once.log)
    transaction.set_autocommit(False)
    try:
        track(customer)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Event.objects.count() == 1
    assert len(at_once.log) == requests


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["immediate", "tasks"])
def test_a_fault_of_ours_lets_the_hosts_later_callbacks_run(
    settings: Any, hellotext: Emulator, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HELLOTEXT = {
        **settings.HELLOTEXT,
        "DISPATCH": way,
        "BACKEND": "no.such.Backend",  # the drain cannot even begin
    }
    settings.TASKS = {"default": {"BACKEND": "no.such.Backend"}}
    done: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append("before"))
        dispatch.wake("default")
        transaction.on_commit(lambda: done.append("after"))
    assert done == ["before", "after"]
    assert "Error calling" not in caplog.text  # Django's own word for a robust callback that raised


@pytest.mark.django_db(transaction=True)
def test_thousands_of_the_hosts_callbacks_do_not_make_each_hint_search_them(at_once: Emulator) -> None:
    """With 20,000 callbacks of the host, as many hints look at 20,000 entries, not at 200,000,000."""
    looks = _Counting()
    with transaction.atomic():
        connection.run_on_commit = looks
        for _ in range(20_000):
            transaction.on_commit(lambda: None)
            dispatch.wake("default")
        assert hints() == 1
        assert looks.looks < 10 * 20_000


class _Counting(list[Any]):
    looks = 0

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return super().__getitem__(place)

    def __iter__(self) -> Any:
        for entry in super().__iter__():
            self.looks += 1
            yield entry


@pytest.mark.django_db
def test_nothing_waits_for_the_commit_while_a_worker_polls(
    hellotext: Emulator, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        track(make_customer())
    assert not callbacks


def test_settings_that_break_before_the_commit_do_not_reach_the_host(settings: Any) -> None:
    """The wake-up runs after the commit; without a transaction it runs in the host's own call."""

    class Broken(dict[str, Any]):
        def __contains__(self, name: object) -> bool:
            raise RuntimeError(name)

        get = __getitem__ = __contains__  # type: ignore[assignment]  # no way to read them

    settings.HELLOTEXT = Broken(DISPATCH="immediate")
    ways.ask("default")
