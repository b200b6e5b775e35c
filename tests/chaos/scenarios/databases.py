"""The database goes away, restarts, or decides that a worker is the victim of a deadlock."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from tests.processes.databases import MariaDB, Postgres
from tests.processes.shop import Shop

from ..account import Account
from ..arena import Arena, Missing
from ..servers import Cluster
from . import SERVERS, scenario

COMPLAINT = "The database could not be used"
BACKWARDS = "SELECT id FROM django_hellotext_event WHERE state = 'pending' ORDER BY id DESC LIMIT 5 FOR UPDATE"


@scenario("lost-connections", vendors=SERVERS, short=("postgres",))
def lost_connections(arena: Arena) -> Account:
    """Every connection of the workers is ended, again and again, in the middle of their drains."""
    shop, hellotext = arena.open("--fault", "latency:seconds=0.02")
    # Nobody else is connected meanwhile: what is ended is the workers'.
    arena.finished(shop, arena.traffic(shop, arena.either(80, 1_500), "--keys", "40"))
    workers = [shop.start_worker() for _ in range(2)]
    ended = 0
    for _ in range(arena.either(3, 25)):
        arena.requests(hellotext, 10, patience=10)
        time.sleep(arena.random.uniform(0.0, 0.3))
        ended += shop.database.end_connections()
    arena.drained(shop)
    complaints = sum(shop.output_of(worker).count(COMPLAINT) for worker in workers)
    assert all(worker.poll() is None for worker in workers), "a worker ended with its connection"
    arena.remark(f"{ended} connections ended, {complaints} noticed")
    return arena.account(shop, hellotext)


@scenario("deadlocks", vendors=SERVERS, short=("mariadb",))
def deadlocks(arena: Arena) -> Account:
    """A stranger locks our rows in the opposite order until the database has made a worker its victim."""
    shop, hellotext = arena.open()
    arena.finished(shop, arena.traffic(shop, 5, "--keys", "5"))
    workers = [shop.start_worker() for _ in range(2)]
    arena.drained(shop)
    traffic = arena.traffic(shop, arena.either(100, 600), "--keys", "40", "--rate", "20", name="b")
    ours = theirs = 0
    ends = time.monotonic() + arena.either(15, 60)
    while time.monotonic() < ends and ours < arena.either(1, 4):
        theirs += _cross(shop)
        ours = sum(shop.output_of(worker).lower().count("deadlock") for worker in workers)
    arena.finished(shop, traffic)
    arena.drained(shop)
    arena.remark(f"deadlocks: {ours} taken by workers, {theirs} by the stranger")
    return arena.account(shop, hellotext)


def _cross(shop: Shop) -> int:
    """Take waiting events first and the account after them, the wrong way round; answers 1 as the victim."""
    database = shop.database
    assert isinstance(database, Postgres | MariaDB)
    connection: Any = database.connect()
    try:
        cursor = connection.cursor()
        for setting in ("SET deadlock_timeout = '10s'",) if database.vendor == "postgres" else ():
            cursor.execute(setting)
        cursor.execute("BEGIN")
        try:
            cursor.execute(BACKWARDS)
            found = cursor.fetchall()
            time.sleep(0.3 if found else 0.02)
            # Much work done makes a transaction a bad victim for MariaDB.
            cursor.execute("UPDATE testshop_product SET weight = weight + 1") if found else None
            cursor.execute("UPDATE django_hellotext_account SET pauses = pauses WHERE pauses >= 0")
        except Exception as error:
            if "deadlock" not in str(error).lower():
                raise
            return 1
        return 0
    finally:
        with suppress(Exception):
            cursor.execute("ROLLBACK")
        connection.close()


@scenario("restarted-postgres", vendors=("postgres",), short=("postgres",))
def restarted_postgres(arena: Arena) -> Account:
    """PostgreSQL crashes and comes back while customers come and workers drain."""
    if Cluster.binaries() is None:
        raise Missing("a PostgreSQL server (apt-get install postgresql)")
    cluster = arena.closing(Cluster(arena.folder))
    shop, hellotext = arena.open("--fault", "latency:seconds=0.02", data=cluster.database("shop"))
    speed = ("--keys", "40", "--rate", "40", "--atomic", "--stubborn")
    traffic = arena.traffic(shop, arena.either(150, 2_000), *speed)
    workers = [shop.start_worker() for _ in range(2)]
    restarts = arena.either(1, 4)
    for _ in range(restarts):
        arena.requests(hellotext, 30)
        time.sleep(arena.random.uniform(0.0, 0.5))
        cluster.stop()
        time.sleep(arena.random.uniform(0.2, 1.0))
        cluster.start()
    arena.finished(shop, traffic)
    arena.drained(shop)
    assert all(worker.poll() is None for worker in workers), "a worker ended with the server"
    arena.remark(f"{restarts} crashes")
    return arena.account(shop, hellotext)
