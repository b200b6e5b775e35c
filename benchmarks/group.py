"""One group of benchmarks: ``python -m benchmarks.group NAME [--short]`` prints its figures, a line each."""

from __future__ import annotations

import argparse
import importlib
import logging

from .shop import open_shop


def main() -> None:
    """Open the shop, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    # What is refused on purpose is logged; writing it is not what is measured.
    logging.disable(logging.CRITICAL)
    open_shop()
    group = importlib.import_module(f"benchmarks.groups.{options.name}")
    for figure in group.measure(options.short):
        print(figure.to_line(), flush=True)


if __name__ == "__main__":
    main()
