"""What a long command shows: a bar on a terminal, plain lines in a log, a table at the end."""

from __future__ import annotations

import logging
import shutil
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.base import OutputWrapper
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from django_hellotext.sanitize import one_line

EVERY = 10.0  # seconds between two lines of a log
BAR = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left"
NARROW_BAR = "{desc} {percentage:3.0f}% |{bar}| {rate_noinv_fmt}, {remaining} left"
COUNTING = "{desc} {n_fmt}, {rate_noinv_fmt}"  # of something whose end nobody knows
NARROW = 80  # columns


def columns() -> int:
    """The width of the terminal."""
    return shutil.get_terminal_size((100, 24)).columns


class Progress:
    """How far the work on one model has come, shown on ``out``; counts objects.

    A bar with rate and remaining time where ``out`` is a terminal, else a line now and then. ``quiet`` shows nothing.
    """

    def __init__(self, out: OutputWrapper, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._name = ""
        self._bar: Any = None
        self._total = 0
        self._done = 0
        self._under_way = 0
        self._began = self._said = time.monotonic()

    @property
    def is_bar(self) -> bool:
        """Whether a bar is drawn."""
        return not self._quiet and self._out.isatty()

    def begin(self, name: str, total: int | None, *, done: int = 0) -> None:
        """``name`` is next; ``done`` of ``total`` objects were looked at by an earlier run; ``None`` is unknown."""
        self.end()
        self._name, self._total, self._done = name, total or 0, done
        self._began = self._said = time.monotonic()
        if self.is_bar and total != 0:
            self._bar = tqdm(
                desc=name,
                total=total,
                initial=done,
                file=_Plain(self._out),
                dynamic_ncols=True,
                unit="",
                bar_format=COUNTING if total is None else BAR if columns() >= NARROW else NARROW_BAR,
                mininterval=0.2,
            )

    def page(self, objects: int, *, under_way: int) -> None:
        """A page of ``objects`` was looked at; ``under_way`` of them are done once they have arrived."""
        self.advance(self._under_way + objects - under_way)
        self._under_way = under_way

    def arrived(self) -> None:
        """One of those under way is done."""
        if self._under_way:
            self._under_way -= 1
            self.advance(1)

    def advance(self, objects: int) -> None:
        """``objects`` more are done."""
        self._done += objects
        if self._bar is not None:
            # Objects may come while we count; the bar never says more than all.
            if self._bar.total is not None:
                self._bar.total = max(self._bar.total, self._bar.n + objects)
            self._bar.update(objects)
        elif not self._quiet and time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._line()

    def end(self, *, complete: bool = True) -> None:
        """Leave the bar as it is, or say the last line of the model; ``complete`` says that nothing is under way."""
        if self._under_way and complete:
            self.page(0, under_way=0)
        self._under_way = 0
        if self._bar is not None:
            self._bar.close()
        elif self._name and not self._quiet and not self.is_bar:
            self._out.write(f"{self._name}: {self._done:,} looked at")
            self._out.flush()
        self._bar, self._name = None, ""

    def _line(self) -> None:
        rate = self._done / max(time.monotonic() - self._began, 0.001)
        of, rest = "", ""
        if self._total:
            of = f" of {self._total:,}"
            rest = f", about {duration(max(self._total - self._done, 0) / rate)} left" if rate else ""
        self._out.write(f"{self._name}: {self._done:,}{of} looked at, {rate:,.0f}/s{rest}")
        self._out.flush()


@contextmanager
def undisturbed(progress: Progress) -> Iterator[None]:
    """While a bar is drawn, log records go above it; without any handler they would be written into it."""
    if not progress.is_bar:
        yield
        return
    silent = logging.NullHandler()
    logging.getLogger("django_hellotext").addHandler(silent)
    try:
        with logging_redirect_tqdm() if logging.root.handlers else nullcontext():
            yield
    finally:
        logging.getLogger("django_hellotext").removeHandler(silent)


class _Plain:
    """A stream for the bar: ``out`` without the line ends that it adds and its colour for errors."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out

    def write(self, text: str) -> None:
        """Write ``text`` as it is."""
        self._out.write(text, ending="", style_func=str)

    def flush(self) -> None:
        """Show it now."""
        self._out.flush()

    def isatty(self) -> bool:
        """The bar asks; it is drawn on terminals only."""
        return True

    def fileno(self) -> int:
        """Where the terminal's width is asked for."""
        return self._out.fileno()


def duration(seconds: float) -> str:
    """``seconds`` in the unit that suits them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def wrapped(text: str, *, width: int, indent: int = 0, hanging: int = 2) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns, indented; all but the first by ``hanging`` more.

    Cleans the text first, because escapes are longer than what they stand for.
    """
    return textwrap.wrap(
        one_line(" ".join(text.split())),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str | int]], *, width: int, texts: int = 2) -> list[str]:
    """Return the lines of ``rows`` under ``head`` in columns; the first ``texts`` columns are text, the others counts.

    Columns of nothing but zeros are left out. What does not fit into ``width`` becomes a line for each row.
    """
    kept = [place for place in range(len(head)) if place < texts or any(row[place] for row in rows)]
    lines = [[head[place] for place in kept], *([_cell(row[place]) for place in kept] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(kept))]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return [line for row in rows for line in _listed(head, row, texts)]
    shown = ["  ".join(_placed(line, widths, texts)).rstrip() for line in lines]
    return [shown[0], "  ".join("-" * size for size in widths), *shown[1:]]


def _placed(line: Sequence[str], widths: Sequence[int], texts: int) -> Iterator[str]:
    for place, (cell, size) in enumerate(zip(line, widths, strict=True)):
        yield cell.ljust(size) if place < texts else cell.rjust(size)


def _cell(value: str | int) -> str:
    return one_line(value) if isinstance(value, str) else f"{value:,}"


def _listed(head: Sequence[str], row: Sequence[str | int], texts: int) -> list[str]:
    counts = [f"{_cell(value)} {name}" for name, value in zip(head[texts:], row[texts:], strict=True) if value]
    return [f"{' '.join(str(text) for text in row[:texts])}:", f"  {', '.join(counts) or 'nothing'}"]
