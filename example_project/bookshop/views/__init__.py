"""The pages of the shop, one module for each part of it."""

from __future__ import annotations
