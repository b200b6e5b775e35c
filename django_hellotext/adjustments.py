"""Adjustments: what was changed or left out of a row so that it could be sent, and why.

Bad data of a shop never costs an order or an event: a value that Hellotext cannot take is repaired where the right
value is certain, else left out. ``adjust`` records each of these; it is called wherever values are read, and does
nothing outside of ``collecting``. The row keeps at most ``MOST`` adjustments, and how many there were beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from .redaction import mask, mask_data

MOST = 20  # adjustments that a row keeps
MOST_CHARACTERS = 200  # of a reason or an original


class AdjustmentKind(models.TextChoices):
    """What was done to a value."""

    REPAIRED = "repaired", _("repaired")
    SHORTENED = "shortened", _("shortened")
    LEFT_OUT = "left_out", _("left out")
    DUPLICATE = "duplicate_value", _("left out, because another object has the same value")
    ATTRIBUTE_FAILED = "attribute_failed", _("left out, because reading it raised an error")
    REJECTED = "rejected_by_hellotext", _("left out, because Hellotext rejected it")
    PLACEHOLDER = "placeholder", _("a placeholder stands for the product")
    LINES_MERGED = "lines_merged", _("lines of the same product merged")
    LINES_COMBINED = "lines_combined", _("small lines combined")
    QUANTITY_CHANGED = "quantity_changed", _("quantity changed")
    DISCOUNT_SPREAD = "discount_spread", _("discount spread over the lines")
    FEES_ADDED = "fees_added", _("shipping and fees added as a line")
    TOTAL_FROM_LINES = "total_from_lines", _("total worked out from the lines")
    TOTAL_DIFFERS = "total_differs", _("the total and the lines differ")
    PREREQUISITE_MISSING = "prerequisite_missing", _("sent without an object that could not be sent")


FLAGS = frozenset({AdjustmentKind.TOTAL_DIFFERS})
"""The kinds that a person should look at: the books do not agree."""


@dataclass(frozen=True)
class Adjustment:
    """One value that was changed or left out.

    ``field``: the attribute, or the path into it, such as ``addresses.country``. ``reason``: a short sentence in
    English. ``original``: what the shop had, masked and cut; empty where that is not known. ``size``: how far apart two
    amounts are, in percent of the total; 0 where that does not apply.
    """

    field: str
    kind: str
    reason: str
    original: str = ""
    size: int = 0

    def __str__(self) -> str:
        said = f"{self.field}: {self.reason}"
        return f"{said} ({self.original})" if self.original else said


class Adjustments:
    """The adjustments of one row, each once, in the order in which they were made."""

    def __init__(self, found: Iterable[Adjustment] = (), *, more: int = 0) -> None:
        self._found = dict.fromkeys(found)
        self.more = more

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        """Return the adjustments that a row has ``stored``."""
        stored = stored or {}
        return cls((Adjustment(**one) for one in stored.get("made", ())), more=stored.get("more", 0))

    def add(self, adjustment: Adjustment) -> None:
        """Add ``adjustment``; beyond ``MOST`` it is only counted."""
        if adjustment in self._found:
            return
        if len(self._found) < MOST:
            self._found[adjustment] = None
        else:
            self.more += 1

    def as_json(self) -> dict[str, Any] | None:
        """Return what a row stores; ``None`` without any adjustment."""
        if not self._found:
            return None
        made = [{name: value for name, value in vars(one).items() if value} for one in self._found]
        return {"made": made, **({"more": self.more} if self.more else {})}

    def __iter__(self) -> Iterator[Adjustment]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found) + self.more


_collector: ContextVar[Adjustments | None] = ContextVar("hellotext_adjustments", default=None)


@contextmanager
def collecting(into: Adjustments | None = None) -> Iterator[Adjustments]:
    """Collect what ``adjust`` records inside the block; the innermost block counts."""
    found = Adjustments() if into is None else into
    token = _collector.set(found)
    try:
        yield found
    finally:
        _collector.reset(token)


def adjust(field: str, kind: AdjustmentKind, reason: str, original: object = None, *, size: int = 0) -> None:
    """Record that ``field`` of the row in hand was adjusted; does nothing outside of ``collecting``.

    :param field: the attribute as the adapter or ``track()`` names it, or the path into it (``items.quantity``).
    :param reason: a short sentence in English without personal data; it is masked all the same.
    :param original: what the shop had. Its text is masked by the name of the field, and cut.
    :param size: how far apart two amounts are, in percent of the total.
    """
    if (found := _collector.get()) is not None:
        found.add(Adjustment(field, str(kind.value), _short(mask(reason)), _masked(field, original), size))


def _masked(field: str, original: object) -> str:
    if original is None or original == "":
        return ""
    key = field.partition(".")[0].partition("[")[0]
    try:
        text = str(original)
    except Exception:  # an object of the shop; a note about it must not cost the row
        text = type(original).__name__
    return _short(mask(mask_data({key: text})[key]))


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
