"""``python -m demo.leash WHAT …``: run a program that ends when the demo does, however the demo ends.

The demo holds the other end of this program's standard input. When that end is closed, even because the demo
was killed, the program gets a SIGTERM. ``WHAT`` is a module, or a file that ends with ``.py``.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Watch standard input in a thread, and run the program in this process."""
    threading.Thread(target=_end_with_the_demo, name="leash", daemon=True).start()
    program, sys.argv = sys.argv[1], sys.argv[1:]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _end_with_the_demo() -> None:
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
