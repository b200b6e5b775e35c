"""``manage.py hellotext_worker``: sends what waits; told to stop, it finishes what is in hand."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError

import django_hellotext
from django_hellotext.delivery import Report
from django_hellotext.emulator import Emulator, EmulatorServer, Fault
from django_hellotext.management.commands import hellotext_worker
from django_hellotext.management.commands.hellotext_worker import Health, Stop
from django_hellotext.models import Event, State
from tests.factories import make_customer, make_product

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds until a process that does nothing fails the test
FILLED = 120  # products of a shop that has all of them


def work(**options: Any) -> str:
    out = StringIO()
    call_command("hellotext_worker", once=True, stdout=out, **options)
    return out.getvalue()


# In this process


@pytest.mark.django_db
def test_once_sends_what_is_due_says_so_and_ends(hellotext: Emulator) -> None:
    make_product()
    django_hellotext.track("page.viewed", profile=make_customer(), url="https://shop.example/")
    assert "1 events delivered, 2 objects synced" in work(concurrency=2)
    assert Event.objects.get().state == State.DELIVERED
    assert "0 events delivered, 0 objects synced" in work()


@pytest.mark.django_db
def test_it_says_what_it_attached_and_what_it_removed(hellotext: Emulator) -> None:
    """Otherwise a customer's erasure, and a login, would be a line of noughts."""
    hellotext.know_session("visitor")
    customer = make_customer()
    django_hellotext.track("page.viewed", profile=customer, session="visitor", url="https://shop.example/")
    assert work().splitlines()[-1].endswith("0 to be tried again, 1 sessions attached")
    django_hellotext.forget_customer(customer)
    assert work().splitlines()[-1].endswith("0 to be tried again, 1 removed at Hellotext")


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, -1])
def test_a_bad_concurrency_is_refused(hellotext: Emulator, number: int) -> None:
    with pytest.raises(CommandError, match="--concurrency must be 1 or more"):
        work(concurrency=number)


@pytest.mark.django_db
def test_a_concurrency_that_is_no_number_is_refused(hellotext: Emulator) -> None:
    with pytest.raises(CommandError, match="invalid int value"):
        call_command("hellotext_worker", "--once", "--concurrency", "many")


@pytest.mark.parametrize("unconfigured", [None, {}, {"API_TOKEN": "secret-token"}, {"BUSINESS_ID": "b"}])
def test_an_unconfigured_app_is_told_what_is_missing(settings: Any, unconfigured: Any) -> None:
    settings.HELLOTEXT = unconfigured
    with pytest.raises(CommandError, match=r"not configured: set HELLOTEXT\['BUSINESS_ID'\]") as refused:
        work()
    assert "secret-token" not in str(refused.value)


@pytest.mark.django_db
def test_the_handlers_of_signals_are_put_back(hellotext: Emulator) -> None:
    before = [signal.getsignal(number) for number in hellotext_worker.STOP_SIGNALS]
    work()
    assert [signal.getsignal(number) for number in hellotext_worker.STOP_SIGNALS] == before


UNUSABLE = [OperationalError, InterfaceError]


def unusable(error: type[Exception]) -> Any:
    raise error("connection of wile@acme.example refused")


@pytest.mark.parametrize("error", UNUSABLE)
def test_once_says_when_the_database_cannot_be_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    settings.HELLOTEXT = {"BUSINESS_ID": "b", "API_TOKEN": "t", "ENVIRONMENT": "test", "CURRENCY": "EUR"}
    monkeypatch.setattr(hellotext_worker, "drain", lambda *args, **options: unusable(error))
    with pytest.raises(CommandError, match="The database could not be used") as refused:
        work()
    assert "wile@" not in str(refused.value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", UNUSABLE)
def test_a_worker_tries_again_when_the_database_cannot_be_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: type[Exception]
) -> None:
    settings.HELLOTEXT = {
        "BUSINESS_ID": "b",
        "API_TOKEN": "t",
        "ENVIRONMENT": "test",
        "CURRENCY": "EUR",
        "POLL_INTERVAL": 0.01,
    }
    health = tmp_path / "health"
    seen: list[str] = []

    def drain(*args: Any, **options: Any) -> Report:
        if not seen:
            seen.append("refused")
            unusable(error)
        seen.append(health.read_text(encoding="utf-8"))
        signal.raise_signal(signal.SIGTERM)
        return Report(delivered=3)

    monkeypatch.setattr(hellotext_worker, "drain", drain)
    out, err = StringIO(), StringIO()
    call_command("hellotext_worker", health_file=str(health), stdout=out, stderr=err)
    assert "The database could not be used, trying again" in err.getvalue()
    assert "wile@" not in err.getvalue()
    assert "the database could not be used" in seen[1]
    assert "3 events delivered" in out.getvalue()
    assert not health.exists()


# Stopping


def test_a_stop_may_be_set_by_a_handler_that_interrupts_its_own_wait() -> None:
    stop = Stop()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: stop.set())
    try:
        timer = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
        timer.start()
        assert stop.wait(PATIENCE)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
        stop.close()


