"""The decision after an attempt, over every method of the contract."""

from __future__ import annotations

import itertools
import pickle

import pytest

from django_hellotext.actions import BUILT_IN
from django_hellotext.delivery import policy
from django_hellotext.delivery.policy import FIRST_DELAY, FLOOR, LONGEST_DELAY, Verdict, backoff, decide, is_repeatable
from django_hellotext.exceptions import (
    ApiError,
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    ServerError,
    ValidationError,
)
from django_hellotext.models import SUBSCRIBE, SUBSCRIPTION, Event, Kind, RemoteObject, Session
from tests.contract import server_operations

METHODS = sorted({operation.method for operation in server_operations()})
READS = {"GET"}
# Of the actions of orders, "one event per order and action" for a customer (contract: Idempotency).
KEPT_ONCE = {"order.placed", "order.confirmed", "order.cancelled", "order.delivered", "order.shipped"}

ERRORS: dict[str, tuple[type[ApiError], int | None]] = {
    "refused": (ValidationError, 422),
    "conflict": (ValidationError, 409),
    "not found": (NotFound, 404),
    "unauthorised": (AuthenticationError, 401),
    "forbidden": (PermissionDenied, 403),
    "too many": (RateLimited, 429),
    "server error": (ServerError, 500),
    "unavailable": (ServerError, 503),
    "gateway gave up": (ServerError, 504),
    "never sent": (ConnectionFailed, None),
    "no answer": (OutcomeUnknown, None),
    "no JSON": (InvalidResponse, 200),
}


def made(name: str, method: str) -> ApiError:
    kind, status = ERRORS[name]
    return kind("said so", method=method, path="/v1/x", status=status)


def decided(error: ApiError, *, repeatable: bool, works: bool = True, attempts: int = 0) -> policy.Decision:
    return decide(error, attempts=attempts, max_attempts=5, chance=0.5, repeatable=repeatable, account_works=works)


@pytest.mark.parametrize("name", ["refused", "conflict", "not found"])
@pytest.mark.parametrize("method", METHODS)
def test_a_refusal_is_never_repeated(method: str, name: str) -> None:
    for repeatable, works in itertools.product([True, False], repeat=2):
        assert decided(made(name, method), repeatable=repeatable, works=works).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", ["no answer", "no JSON", "gateway gave up"])
@pytest.mark.parametrize("method", METHODS)
def test_a_write_without_an_answer_is_looked_for_unless_repeating_it_does_no_harm(method: str, name: str) -> None:
    error = made(name, method)
    assert decided(error, repeatable=True).verdict is Verdict.RETRY
    expected = Verdict.RETRY if method in READS and name != "gateway gave up" else Verdict.UNCERTAIN
    assert decided(error, repeatable=False).verdict is expected
    assert decided(error, repeatable=False, works=False).verdict is expected


@pytest.mark.parametrize("name", ["unauthorised", "too many", "never sent", "server error", "unavailable"])
@pytest.mark.parametrize("method", METHODS)
def test_an_outage_costs_no_attempt(method: str, name: str) -> None:
    decision = decided(made(name, method), repeatable=False, works=False, attempts=99)
    assert (decision.verdict, decision.costs) == (Verdict.RETRY, False)


@pytest.mark.parametrize("name", ["server error", "unavailable"])
def test_a_row_that_fails_while_the_account_works_runs_out_of_attempts(name: str) -> None:
    error = made(name, "POST")
    decisions = [decided(error, repeatable=False, attempts=attempts) for attempts in range(5)]
    assert [decision.verdict for decision in decisions] == [Verdict.RETRY] * 4 + [Verdict.FAIL]
    assert all(decision.costs for decision in decisions)


def test_forbidden_fails_the_row_only_when_the_account_may_do_something_else() -> None:
    error = made("forbidden", "POST")
    assert decided(error, repeatable=False, works=True).verdict is Verdict.FAIL
    assert decided(error, repeatable=False, works=False).verdict is Verdict.RETRY


def test_the_servers_own_word_on_waiting_wins() -> None:
    error = RateLimited("slow", method="POST", path="/v1/x", status=429, retry_after=120.0)
    decision = decided(error, repeatable=False)
    assert (decision.after, decision.costs) == (120.0, False)


def test_delays_grow_keep_a_floor_and_have_a_cap() -> None:
    for attempts in range(40):
        shortest, longest = backoff(attempts, chance=0.0), backoff(attempts, chance=0.999999)
        assert FIRST_DELAY * FLOOR <= shortest < longest <= LONGEST_DELAY
        assert shortest <= backoff(attempts + 1, chance=0.0)
    assert backoff(39, chance=1.0) == LONGEST_DELAY


def test_the_delay_doubles_from_two_seconds_up_to_an_hour() -> None:
    delays = [backoff(attempts, chance=1.0) for attempts in range(13)]
    assert delays == [2.0 * 2**attempts for attempts in range(11)] + [3600.0, 3600.0]


@pytest.mark.parametrize("name", ["unauthorised", "too many", "never sent"])
def test_an_error_of_the_account_or_the_network_is_retried_and_costs_no_attempt(name: str) -> None:
    decision = decided(made(name, "POST"), repeatable=False, attempts=99)
    assert (decision.verdict, decision.costs) == (Verdict.RETRY, False)


@pytest.mark.parametrize("name", ["too many", "never sent", "server error"])
def test_a_retry_waits_for_the_delay_of_its_attempts(name: str) -> None:
    assert decided(made(name, "POST"), repeatable=False, attempts=2).after == backoff(2, chance=0.5)


@pytest.mark.parametrize(("name", "works"), [("unauthorised", True), ("server error", False)])
def test_a_retry_that_waits_for_the_account_has_no_delay_of_its_own(name: str, works: bool) -> None:
    decision = decided(made(name, "POST"), repeatable=True, works=works, attempts=3)
    assert (decision.verdict, decision.after) == (Verdict.RETRY, 0.0)


@pytest.mark.parametrize("name", ERRORS)
def test_the_decision_is_the_same_for_a_pickled_error(name: str) -> None:
    error = made(name, "POST")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert decided(error, repeatable=False) == decided(again, repeatable=False)


@pytest.mark.parametrize("action", sorted(BUILT_IN))
@pytest.mark.parametrize("known", [True, False])
def test_only_what_hellotext_keeps_once_is_repeated_unseen(action: str, known: bool) -> None:
    """The built-in order actions of a customer (contract); anything else would be there twice."""
    event = Event(action=action, profile_label="auth.user" if known else "", session="visitor")
    assert is_repeatable(event) is (known and action in KEPT_ONCE)


@pytest.mark.parametrize("kind", Kind.values)
def test_an_object_is_repeated_unseen_once_its_id_is_known(kind: str) -> None:
    """An update may be repeated, a creation may not."""
    assert is_repeatable(RemoteObject(kind=kind, remote_id="MzYwlE50"))
    assert not is_repeatable(RemoteObject(kind=kind))


def test_attaching_and_subscribing_twice_is_doing_it_once() -> None:
    assert is_repeatable(Session(session="visitor"))
    assert is_repeatable(Event(action=SUBSCRIBE, destination=SUBSCRIPTION))


@pytest.mark.parametrize("name", ["no answer", "no JSON", "gateway gave up"])
def test_a_write_without_an_answer_counts_unless_it_is_an_outage(name: str) -> None:
    """Looked for even after the last attempt; what is not there then is given up."""
    for works in (True, False):
        decision = decided(made(name, "POST"), repeatable=False, works=works, attempts=99)
        assert (decision.verdict, decision.costs) == (Verdict.UNCERTAIN, works)
