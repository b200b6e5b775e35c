"""Run the benchmarks: ``python -m benchmarks``, with ``ONLY=name,name`` some of them, with ``SHORT=1`` a quick look.

Each group runs as a process of its own, on servers that are started for it alone. Figures that are not reached are
marked; they do not make the run fail. The last line is for machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.needs import REDIS_SERVER, Need, in_ci

from . import machine
from .figures import MARK, Figure, table
from .servers import ROOT, Postgres, Redis


@dataclass(frozen=True)
class Group:
    """A module of ``benchmarks.groups`` and the database it runs on; ``other`` asks for a second one beside it.

    ``settings`` are those of its shop.
    """

    name: str
    title: str
    database: str = "postgres"
    other: bool = False
    settings: str = "benchmarks.settings"


GROUPS = (
    Group("recording", "Recording an event, PostgreSQL"),
    Group("recording", "Recording an event, SQLite", database="sqlite"),
    Group("pages", "Requests that record nothing", database="sqlite"),
    Group("waking", "The hint after a commit"),
    Group("broken", "A broker that is dead"),
    Group("delivery", "Delivery beside a Celery task for each event"),
    Group("crowds", "Two workers"),
    Group("statements", "Statements"),
    Group("claiming", "A long history", other=True),
    Group("admin", "The admin of a long history", other=True, settings="benchmarks.admin_settings"),
    Group("memory", "Memory"),
    Group("walking", "A sync's way through a million objects"),
    Group("syncing", "A first sync, and those after it"),
    Group("emulator", "The emulator", database="sqlite"),
)


def main() -> int:
    """Measure and print; answers 1 when a group broke down."""
    if sys.argv[1:]:
        print(__doc__)
        return 2
    only = {name for name in os.environ.get("ONLY", "").split(",") if name}
    unknown = only - {group.name for group in GROUPS}
    if unknown:
        print(f"There is no group {', '.join(sorted(unknown))}; there are {', '.join(_names())}.")
        return 2
    short = bool(os.environ.get("SHORT"))
    chosen = [group for group in GROUPS if not only or group.name in only]
    missing = _missing() if any(group.database == "postgres" for group in chosen) else []
    if missing:
        chosen = [group for group in chosen if group.database != "postgres"]
        print(f"Not on this machine: {'; '.join(missing)}. Only the groups that run on SQLite are measured.")
        if in_ci() or not chosen:
            return 2
    print("\n".join(machine.describe()))
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, load {os.getloadavg()[0]:.2f}{', short' if short else ''}", flush=True)
    figures: list[Figure] = []
    broken = []
    for place, group in enumerate(chosen):
        with tempfile.TemporaryDirectory(prefix="bench_") as folder, ExitStack() as servers:
            environment = _environment(group, Path(folder), servers, short=short)
            found = _measure(group, environment, short=short)
        if found is None:
            broken.append(group.name)
            continue
        figures.extend(found)
        print(f"\n## {group.title} ({place + 1} of {len(chosen)})\n\n{table(found)}", flush=True)
    required = [figure for figure in figures if figure.is_required]
    missed = [figure.measure for figure in required if not figure.is_reached]
    print(f"\nNot reached: {'; '.join(missed)}." if missed else "\nEverything is reached.")
    summary = {"required": len(required), "reached": len(required) - len(missed), "missed": missed, "broken": broken}
    print(f"bench: {json.dumps(summary)}")
    return 1 if broken else 0


def _environment(group: Group, folder: Path, servers: ExitStack, *, short: bool) -> Mapping[str, str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": group.settings,
        "BENCH_PATIENCE": "5" if short else os.environ.get("BENCH_PATIENCE", "60"),
        "BENCH_DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3",
    }
    if group.database == "postgres":
        postgres, redis = servers.enter_context(Postgres(folder)), servers.enter_context(Redis(folder))
        environment["BENCH_DATABASE_URL"] = postgres.database("bench")
        if group.other:
            environment["BENCH_OTHER_DATABASE_URL"] = postgres.database("other")
        environment["BENCH_BROKER_URL"] = redis.url
        environment["BENCH_SERVERS"] = json.dumps({"postgres": postgres.process.pid, "redis": redis.process.pid})
    return environment


def _measure(group: Group, environment: Mapping[str, str], *, short: bool) -> Sequence[Figure] | None:
    command = [sys.executable, "-m", "benchmarks.group", group.name, *(["--short"] if short else [])]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = []
        for line in process.stdout:
            if line.startswith(MARK):
                found.append(Figure.from_line(line))
            else:
                print(line, end="", flush=True)
    if process.returncode:
        print(f"\n{group.name} broke down with status {process.returncode}.")
        return None
    return found


def _names() -> list[str]:
    return sorted({group.name for group in GROUPS})


def _missing() -> list[str]:
    """Return what the groups that run on PostgreSQL and Redis lack, each with what to install."""
    found = [REDIS_SERVER.missing(), Need(modules=("psycopg",)).missing()]
    if Postgres.programs() is None:
        found.append("a PostgreSQL server (apt-get install postgresql)")
    return [one for one in found if one]


if __name__ == "__main__":
    sys.exit(main())
