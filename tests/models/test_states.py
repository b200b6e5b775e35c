"""A row owns its moves; anything that the table does not allow is refused."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.core.management import call_command

from django_hellotext.models import MOVES, PROXIES, Event, Kind, Lane, Order, RemoteObject, SkipReason, State
from django_hellotext.models.identity import fingerprint, ordering_key
from django_hellotext.models.states import sources_of

pytestmark = pytest.mark.django_db


def an_event(state: State, **values: Any) -> Event:
    return Event.objects.create(
        account="a/b",
        uuid="6fcd315c-b06e-4dd9-99b1-fcc22925b239",
        action="page.viewed",
        source="shop",
        ordering_key="k",
        tracked_at="2026-01-01T00:00:00Z",
        state=state,
        token="mine",
        **values,
    )


def state_of(row: Event) -> str:
    row.refresh_from_db()
    return row.state


def test_every_state_has_its_moves_and_a_delivered_event_has_none() -> None:
    assert set(MOVES) == set(State)
    assert MOVES[State.DELIVERED] == frozenset()


@pytest.mark.parametrize("state", [state for state in State if state is not State.SENDING])
def test_only_a_row_in_hand_can_be_finished(state: State) -> None:
    row = an_event(state)
    for target in sources_target(State.SENDING):
        assert Event.objects.finish([row.pk], token="mine", state=target) == 0
    assert state_of(row) == state


@pytest.mark.parametrize("state", list(State))
def test_only_a_waiting_row_can_be_claimed(state: State) -> None:
    row = an_event(state)
    claimed = Event.objects.claim([row.pk], token="new", lease=10)
    assert claimed == (1 if state is State.PENDING else 0)


@pytest.mark.parametrize("state", list(State))
def test_only_a_refused_or_skipped_row_can_be_sent_again(state: State) -> None:
    row = an_event(state, attempts=5, error_type="invalid", skip_reason=SkipReason.PERSON)
    assert Event.objects.requeue() == (1 if state in (State.FAILED, State.SKIPPED) else 0)
    row.refresh_from_db()
    if row.state == State.PENDING and state is not State.PENDING:
        assert (row.attempts, row.error_type, row.skip_reason) == (0, "", "")


@pytest.mark.parametrize("state", list(State))
def test_only_a_waiting_or_refused_row_can_be_skipped(state: State) -> None:
    an_event(state)
    assert Event.objects.all().skip(SkipReason.PERSON) == (1 if state in (State.PENDING, State.FAILED) else 0)


@pytest.mark.parametrize(
    ("verb", "target"),
    [(verb, target) for verb, target in itertools.product(["finish", "settle"], State)],
)
def test_a_move_that_the_table_forbids_is_refused(verb: str, target: State) -> None:
    source = State.SENDING if verb == "finish" else State.UNCERTAIN
    if target in MOVES[source] or target is State.UNCERTAIN:
        return
    row = an_event(source)
    with pytest.raises(ValueError, match=f"cannot go from {source}"):
        getattr(Event.objects, verb)([row.pk], token="mine", state=target)
    assert state_of(row) == source


def sources_target(source: State) -> list[State]:
    return [target for target in State if source in sources_of(target)]


def test_a_proxy_sees_the_rows_of_its_own_kind() -> None:
    for kind in Kind:
        RemoteObject.objects.create(
            account="a/b", identity=fingerprint(kind), kind=kind, host_label="x.y", host_pk="1", ordering_key=kind
        )
    assert [row.kind for row in Order.objects.all()] == ["order"]
    assert {proxy.KIND for proxy in PROXIES} == set(Kind)
    assert RemoteObject.objects.count() == len(Kind)


def test_no_two_lists_of_parts_have_one_fingerprint() -> None:
    lists = [("a", "b"), ("ab",), ("a", "", "b"), ("a,b",), ('a","b',), ("A", "b"), ("a", "b ")]
    assert len({fingerprint(*parts) for parts in lists}) == len(lists)
    assert all(len(fingerprint(*parts)) == 64 for parts in lists)


def test_an_ordering_key_fits_its_column_and_no_session_is_mistaken_for_an_object() -> None:
    assert ordering_key(session="abc", label="shop.order", pk="1") == "abc"
    assert ordering_key(label="shop.order", pk="1") == "shop.order:1"
    assert len(ordering_key(label="shop.order", pk="x" * 300)) <= 100


def test_a_row_is_live_unless_said_otherwise() -> None:
    assert an_event(State.PENDING).lane == Lane.LIVE


@pytest.mark.parametrize("auto_field", ["AutoField", "BigAutoField"])
def test_no_migration_is_missing_whatever_the_projects_auto_field(settings: Any, auto_field: str) -> None:
    """Demand K1."""
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"
    call_command("makemigrations", "django_hellotext", check=True, dry_run=True, verbosity=0)
