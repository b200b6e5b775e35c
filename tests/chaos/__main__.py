"""``python -m tests.chaos``: play the scenarios, print an account of each, end with 1 on any violation."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from tests.needs import NEEDS, in_ci

from .account import Account, write
from .arena import Arena, Missing
from .scenarios import VENDORS, Scenario, load


@dataclass
class Played:
    """What came of one scenario on one database."""

    account: Account
    failed: bool = False
    skipped: bool = False


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small run of two minutes")
    parser.add_argument("--database", action="append", choices=VENDORS, help="only these; repeatable")
    parser.add_argument("--only", action="append", metavar="NAME", help="only those whose name has this; repeatable")
    parser.add_argument("--seed", type=int, default=1, help="makes chance repeat as far as processes let it")
    parser.add_argument("--jobs", type=int, default=0, help="scenarios at once (3 in a short run, else 2)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the scenarios, for looking into")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    return parser


def chosen(arguments: argparse.Namespace) -> list[tuple[Scenario, str]]:
    """The scenarios of this run, each with its database."""
    found = []
    for each in load():
        named = any(name in each.name for name in arguments.only or ())
        if arguments.only and not named:
            continue
        usual = each.short if arguments.short and not (named and arguments.database) else each.vendors
        found += [(each, vendor) for vendor in usual if vendor in (arguments.database or VENDORS)]
    return found


def play(each: Scenario, vendor: str, arguments: argparse.Namespace) -> Played:
    """Play one scenario and print its line."""
    began = time.monotonic()
    arena = Arena(each.name, vendor, short=arguments.short, seed=arguments.seed, keep=arguments.keep)
    played = Played(Account())
    trouble = ""
    try:
        if vendor in NEEDS:
            arena.need(NEEDS[vendor])
        with arena:
            played.account = each.play(arena)
        played.failed = not played.account.is_clean
    except Missing as missing:
        # In CI every service is there, or something is wrong.
        played.skipped, played.failed = True, in_ci()
        arena.remark(f"not on this machine: {missing}")
    except Exception as error:
        played.failed = True
        arena.remark(f"{type(error).__name__}: {error}")
        trouble = traceback.format_exc()
    counts = " ".join(f"{name}={value}" for name, value in played.account.counts().items() if value or name == "lost")
    verdict = "FAILED" if played.failed else "skipped" if played.skipped else "ok"
    line = f"{verdict:7} {each.name} [{vendor}] {time.monotonic() - began:.0f}s {counts} {'; '.join(arena.remarks)}"
    notes = "".join(f"\n        {note}" for note in played.account.notes)
    sys.stdout.write(f"{line.rstrip()}{notes}\n{trouble}")
    sys.stdout.flush()
    return played


def main() -> int:
    arguments = options().parse_args()
    scenarios = chosen(arguments)
    if arguments.list:
        sys.stdout.writelines(f"{each.name} [{vendor}] {each.play.__doc__}\n" for each, vendor in scenarios)
        return 0

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    jobs = arguments.jobs or (3 if arguments.short else 2)
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        played = list(pool.map(lambda pair: play(pair[0], pair[1], arguments), scenarios))
    total = Account()
    for each in played:
        total.add(each.account)
    failed, skipped = sum(each.failed for each in played), sum(each.skipped for each in played)
    sys.stdout.write(f"{len(played)} scenarios in {time.monotonic() - began:.0f} s, seed {arguments.seed}\n")
    sys.stdout.write(f"{write(total, scenarios=len(played), failed=failed, skipped=skipped)}\n")
    return 1 if failed or not played else 0


if __name__ == "__main__":
    sys.exit(main())
