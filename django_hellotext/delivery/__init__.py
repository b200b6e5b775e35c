"""From the rows to Hellotext."""

from __future__ import annotations

from .engine import Drain, drain
from .report import Report

__all__ = ["Drain", "Report", "drain"]
