"""Which tables a drain looks into, and what it costs when there is nothing to do."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_hellotext import clock
from django_hellotext.delivery import drain
from django_hellotext.delivery.presence import PLACES, Sendable, models_with, occupied
from django_hellotext.emulator import Emulator
from django_hellotext.models import Account, Change, Event, Lane, RemoteObject, Session, State

pytestmark = pytest.mark.django_db

ACCOUNT = "test-business/test"


@pytest.fixture(autouse=True)
def account(hellotext: Emulator) -> Account:
    return Account.objects.create(key=ACCOUNT, business_id="test-business", environment="test")


def put(model: Sendable | type[Change], state: State, lane: Lane, account: str = ACCOUNT) -> None:
    columns: dict[str, Any] = {"account": account, "state": state, "lane": lane}
    if issubclass(model, Event):
        columns |= {"uuid": uuid.uuid4(), "action": "page.viewed", "ordering_key": "k", "tracked_at": clock.now()}
    else:
        columns |= {"identity": uuid.uuid4().hex}
    model.objects.create(**columns)


@pytest.mark.parametrize(("model", "state", "lane"), PLACES)
def test_a_row_is_seen_in_its_table_state_and_lane(model: Sendable | type[Change], state: State, lane: Lane) -> None:
    assert occupied(ACCOUNT, using="default") == set()
    put(model, state, lane)
    assert occupied(ACCOUNT, using="default") == {(model, state, lane)}
    assert models_with(state, ACCOUNT, using="default") == ([] if model is Change else [model])


def test_rows_of_other_accounts_and_finished_ones_are_not_seen() -> None:
    for model, state, lane in PLACES:
        put(model, state, lane, account="another/test")
    for model in (RemoteObject, Session):
        put(model, State.SYNCED, Lane.LIVE)
    put(Event, State.DELIVERED, Lane.LIVE)
    put(Event, State.FAILED, Lane.BACKFILL)
    assert occupied(ACCOUNT, using="default") == set()


def test_a_drain_with_nothing_to_do_is_a_few_statements() -> None:
    """A worker asks once a second."""
    drain()
    with CaptureQueriesContext(connection) as queries:
        drain()
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 14
