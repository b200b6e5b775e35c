"""The doctor: why does nothing arrive? One finding after the other, each with what it means and what to do.

Reads settings, tables and, where it may, Hellotext; changes nothing, except that a send test sends.
"""

from __future__ import annotations

from .examining import EXAMINATIONS, Examination, examine
from .findings import Finding, Mark, worst

__all__ = ["EXAMINATIONS", "Examination", "Finding", "Mark", "examine", "worst"]
