"""Words and tables for a terminal: as wide as it is, in colour when it has colours."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

NARROWEST, WIDEST = 60, 132
# For a terminal that shows ASCII alone.
PLAIN = str.maketrans({"✓": "+", "✗": "x", "│": "|", "─": "-", "…": "...", **dict.fromkeys("┌┬┐├┼┤└┴┘", "+")})
BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"


def width() -> int:
    """Return how many columns to use."""
    return max(NARROWEST, min(shutil.get_terminal_size((110, 30)).columns, WIDEST))


def paint(text: str, style: str) -> str:
    """Return ``text`` in a style, where the output is a terminal that has not said NO_COLOR."""
    if not style or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"


def out(text: str) -> None:
    """Print ``text``, with plain characters where the output has no others."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, errors="replace").decode(encoding)
    print(text, flush=True)


def say(text: str = "", style: str = "") -> None:
    """Print a paragraph."""
    out(paint(text, style))


def done(text: str) -> None:
    """Print something that went well."""
    out(f"  {paint('✓', GREEN)} {text}")


def note(text: str) -> None:
    """Print something that is worth knowing."""
    out(f"  {paint('!', YELLOW)} {text}")


def complain(text: str) -> None:
    """Print something that went wrong."""
    out(f"  {paint('✗', RED)} {text}")


@dataclass(frozen=True)
class Line:
    """One line of a cell."""

    text: str
    style: str = ""


Cell = Sequence[Line]


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, shares: Sequence[int]) -> str:
    """Return a table as wide as the terminal.

    A column gets its share of the width; a share of 0 makes it as narrow as its contents allow.
    """
    widths = _widths(heads, rows, shares)
    parts = [_rule("┌", "┬", "┐", widths)]
    parts += _lines([[Line(head, BOLD)] for head in heads], widths)
    parts.append(_rule("├", "┼", "┤", widths))
    for row in rows:
        parts += _lines(row, widths)
    parts.append(_rule("└", "┴", "┘", widths))
    return "\n".join(parts)


def _widths(heads: Sequence[str], rows: Sequence[Sequence[Cell]], shares: Sequence[int]) -> list[int]:
    natural = [
        max([len(head), *(len(line.text) for row in rows for line in row[column])]) for column, head in enumerate(heads)
    ]
    room = width() - 3 * len(heads) - 1
    room -= sum(size for size, share in zip(natural, shares, strict=True) if not share)
    total = sum(shares) or 1
    given = [max(8, room * share // total) if share else size for size, share in zip(natural, shares, strict=True)]
    return [min(size, wish) if share else size for size, wish, share in zip(given, natural, shares, strict=True)]


def _rule(left: str, middle: str, right: str, widths: Sequence[int]) -> str:
    return paint(left + middle.join("─" * (size + 2) for size in widths) + right, DIM)


def _lines(row: Sequence[Cell], widths: Sequence[int]) -> list[str]:
    cells = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
    bar = paint("│", DIM)
    lines = []
    for place in range(max(len(cell) for cell in cells)):
        shown = []
        for cell, size in zip(cells, widths, strict=True):
            line = cell[place] if place < len(cell) else Line("")
            shown.append(paint(line.text.ljust(size), line.style))
        lines.append(f"{bar} " + f" {bar} ".join(shown) + f" {bar}")
    return lines


def _wrapped(cell: Cell, size: int) -> list[Line]:
    return [Line(text, line.style) for line in cell for text in _wrap(line.text, size)]


def _wrap(text: str, size: int) -> list[str]:
    """Break a line; what follows stands under its first word, not under a tick before it."""
    indent = len(text) - len(text.lstrip(" ✓✗"))
    return textwrap.wrap(text, size, subsequent_indent=" " * indent) or [""]
