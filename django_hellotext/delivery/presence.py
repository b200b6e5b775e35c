"""Which tables hold rows that a drain has to do with, asked in one statement.

Most drains find most tables empty. One cheap look saves them a statement for each table, state and lane.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Subquery

from ..models import CHANGES, Account, Change, Event, Lane, RemoteObject, Session, State

Sendable = type[RemoteObject] | type[Session] | type[Event]
MODELS: tuple[Sendable, ...] = (RemoteObject, Session, Event)

Place = tuple[Sendable | type[Change], State, Lane]
OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN)
CHANGE_PLACES: tuple[Place, ...] = tuple((Change, state, lane) for lane in Lane for state in CHANGES)
PLACES: tuple[Place, ...] = (
    *((model, state, lane) for model in MODELS for state in OPEN for lane in Lane),
    *CHANGE_PLACES,
)


def occupied(account: str, *, using: str) -> set[Place]:
    """Return the tables, states and lanes that hold rows of ``account``, due or not. The account's row must exist."""
    statement, parameters = _statement(account, using, connections[using].vendor)
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        [found] = cursor.fetchall()
    return {place for place, pk in zip(PLACES, found, strict=True) if pk is not None}


def models_with(state: State, account: str, *, using: str) -> list[Sendable]:
    """Return the models that have rows of ``account`` in ``state``."""
    return models_in(occupied(account, using=using), state)


def models_in(places: set[Place], state: State) -> list[Sendable]:
    """Return the models that have rows in ``state`` in one of ``places``."""
    found = {model for model, in_state, _ in places if in_state == state}
    return [model for model in MODELS if model in found]


@cache
def _statement(account: str, using: str, vendor: str) -> tuple[str, tuple[Any, ...]]:
    """Compile the statement once in a process: the ORM takes far longer to build it than a database to run it."""
    # The vendor is here for the cache alone. The columns and the order are those of the index of the claim: a planner
    first = (
        Subquery(
            model.objects.using(using).filter(account=account, state=state, lane=lane).order_by("id").values("pk")[:1]
        )
        for model, state, lane in PLACES
    )
    rows = Account.objects.using(using).filter(key=account).values_list(*first)
    statement, parameters = rows.query.get_compiler(using).as_sql()
    return statement, tuple(parameters)
