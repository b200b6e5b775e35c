"""Celery on Redis and on RabbitMQ: the broker goes away, forgets, and says everything twice.

The row is the truth and a message is a hint: whatever the broker does costs time only.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module

from tests.needs import NEEDS, REDIS_SERVER
from tests.ports import SERVICES, free_port
from tests.processes.shop import Shop, wait_for

from ..account import Account
from ..arena import Arena, Missing
from ..servers import Hellotext, Proxy, RabbitMQ, Redis
from . import scenario

CELERY = (sys.executable, "-m", "celery", "-A", "tests.chaos.celery_app")
WAYS = {"DISPATCH": "celery", "DRAIN_SECONDS": 20.0}
RECEIVED = re.compile(r"Task django_hellotext\.drain\[(\S+)\] received")


def celery_worker(
    shop: Shop, *arguments: str, pool: tuple[str, ...] = ("--concurrency", "2"), **environment: str
) -> subprocess.Popen[bytes]:
    """A Celery worker that has come up."""
    name = f"chaos{len(shop.processes)}@%h"
    worker = shop.start(
        *CELERY,
        "worker",
        "-n",
        name,
        "-l",
        "INFO",
        "--without-mingle",
        "--without-gossip",
        *pool,
        *arguments,
        environment=environment,
    )
    wait_for(lambda: " ready." in shop.output_of(worker), what="a Celery worker")
    return worker


def celery_beat(shop: Shop) -> subprocess.Popen[bytes]:
    """A beat with a schedule file of its own."""
    return shop.start(*CELERY, "beat", "-s", str(shop.folder / f"beat{len(shop.processes)}"))


def _redis(arena: Arena) -> Redis:
    arena.need(REDIS_SERVER)
    return arena.closing(Redis(arena.folder))


def _open(arena: Arena, url: str, *options: str, **environment: str) -> tuple[Shop, Hellotext]:
    return arena.open(*options, hellotext=WAYS, environment={"SHOP_BROKER_URL": url, **environment})


def _outages(
    arena: Arena, away: Callable[[], None], back: Callable[[], None], *, shortest: float, longest: float
) -> Callable[[], None]:
    """Trouble: at moments of chance the broker is ``away`` for some seconds, and then ``back``."""

    def trouble() -> None:
        for _ in range(arena.either(1, 4)):
            time.sleep(arena.random.uniform(1, 3))
            away()
            time.sleep(arena.random.uniform(shortest, longest))
            back()

    return trouble


def _troubled(arena: Arena, shop: Shop, hellotext: Hellotext, trouble: Callable[[], None]) -> Account:
    """Customers come, workers and a beat run, ``trouble`` happens meanwhile."""
    celery_worker(shop)
    celery_beat(shop)
    traffic = arena.traffic(shop, arena.either(100, 1_000), "--keys", "30", "--rate", arena.either("20", "40"))
    trouble()
    arena.finished(shop, traffic)
    arena.drained(shop)
    return arena.account(shop, hellotext)


@scenario("redis-paused", vendors=("postgres", "sqlite"), short=())
def redis_paused(arena: Arena) -> Account:
    """Redis answers nobody for a while; the shop does not wait for it."""
    redis = _redis(arena)
    shop, hellotext = _open(arena, redis.url)

    def trouble() -> None:
        for _ in range(arena.either(1, 3)):
            time.sleep(arena.random.uniform(1, 3))
            redis.pause(arena.either(3, 10))
            time.sleep(arena.either(3, 10))

    return _troubled(arena, shop, hellotext, trouble)


@scenario("redis-killed", vendors=("postgres", "mariadb"), short=("postgres",))
def redis_killed(arena: Arena) -> Account:
    """Redis dies with all its messages, stays away, and comes back empty."""
    redis = _redis(arena)
    shop, hellotext = _open(arena, redis.url)
    trouble = _outages(arena, redis.kill, redis.start, shortest=0.5, longest=arena.either(1.5, 8))
    return _troubled(arena, shop, hellotext, trouble)


@scenario("rabbitmq-cut", vendors=("postgres",), short=())
def rabbitmq_cut(arena: Arena) -> Account:
    """Every connection to RabbitMQ is cut and refused for a while, again and again."""
    arena.need(NEEDS["rabbitmq"])
    proxy = arena.closing(Proxy(SERVICES["rabbitmq"]))
    queue = f"hellotext-chaos-{free_port()}"
    shop, hellotext = _open(arena, f"amqp://guest:guest@127.0.0.1:{proxy.port}//", SHOP_QUEUE=queue)
    trouble = _outages(arena, proxy.cut, proxy.join, shortest=1, longest=arena.either(2, 8))
    try:
        return _troubled(arena, shop, hellotext, trouble)
    finally:
        shop.end_processes()
        _delete_queue(queue)


def _delete_queue(name: str) -> None:
    """Leave nothing of ours on the machine's RabbitMQ."""
    kombu = import_module("kombu")
    with kombu.Connection(f"amqp://guest:guest@127.0.0.1:{SERVICES['rabbitmq']}//") as connection:
        channel = connection.channel()
        channel.queue_delete(name)
        channel.exchange_delete(name)


