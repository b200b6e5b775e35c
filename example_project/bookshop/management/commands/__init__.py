"""Management commands of the bookshop."""

from __future__ import annotations
