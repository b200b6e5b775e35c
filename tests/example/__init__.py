"""The example shop keeps its own promises."""

from __future__ import annotations
