"""The history of the tables of the bookshop."""

from __future__ import annotations
