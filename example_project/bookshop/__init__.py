"""A small bookshop: catalogue, cart, customers, checkout, orders."""

from __future__ import annotations
