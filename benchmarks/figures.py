"""What a benchmark found out, and the table that shows it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

MARK = "FIGURE "  # how a figure looks on the output of a group


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number, its spread over the rounds, and the bound it must keep.

    ``unit`` is ``x`` for a ratio. ``at_most`` and ``at_least`` are the bound; a figure without either is shown for
    comparison only. ``detail`` says what lies behind the number.
    """

    measure: str
    value: float
    unit: str = "x"
    low: float | None = None
    high: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    detail: str = ""

    @property
    def is_required(self) -> bool:
        """Whether there is a bound."""
        return self.at_most is not None or self.at_least is not None

    @property
    def is_reached(self) -> bool:
        """Whether the bound is kept."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.at_least is None or self.value >= self.at_least

    def to_line(self) -> str:
        """The figure as one line of a group's output."""
        return MARK + json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read what ``to_line`` wrote."""
        values: dict[str, Any] = json.loads(line.removeprefix(MARK))
        return cls(**values)


@dataclass(frozen=True)
class Rounds:
    """The same thing measured several times."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The lower quartile; with few rounds the least."""
        return self._quartiles()[0]

    @property
    def high(self) -> float:
        """The upper quartile; with few rounds the greatest."""
        return self._quartiles()[1]

    def _quartiles(self) -> tuple[float, float]:
        if len(self.values) < 8:
            return min(self.values), max(self.values)
        lower, _, upper = statistics.quantiles(self.values, n=4)
        return lower, upper

    def as_figure(self, measure: str, **options: Any) -> Figure:
        """The median as a figure with its spread."""
        return Figure(measure=measure, value=self.median, low=self.low, high=self.high, **options)


def rounds(values: Sequence[float]) -> Rounds:
    """``values`` as rounds."""
    return Rounds(tuple(values))


def ratios(ours: Rounds, theirs: Rounds) -> Rounds:
    """Round by round, so that what disturbed both is in neither."""
    return Rounds(tuple(a / b for a, b in zip(ours.values, theirs.values, strict=True)))


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table, which is what the documentation takes."""
    head = ("measure", "result", "spread", "must reach", "", "behind it")
    lines = [head, *(_cells(figure) for figure in figures)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    shown = [_line(line, widths) for line in lines]
    return "\n".join([shown[0], _line(tuple("-" * width for width in widths), widths), *shown[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def _cells(figure: Figure) -> tuple[str, ...]:
    spread = "" if figure.low is None or figure.high is None else f"{_plain(figure.low)} to {_plain(figure.high)}"
    verdict = "" if not figure.is_required else "yes" if figure.is_reached else "NO"
    return (figure.measure, _amount(figure.value, figure.unit), spread, _bound(figure), verdict, figure.detail)


def _bound(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"≤ {_amount(figure.at_most, figure.unit)}"
    return "" if figure.at_least is None else f"≥ {_amount(figure.at_least, figure.unit)}"


def _amount(value: float, unit: str) -> str:
    return f"{_plain(value)} {'×' if unit == 'x' else unit}".rstrip()  # noqa: RUF001


def _plain(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
