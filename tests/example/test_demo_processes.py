"""The demo's processes, and the demo as a whole: real processes, a real database, real HTTP."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from demo.children import Children
from demo.failures import ChildTrouble
from demo.options import API_TOKEN, BUSINESS_ID
from demo.ports import choose_port

from django_hellotext.emulator import Emulator, EmulatorServer, Fault

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "example_project"
PATIENCE_SECONDS = 180.0  # a bound that only a standstill reaches; the whole demo is within it
ALL_IS_WELL = "43 events recorded, 43 delivered, 0 failed, 0 duplicated"
SLEEPER = "import time\nprint('awake', flush=True)\nwhile True:\n    time.sleep(0.1)\n"


def wait_for(what: Callable[[], bool], *, because: Callable[[], str] = str) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < ends_at, because()
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether the process is there and not only waits for its parent to notice its end."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


@pytest.fixture
def sleeper(tmp_path: Path) -> str:
    path = tmp_path / "sleeper.py"
    path.write_text(SLEEPER, encoding="utf-8")
    return str(path)


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(folder=SHOP, logs=tmp_path, environment={"PYTHONUNBUFFERED": "1"}) as children:
        yield children


def test_leaving_the_block_ends_every_process(tmp_path: Path, sleeper: str) -> None:
    with Children(folder=SHOP, logs=tmp_path, environment={}) as children:
        started = [children.start(name, sleeper) for name in ("one", "two")]
        for child in started:
            children.wait_until(child, lambda child=child: "awake" in child.last_lines())  # type: ignore[misc]  # bound at once
    assert [child.process.returncode for child in started] == [-signal.SIGTERM] * 2


def test_a_process_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path, children: Children) -> None:
    failing = tmp_path / "failing.py"
    failing.write_text("raise SystemExit('out of paper')\n", encoding="utf-8")
    child = children.start("printer", str(failing))
    with pytest.raises(ChildTrouble, match=r"printer ended by itself with exit code 1[\s\S]+out of paper"):
        children.wait_until(child, lambda: False)


def test_a_process_that_is_never_ready_is_named(children: Children, sleeper: str) -> None:
    child = children.start("lazy", sleeper)
    with pytest.raises(ChildTrouble, match="lazy was not ready within 0 seconds"):
        children.wait_until(child, lambda: False, seconds=0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
def test_no_process_outlives_a_demo_that_is_killed(tmp_path: Path, sleeper: str) -> None:
    program = (
        "import sys, time; from pathlib import Path; from demo.children import Children\n"
        f"children = Children(folder=Path({str(SHOP)!r}), logs=Path({str(tmp_path)!r}), environment={{}})\n"
        f"print(children.start('orphan', {sleeper!r}).process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=SHOP, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        orphan = int(demo.stdout.readline())
        wait_for(lambda: "awake" in (tmp_path / "orphan.log").read_text(encoding="utf-8"))
        demo.kill()
    wait_for(lambda: not is_running(orphan))


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(choose_port(taken.getsockname()[1]).number)


class Demo:
    """``python -m demo`` on a folder of its own."""

    def __init__(self, var: Path, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HELLOTEXT_", "DATABASE_"))}
        # Tests run side by side: each demo has usual ports of its own.
        ports = {"DEMO_SHOP_PORT": free_port(), "DEMO_HELLOTEXT_PORT": free_port()}
        self.environment = {
            **kept,
            **ports,
            "PYTHONPATH": str(ROOT),
            "PASSWORD_HASHER": "django.contrib.auth.hashers.MD5PasswordHasher",
            "SHOP_VAR": str(var),
            **environment,
        }
        self.command = [sys.executable, "-m", "demo"]

    def verify(self) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, "EXIT": "1"}
        return subprocess.run(
            self.command, cwd=SHOP, env=environment, capture_output=True, text=True, timeout=280, check=False
        )

    def serve(self, output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as stream:
            return subprocess.Popen(
                self.command,
                cwd=SHOP,
                env={**self.environment, "EXIT": ""},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


# The three demos take one after the other what the first has left behind, so they run in one process.
one_process = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that has ended well."""
    var = tmp_path_factory.mktemp("demo") / "var"
    verified = Demo(var).verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.splitlines()[-1] == ALL_IS_WELL
    assert re.search(r"Three for ten +│ 10\.00 +│ ✓ 10\.00 +│ items\.quantity: quantity", verified.stdout)
    return var


@pytest.fixture
def var(played: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(played, tmp_path / "var"))


@one_process
@pytest.mark.timeout(600)
def test_everything_arrives_once_and_a_second_time_too_and_ctrl_c_ends_it(var: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    serving = Demo(var).serve(output)

    def said() -> str:
        return output.read_text(encoding="utf-8", errors="replace")

    try:
        wait_for(lambda: "Ctrl-C ends everything" in said() or serving.poll() is not None, because=said)
        assert ALL_IS_WELL in said()
        assert re.search(r"The shop +http://localhost:\d+", said())
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=PATIENCE_SECONDS) == 0
    finally:
        serving.kill()
        serving.wait()
    assert said().splitlines()[-1] == "Everything has ended."
    assert "Worker stopped" in (var / "worker.log").read_text(encoding="utf-8")


@one_process
@pytest.mark.timeout(600)
def test_another_hellotext_gets_everything_and_a_request_that_it_refuses_is_said(var: Path) -> None:
    """It gets the definitions, the catalogue and the events, though the shop has mirrored them elsewhere before."""
    emulator = Emulator(token=API_TOKEN, business_id=BUSINESS_ID, seed=2)
    emulator.add_fault(Fault("error", status=503, method="POST", path="/v1/attribution/events", times=1))
    with EmulatorServer(emulator) as hellotext:
        account = {"HELLOTEXT_API_TOKEN": API_TOKEN, "HELLOTEXT_BUSINESS_ID": BUSINESS_ID}
        verified = Demo(var, HELLOTEXT_BASE_URL=hellotext.url, **account).verify()
    said = verified.stdout
    assert verified.returncode == 1, said + verified.stderr
    assert "This Hellotext has nothing of last time" in said
    assert "43 events recorded, 43 delivered, 1 failed, 0 duplicated" in said
    [complaint] = [line for line in said.splitlines() if line.startswith("    - ")]
    assert re.search(r"cart\.added .* was refused 1 times\.", complaint)


def test_a_hellotext_that_is_not_there_is_said_and_ends_with_1(tmp_path: Path) -> None:
    verified = Demo(tmp_path / "var", HELLOTEXT_BASE_URL="http://127.0.0.1:1").verify()
    assert verified.returncode == 1
    assert "Hellotext does not answer at http://127.0.0.1:1" in verified.stdout


def test_an_account_elsewhere_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    verified = Demo(tmp_path / "var", HELLOTEXT_BASE_URL="https://api.hellotext.com").verify()
    assert verified.returncode == 1
    assert "DEMO_SEND=1" in verified.stderr
    assert not (tmp_path / "var").exists()
