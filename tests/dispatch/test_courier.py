"""The courier bounds what a commit may cost, whatever the broker does (promise 7, demand B2)."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from django_hellotext.dispatch.courier import Courier, Hint

from .patience import PATIENCE, wait_for

HINT = Hint()
LOGGER = "django_hellotext.dispatch"


class Post:
    """A broker in memory that can be told to hang, to refuse or to cut connections."""

    def __init__(self) -> None:
        self.arrived: list[tuple[Hint, float]] = []
        self.opened = 0
        self.closed = 0
        self.refuses = False
        self.attempts = 0
        self.runs = threading.Event()
        self.runs.set()

    def connect(self, timeout: float) -> Connection:
        self.opened += 1
        return Connection(self)

    @property
    def hints(self) -> list[Hint]:
        return [hint for hint, _ in self.arrived]


class Connection:
    def __init__(self, post: Post) -> None:
        self.post = post
        self.is_cut = False

    def carry(self, hint: Hint) -> None:
        self.post.attempts += 1
        assert self.post.runs.wait(PATIENCE)
        if self.post.refuses or self.is_cut:
            raise ConnectionRefusedError
        self.post.arrived.append((hint, time.monotonic()))

    def close(self) -> None:
        self.post.closed += 1
        raise OSError("the farewell is not heard")


@pytest.fixture
def post() -> Post:
    return Post()


def seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def test_a_hint_has_arrived_when_the_caller_goes_on(post: Post) -> None:
    Courier(post.connect).ask(HINT, timeout=PATIENCE)
    assert post.hints == [HINT]


def test_hints_of_one_second_become_one_and_the_last_is_not_lost(post: Post) -> None:
    every = 1.0
    courier = Courier(post.connect, every=every)
    for _ in range(50):
        courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: len(post.arrived) == 2)
    courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: len(post.arrived) == 3)
    times = [at for _, at in post.arrived]
    # A round begins on time; on a busy machine the way from there to the post takes a while.
    assert all(later - earlier >= every / 2 for earlier, later in itertools.pairwise(times))
    assert post.opened == 1


def test_each_database_has_a_hint_of_its_own(post: Post) -> None:
    courier = Courier(post.connect, every=0.1)
    for alias in ("default", "other", "default", "other"):
        courier.ask(Hint((alias,)), timeout=PATIENCE)
    # Three, or four where a round ended in between.
    wait_for(lambda: len(post.arrived) >= 3)
    assert {hint.arguments for hint in post.hints} == {("default",), ("other",)}


def test_a_broker_that_hangs_is_waited_for_once(post: Post) -> None:
    post.runs.clear()
    courier = Courier(post.connect, every=0.01, pause=0.01)
    assert 0.15 <= seconds(lambda: courier.ask(HINT, timeout=0.2)) < PATIENCE / 4
    assert sorted(seconds(lambda: courier.ask(HINT, timeout=PATIENCE)) for _ in range(9))[4] < 0.05
    post.runs.set()
    wait_for(lambda: len(post.arrived) >= 2)


def test_many_threads_that_meet_a_broker_that_hangs_wait_at_the_same_time(post: Post) -> None:
    post.runs.clear()
    courier = Courier(post.connect)
    threads = [threading.Thread(target=courier.ask, args=(HINT,), kwargs={"timeout": 0.3}) for _ in range(16)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert seconds(run) < 16 * 0.3
    post.runs.set()


def test_a_refusal_ends_the_waiting(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    post.refuses = True
    assert seconds(lambda: Courier(post.connect).ask(HINT, timeout=PATIENCE)) < PATIENCE / 4
    wait_for(lambda: bool(caplog.records))


def test_the_courier_comes_back_by_itself_after_an_outage(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER)
    post.refuses = True
    courier = Courier(post.connect, every=0.01, pause=0.02)
    courier.ask(HINT, timeout=PATIENCE)
    courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: post.attempts >= 5)
    post.refuses = False
    wait_for(lambda: bool(post.arrived))
    wait_for(lambda: len(caplog.records) == 2)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "dispatch.unreachable"),
        ("INFO", "dispatch.reachable"),
    ]
    assert caplog.records[0].__dict__["error"] == "ConnectionRefusedError"


def test_a_connection_that_was_cut_while_it_was_idle_costs_no_hint(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    connections: list[Connection] = []

    def connect(timeout: float) -> Connection:
        connections.append(post.connect(timeout))
        return connections[-1]

    courier = Courier(connect, every=0.01)
    courier.ask(HINT, timeout=PATIENCE)
    connections[0].is_cut = True
    courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: len(post.arrived) == 2)
    assert len(connections) == 2
    assert not caplog.records


def test_an_idle_courier_leaves_no_thread_and_no_connection(post: Post) -> None:
    courier = Courier(post.connect, every=0.01, idle=0.05)
    courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: post.closed == 1)
    courier.ask(HINT, timeout=PATIENCE)
    wait_for(lambda: len(post.arrived) == 2)
    assert post.opened == 2


FORK = """
import os, sys, threading
from django_hellotext.dispatch import courier
from tests.dispatch.test_courier import Post
post = Post()
mine = courier.courier_for("here", post.connect)
mine.ask(courier.Hint(), timeout=20)
assert len(post.arrived) == 1
if (child := os.fork()) == 0:
    post.arrived.clear()
    mine.ask(courier.Hint(), timeout=20)
    os._exit(0 if len(post.arrived) == 1 and post.opened == 2 and post.closed == 0 else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_has_a_courier_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
