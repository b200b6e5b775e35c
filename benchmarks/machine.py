"""The machine that the figures belong to, and what else it is doing."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

import django

from .processes import TICKS

QUIET = 0.25  # of the machine may be busy with other things
LOOK = 2.0  # seconds


def describe() -> list[str]:
    """Processor, memory and versions, a line each."""
    lines = [
        f"{_processor()}, {os.cpu_count()} cores, {_memory():.0f} GB",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, Django {django.__version__}",
    ]
    for program in (("postgres", "--version"), ("redis-server", "--version")):
        lines.extend(_version(program))
    return lines


def busy_seconds() -> float:
    """CPU seconds that the machine has worked since it started, all cores together."""
    numbers = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _waiting, *interrupts = numbers
    return (user + nice + system + sum(interrupts[:2])) / TICKS


def wait_for_quiet(*, patience: float) -> float:
    """Wait until others leave the machine alone, at most ``patience`` seconds; answers their share of it."""
    ends = time.monotonic() + patience
    while True:
        before, began = busy_seconds(), time.monotonic()
        time.sleep(LOOK)
        share = (busy_seconds() - before) / (time.monotonic() - began) / (os.cpu_count() or 1)
        if share <= QUIET or time.monotonic() > ends:
            return share


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(command: tuple[str, str]) -> list[str]:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError:
        return []
    return [answer.stdout.strip()]
