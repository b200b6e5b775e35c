"""Servers that fork and renew their processes: N tracked are N rows are N received."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.needs import REDIS_SERVER
from tests.ports import HOST, free_port, listens
from tests.processes.databases import PATIENCE
from tests.processes.shop import Shop, wait_for

from ..account import Account
from ..arena import Arena, Missing
from ..servers import Hellotext, Redis
from . import scenario
from .brokers import RECEIVED, celery_beat, celery_worker

MODULE = "tests.chaos.wsgi:application"
CLIENTS = 4
PAGES = (60, 400)  # of each client, in a short run and in a full one


def _program(name: str, *, install: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise Missing(f"the program {name} ({install})")
    return found


def _open(arena: Arena) -> tuple[Shop, Hellotext]:
    """The shop asks Celery from its forked servers, so that broker connections meet forks, too."""
    arena.need(REDIS_SERVER)
    redis = arena.closing(Redis(arena.folder))
    return arena.open(hellotext={"DISPATCH": "celery"}, environment={"SHOP_BROKER_URL": redis.url})


def _visited(arena: Arena, shop: Shop, server: subprocess.Popen[bytes], port: int) -> set[str]:
    """Ask the server for many pages; answers the processes that served them."""
    wait_for(lambda: listens(port) or server.poll() is not None, what="the server")
    assert server.poll() is None, shop.output_of(server)[-800:]
    each = arena.either(*PAGES)
    with ThreadPoolExecutor(CLIENTS) as pool:
        return set().union(*pool.map(lambda number: _browse(port, f"visitor{number}", each), range(CLIENTS)))


def _counted(arena: Arena, shop: Shop, hellotext: Hellotext, pids: set[str]) -> Account:
    """Let everything arrive, then count."""
    arena.drained(shop)
    account = arena.account(shop, hellotext)
    ((rows,),) = shop.rows("SELECT COUNT(*) FROM django_hellotext_event")
    expected = CLIENTS * arena.either(*PAGES) + 1
    arena.remark(f"{expected} tracked, {rows} rows, {account.once} received, {len(pids)} server processes")
    assert expected == rows == account.recorded, "tracked, rows and received differ"
    return account


def _browse(port: int, visitor: str, pages: int) -> set[str]:
    """One visitor, page after page; answers the processes that served them."""
    pids = set()
    for number in range(1, pages + 1):
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        connection.request("GET", f"/look/{visitor}/{number}/", headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        assert answer.status == 200, f"{answer.status}: {body[:200]}"
        pids.add(body)
    return pids


@scenario("gunicorn-preload", vendors=("postgres", "mariadb", "sqlite"), short=("postgres",))
def gunicorn_preload(arena: Arena) -> Account:
    """gunicorn --preload --max-requests 50: used before the fork, and renewed all the time."""
    port, program = free_port(), _program("gunicorn", install="pip install --group chaos")
    shop, hellotext = _open(arena)
    worker = celery_worker(shop)
    options = ("--preload", "--max-requests", "50", "--workers", "2", "--threads", "2")
    home = {"HOME": str(arena.folder)}  # newer ones keep a socket there
    server = shop.start(program, "-b", f"{HOST}:{port}", *options, MODULE, environment=home)
    pids = _visited(arena, shop, server, port)
    wait_for(lambda: RECEIVED.search(shop.output_of(worker)) is not None, what="a hint from a forked process")
    celery_beat(shop)  # only now: up to here every drain was asked for by a hint
    return _counted(arena, shop, hellotext, pids)


@scenario("uwsgi", vendors=("postgres",), short=())
def uwsgi(arena: Arena) -> Account:
    """uWSGI loads the site in its master, forks, and renews its workers every 50 requests; threads are off."""
    port, program = (
        free_port(),
        _program("uwsgi", install="apt-get install gcc python3-dev, then pip install --group uwsgi"),
    )
    shop, hellotext = _open(arena)
    celery_worker(shop)
    celery_beat(shop)  # without --enable-threads no thread of ours runs in the server
    options = (
        "--master",
        "--processes",
        "2",
        "--max-requests",
        "50",
        "--min-worker-lifetime",
        "0",
        "--need-app",
        "--die-on-term",
    )
    server = shop.start(program, "--http-socket", f"{HOST}:{port}", *options, "--wsgi", MODULE)
    return _counted(arena, shop, hellotext, _visited(arena, shop, server, port))


@scenario("celery-renewed", vendors=("postgres", "mariadb"), short=())
def celery_renewed(arena: Arena) -> Account:
    """Celery with --max-tasks-per-child=1: every drain in a new process."""
    shop, hellotext = _open(arena)
    worker = celery_worker(shop, "--max-tasks-per-child", "1")
    celery_beat(shop)
    traffic = arena.traffic(shop, arena.either(60, 600), "--keys", "30", "--rate", "20")
    arena.finished(shop, traffic)
    arena.drained(shop)
    time.sleep(0.2)
    arena.remark(f"{shop.output_of(worker).count('succeeded in')} tasks")
    return arena.account(shop, hellotext)