def test_a_stop_waits_no_longer_than_it_is_told() -> None:
    stop = Stop()
    assert not stop.wait(0.01)
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()
    assert stop.wait()
    assert stop.wait(PATIENCE)
    stop.close()


# In a process of its own


class Shop:
    """A shop on a SQLite file, whose commands run in processes of their own.

    ``filled`` is the file of a shop with products, if there is one.
    """

    def __init__(self, folder: Path, url: str, filled: Path | None = None) -> None:
        self.file = folder / "shop.sqlite3"
        self.filled = filled
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.ground.site_settings",
            "TEST_DATABASE_URL": f"sqlite:///{self.file}",
            "SITE_HELLOTEXT": json.dumps(
                {
                    "BUSINESS_ID": "test-business",
                    "API_TOKEN": "test-token",
                    "ENVIRONMENT": "test",
                    "CURRENCY": "EUR",
                    "BASE_URL": url,
                    "POLL_INTERVAL": 0.05,
                }
            ),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "manage.py"), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        return out

    def migrate_and_fill(self) -> None:
        """Migrate, and put products on the shelves."""
        code = (
            "from django.core.management import call_command\n"
            "call_command('migrate', run_syncdb=True, verbosity=0)\n"
            "from tests.factories import make_product\n"
            f"for number in range({FILLED}): make_product()"
        )
        self.run("shell", "--no-imports", "--command", code)

    def fill(self, products: int) -> None:
        """Copy the filled shop's tables in one transaction; of its products, ``products`` are to be sent."""
        assert self.filled is not None
        with closing(sqlite3.connect(self.filled)) as source, closing(sqlite3.connect(":memory:")) as copy:
            source.backup(copy)
            copy.execute(
                "DELETE FROM django_hellotext_event WHERE state = 'touch' AND id NOT IN "
                "(SELECT id FROM django_hellotext_event WHERE state = 'touch' ORDER BY id LIMIT ?)",
                [products],
            )
            copy.commit()
            with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as target:
                copy.backup(target)

    def states(self) -> Counter[str]:
        connection = sqlite3.connect(self.file)
        try:
            return Counter(state for (state,) in connection.execute("SELECT state FROM django_hellotext_remoteobject"))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("filled"), "http://127.0.0.1:1")
    shop.migrate_and_fill()
    return shop.file


@pytest.fixture
def shop(server: EmulatorServer, tmp_path: Path, filled: Path) -> Shop:
    return Shop(tmp_path, server.url, filled)


def until(emulator: Emulator, requests: int, process: subprocess.Popen[str]) -> None:
    """Wait until Hellotext has seen so many creations."""
    end = time.monotonic() + PATIENCE
    while len(created(emulator)) < requests:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the worker sends nothing"
        threading.Event().wait(0.01)


def created(emulator: Emulator) -> list[str]:
    return [
        entry.body_json["reference"] for entry in emulator.log if entry.method == "POST" and "products" in entry.path
    ]


def test_told_to_stop_it_finishes_what_is_in_hand_and_ends_with_code_0(emulator: Emulator, shop: Shop) -> None:
    """Three workers, one after the other, each stopped long before its work is done; a fourth has the rest."""
    shop.fill(products=FILLED)
    emulator.add_fault(Fault("latency", seconds=1.0))  # thirty seconds' work: a busy machine is in time to stop it
    for told, options in ((signal.SIGTERM, []), (signal.SIGINT, []), (signal.SIGTERM, ["--once"])):
        before = len(created(emulator))
        process = shop.start("hellotext_worker", "--concurrency", "4", *options)
        until(emulator, before + 4, process)
        process.send_signal(told)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, (told, options, err)
        assert "Traceback" not in err
        if not options:
            assert "Worker for test-business/test started" in out
            assert "Worker stopped; what was in hand is finished." in out

        sent = created(emulator)
        states = shop.states()
        assert before + 4 <= len(sent) < FILLED, (told, options)
        assert states["synced"] == len(sent)
        assert states["pending"] == FILLED - len(sent)
        assert states["sending"] == states["uncertain"] == states["failed"] == 0

    emulator.clear_faults()
    shop.run("hellotext_worker", "--once")
    assert shop.states() == {"synced": FILLED}
    assert Counter(created(emulator)).most_common(1)[0][1] == 1


