"""Workers die at moments of chance, or hang until others have taken over."""

from __future__ import annotations

import signal
import subprocess
import time

from tests.processes.shop import Shop, wait_for

from ..account import EVENTS, Account
from ..arena import Arena
from ..servers import Hellotext
from . import scenario

STARTED = "Worker for"


@scenario("killed-workers", short=("postgres",))
def killed_workers(arena: Arena) -> Account:
    """SIGKILL, again and again, while events and changes flow in."""
    kills, events, rate = arena.either((6, 100, "12"), (200, 10_000, "30"))
    lease = {"LEASE": arena.either(4.0, 8.0)}
    shop, hellotext = arena.open("--fault", "latency:seconds=0.06", hellotext=lease)
    traffic = [arena.traffic(shop, events // 2, "--keys", "40", "--rate", rate, name=name) for name in "ab"]
    workers = [shop.start_worker() for _ in range(3)]
    in_hand = 0
    for number in range(kills):
        victim = _next_victim(arena, shop, workers)
        if number % 4:
            # Most die with work in hand, one in four wherever it is.
            arena.requests(hellotext, arena.random.randint(1, 40), patience=2.0)
        time.sleep(arena.random.uniform(0.0, 0.1))
        in_hand += bool(shop.rows("SELECT 1 FROM django_hellotext_event WHERE state = 'sending' LIMIT 1"))
        shop.kill(victim)
        workers[workers.index(victim)] = shop.start_worker()
    for process in traffic:
        arena.finished(shop, process)
    arena.drained(shop)
    arena.remark(f"{kills} kills, {in_hand} with events in hand")
    return arena.account(shop, hellotext)


def _next_victim(arena: Arena, shop: Shop, workers: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """One of those that have begun to work."""
    wait_for(lambda: any(STARTED in shop.output_of(worker) for worker in workers), what="a worker")
    return arena.random.choice([worker for worker in workers if STARTED in shop.output_of(worker)])


@scenario("stopped-workers", short=())
def stopped_workers(arena: Arena) -> Account:
    """Workers hang for longer than their lease at moments of chance, then go on as if nothing had happened."""
    shop, hellotext = arena.open("--fault", "latency:seconds=0.03")
    traffic = arena.traffic(shop, arena.either(150, 900), "--keys", "40", "--rate", "30")
    workers = [shop.start_worker() for _ in range(2)]
    for _ in range(arena.either(2, 6)):
        victim = _next_victim(arena, shop, workers)
        time.sleep(arena.random.uniform(0.0, 0.3))
        victim.send_signal(signal.SIGSTOP)
        time.sleep(5.0)  # a lease, and some
        victim.send_signal(signal.SIGCONT)
    arena.finished(shop, traffic)
    arena.drained(shop)
    return arena.account(shop, hellotext)


@scenario("zombie-finish")
def zombie_finish(arena: Arena) -> Account:
    """A lease ends while the request runs on; the late answer changes nothing that the successor has written."""
    shop, hellotext = arena.open()
    arena.finished(shop, arena.traffic(shop, 1, "--keys", "1", "--only-events"))
    first = shop.start_worker()
    arena.drained(shop)
    for path, act in ((EVENTS, _look), ("/v1/attribution/products/", _change)):
        _outlive(arena, shop, hellotext, first, path=path, change=act(shop))
    return arena.account(shop, hellotext)


def _outlive(
    arena: Arena, shop: Shop, hellotext: Hellotext, first: subprocess.Popen[bytes], *, path: str, change: str
) -> None:
    requests = len(hellotext.log())
    hellotext.fault("latency", seconds=0.8, path=path, times=1)
    shop.python(change)
    wait_for(lambda: any(e["fault"] == "latency" for e in hellotext.log()[requests:]), what="a request under way")
    first.send_signal(signal.SIGSTOP)
    second = shop.start_worker()
    arena.drained(shop)
    before = _written(shop)
    shop.kill(second)
    first.send_signal(signal.SIGCONT)
    time.sleep(1.5)  # the late answer is read and written, or not
    if _written(shop) != before:
        raise AssertionError("a worker whose lease had ended overwrote its successor")


def _written(shop: Shop) -> list[tuple[object, ...]]:
    events = shop.rows("SELECT id, state, finished_at, updated_at FROM django_hellotext_event ORDER BY id")
    return events + shop.rows("SELECT id, state, finished_at, version FROM django_hellotext_remoteobject ORDER BY id")


def _look(shop: Shop) -> str:
    return (
        "import django_hellotext\n"
        "from django.contrib.auth.models import User\n"
        "from tests.testshop.models import Category\n"
        "django_hellotext.track('page.viewed', profile=User.objects.first(), url='https://shop.example/',"
        " metadata={'fact': 'a0|2|page.viewed'})\n"
        "Category.objects.create(name='a0|2|page.viewed')\n"
    )


def _change(shop: Shop) -> str:
    return (
        "from tests.testshop.models import Product\n"
        "product = Product.objects.first()\n"
        "product.price = 77\n"
        "product.save()\n"
    )
