"""What a claim of 100 events costs when a long history lies behind them, on PostgreSQL.

The claim is the whole of it: the account's lock, what is due of each kind and lane, in order per key, and the UPDATE.
What was claimed is delivered at once, so that the table grows old as it does in a shop. Two databases with a short and
a long history take turns. The time is CPU time of both sides of the connection: everything is in memory, and a claim
waits for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from benchmarks.figures import Figure, Rounds, ratios, rounds
from benchmarks.processes import cpu_of
from benchmarks.shop import customers, events, template
from django_hellotext.conf import hellotext_settings
from django_hellotext.delivery.claim import SIZE, Claimer
from django_hellotext.models import Account, Event, State
from django_hellotext.models.deliverable import new_token

SHORT_HISTORY = 10_000
LONG_HISTORY = 1_000_000
PASSED_THROUGH = 30_000
TURNS = 8
CLAIMS = 20  # of one turn
FEW, MANY = "default", "other"


def measure(short: bool) -> Iterator[Figure]:
    """Yield the claim behind a long history, fresh and under a snapshot held open, beside that behind a short one."""
    history, through = (100_000, 5_000) if short else (LONG_HISTORY, PASSED_THROUGH)
    people = [str(person.pk) for person in customers(5000)]
    patterns = _patterns()
    for using, number in ((FEW, SHORT_HISTORY), (MANY, history)):
        events(patterns[using], number=number, keys=people, state=State.DELIVERED, using=using)
        with connections[using].cursor() as cursor:
            # The statistics that autovacuum leaves.
            cursor.execute(f"VACUUM ANALYZE {Event._meta.db_table}")
    yield _compared(patterns, people, f"claim behind {history:,} delivered", at_most=1.2)
    with _snapshot():
        claimer = _claimer(MANY)
        for _ in range(0, through, 1000):
            events(patterns[MANY], number=1000, keys=people, using=MANY)
            for _ in range(1000 // SIZE):
                _claim(claimer)
        behind = f"claim after {through:,} passed through under a snapshot"
        yield _compared(patterns, people, behind, at_most=2.5)
        yield _compared(patterns, people, f"{behind}, by a worker that has just started", at_most=2.5, anew=True)


def _patterns() -> dict[str, int]:
    """One event to copy in each database."""
    pk = template(customers(1)[0])
    event = Event.objects.get(pk=pk)
    event.pk = None
    event.save(using=MANY, force_insert=True)
    for using in (FEW, MANY):
        Account.objects.using(using).get_or_create(key=hellotext_settings.account)
    return {FEW: pk, MANY: event.pk}


def _compared(patterns: dict[str, int], people: list[str], what: str, *, at_most: float, anew: bool = False) -> Figure:
    """The claim behind the long history against that behind the short one; ``anew``: nothing is remembered."""
    found: dict[str, list[float]] = {FEW: [], MANY: []}
    for using in found:
        events(patterns[using], number=SIZE * CLAIMS * (TURNS + 1), keys=people, using=using)
    claimers = {using: _claimer(using) for using in found}
    for turn in range(TURNS + 1):
        for using, seconds in found.items():
            spent = 0.0
            for _ in range(CLAIMS):
                spent += _claim(_claimer(using) if anew and using == MANY else claimers[using])
            if turn:  # the first is for warming up
                seconds.append(spent / CLAIMS)
    few, many = rounds(found[FEW]), rounds(found[MANY])
    detail = f"{_milliseconds(many)} of CPU, behind {SHORT_HISTORY:,} delivered {_milliseconds(few)}"
    return ratios(many, few).as_figure(what, at_most=at_most, detail=detail)


def _claim(claimer: Claimer) -> float:
    """Claim once, and deliver what was claimed; answers the CPU seconds of the claim alone."""
    token, account, using = new_token(), hellotext_settings.account, claimer.using
    backend = connections[using].connection.info.backend_pid
    began = time.process_time() + cpu_of(backend)
    with transaction.atomic(using=using):
        accounts = Account.objects.using(using)
        accounts.drained(account)
        row = accounts.get(key=account)
        assert row.drained_at is not None
        claimed = claimer.claim(token, account=row, now=row.drained_at)
    seconds = time.process_time() + cpu_of(backend) - began
    # A tenth is kept for the back-fill, of which there is none here.
    assert claimed >= 0.9 * SIZE, claimed
    rows = Event.objects.using(using)
    rows.finish(list(rows.held(token).values_list("pk", flat=True)), token=token, state=State.DELIVERED)
    return seconds


@contextmanager
def _snapshot() -> Iterator[None]:
    """Somebody else looks at the tables for a long time, as a report or a dump does."""
    other = connections[MANY].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"SELECT count(*) FROM {Event._meta.db_table} WHERE id < 0")  # noqa: S608
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def _claimer(using: str) -> Claimer:
    return Claimer(hellotext_settings.account, using=using, concurrency=1)


def _milliseconds(found: Rounds) -> str:
    return f"{found.median * 1000:.1f} ms"