def test_it_waits_for_a_database_that_is_not_migrated_yet(emulator: Emulator, shop: Shop) -> None:
    process = shop.start("hellotext_worker")
    assert process.stderr is not None
    assert "could not be used, trying again" in process.stderr.readline()
    shop.fill(products=2)
    until(emulator, 2, process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert shop.states()["synced"] == 2


def test_an_unconfigured_site_ends_the_worker_with_a_message(shop: Shop) -> None:
    shop.environment["SITE_HELLOTEXT"] = "null"
    process = shop.start("hellotext_worker")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "not configured" in err
    assert "Traceback" not in err


# Its health, for whoever starts it anew


def age_of(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it never came to be true"
        threading.Event().wait(0.02)


def test_the_health_file_is_young_while_the_worker_lives_old_when_it_is_stuck_and_gone_when_it_ends(
    shop: Shop, tmp_path: Path
) -> None:
    shop.fill(products=1)
    file = tmp_path / "alive"
    process = shop.start("hellotext_worker", "--health-file", str(file))
    wait_until(lambda: file.exists() and file.read_text().endswith(" ok\n"), process)
    first = file.stat().st_mtime_ns
    wait_until(lambda: file.stat().st_mtime_ns > first, process)
    assert age_of(file) < PATIENCE

    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: age_of(file) > 1, process)
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: age_of(file) < 0.5, process)

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert not file.exists()
    assert list(tmp_path.glob(".alive*")) == []


def test_a_backlog_does_not_make_the_health_file_old(
    hellotext: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A drain that has much to do is cut into slices."""
    asked: list[float | None] = []
    monkeypatch.setattr(hellotext_worker, "record_abandoned", lambda alias: 0)

    def drained(alias: str, *, seconds: float | None, stop: Stop, **options: Any) -> Report:
        asked.append(seconds)
        stop.set()
        return Report()

    monkeypatch.setattr(hellotext_worker, "drain", drained)
    call_command("hellotext_worker", health_file=str(tmp_path / "alive"), stdout=StringIO())
    call_command("hellotext_worker", "--once", stdout=StringIO())
    assert asked == [hellotext_worker.SLICE, None]


def test_a_backlog_keeps_neither_carts_nor_other_databases_waiting(
    hellotext: Emulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first sync of hours: its slices follow one another at once, and abandoned carts are looked for in between."""
    settings.HELLOTEXT = {**settings.HELLOTEXT, "POLL_INTERVAL": PATIENCE * 10}
    monkeypatch.setattr(hellotext_worker, "SLICE", 0.0)
    monkeypatch.setattr(hellotext_worker, "LOOK_FOR_CARTS", 0.0)
    done: list[str] = []
    monkeypatch.setattr(hellotext_worker, "record_abandoned", lambda alias: done.append("carts"))

    def drained(alias: str, *, seconds: float | None, stop: Stop, **options: Any) -> Report:
        assert seconds is not None
        done.append("drain")
        if len(done) == 6:
            stop.set()
        return Report()

    monkeypatch.setattr(hellotext_worker, "drain", drained)
    call_command("hellotext_worker", stdout=StringIO())
    assert done == ["carts", "drain"] * 3


def test_a_database_that_is_away_does_not_make_the_worker_look_dead(emulator: Emulator, shop: Shop) -> None:
    file = shop.file.with_name("alive")
    process = shop.start("hellotext_worker", "--health-file", str(file))
    wait_until(lambda: file.exists() and "the database could not be used" in file.read_text(), process)
    shop.fill(products=1)
    wait_until(lambda: file.read_text().endswith(" ok\n"), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def test_a_health_file_that_cannot_be_written_ends_the_worker_before_it_begins(
    hellotext: Emulator, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("hellotext_worker", health_file=str(tmp_path / "nowhere" / "alive"))
    assert not hellotext.log


def test_the_health_file_is_written_through_no_symbolic_link(tmp_path: Path) -> None:
    """In a shared folder: anybody may put links where a file is going to be written."""
    victim, file = tmp_path / "victim", tmp_path / "alive"
    victim.write_text("precious")
    for link in (file, tmp_path / f".alive.{os.getpid()}"):
        link.symlink_to(victim)
    health = Health(str(file))
    for text in ("started", "ok"):
        health.write(text)
        assert file.read_text().endswith(f" {text}\n")
    assert not file.is_symlink()
    health.remove()
    assert victim.read_text() == "precious"


def test_the_temporary_name_of_the_health_file_is_another_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    rename = os.replace

    def replace(source: Path, target: Path) -> None:
        names.append(source.name)
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    health = Health(str(tmp_path / "alive"))
    for _ in range(3):
        health.write("ok")
    assert len(set(names)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["alive"]


def test_a_monitor_of_another_user_may_read_the_health_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Health(str(tmp_path / "alive")).write("ok")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "alive").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "probe",
    [
        "test $(( $(date +%s) - $(stat -c %Y {file}) )) -lt 120",
        'find {file} -newermt "-120 seconds" | grep -q .',
        "find {file} -mmin -2 | grep -q .",
    ],
)
def test_the_usual_probes_tell_a_young_file_from_an_old_one(tmp_path: Path, probe: str) -> None:
    file = tmp_path / "alive"
    Health(str(file)).write("ok")
    command = ["sh", "-c", probe.format(file=file)]
    assert subprocess.run(command, check=False).returncode == 0
    os.utime(file, (time.time() - 300,) * 2)
    assert subprocess.run(command, check=False).returncode != 0


def test_once_has_an_exit_code_and_no_health_file(hellotext: Emulator, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Leave --health-file out"):
        work(health_file=str(tmp_path / "alive"))
