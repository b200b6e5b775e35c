"""``python -m demo``: read the environment, set Django up for it, run, and end with the right exit code."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import django
from django.db import DatabaseError

from demo import terminal
from demo.failures import Failure
from demo.folder import choose_folder
from demo.options import ABANDONED_AFTER, Refusal, read_options
from demo.places import choose_places

INTERRUPTED = 130


def main() -> int:
    """Answer the exit code: 0 when everything went well, 1 when something is missing, 130 when interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        options = read_options(os.environ)
        folder = choose_folder(os.environ)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    try:
        places = choose_places(options)
        os.environ.update(options.environment(shop_url=places.shop.page, hellotext_url=places.hellotext_url))
        os.environ["SHOP_VAR"] = str(folder.path)
        os.environ["CART_ABANDONED_AFTER"] = ABANDONED_AFTER
        django.setup()
        from demo.run import run  # it reads models, which are there only now

        line = run(options, places, folder)
    except KeyboardInterrupt:
        terminal.say("\nInterrupted; everything has ended.")
        return INTERRUPTED
    except Failure as failure:
        terminal.say()
        terminal.complain(str(failure))
        return 1
    except DatabaseError as error:
        terminal.say()
        terminal.complain(f"The database cannot be used: {str(error).strip()}")
        return 1
    finally:
        folder.lock.close()
    terminal.say(line)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
