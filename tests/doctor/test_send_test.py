"""``--send-test``: one event through the whole way, and what is said when it does not come through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from django_hellotext import clock
from django_hellotext.delivery import drain
from django_hellotext.delivery.unknown_models import TEST_PROFILE
from django_hellotext.doctor import send_test
from django_hellotext.emulator import Emulator, Fault
from django_hellotext.models import UUID_KEY, Account, Event, RemoteObject, State

from .conftest import Doctor
from .test_broken_outside import forbid

pytestmark = pytest.mark.django_db

EVENTS = "/v1/attribution/events"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_test, "LOOK", 0.01)
    monkeypatch.setattr(send_test, "ASK", 0.01)


@pytest.fixture
def no_worker(healthy: Emulator) -> Emulator:
    forget_workers()
    return healthy


def forget_workers() -> None:
    """No worker, nor the doctor itself, has drained lately: nothing is waited for."""
    Account.objects.update(drained_at=clock.now() - timedelta(minutes=4))


def requests(emulator: Emulator, method: str, path: str) -> list[Any]:
    return [entry for entry in emulator.log if (entry.method, entry.path) == (method, path)]


def test_an_event_arrives_and_is_found_again(no_worker: Emulator, doctor: Doctor) -> None:
    told = doctor("--send-test", "--wait", "5")
    assert told.wrong == {"send_test.sent_here": "warning"}
    assert "sent by this process, because no worker did" in told["send_test.sent_here"]["title"]
    [sent] = [one for one in requests(no_worker, "POST", EVENTS) if one.body_json["action"] == send_test.ACTION]
    row = Event.objects.get(action=send_test.ACTION)
    assert sent.body_json["metadata"] == {UUID_KEY: str(row.uuid), "test": True}
    assert row.state == State.DELIVERED


def test_a_running_worker_sends_it(healthy: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    original = send_test.SendTest._until_done

    def worker(self: Any, event: Event) -> bool:
        drain()
        return original(self, event)

    monkeypatch.setattr(send_test.SendTest, "_until_done", worker)
    Account.objects.update(drained_at=clock.now())
    told = doctor("--send-test", "--wait", "5")
    assert told.wrong == {}
    assert "sent by the worker" in told["send_test.arrived"]["title"]


def test_the_test_profile_is_made_once_is_nobody_and_may_not_be_written_to(no_worker: Emulator, doctor: Doctor) -> None:
    for _ in range(2):
        forget_workers()
        doctor("--send-test", "--wait", "5")
    made = [one.body_json for one in requests(no_worker, "POST", "/v1/profiles")]
    tests = [body for body in made if body.get("first_name") == "django-hellotext"]
    assert tests == [{"first_name": "django-hellotext", "last_name": "(a test, nobody)"}]
    assert Event.objects.filter(action=send_test.ACTION).values("profile_pk").distinct().count() == 1


def test_a_test_profile_that_was_deleted_there_is_made_anew(no_worker: Emulator, doctor: Doctor) -> None:
    doctor("--send-test", "--wait", "5")
    RemoteObject.objects.filter(host_label=TEST_PROFILE).update(remote_id="unknown")
    forget_workers()
    assert doctor("--send-test", "--wait", "5").wrong == {"send_test.sent_here": "warning"}
    assert RemoteObject.objects.get(host_label=TEST_PROFILE).remote_id != "unknown"


@pytest.mark.parametrize("emulator", [Emulator(token="test-token", business_id="test-business", delay_events=3600)])
def test_an_event_that_never_shows_is_lost(no_worker: Emulator, doctor: Doctor) -> None:
    told = doctor("--send-test", "--wait", "0.1")
    lost = told["send_test.lost"]
    assert lost["state"] == "error"
    assert str(Event.objects.get(action=send_test.ACTION).uuid) in lost["meaning"]
    assert told.code == 2


def test_an_event_that_shows_late_is_waited_for(no_worker: Emulator, doctor: Doctor, monkeypatch: Any) -> None:
    asked = iter([(set(), True), (set(), True), ({"it"}, True)])
    monkeypatch.setattr(send_test, "arrived_events", lambda client, events: next(asked))
    assert "send_test.sent_here" in doctor("--send-test", "--wait", "5").codes


def test_an_event_that_hellotext_refuses(no_worker: Emulator, doctor: Doctor, monkeypatch: Any) -> None:
    with refusing(no_worker, monkeypatch):
        told = doctor("--send-test", "--wait", "5")
    assert told["send_test.refused"]["state"] == "error"
    assert "422 parameter_invalid" in told["send_test.refused"]["title"]
    assert told["send_test.refused"]["advice"]


@contextmanager
def refusing(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from django_hellotext.api.backends.base import RawResponse

    from .conftest import TimedBackend

    original = TimedBackend.send

    def send(self: TimedBackend, request: Any) -> Any:
        if request.method == "POST" and request.path == EVENTS:
            return RawResponse(422, {}, b'{"errors": [{"type": "parameter_invalid", "parameter": "action"}]}')
        return original(self, request)

    with monkeypatch.context() as patch:
        patch.setattr(TimedBackend, "send", send)
        yield


def test_an_event_without_an_answer(no_worker: Emulator, doctor: Doctor) -> None:
    no_worker.add_fault(Fault("no_answer", method="POST", path=EVENTS, applied=False))
    assert "send_test.no_answer" in doctor("--send-test", "--wait", "5").codes


def test_an_event_that_waits_behind_an_outage(no_worker: Emulator, doctor: Doctor) -> None:
    no_worker.add_fault(Fault("error", status=503, method="POST", path=EVENTS))
    no_worker.add_fault(Fault("error", status=503, skip=1, path="/v1/profiles", method="GET"))
    waiting = doctor("--send-test", "--wait", "0.1")
    assert "send_test.waiting" in waiting.codes or "send_test.not_prepared" in waiting.codes


def test_an_event_that_the_shop_keeps_back(settings: Any, no_worker: Emulator, doctor: Doctor) -> None:
    settings.HELLOTEXT = {**settings.HELLOTEXT, "CONSENT": lambda request, purpose, subject: False}
    told = doctor("--send-test", "--wait", "5")
    assert told["send_test.kept_back"]["state"] == "warning"


def test_a_token_that_may_not_write(no_worker: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(no_worker, monkeypatch, path="/v1/attribution/actions")
    told = doctor("--send-test")
    assert "send_test.not_prepared" in told.wrong
    assert not Event.objects.filter(action=send_test.ACTION).exists()


def test_an_account_that_is_halted_sends_no_test(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.halt("test-business/test", reason="Hellotext answered 403.")
    told = doctor("--send-test")
    assert told["send_test.held"]["state"] == "skipped"
    assert not Event.objects.filter(action=send_test.ACTION).exists()


def test_a_worker_that_does_not_take_it_is_not_waited_for_without_end(healthy: Emulator, doctor: Doctor) -> None:
    Account.objects.update(drained_at=clock.now())
    told = doctor("--send-test", "--wait", "0.1")
    assert "send_test.sent_here" in told.wrong


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "4000"])
def test_a_bad_wait_is_named(healthy: Emulator, doctor: Doctor, wait: str) -> None:
    told = doctor("--send-test", "--wait", wait)
    assert told.code == 4
    assert "--wait must be a number of seconds" in told.text


def test_a_test_needs_the_network(healthy: Emulator, doctor: Doctor) -> None:
    assert doctor("--send-test", "--no-network").code == 4
