"""Hellotext accepts a request, and its answer holds what a database cannot."""

from __future__ import annotations

import json
from collections import Counter

from tests.processes.shop import Shop

from ..account import ACTION_PLACES, Account
from ..arena import Arena
from . import scenario

HOSTILE = (
    "garbage:times=1,skip=3,path=/v1/profiles,method=POST,body=long_id",
    "garbage:times=1,skip=2,path=/v1/attribution/products,method=POST,body=long_id",
    "garbage:times=1,skip=1,path=/v1/attribution/orders,method=POST,body=long_id",
    "garbage:rate=0.1,method=POST,body=surrogate",
    "garbage:rate=0.1,method=POST,body=nul",
    "garbage:rate=0.05,method=POST,body=long_id",
)
EXPECTED = {"unusable_id", "prerequisite_failed"}


@scenario("hostile-answers", short=("postgres",))
def hostile_answers(arena: Arena) -> Account:
    """Lone surrogates, NULs and IDs that are too long; only a row whose ID cannot be stored fails, and says so."""
    faults = [part for spec in HOSTILE for part in ("--fault", spec)]
    shop, hellotext = arena.open(*faults)
    events = arena.either(80, 1_500)
    traffic = arena.traffic(shop, events, "--keys", "30", "--rate", arena.either("20", "30"))
    for _ in range(2):
        shop.start_worker()
    arena.finished(shop, traffic)
    arena.drained(shop)
    reasons = Counter(reason for (reason,) in shop.rows(FAILED))
    # A row that failed is sent again when its object is saved: it is found by another key then, and adopted.
    hits = sum("garbage" in entry["fault"] for entry in hellotext.log())
    assert hits >= 3, "hardly any answer was hostile"
    arena.remark(f"{hits} hostile answers, failed: {dict(reasons)}")
    assert reasons.keys() <= EXPECTED, f"failed for another reason: {reasons}"
    return arena.account(shop, hellotext, may_miss=failed_objects(shop) | failed_facts(shop))


FAILED = """
    SELECT error_type FROM django_hellotext_event WHERE state = 'failed'
    UNION ALL SELECT error_type FROM django_hellotext_remoteobject WHERE state = 'failed'
    UNION ALL SELECT error_type FROM django_hellotext_session WHERE state = 'failed'
"""


def failed_objects(shop: Shop) -> frozenset[str]:
    """The objects whose row waits for a person, as the account names them."""
    emails = {str(pk): email for pk, email in shop.rows("SELECT id, email FROM auth_user")}
    numbers = {str(pk): number for pk, number in shop.rows("SELECT id, number FROM testshop_order")}
    names = {"profile": emails, "order": numbers}
    rows = shop.rows("SELECT kind, host_pk FROM django_hellotext_remoteobject WHERE state = 'failed'")
    return frozenset(f"{kind} {names.get(kind, {}).get(pk, pk)}" for kind, pk in rows)


def failed_facts(shop: Shop) -> frozenset[str]:
    """The facts whose event waits for a person."""
    numbers = {str(pk): number for pk, number in shop.rows("SELECT id, number FROM testshop_order")}
    found = set()
    sql = "SELECT action, object_pk, metadata FROM django_hellotext_event WHERE state = 'failed'"
    for action, pk, metadata in shop.rows(sql):
        values = json.loads(metadata) if isinstance(metadata, str) else metadata
        found.add(values.get("fact") or f"order {numbers[pk]}|{ACTION_PLACES[action]}|{action}")
    return frozenset(found)