@scenario("rabbitmq-killed", vendors=("postgres",), short=("postgres",))
def rabbitmq_killed(arena: Arena) -> Account:
    """RabbitMQ itself, a node of our own, is killed, stays away, and comes back."""
    if RabbitMQ.program() is None:
        raise Missing("a RabbitMQ server (apt-get install rabbitmq-server)")
    rabbitmq = arena.closing(RabbitMQ(arena.folder))
    shop, hellotext = _open(arena, rabbitmq.url)
    trouble = _outages(arena, rabbitmq.kill, rabbitmq.start, shortest=1, longest=arena.either(2, 8))
    return _troubled(arena, shop, hellotext, trouble)


@scenario("doubled-messages", vendors=("postgres", "mariadb"), short=("postgres",))
def doubled_messages(arena: Arena) -> Account:
    """Every message comes twice, and two beats ask all the time."""
    redis = _redis(arena)
    shop, hellotext = _open(arena, redis.url, "--fault", "latency:seconds=0.02")
    for _ in range(2):
        # The workers read another list than the shop and the beats write.
        celery_worker(shop, SHOP_QUEUE="doubled")
        celery_beat(shop)
    over, doubled = threading.Event(), [0]
    thread = threading.Thread(target=_double, args=(redis, over, doubled), daemon=True)
    thread.start()
    try:
        traffic = arena.traffic(shop, arena.either(120, 1_500), "--keys", "30", "--rate", "40")
        arena.finished(shop, traffic)
        arena.drained(shop)
    finally:
        over.set()
        thread.join(timeout=10)
    arena.remark(f"{doubled[0]} messages doubled")
    return arena.account(shop, hellotext)


def _double(redis: Redis, over: threading.Event, doubled: list[int]) -> None:
    client = import_module("redis").Redis(host="127.0.0.1", port=redis.port)
    while not over.is_set():
        found = client.brpop(["celery"], timeout=1)
        if found is not None:
            client.lpush("doubled", found[1], found[1])
            doubled[0] += 1
    client.close()


@scenario("short-visibility", vendors=("postgres",), short=())
def short_visibility(arena: Arena) -> Account:
    """Redis hands a message on after 2 s, while the drain it began runs on; messages are acknowledged late."""
    redis = _redis(arena)
    slow = {**WAYS, "CONCURRENCY": 2}
    shop, hellotext = arena.open(
        "--fault",
        "latency:seconds=0.1",
        hellotext=slow,
        environment={"SHOP_BROKER_URL": redis.url, "SHOP_VISIBILITY_TIMEOUT": "2"},
    )
    # A backlog, so that a drain takes all of its time.
    arena.finished(shop, arena.traffic(shop, arena.either(400, 1_000), "--keys", "40"))
    workers = [celery_worker(shop) for _ in range(2)]
    celery_beat(shop)
    arena.drained(shop)
    received = Counter(RECEIVED.findall("".join(shop.output_of(worker) for worker in workers)))
    again = sum(times > 1 for times in received.values())
    arena.remark(f"{again} of {len(received)} messages came again")
    assert again, "Redis handed on no message, so this proves nothing"
    return arena.account(shop, hellotext)


@scenario("killed-celery", vendors=("postgres", "mariadb"), short=())
def killed_celery(arena: Arena) -> Account:
    """SIGKILL of whole Celery workers, parents and children, while events flow in."""
    redis = _redis(arena)
    shop, hellotext = _open(arena, redis.url, "--fault", "latency:seconds=0.03")
    celery_beat(shop)
    kills = arena.either(3, 30)
    traffic = arena.traffic(shop, arena.either(100, 2_000), "--keys", "40", "--rate", "25")
    workers = [celery_worker(shop) for _ in range(2)]
    for _ in range(kills):
        time.sleep(arena.random.uniform(0.2, 1.5))
        shop.kill(workers.pop(0))
        workers.append(celery_worker(shop))
    arena.finished(shop, traffic)
    arena.drained(shop)
    arena.remark(f"{kills} kills")
    return arena.account(shop, hellotext)
