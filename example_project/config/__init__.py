"""The project around the bookshop: settings, addresses and the two server interfaces."""

from __future__ import annotations
