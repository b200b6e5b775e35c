"""What processes cost, read from /proc: theirs to the hundredth of a second, with the children they waited for."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid: int, *, with_dead_children: bool = False) -> float:
    """CPU seconds of the process ``pid``, all its threads; nothing for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    user, system, dead_user, dead_system = (int(field) for field in fields[11:15])
    own = user + system
    return (own + dead_user + dead_system if with_dead_children else own) / TICKS


def cpu_of_family(pid: int) -> float:
    """CPU seconds of ``pid``, of its children now, and of those that have ended.

    A server that starts a process for each connection, such as PostgreSQL, is only seen whole this way.
    """
    children = 0.0
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += sum(cpu_of(int(child)) for child in (task / "children").read_text().split())
    return cpu_of(pid, with_dead_children=True) + children


def memory_of(pid: int) -> float:
    """Resident megabytes of ``pid``."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def wait_for(condition: Callable[[], bool], *, what: str, seconds: float = 60.0, every: float = 0.05) -> None:
    """Wait until ``condition()`` holds; raises ``TimeoutError`` naming ``what``."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(every)


def end(process: subprocess.Popen[bytes]) -> None:
    """End ``process``, politely first."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
    if process.poll() is None:
        process.kill()
    process.wait()
