"""The command line of the emulator."""

from __future__ import annotations

import argparse
import errno
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

from ..sanitize import one_line
from . import saving
from .callers import host_name
from .core import Emulator
from .faults import KINDS, LONGEST_SECONDS, Fault
from .reading import AS_DOCUMENTED, LENIENT, STRICT
from .server import EmulatorServer

DEFAULT_PORT = 4010
LAST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the emulator's options to a parser."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        type=_host,
        metavar="NAME",
        help="a name under which other machines or containers call it; repeatable",
    )
    parser.add_argument("--token", default="test-token", help="the API token to accept (%(default)s)")
    parser.add_argument("--business-id", default="test-business", help="the public business id (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="makes ids and faults repeat (%(default)s)")
    parser.add_argument(
        "--delay-events", type=_seconds, default=0.0, metavar="SECONDS", help="until an accepted event is listed"
    )
    parser.add_argument(
        "--session", action="append", default=[], metavar="ID", help="a session that a short link made; repeatable"
    )
    parser.add_argument(
        "--strict-sessions", action="store_true", help="refuse events and carts of sessions no browser announced"
    )
    parser.add_argument(
        "--conflict-answer",
        choices=("null", "owner"),
        default="null",
        help="the profile in the answer when a session belongs to somebody else already (%(default)s)",
    )
    strictness = parser.add_mutually_exclusive_group()
    strictness.add_argument(
        "--lenient",
        dest="reading",
        action="store_const",
        const=LENIENT,
        default=STRICT,
        help="take what only the newest documentation forbids, such as fractional quantities and dates as text",
    )
    strictness.add_argument(
        "--as-documented",
        dest="reading",
        action="store_const",
        const=AS_DOCUMENTED,
        help="follow the API reference alone where the sources differ, such as sessions that move",
    )
    parser.add_argument(
        "--strict-delivery", action="store_true", help="refuse events with the parameters of an order without delivery"
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="load the objects from it, save them at the end")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="SPEC",
        help=f"something that goes wrong, such as error:rate=0.2,status=502; repeatable. Kinds: {', '.join(KINDS)}",
    )


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}")
    return int(text)


def _host(text: str) -> str:
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"give seconds, from 0 to {LONGEST_SECONDS:g}")
    return seconds


def _fault(spec: str) -> Fault:
    try:
        return Fault.parse(spec)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def serve(options: argparse.Namespace, *, say: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; ``say`` is given the address. Returns the exit code."""
    emulator = Emulator(
        token=options.token,
        business_id=options.business_id,
        seed=options.seed,
        delay_events=options.delay_events,
        known_sessions=tuple(options.session),
        strict_sessions=options.strict_sessions,
        conflict_answer=options.conflict_answer,
        reading=replace(options.reading, inline_delivery=True) if options.strict_delivery else options.reading,
    )
    # A signal may come while this thread holds the lock of an ``Event``, and its handler would wait for that forever.
    ended: SimpleQueue[int] = SimpleQueue()

    def end(number: int, frame: FrameType | None) -> None:
        ended.put(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        if options.state is not None:
            saving.check(options.state)
            if options.state.exists():
                saving.load(emulator, options.state)
        with EmulatorServer(
            emulator, host=options.host, port=options.port, allowed_hosts=options.allowed_host
        ) as server:
            for fault in options.fault:
                emulator.add_fault(fault)
            say(f"Hellotext emulator at {server.url}")
            ended.get()
        if options.state is not None:
            saving.save(emulator, options.state)
    except (OSError, saving.StateError) as error:
        advice = " Choose another with --port." if getattr(error, "errno", None) == errno.EADDRINUSE else ""
        problem = one_line(str(error).rstrip("."))
        print(f"The emulator could not run: {problem}.{advice}", file=sys.stderr, flush=True)  # noqa: T201 - a command
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m django_hellotext.emulator", description="A local Hellotext that behaves like the real one."
    )
    add_arguments(parser)
    return serve(parser.parse_args(arguments), say=_print)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command - a command speaks
